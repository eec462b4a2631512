//! What is known of a list as a whole.

use super::entry::Kind;

/// Kinds of indicators.
const KINDS: [Kind; 9] =
    [Kind::Address, Kind::Network, Kind::Domain, Kind::Url, Kind::Md5, Kind::Sha1, Kind::Sha256, Kind::Ja3, Kind::CertificateSha1];

/// How a list is written, and who writes so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A value a line.
    Plain,
    /// Columns with names, of nobody who is known.
    Csv,
    Urlhaus,
    Threatfox,
    Feodo,
    MalwareBazaar,
    Sslbl,
    Stix,
    Misp,
    /// Addresses with a category and a score.
    Reputation,
    /// Names of such categories.
    Categories,
    Hosts,
    Adblock,
    Dnsmasq,
    Unbound,
    /// A response policy zone.
    Rpz,
    Ipset,
    Iptables,
    Nftables,
    /// Rules of Suricata or Snort.
    Suricata,
    /// AlienVault's Open Threat Exchange.
    Otx,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Plain => "plain",
            Format::Csv => "csv",
            Format::Urlhaus => "urlhaus",
            Format::Threatfox => "threatfox",
            Format::Feodo => "feodo",
            Format::MalwareBazaar => "malwarebazaar",
            Format::Sslbl => "sslbl",
            Format::Stix => "stix",
            Format::Misp => "misp",
            Format::Reputation => "iprep",
            Format::Categories => "iprep-categories",
            Format::Hosts => "hosts",
            Format::Adblock => "adblock",
            Format::Dnsmasq => "dnsmasq",
            Format::Unbound => "unbound",
            Format::Rpz => "rpz",
            Format::Ipset => "ipset",
            Format::Iptables => "iptables",
            Format::Nftables => "nftables",
            Format::Suricata => "suricata",
            Format::Otx => "otx",
        }
    }
}

/// A line that could not be understood, or something in it that is not matched against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// From 1; of JSON, the line that was read when the object had ended.
    pub line: u32,
    pub reason: &'static str,
    /// Of the line; escaped and cut.
    pub text: String,
    /// It is understood, and not matched against.
    pub unsupported: bool,
}

/// A list in force.
#[derive(Clone, Debug)]
pub struct List {
    /// The file's name, without its folders.
    pub name: String,
    pub format: Format,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// When it was written, in seconds since the epoch, if it says.
    pub written_s: Option<u32>,
    /// The latest time of any entry.
    pub newest_s: Option<u32>,
    /// By kind.
    pub(super) entries: [u64; KINDS.len()],
    /// Lines that could not be understood.
    pub refused: u64,
    /// What is understood, and not matched against.
    pub unsupported: u64,
    /// The first of both.
    pub refusals: Vec<Refusal>,
    /// Its entries have numbers of their own.
    pub(super) numbered: bool,
}

impl List {
    pub(super) fn new(name: String) -> Self {
        List {
            name,
            format: Format::Plain,
            sha256: String::new(),
            written_s: None,
            newest_s: None,
            entries: [0; KINDS.len()],
            refused: 0,
            unsupported: 0,
            refusals: Vec::new(),
            numbered: false,
        }
    }

    /// The same list without anything in it yet.
    pub(super) fn part(&self) -> Self {
        List { entries: [0; KINDS.len()], refused: 0, unsupported: 0, refusals: Vec::new(), ..self.clone() }
    }

    /// Adds what a part of it has.
    pub(super) fn join(&mut self, part: &List) {
        self.entries.iter_mut().zip(part.entries).for_each(|(sum, entries)| *sum += entries);
        self.refused += part.refused;
        self.unsupported += part.unsupported;
        self.newest_s = self.newest_s.max(part.newest_s);
        self.numbered |= part.numbered;
    }

    /// Values that it has, of all kinds.
    pub fn len(&self) -> u64 {
        self.entries.iter().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values of each kind, without those of which there are none.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, u64)> {
        KINDS.into_iter().zip(self.entries).filter(|&(_, count)| count > 0)
    }

    /// Its day: when it was written, or the latest day of an entry.
    pub fn date_s(&self) -> Option<u32> {
        self.written_s.or(self.newest_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_their_places() {
        assert!(KINDS.iter().enumerate().all(|(place, &kind)| kind as usize == place));
    }
}
