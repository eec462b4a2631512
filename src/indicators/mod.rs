//! Lists of what others know to be bad: addresses, networks, names, URLs and digests, found in an instant.
//!
//! A list is judged by event time: what a capture of last year shows is compared with what was valid then. What is on no list costs a
//! question one cache line (`filter`).

mod adblock;
mod ahead;
mod archive;
mod blocks;
mod collect;
mod columns;
mod describe;
mod dnsmasq;
mod domain;
mod entry;
mod fields;
mod filter;
mod firewall;
mod ids;
mod input;
mod json;
mod known_good;
mod lines;
mod list;
mod members;
mod misp;
mod named;
mod nftables;
mod paths;
mod pattern;
mod plain;
mod punycode;
mod range;
mod read;
mod reputation;
pub mod rules;
mod stix;
mod stream;
mod table;
mod time;
mod tree;
mod typed;
mod url;
mod utf16;
mod value;
mod zone;

use std::io::Cursor;
use std::path::PathBuf;

use crate::addr::Addr;
use crate::keyed::Keyed;
use crate::settings::indicator as Settings;

use collect::{Collector, Facts, Tables, address_key, digest_key, text_key};
use entry::{Entry, Tag};
pub use entry::{Hit, Kind, Usage};
use filter::Filter;
pub use known_good::{Good, KnownGood, KnownGoodError};
pub use list::{Format, List, Refusal};
pub use rules::{Rules, RulesError};
use table::Table;
use value::Value;

/// Bits of an IPv4 network that the map of networks tells apart.
const MAP_BITS: u32 = 16;
/// Most bytes that the EICAR test file's digests are known by: see [`EICAR`].
const EICAR_FAMILY: &[u8] = b"EICAR-Test-File";
/// The test file of the European Institute for Computer Antivirus Research: harmless, and known to everybody who looks for samples.
const EICAR: [(Kind, &[u8]); 3] = [
    (Kind::Md5, b"44d88612fea8a8f36de82e1278abb02f"),
    (Kind::Sha1, b"3395856ce81f2b7382dee72602f798b642f14140"),
    (Kind::Sha256, b"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"),
];
/// Most lists at a time.
const LISTS_MAX: usize = u16::MAX as usize;

/// What is wrong with a list as a whole.
#[derive(Debug, thiserror::Error)]
pub enum IndicatorError {
    #[error("indicators {path}: {cause}", path = .path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("indicators {path}: a folder without lists", path = .path.display())]
    EmptyFolder { path: PathBuf },
    #[error("indicators {path}: a ZIP archive that is not read: {reason}", path = .path.display())]
    Zip { path: PathBuf, reason: String },
    #[error("indicators {path}: {form}, which is not read", path = .path.display())]
    Form { path: PathBuf, form: &'static str },
    #[error("indicators {path}: no line could be understood; the first is line {line}: {reason}: '{text}'", path = .path.display())]
    Nothing { path: PathBuf, line: u32, reason: &'static str, text: String },
    #[error("indicators {path}: {cause}", path = .path.display())]
    Json { path: PathBuf, cause: serde_json::Error },
    #[error("more than {LISTS_MAX} lists of indicators")]
    TooMany,
}

/// All lists in force. Nothing in it changes while traffic is read.
pub struct Indicators {
    keyed: Keyed,
    tables: Tables<Table>,
    /// Who serves the listed URLs, as far as a filter tells.
    url_hosts: Filter,
    /// By the leading bits of an IPv4 address: whether any network has such addresses.
    map: Box<[u64]>,
    /// Lengths of prefixes that listed networks have, the longest first, by family.
    prefixes_v4: Vec<u8>,
    prefixes_v6: Vec<u8>,
    tags: Vec<Tag>,
    families: Vec<Box<str>>,
    /// The first is what the program knows by itself.
    lists: Vec<List>,
    known_good: KnownGood,
    /// Rules that delivered files are scanned with, if any.
    rules: Option<Rules>,
}

/// What lists have, at a glance: a detector asks once, when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Holdings {
    pub addresses: bool,
    pub domains: bool,
    pub urls: bool,
    /// Digests of files.
    pub files: bool,
    /// Some of them by MD5 or SHA-1.
    pub older_files: bool,
    /// Fingerprints of TLS clients and certificates, and bare digests, which may be some.
    pub prints: bool,
}

impl Indicators {
    /// Without any list: what the program knows by itself.
    pub fn none() -> Self {
        let settings = Settings::default();
        let mut collector = Collector::new(&settings);
        built_in(&mut collector);
        Self::of(collector, KnownGood::embedded())
    }

    /// Reads lists, and all files of folders.
    ///
    /// # Errors
    /// A file that cannot be read, or in which nothing could be understood.
    pub fn load(paths: &[PathBuf], settings: &Settings, known_good: KnownGood) -> Result<Self, IndicatorError> {
        let mut collector = Collector::new(settings);
        built_in(&mut collector);
        let mut files = paths::list_files(paths)?;
        // Categories go before what is in them, wherever they are named.
        files.sort_by_key(|path| !read::is_categories(path));
        for path in files {
            read::file(&path, &mut collector)?;
        }
        Ok(Self::of(collector, known_good))
    }

    /// Reads one list from memory, under a name.
    ///
    /// # Errors
    /// Bytes in which nothing could be understood.
    pub fn from_bytes(name: &str, bytes: &[u8], settings: &Settings) -> Result<Self, IndicatorError> {
        let mut collector = Collector::new(settings);
        built_in(&mut collector);
        read::seekable(name.as_ref(), Cursor::new(bytes), &mut collector)?;
        Ok(Self::of(collector, KnownGood::embedded()))
    }

    /// With rules that delivered files are scanned with.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Indicators { rules: Some(rules), ..self }
    }

    /// The rules that delivered files are scanned with, if there are any.
    pub fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    fn of(collector: Collector<'_>, known_good: KnownGood) -> Self {
        let Collector { keyed, tables, url_hosts, tags, families, lists, .. } = collector;
        let tables = tables.map(Table::new);
        let mut map = vec![0u64; (1 << MAP_BITS) / 64].into_boxed_slice();
        let (mut prefixes_v4, mut prefixes_v6) = ([false; 129], [false; 129]);
        for entry in tables.networks.entries() {
            let prefix = entry.extent;
            let addr = Addr(entry.key().rotate_right(96));
            let Some(first) = addr.as_v4() else {
                prefixes_v6[usize::from(prefix)] = true;
                continue;
            };
            prefixes_v4[usize::from(prefix)] = true;
            let first = (first >> (32 - MAP_BITS)) as usize;
            for place in first..first + (1 << MAP_BITS.saturating_sub(prefix.into())) {
                map[place / 64] |= 1 << (place % 64);
            }
        }
        let longest_first = |prefixes: [bool; 129]| (0..=128).rev().filter(|&prefix| prefixes[usize::from(prefix)]).collect();
        let (prefixes_v4, prefixes_v6) = (longest_first(prefixes_v4), longest_first(prefixes_v6));
        Indicators {
            keyed,
            tables,
            url_hosts: Filter::new(&url_hosts),
            map,
            prefixes_v4,
            prefixes_v6,
            tags,
            families,
            lists,
            known_good,
            rules: None,
        }
    }

    /// The lists that were read, in the order in which they were named.
    pub fn lists(&self) -> &[List] {
        &self.lists[1..]
    }

    /// The list of what is never a controller.
    pub fn known_good(&self) -> &KnownGood {
        &self.known_good
    }

    /// All entries for a text that does not say what it is, whatever the time and the port. Nothing if it is no value of any kind.
    pub fn lookup(&self, text: &str) -> Option<Vec<Hit>> {
        Some(match Value::of(text.as_bytes()).ok()? {
            Value::Address(addr, _) => self.addresses(addr).collect(),
            Value::Network(network) => self.addresses(network.first()).filter(|hit| hit.kind == Kind::Network).collect(),
            Value::Domain(name) => self.domains(name.bytes()).collect(),
            Value::Url(url) => self.urls(url.bytes()).collect(),
            Value::Digest(kind, digest) => self.digests(&digest[..value::digest_bytes(kind)]).collect(),
        })
    }

    /// What the lists in force have; what the program knows by itself is not counted.
    pub fn holdings(&self) -> Holdings {
        let bare = self.lists().iter().any(|list| list.format == Format::Plain);
        Holdings {
            addresses: self.has(&[Kind::Address, Kind::Network]),
            domains: self.has(&[Kind::Domain]),
            urls: self.has(&[Kind::Url]),
            files: self.has(&[Kind::Md5, Kind::Sha1, Kind::Sha256]),
            older_files: self.has(&[Kind::Md5, Kind::Sha1]),
            prints: self.has(&[Kind::Ja3, Kind::CertificateSha1]) || bare && self.has(&[Kind::Md5, Kind::Sha1]),
        }
    }

    /// Whether any list has values of one of these kinds.
    fn has(&self, kinds: &[Kind]) -> bool {
        self.lists().iter().any(|list| list.by_kind().any(|(kind, _)| kinds.contains(&kind)))
    }

    /// The list that has a value.
    pub fn list(&self, hit: &Hit) -> &List {
        &self.lists[usize::from(hit.list)]
    }

    /// The family of malware that the list names.
    pub fn family(&self, hit: &Hit) -> Option<&str> {
        self.families.get(hit.family as usize).map(|name| &**name).filter(|name| !name.is_empty())
    }

    /// Where to read more of it: a page of the list's publisher, or a line of the list.
    pub fn reference(&self, hit: &Hit) -> String {
        let list = self.list(hit);
        match list.format {
            Format::Urlhaus if list.numbered => format!("https://urlhaus.abuse.ch/url/{}/", hit.number),
            Format::Threatfox if list.numbered => format!("https://threatfox.abuse.ch/ioc/{}/", hit.number),
            _ => format!("{}:{}", list.name, hit.number),
        }
    }

    /// An address, with the port of the service there, at a second of event time: itself, or a network that it belongs to. Of several
    /// entries the one that decides most.
    #[inline]
    pub fn address(&self, addr: Addr, port: u16, event_s: u32) -> Option<Hit> {
        if !self.may_list(addr) {
            return None;
        }
        self.addresses(addr).filter(|hit| hit.holds_at(event_s) && hit.port.is_none_or(|meant| meant == port)).max_by_key(Hit::rank)
    }

    /// Whether an address can be on a list: where not, [`Indicators::address`] has nothing. For an address on no list it touches one cache line
    /// that is not in the cache already.
    #[inline]
    pub fn may_list(&self, addr: Addr) -> bool {
        self.tables.addresses.may_hold(self.keyed.addr(addr)) || self.may_be_in_network(addr)
    }

    /// The cache line that [`Indicators::may_list`] will touch, for fetching it ahead.
    #[inline]
    pub fn ahead(&self, addr: Addr) -> &u64 {
        self.tables.addresses.ahead(self.keyed.addr(addr))
    }

    #[inline]
    fn may_be_in_network(&self, addr: Addr) -> bool {
        match addr.as_v4() {
            Some(bits) => {
                let place = (bits >> (32 - MAP_BITS)) as usize;
                self.map[place / 64] >> (place % 64) & 1 == 1
            }
            None => !self.prefixes_v6.is_empty(),
        }
    }

    /// All entries for an address, whatever the time and the port.
    pub fn addresses(&self, addr: Addr) -> impl Iterator<Item = Hit> {
        let single = self.tables.addresses.get(self.keyed.addr(addr), address_key(addr.0));
        let (bits, prefixes) = if addr.is_v4() { (32, &self.prefixes_v4) } else { (128, &self.prefixes_v6) };
        let networks = prefixes.iter().filter(move |_| self.may_be_in_network(addr)).flat_map(move |&prefix| {
            let first = addr.0 & u128::MAX.checked_shl(bits - u32::from(prefix)).unwrap_or(0);
            let found = self.tables.networks.get(self.keyed.words(first, prefix.into()), address_key(first));
            found.iter().filter(move |entry| entry.extent == prefix)
        });
        single.iter().chain(networks).map(|entry| self.hit(entry))
    }

    /// A name at a second of event time: itself, or a listed name that stands for those below it. Case and a dot at the end are no matter.
    pub fn domain(&self, name: &[u8], event_s: u32) -> Option<Hit> {
        best(self.domains(name), event_s)
    }

    /// All entries for a name, whatever the time.
    pub fn domains(&self, name: &[u8]) -> impl Iterator<Item = Hit> {
        let asked = domain::Name::new(name);
        // Where the next ancestor begins.
        let mut next = Some(0);
        let by_ancestor = std::iter::from_fn(move || {
            let at = next?;
            let ancestor = &asked.as_ref()?.bytes()[at..];
            next = domain::parent(ancestor).map(|parent| at + parent);
            Some((at == 0, find_text(&self.tables.domains, &self.keyed, ancestor)))
        });
        by_ancestor.flat_map(move |(itself, found)| {
            let meant = found.iter().filter(move |entry| itself || self.tags[entry.tag as usize].subdomains);
            meant.map(|entry| self.hit(entry))
        })
    }

    /// Whether a list can have a URL that names its server by this address: where not, [`Indicators::url`] has nothing for any such.
    #[inline]
    pub fn may_list_url_at(&self, server: Addr) -> bool {
        self.url_hosts.may_hold(self.keyed.addr(server))
    }

    /// The same by what a `Host` field says.
    pub fn may_list_url_of(&self, host: &[u8]) -> bool {
        url::Host::hash_of_authority(host, &self.keyed).is_some_and(|hash| self.url_hosts.may_hold(hash))
    }

    /// A URL at a second of event time. Whatever of it makes no difference is no matter: see `url`.
    pub fn url(&self, url: &[u8], event_s: u32) -> Option<Hit> {
        best(self.urls(url), event_s)
    }

    /// All entries for a URL, whatever the time.
    pub fn urls(&self, url: &[u8]) -> impl Iterator<Item = Hit> {
        // Nearly all URLs are of hosts that no list knows: the rest of them need not be brought into one form.
        let of_known_host = url::Parts::of(url).filter(|parts| self.url_hosts.may_hold(parts.host.hash(&self.keyed)));
        let found = of_known_host.map_or(&[][..], |parts| {
            let mut room = url::Canonical::room();
            room.write_parts(&parts).map_or(&[][..], |url| find_text(&self.tables.urls, &self.keyed, url))
        });
        found.iter().map(|entry| self.hit(entry))
    }

    /// A file by its MD5. Whoever wants to can make two files with one MD5: what is known by it alone may be another file.
    pub fn md5(&self, digest: &[u8; 16], event_s: u32) -> Option<Hit> {
        best(self.digests(digest).filter(|hit| hit.kind == Kind::Md5), event_s)
    }

    /// A file by its SHA-1.
    pub fn sha1(&self, digest: &[u8; 20], event_s: u32) -> Option<Hit> {
        best(self.digests(digest).filter(|hit| hit.kind == Kind::Sha1), event_s)
    }

    /// A file by its SHA-256.
    pub fn sha256(&self, digest: &[u8; 32], event_s: u32) -> Option<Hit> {
        best(self.digests(digest), event_s)
    }

    /// A client by the MD5 of its TLS hello. A list of bare digests does not say of what they are: it counts too.
    pub fn ja3(&self, digest: &[u8; 16], event_s: u32) -> Option<Hit> {
        best(self.digests(digest).filter(|hit| hit.kind == Kind::Ja3 || self.is_bare(hit)), event_s)
    }

    /// A server by the SHA-1 of its certificate. A list of bare digests does not say of what they are: it counts too.
    pub fn certificate_sha1(&self, digest: &[u8; 20], event_s: u32) -> Option<Hit> {
        best(self.digests(digest).filter(|hit| hit.kind == Kind::CertificateSha1 || self.is_bare(hit)), event_s)
    }

    fn is_bare(&self, hit: &Hit) -> bool {
        hit.list > 0 && self.list(hit).format == Format::Plain
    }

    /// All entries for a digest of 16, 20 or 32 bytes, whatever the time.
    pub fn digests(&self, digest: &[u8]) -> impl Iterator<Item = Hit> {
        let table = match digest.len() {
            16 => Some(&self.tables.md5),
            20 => Some(&self.tables.sha1),
            32 => Some(&self.tables.sha256),
            _ => None,
        };
        let key = digest_key(digest);
        table.map_or(&[][..], |table| table.get(self.keyed.words(key, 0), key)).iter().map(|entry| self.hit(entry))
    }

    fn hit(&self, entry: &Entry) -> Hit {
        let Tag { kind, usage, list, confidence, compromised, subdomains: _, family } = self.tags[entry.tag as usize];
        let Entry { number, from_s, until_s, extent, .. } = *entry;
        Hit { kind, usage, list, port: entry.port(), confidence, compromised, extent, family, number, from_s, until_s }
    }
}

/// What is listed of a name or URL. Only what passes the filter is worth a SHA-256.
fn find_text<'a>(table: &'a Table, keyed: &Keyed, text: &[u8]) -> &'a [Entry] {
    let hash = keyed.bytes(text);
    if table.may_hold(hash) { table.get(hash, text_key(text)) } else { &[] }
}

/// Of entries that hold, the one that decides most.
fn best(hits: impl Iterator<Item = Hit>, event_s: u32) -> Option<Hit> {
    hits.filter(|hit| hit.holds_at(event_s)).max_by_key(Hit::rank)
}

/// What is known without any list.
fn built_in(into: &mut Collector<'_>) {
    into.begin(List::new("built-in".into()));
    let facts = Facts { usage: Usage::Sample, family: EICAR_FAMILY, ..Facts::default() };
    for (kind, text) in EICAR {
        into.take(Value::digest(kind, text), &facts, 0, text);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_forms;
