//! Where all formats put what they read: values with what is said of them, and what could not be understood.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use sha2::{Digest, Sha256};

use super::domain;
use super::entry::{Entry, Kind, Tag, Usage};
use super::range;
use super::table::Gathered;
use super::value::{NoValue, Value, digest_bytes};
use super::{List, Refusal};
use crate::keyed::Keyed;
use crate::settings::indicator as Settings;

/// Refused lines of a list that are kept with number and text; the others are counted.
const REFUSALS_NAMED: usize = 20;
/// Bytes of a refused line, and of a family's name, that are kept.
const EXCERPT_BYTES: usize = 80;
/// Families that are told apart; further ones have no name. No list knows as many.
const FAMILIES_MAX: usize = 1 << 20;
const DAY_S: u32 = 86_400;

/// What a list says of a value beside the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub usage: Usage,
    /// Empty if the list does not say.
    pub family: &'a [u8],
    /// Its place among the families, if that is known already.
    pub known_family: Option<u32>,
    pub confidence: Option<u8>,
    pub compromised: bool,
    pub port: Option<u16>,
    /// The list's own number of the entry; its line, if it has none.
    pub number: Option<u32>,
    /// When it was seen first and last, in seconds since the epoch.
    pub first_s: Option<u32>,
    pub last_s: Option<u32>,
    /// It was in use when the list was written.
    pub active: bool,
    /// Between which times the list itself declares it valid; this overrides what was seen.
    pub valid: Option<(u32, u32)>,
    /// Only the name itself is meant, not the names below it.
    pub exact: bool,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Facts {
            usage: Usage::Unspecified,
            family: b"",
            known_family: None,
            confidence: None,
            compromised: false,
            port: None,
            number: None,
            first_s: None,
            last_s: None,
            active: false,
            valid: None,
            exact: false,
        }
    }
}

/// Entries by what they are looked up with.
#[derive(Default, Debug)]
pub(super) struct Tables<T> {
    pub addresses: T,
    pub networks: T,
    pub domains: T,
    pub urls: T,
    pub md5: T,
    pub sha1: T,
    pub sha256: T,
}

impl Tables<Gathered> {
    fn join(&mut self, other: Self, tags: &[u32]) {
        let Tables { addresses, networks, domains, urls, md5, sha1, sha256 } = other;
        self.addresses.join(addresses, tags);
        self.networks.join(networks, tags);
        self.domains.join(domains, tags);
        self.urls.join(urls, tags);
        self.md5.join(md5, tags);
        self.sha1.join(sha1, tags);
        self.sha256.join(sha256, tags);
    }
}

impl<T> Tables<T> {
    pub fn of_kind(&mut self, kind: Kind) -> &mut T {
        match kind {
            Kind::Address => &mut self.addresses,
            Kind::Network => &mut self.networks,
            Kind::Domain => &mut self.domains,
            Kind::Url => &mut self.urls,
            Kind::Md5 | Kind::Ja3 => &mut self.md5,
            Kind::Sha1 | Kind::CertificateSha1 => &mut self.sha1,
            Kind::Sha256 => &mut self.sha256,
        }
    }

    pub fn map<U>(self, to: impl Fn(T) -> U) -> Tables<U> {
        Tables {
            addresses: to(self.addresses),
            networks: to(self.networks),
            domains: to(self.domains),
            urls: to(self.urls),
            md5: to(self.md5),
            sha1: to(self.sha1),
            sha256: to(self.sha256),
        }
    }
}

/// What has been read so far.
pub(super) struct Collector<'a> {
    /// For the filters alone. Its key may be known: whoever passes a filter unduly has cost a search, and never changes an answer.
    pub keyed: Keyed,
    settings: &'a Settings,
    pub tables: Tables<Gathered>,
    /// Keyed hashes of who serves the listed URLs.
    pub url_hosts: Vec<u64>,
    pub tags: Vec<Tag>,
    tag_places: HashMap<Tag, u32, RandomState>,
    last_tag: Option<(Tag, u32)>,
    pub families: Vec<Box<str>>,
    family_places: HashMap<Box<[u8]>, u32, RandomState>,
    pub lists: Vec<List>,
    /// Names of the numbered categories of reputation lists.
    pub categories: HashMap<u8, String>,
    /// Where entries were put, while somebody wants to know.
    pub added: Option<Vec<(Kind, u32)>>,
    /// Only a part of the list at work comes here, and not its first entries.
    is_part: bool,
}

impl<'a> Collector<'a> {
    pub fn new(settings: &'a Settings) -> Self {
        Collector {
            keyed: Keyed::fixed(),
            settings,
            tables: Tables::default(),
            url_hosts: Vec::new(),
            tags: Vec::new(),
            tag_places: HashMap::default(),
            last_tag: None,
            // The first stands for none.
            families: vec![Box::default()],
            family_places: HashMap::from_iter([(Box::default(), 0)]),
            lists: Vec::new(),
            categories: HashMap::new(),
            added: None,
            is_part: false,
        }
    }

    /// An empty one for a part of the list at work, to be joined with [`Collector::join`].
    pub fn part(&self) -> Self {
        let mut part = Collector { is_part: true, ..Collector::new(self.settings) };
        part.lists.extend(self.lists.last().map(List::part));
        part
    }

    /// Whether what is known of the list as a whole is what it was when the part began.
    pub fn is_part_of(&self, empty: &Self) -> bool {
        let known = |collector: &Self| collector.lists.last().map(|list| (list.format, list.written_s));
        known(self) == known(empty)
    }

    /// Puts into the list at work what a part of it has, as if it had come here.
    pub fn join(&mut self, part: Self) {
        let mut names: Vec<(u32, Box<[u8]>)> = part.family_places.into_iter().map(|(name, place)| (place, name)).collect();
        names.sort_unstable();
        let families: Vec<u32> = names.iter().map(|(_, name)| self.family(name)).collect();
        let list = (self.lists.len() - 1) as u16;
        let tag = |tag: Tag| Tag { list, family: families[tag.family as usize], ..tag };
        let tags: Vec<u32> = part.tags.into_iter().map(|of_part| self.tag(tag(of_part))).collect();
        self.tables.join(part.tables, &tags);
        self.url_hosts.extend(part.url_hosts);
        if let Some(of_part) = part.lists.into_iter().next_back() {
            self.list().join(&of_part);
            of_part.refusals.into_iter().for_each(|refusal| self.name(refusal));
        }
    }

    /// What follows belongs to this list.
    pub fn begin(&mut self, list: List) {
        self.lists.push(list);
    }

    /// The list at work.
    ///
    /// # Panics
    /// If none was begun.
    pub fn list(&mut self) -> &mut List {
        self.lists.last_mut().expect("a list is begun before anything is put into it")
    }

    /// Whether nothing has come of the list at work.
    pub fn begins_list(&mut self) -> bool {
        !self.is_part && self.list().is_empty()
    }

    /// Takes a value, or says on which line there was none.
    pub fn take(&mut self, value: Result<Value, NoValue>, facts: &Facts<'_>, line: u32, text: &[u8]) {
        match value {
            Ok(Value::Network(network)) if range::is_everybodys(network) => self.unsupported(line, "a network that everybody has", text),
            Ok(value) => self.add(&value, facts, line),
            Err(NoValue(reason)) => self.refuse(line, reason, text),
        }
    }

    /// Takes an address, a network, or a run of addresses in any notation.
    pub fn take_addresses(&mut self, text: &[u8], facts: &Facts<'_>, line: u32, whole: &[u8]) {
        match range::networks(text) {
            Some(networks) => networks.into_iter().for_each(|network| self.take(network, facts, line, whole)),
            None => self.take(Value::address_or_network(text), facts, line, whole),
        }
    }

    /// A line or object that could not be understood.
    pub fn refuse(&mut self, line: u32, reason: &'static str, text: &[u8]) {
        self.list().refused += 1;
        self.name(Refusal { line, reason, text: excerpt(text), unsupported: false });
    }

    /// Something that is understood and not matched against.
    pub fn unsupported(&mut self, line: u32, reason: &'static str, text: &[u8]) {
        self.list().unsupported += 1;
        self.name(Refusal { line, reason, text: excerpt(text), unsupported: true });
    }

    fn name(&mut self, refusal: Refusal) {
        let refusals = &mut self.list().refusals;
        if refusals.len() < REFUSALS_NAMED {
            refusals.push(refusal);
        }
    }

    /// Gives refusals from this one on their text, which is only written if there are any.
    pub fn reword(&mut self, from: usize, text: impl FnOnce() -> String) {
        if let Some(refusals @ [_, ..]) = self.list().refusals.get_mut(from..) {
            let text = excerpt(text().as_bytes());
            refusals.iter_mut().for_each(|refusal| refusal.text.clone_from(&text));
        }
    }

    pub fn add(&mut self, value: &Value, facts: &Facts<'_>, line: u32) {
        let (kind, hash, key, extent, subdomains) = match value {
            Value::Address(addr, _) => (Kind::Address, self.keyed.addr(*addr), address_key(addr.0), 0, false),
            Value::Network(network) => {
                let first = network.first();
                (Kind::Network, self.keyed.words(first.0, network.prefix().into()), address_key(first.0), network.prefix(), false)
            }
            Value::Domain(name) => {
                let bytes = name.bytes();
                let subdomains = !facts.exact && !facts.compromised && domain::stands_for_subdomains(name);
                // A name has at most 253 bytes.
                (Kind::Domain, self.keyed.bytes(bytes), text_key(bytes), bytes.len() as u8, subdomains)
            }
            Value::Url(url) => {
                self.url_hosts.push(url.host.hash(&self.keyed));
                (Kind::Url, self.keyed.bytes(url.bytes()), text_key(url.bytes()), 0, false)
            }
            Value::Digest(kind, digest) => {
                let key = digest_key(&digest[..digest_bytes(*kind)]);
                (*kind, self.keyed.words(key, 0), key, 0, false)
            }
        };
        let port = match value {
            Value::Address(_, Some(port)) => Some(*port),
            _ => facts.port.filter(|&port| port != 0 && matches!(kind, Kind::Address | Kind::Network)),
        };
        let (from_s, until_s) = self.validity(kind, facts);
        let family = facts.known_family.unwrap_or_else(|| self.family(facts.family));
        let tag = self.tag(Tag {
            kind,
            usage: facts.usage,
            list: (self.lists.len() - 1) as u16,
            confidence: facts.confidence,
            compromised: facts.compromised,
            subdomains,
            family,
        });
        let list = self.list();
        list.entries[kind as usize] += 1;
        list.newest_s = list.newest_s.max(facts.last_s).max(facts.first_s);
        if let Some(added) = &mut self.added {
            added.push((kind, self.tables.of_kind(kind).len() as u32));
        }
        let mut entry = Entry::new(key, tag, facts.number.unwrap_or(line)).with_port(port);
        (entry.from_s, entry.until_s, entry.extent) = (from_s, until_s, extent);
        self.tables.of_kind(kind).add(hash, entry);
    }

    /// From when until when it holds, in seconds of event time.
    ///
    /// What the list declares stands. Content does not change hands, so that a digest holds always. Anything else holds from a while before it was first
    /// seen, since lists are late, until so long after it was seen last; the day of the list counts where it was active then, or where the list says nothing else.
    fn validity(&mut self, kind: Kind, facts: &Facts<'_>) -> (u32, u32) {
        let is_digest = matches!(kind, Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Ja3 | Kind::CertificateSha1);
        if let Some((from_s, until_s)) = facts.valid {
            return if is_digest { (0, until_s) } else { (from_s, until_s) };
        }
        if is_digest {
            return (0, u32::MAX);
        }
        let days = match kind {
            Kind::Address | Kind::Network => self.settings.address_days,
            Kind::Domain => self.settings.domain_days,
            _ => self.settings.url_days,
        };
        let list_s = self.list().written_s;
        let seen_s = facts.last_s.max(facts.first_s);
        let last_s = match (seen_s, list_s) {
            (seen_s, Some(list_s)) if facts.active => seen_s.max(Some(list_s)),
            (_, None) if facts.active => None,
            (None, list_s) => list_s,
            (seen_s, _) => seen_s,
        };
        // Some lists see a value before they add it.
        let first_s = facts.first_s.map(|first_s| first_s.min(facts.last_s.unwrap_or(first_s)));
        let from_s = first_s.map_or(0, |first_s| first_s.saturating_sub(days_s(self.settings.early_days)));
        (from_s, last_s.map_or(u32::MAX, |last_s| last_s.saturating_add(days_s(days))))
    }

    /// Puts other facts in the place of those that an entry was put in with. What does not show in its tag or in when it holds stays.
    pub fn restate(&mut self, (kind, place): (Kind, u32), facts: &Facts<'_>, family: u32) {
        let (from_s, until_s) = self.validity(kind, facts);
        let Some(entry) = self.tables.of_kind(kind).entry(place as usize) else { return };
        (entry.from_s, entry.until_s) = (from_s, until_s);
        let tag = Tag { usage: facts.usage, family, ..self.tags[entry.tag as usize] };
        let tag = self.tag(tag);
        if let Some(entry) = self.tables.of_kind(kind).entry(place as usize) {
            entry.tag = tag;
        }
        let list = self.list();
        list.newest_s = list.newest_s.max(facts.last_s).max(facts.first_s);
    }

    /// Names the family of entries that were put in before.
    pub fn name_family(&mut self, entries: impl IntoIterator<Item = (Kind, u32)>, name: &[u8]) {
        let family = self.family(name);
        for (kind, place) in entries {
            let Some(entry) = self.tables.of_kind(kind).entry(place as usize) else { continue };
            let tag = Tag { family, ..self.tags[entry.tag as usize] };
            let tag = self.tag(tag);
            if let Some(entry) = self.tables.of_kind(kind).entry(place as usize) {
                entry.tag = tag;
            }
        }
    }

    fn tag(&mut self, tag: Tag) -> u32 {
        // Entries of a list are mostly alike.
        if let Some((last, place)) = self.last_tag
            && last == tag
        {
            return place;
        }
        let place = *self.tag_places.entry(tag).or_insert_with(|| {
            self.tags.push(tag);
            (self.tags.len() - 1) as u32
        });
        self.last_tag = Some((tag, place));
        place
    }

    pub fn family(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(&place) = self.family_places.get(name) {
            return place;
        }
        if self.families.len() >= FAMILIES_MAX {
            return 0;
        }
        let place = self.families.len() as u32;
        self.families.push(excerpt(name).into());
        self.family_places.insert(name.into(), place);
        place
    }
}

fn days_s(days: u64) -> u32 {
    u32::try_from(days).unwrap_or(u32::MAX).saturating_mul(DAY_S)
}

/// The low bits go first: IPv4 addresses have the same high ones.
#[inline]
pub(super) fn address_key(bits: u128) -> u128 {
    bits.rotate_left(96)
}

/// 128 bits of which every bit of a digest decides some.
#[inline]
pub(super) fn digest_key(digest: &[u8]) -> u128 {
    digest.chunks(16).fold(0, |key, part| key ^ part.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte)))
}

/// Of a name or URL: of its SHA-256. The text itself would be most of the memory.
pub(super) fn text_key(text: &[u8]) -> u128 {
    digest_key(&Sha256::digest(text))
}

/// Text from a list, made safe and short.
fn excerpt(text: &[u8]) -> String {
    let text = text.trim_ascii();
    let cut = &text[..text.len().min(EXCERPT_BYTES)];
    let more = if cut.len() < text.len() { "…" } else { "" };
    let plain = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    match str::from_utf8(cut) {
        Ok(printable) if printable.chars().all(plain) => format!("{printable}{more}"),
        _ => format!("{}{more}", cut.escape_ascii()),
    }
}
