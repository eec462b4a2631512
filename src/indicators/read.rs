//! Which form a file has, by its beginning.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::collect::Collector;
use super::input::{Input, Line};
use super::{IndicatorError, LISTS_MAX, List, Refusal, archive, json, lines, reputation};

/// Bytes of a file that tell an archive.
const HEAD_BYTES: usize = 4;
/// Files from this size on, in bytes, are read by a thread of their own: reading and hashing take a fifth of the time, some 10 ms of such a file.
const AHEAD_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a file's lists: one, or those of an archive. What comes through a pipe is no archive, whose directory stands at its end.
pub(super) fn file(path: &Path, into: &mut Collector<'_>) -> Result<(), IndicatorError> {
    let failed = |cause| IndicatorError::Read { path: path.into(), cause };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() && is_archive(&mut file).map_err(failed)? {
        return packed(path, file, into);
    }
    let input = if metadata.is_file() && metadata.len() >= AHEAD_BYTES { Input::ahead(file) } else { Input::new(file) };
    list(path, input.map_err(failed)?, into)
}

/// Reads lists from what can be read twice.
pub(super) fn seekable<R: Read + Seek>(path: &Path, mut stored: R, into: &mut Collector<'_>) -> Result<(), IndicatorError> {
    let failed = |cause| IndicatorError::Read { path: path.into(), cause };
    if is_archive(&mut stored).map_err(failed)? {
        return packed(path, stored, into);
    }
    list(path, Input::new(stored).map_err(failed)?, into)
}

/// Whether an archive begins here, which leaves it where it is.
fn is_archive<R: Read + Seek>(stored: &mut R) -> io::Result<bool> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    stored.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    stored.seek(SeekFrom::Start(0))?;
    Ok(archive::is_archive(&head))
}

/// Reads the lists of an archive.
fn packed<R: Read + Seek>(path: &Path, stored: R, into: &mut Collector<'_>) -> Result<(), IndicatorError> {
    let before = into.lists.len();
    let sha256 = archive::read(path, stored, |name, bytes| {
        let path = path.join(name);
        let input = Input::new(bytes).map_err(|cause| IndicatorError::Read { path: path.clone(), cause })?;
        list(&path, input, into)
    })?;
    let name = name(path);
    for list in &mut into.lists[before..] {
        list.name = format!("{name}:{}", list.name);
        list.sha256.clone_from(&sha256);
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn list(path: &Path, mut input: Input<'_>, into: &mut Collector<'_>) -> Result<(), IndicatorError> {
    if into.lists.len() > LISTS_MAX {
        return Err(IndicatorError::TooMany);
    }
    let failed = |cause| IndicatorError::Read { path: path.into(), cause };
    into.begin(List::new(name(path)));
    let head = input.peek().map_err(failed)?;
    if archive::is_archive(head) {
        return Err(IndicatorError::Zip { path: path.into(), reason: "it comes packed again, or through a pipe".into() });
    }
    if let Some(form) = unread(head) {
        return Err(IndicatorError::Form { path: path.into(), form });
    }
    match json_form(head) {
        Some(JsonForm::Whole) => json::read(&mut input, into).map_err(|cause| IndicatorError::Json { path: path.into(), cause })?,
        Some(JsonForm::Lines) => json::lines(&mut input, into).map_err(failed)?,
        None => lines::read(&mut input, into).map_err(failed)?,
    }
    let list = into.list();
    list.sha256 = input.finish().map_err(failed)?;
    match list.refusals.iter().find(|refusal| !refusal.unsupported) {
        Some(Refusal { line, reason, text, .. }) if list.is_empty() && list.refused > 0 => {
            Err(IndicatorError::Nothing { path: path.into(), line: *line, reason, text: text.clone() })
        }
        _ => Ok(()),
    }
}

/// What is known and not read: nothing in it is to be taken for a list of lines.
fn unread(head: &[u8]) -> Option<&'static str> {
    let head = head.trim_ascii_start();
    let has = |word: &str| head.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    match head {
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("a 7-Zip archive"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("a file under xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("a file under bzip2"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("a PDF"),
        [b'<', ..] if has("stix.mitre.org/stix-1") => Some("STIX 1"),
        [b'<', ..] if has("schemas.mandiant.com/2010/ioc") || has("openioc.org/schemas") => Some("OpenIOC"),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JsonForm {
    /// One text, or several one after the other.
    Whole,
    /// An object a line.
    Lines,
}

/// Whether a list is JSON, by its beginning, and how it is laid out. An IPv6 address with a port begins with a bracket too.
fn json_form(head: &[u8]) -> Option<JsonForm> {
    let head = head.trim_ascii_start();
    match head {
        [b'{', ..] => {
            // A line that is a whole object, and something behind it.
            let end = head.iter().position(|&byte| byte == b'\n');
            let (line, behind) = head.split_at(end.unwrap_or(head.len()));
            let whole = !behind.trim_ascii().is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
            Some(if whole { JsonForm::Lines } else { JsonForm::Whole })
        }
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [] | [b'{' | b'[' | b']' | b'"', ..]).then_some(JsonForm::Whole),
        _ => None,
    }
}

/// Whether a file names categories of reputation lists. What cannot be read is none; reading it in its turn tells why.
pub(super) fn is_categories(path: &Path) -> bool {
    // A pipe can be read once.
    if !path.is_file() {
        return false;
    }
    let Ok(mut input) = Input::open(path) else { return false };
    while let Ok(Some(line)) = input.line() {
        match line {
            Line::Text(b"" | [b'#', ..]) => {}
            Line::Text(line) => return reputation::category(line).is_some(),
            Line::TooLong => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_beginning() {
        for (head, expected) in [
            ("{\"a\": 1}\n{\"a\": 2}\n", Some(JsonForm::Lines)),
            ("{\"a\": 1}\nwhat?\n", Some(JsonForm::Lines)),
            ("{\"a\": 1}\n", Some(JsonForm::Whole)),
            ("{\n\"a\": 1}\n", Some(JsonForm::Whole)),
            (" [\n{\"a\"", Some(JsonForm::Whole)),
            ("[\"1.2.3.4\"]", Some(JsonForm::Whole)),
            ("[2001:db8::1]:443", None),
            ("[Adblock Plus 2.0]", None),
            ("1.2.3.4", None),
            ("", None),
        ] {
            assert_eq!(json_form(head.as_bytes()), expected, "{head}");
        }
    }
}
