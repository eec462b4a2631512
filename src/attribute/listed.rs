//! Lists of networks with something said about each, as users write them: CSV, or TOML if the file is named so. The longest prefix that
//! holds an address decides.

use std::path::Path;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::span::{Conflict, Span, flatten};
use super::{Network, NetworkError, excerpt};
use crate::addr::Addr;

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("{file}: {cause}")]
    Read { file: String, cause: std::io::Error },
    #[error("{file}: {cause}")]
    Toml { file: String, cause: Box<toml::de::Error> },
    #[error("{file}: {cause}")]
    Csv { file: String, cause: csv::Error },
    #[error("{file}: line {line}: {wrong}")]
    Line { file: String, line: u32, wrong: String },
    #[error("{file}: lines {} and {} say different things of the same addresses", lines.0, lines.1)]
    Conflict { file: String, lines: (u32, u32) },
}

/// What a list says of its networks.
pub trait Said: Sized + PartialEq {
    /// The names of the CSV's columns behind the network, which a first line may repeat.
    const COLUMNS: &'static [&'static str];
    /// A TOML file of entries.
    type File: DeserializeOwned;

    /// From the fields behind the network.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    fn from_fields(fields: &[&str]) -> Result<Self, String>;

    /// The entries of a file: networks as text, and what is said of them.
    fn from_file(file: Self::File) -> Vec<(Vec<String>, Result<Self, String>)>;
}

/// A list in force.
#[derive(Debug)]
pub struct Listed<T> {
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    said: Vec<T>,
    networks: usize,
    /// Stretches of addresses with the place of what is said of them: of IPv4, of IPv6.
    v4: Vec<Span<u32>>,
    v6: Vec<Span<u32>>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed { name: String::new(), sha256: String::new(), said: Vec::new(), networks: 0, v4: Vec::new(), v6: Vec::new() }
    }
}

impl<T: Said> Listed<T> {
    /// Reads a list.
    ///
    /// # Errors
    /// A file that cannot be read or understood, with the place.
    pub fn open(path: &Path) -> Result<Self, ListError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|cause| ListError::Read { file: file.clone(), cause })?;
        let is_toml = path.extension().is_some_and(|ending| ending == "toml");
        let mut list = if is_toml { Self::from_toml(&file, &text) } else { Self::from_csv(&file, &text) }?;
        list.name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(list)
    }

    fn from_csv(file: &str, text: &str) -> Result<Self, ListError> {
        let mut entries = Vec::new();
        // Line by line, so that errors name the line: nothing in these lists needs more than one.
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !matches!(text.trim().as_bytes(), [] | [b'#', ..])) {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
            let mut row = csv::StringRecord::new();
            reader.read_record(&mut row).map_err(|cause| ListError::Csv { file: file.into(), cause })?;
            let fields: Vec<&str> = row.iter().collect();
            let is_header = entries.is_empty() && fields.first() == Some(&"network") && fields.get(1) == T::COLUMNS.first();
            if let ([network, said @ ..], false) = (&fields[..], is_header) {
                entries.push((line, vec![(*network).to_string()], T::from_fields(said)));
            }
        }
        Self::build(file, text, entries)
    }

    fn from_toml(file: &str, text: &str) -> Result<Self, ListError> {
        let list: T::File = toml::from_str(text).map_err(|cause| ListError::Toml { file: file.into(), cause: Box::new(cause) })?;
        // Entries have no lines any more: they are counted.
        let entries = T::from_file(list).into_iter().zip(1..).map(|((networks, said), entry)| (entry, networks, said));
        Self::build(file, text, entries.collect())
    }

    fn build(file: &str, text: &str, entries: Vec<(u32, Vec<String>, Result<T, String>)>) -> Result<Self, ListError> {
        let wrong = |line, wrong: String| ListError::Line { file: file.into(), line, wrong };
        let mut said: Vec<T> = Vec::new();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut networks = 0;
        for (line, texts, what) in entries {
            let what = what.map_err(|text| wrong(line, text))?;
            // Equal things share a place, so that saying one thing twice is no contradiction.
            let place = said.iter().position(|known| *known == what).unwrap_or_else(|| {
                said.push(what);
                said.len() - 1
            });
            for text in texts {
                let network: Network =
                    text.parse().map_err(|cause: NetworkError| wrong(line, format!("'{}': {cause}", excerpt(text.as_bytes()))))?;
                let spans = if network.first().is_v4() { &mut v4 } else { &mut v6 };
                spans.push(network.span(place as u32, line));
                networks += 1;
            }
        }
        let flat = |spans| flatten(spans).map_err(|Conflict { lines }| ListError::Conflict { file: file.into(), lines });
        let sha256 = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Listed { name: file.into(), sha256, said, networks, v4: flat(v4)?, v6: flat(v6)? })
    }

    /// How many networks it names.
    pub fn len(&self) -> usize {
        self.networks
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.networks == 0
    }

    /// What is said of an address.
    pub fn of(&self, addr: Addr) -> Option<&T> {
        let (spans, number) = match addr.as_v4() {
            Some(bits) => (&self.v4, u128::from(bits)),
            None => (&self.v6, addr.0),
        };
        let span = spans.get(spans.partition_point(|span| span.last < number))?;
        (span.first <= number).then(|| self.said.get(span.value as usize)).flatten()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes a list under a name and reads it.
    pub fn read<T: Said>(name: &str, text: &str) -> Result<Listed<T>, ListError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Listed::open(&path)
    }

    #[derive(Debug, PartialEq)]
    struct Word(String);

    #[derive(serde::Deserialize)]
    struct File {
        entry: Vec<Entry>,
    }

    #[derive(serde::Deserialize)]
    struct Entry {
        networks: Vec<String>,
        word: String,
    }

    impl Said for Word {
        const COLUMNS: &'static [&'static str] = &["word"];
        type File = File;

        fn from_fields(fields: &[&str]) -> Result<Self, String> {
            fields.first().map(|word| Word((*word).into())).ok_or_else(|| "there is no word".into())
        }

        fn from_file(file: File) -> Vec<(Vec<String>, Result<Self, String>)> {
            file.entry.into_iter().map(|entry| (entry.networks, Ok(Word(entry.word)))).collect()
        }
    }

    fn of(list: &Listed<Word>, addr: &str) -> String {
        list.of(addr.parse().unwrap()).map_or("-".into(), |word| word.0.clone())
    }

    #[test]
    fn the_longest_prefix_decides_in_both_families() {
        let text = "network,word\n# ours\n10.0.0.0/8, wide\n10.1.0.0/16,narrow\n10.1.2.3,one\n2001:db8::/32,six\n";
        let list = read::<Word>("list.csv", text).unwrap();
        for (addr, word) in [
            ("10.0.0.1", "wide"),
            ("10.1.0.0", "narrow"),
            ("10.1.2.3", "one"),
            ("10.1.2.4", "narrow"),
            ("10.255.255.255", "wide"),
            ("11.0.0.0", "-"),
            ("9.255.255.255", "-"),
            ("2001:db8::1", "six"),
            ("2001:db9::", "-"),
            ("::", "-"),
        ] {
            assert_eq!(of(&list, addr), word, "{addr}");
        }
        assert_eq!((list.len(), list.name.as_str()), (4, "list.csv"));
    }

    #[test]
    fn toml_says_the_same() {
        let list = read::<Word>("list.toml", "[[entry]]\nnetworks = [\"10.0.0.0/8\", \"2001:db8::/32\"]\nword = \"a\"\n").unwrap();
        assert_eq!((of(&list, "10.1.1.1"), of(&list, "2001:db8::5")), ("a".into(), "a".into()));
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| read::<Word>("list.csv", text).unwrap_err().to_string();
        assert!(error("10.0.0.0/8,a\n10.0.0.0/40,b\n").contains("line 2: '10.0.0.0/40'"), "{}", error("10.0.0.0/8,a\n10.0.0.0/40,b\n"));
        assert!(error("10.0.0.0/8\n").ends_with("line 1: there is no word"));
        assert!(error("10.0.0.0/8,a\n\n10.0.0.0/8,b\n").ends_with("lines 1 and 3 say different things of the same addresses"));
        assert!(read::<Word>("list.csv", "10.0.0.0/8,a\n10.0.0.0/8,a\n").is_ok());
    }
}
