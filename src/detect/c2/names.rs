//! What a host's questions for names show by themselves: names made up by an algorithm, and data carried in names.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::attribute::{Country, Direction};
use crate::protocol::dns::{Message, NameText, TEXT_BYTES_MAX, codes, kinds};
use crate::settings::c2 as Settings;
use crate::tally::Distinct;

/// Bytes of a name, or of one label, from which on it may carry data: hosts' names are shorter.
const LONG_NAME: usize = 40;
const LONG_LABEL: usize = 30;
/// Seconds that questions are added up over.
const PERIOD_S: u32 = 3600;
/// Hosts, and hosts with a domain, that are kept at a time.
const HOSTS_MAX: usize = 4096;
const PAIRS_MAX: usize = 8192;
/// Bytes of a domain that are kept.
const DOMAIN_BYTES: usize = 64;
/// Domains of content networks, mail authentication, antivirus and clouds, whose own names are long (measured by none of ours; their uses are
/// published by their operators).
const LONG_BY_NATURE: [&str; 22] = [
    "in-addr.arpa",
    "ip6.arpa",
    "akamai.net",
    "akamaiedge.net",
    "akadns.net",
    "cloudfront.net",
    "amazonaws.com",
    "azure.com",
    "windows.net",
    "trafficmanager.net",
    "googleusercontent.com",
    "1e100.net",
    "sophosxl.net",
    "mcafee.com",
    "e5.sk",
    "spamhaus.org",
    "spamhaus.net",
    "surbl.org",
    "barracudacentral.org",
    "trendmicro.com",
    "office.com",
    "apple.com",
];

/// One question that was answered.
#[derive(Clone, Debug)]
pub struct Note {
    pub client: Addr,
    pub country: Country,
    pub direction: Direction,
    pub time_ns: u64,
    /// Keyed hashes of the registrable domain and of the whole name.
    pub domain_hash: u64,
    pub name_hash: u64,
    pub domain: Vec<u8>,
    pub name_bytes: u16,
    /// The name does not exist.
    pub missing: bool,
    /// The name is long enough to carry data.
    pub long: bool,
    pub bytes: u32,
}

/// What an answer shows; nothing for the most of them.
pub fn note(message: &Message<'_>, client: Addr, keyed: &crate::keyed::Keyed) -> Option<Note> {
    let question = message.question()?;
    let mut text: NameText = [0; TEXT_BYTES_MAX];
    let name = question.name.write(&mut text)?;
    let missing = message.code == codes::NAME_ERROR;
    let label = name.split(|&byte| byte == b'.').map(<[u8]>::len).max()?;
    let long = name.len() >= LONG_NAME || label >= LONG_LABEL;
    // A single label is a browser's probe for a resolver that lies, or a search without its suffix.
    if !(missing || long) || !name.contains(&b'.') || question.kind == kinds::PTR {
        return None;
    }
    let domain = psl::domain(name).map_or(name, |domain| domain.as_bytes());
    let ordinary = LONG_BY_NATURE.iter().any(|known| domain.ends_with(known.as_bytes()) || name.ends_with(known.as_bytes()));
    if ordinary || name.split(|&byte| byte == b'.').any(|label| label.first() == Some(&b'_')) || is_blocklist_query(name) {
        return None;
    }
    Some(Note {
        client,
        country: Country::NONE,
        direction: Direction::Outbound,
        time_ns: 0,
        domain_hash: keyed.bytes(domain),
        name_hash: keyed.bytes(name),
        domain: domain[..domain.len().min(DOMAIN_BYTES)].to_vec(),
        name_bytes: name.len() as u16,
        missing,
        long,
        bytes: message.bytes.len() as u32,
    })
}

/// Whether a name begins with an address, its bytes reversed, as questions to lists of senders do (RFC 5782).
fn is_blocklist_query(name: &[u8]) -> bool {
    let labels: Vec<&[u8]> = name.split(|&byte| byte == b'.').take(4).collect();
    labels.len() == 4 && labels.iter().all(|label| (1..=3).contains(&label.len()) && label.iter().all(u8::is_ascii_digit))
}

/// A host's questions in one period.
#[derive(Default)]
struct Made {
    since_s: u32,
    answers: u64,
    missing: u64,
    domains: Distinct,
    example: Vec<u8>,
}

/// A host's questions below one domain in one period.
#[derive(Default)]
struct Carried {
    since_s: u32,
    questions: u64,
    name_bytes: u64,
    bytes: u64,
    names: Distinct,
    domain: Vec<u8>,
}

/// What is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub host: Addr,
    pub what: What,
    /// One of the domains, or the domain.
    pub domain: Vec<u8>,
    pub questions: u64,
    /// Distinct domains that do not exist, or distinct names.
    pub distinct: u64,
    pub time_ns: u64,
    pub bytes: u64,
    pub direction: Direction,
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What {
    /// Names made up by an algorithm; the share of all answers that say that there is no such name, in percent.
    Made { missing_percent: u64 },
    /// Data in names; their mean length.
    Carried { name_bytes: u64 },
}

/// The reporter's memory of questions.
#[derive(Default)]
pub struct Names {
    made: HashMap<Addr, Made, FixedState>,
    carried: HashMap<(Addr, u64), Carried, FixedState>,
    pub evicted: u64,
}

impl Names {
    /// Adds answers of a host that showed nothing by themselves.
    pub fn answered(&mut self, now_s: u32, host: Addr, answers: u64) {
        if let Some(made) = self.host(now_s, host) {
            made.answers += answers;
        }
    }

    fn host(&mut self, now_s: u32, host: Addr) -> Option<&mut Made> {
        if self.made.len() >= HOSTS_MAX && !self.made.contains_key(&host) {
            self.made.retain(|_, made| now_s.saturating_sub(made.since_s) < PERIOD_S);
            if self.made.len() >= HOSTS_MAX {
                self.evicted += 1;
                return None;
            }
        }
        let made = self.made.entry(host).or_default();
        if now_s.saturating_sub(made.since_s) >= PERIOD_S {
            *made = Made { since_s: now_s, ..Made::default() };
        }
        Some(made)
    }

    /// Adds a note. Returns what it completes.
    pub fn add(&mut self, now_s: u32, note: &Note, settings: &Settings) -> Option<Found> {
        let found = |what, domain: &[u8], questions, distinct, bytes| Found {
            host: note.client,
            what,
            domain: domain.to_vec(),
            questions,
            distinct,
            time_ns: note.time_ns,
            bytes,
            direction: note.direction,
        };
        if note.missing
            && let Some(made) = self.host(now_s, note.client)
        {
            made.missing += 1;
            made.domains.add(note.domain_hash);
            if made.example.is_empty() {
                made.example = note.domain.clone();
            }
            let all = made.answers.max(made.missing);
            let percent = made.missing * 100 / all.max(1);
            if made.domains.count() >= settings.dga_domains && percent >= settings.dga_missing_percent {
                return Some(found(What::Made { missing_percent: percent }, &made.example, made.missing, made.domains.count(), 0));
            }
        }
        if note.long {
            let key = (note.client, note.domain_hash);
            if self.carried.len() >= PAIRS_MAX && !self.carried.contains_key(&key) {
                self.carried.retain(|_, carried| now_s.saturating_sub(carried.since_s) < PERIOD_S);
                if self.carried.len() >= PAIRS_MAX {
                    self.evicted += 1;
                    return None;
                }
            }
            let carried = self.carried.entry(key).or_default();
            if now_s.saturating_sub(carried.since_s) >= PERIOD_S {
                *carried = Carried { since_s: now_s, domain: note.domain.clone(), ..Carried::default() };
            }
            carried.questions += 1;
            carried.name_bytes += u64::from(note.name_bytes);
            carried.bytes += u64::from(note.bytes);
            carried.names.add(note.name_hash);
            let mean = carried.name_bytes / carried.questions;
            if carried.names.count() >= settings.tunnel_names && mean >= settings.tunnel_name_bytes {
                return Some(found(
                    What::Carried { name_bytes: mean },
                    &carried.domain,
                    carried.questions,
                    carried.names.count(),
                    carried.bytes,
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(n: u64, missing: bool, long: bool) -> Note {
        Note {
            client: Addr::v4(1),
            country: Country::NONE,
            direction: Direction::Outbound,
            time_ns: n,
            domain_hash: if missing { n.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { 7 },
            name_hash: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            domain: b"a.example".to_vec(),
            name_bytes: 90,
            missing,
            long,
            bytes: 200,
        }
    }

    #[test]
    fn many_names_that_do_not_exist_are_made_up() {
        let (mut names, settings) = (Names::default(), Settings::default());
        let found: Vec<Found> = (0..settings.dga_domains).filter_map(|n| names.add(5000, &note(n, true, false), &settings)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].distinct, found[0].what), (settings.dga_domains, What::Made { missing_percent: 100 }));
    }

    #[test]
    fn a_resolver_that_asks_for_all_kinds_of_names_makes_none_up() {
        let (mut names, settings) = (Names::default(), Settings::default());
        names.answered(5000, Addr::v4(1), 1000);
        assert!((0..100).all(|n| names.add(5000, &note(n, true, false), &settings).is_none()));
    }

    #[test]
    fn many_long_names_below_one_domain_carry_data() {
        let (mut names, settings) = (Names::default(), Settings::default());
        let found: Vec<Found> =
            (0..settings.tunnel_names + 200).filter_map(|n| names.add(5000, &note(n, false, true), &settings)).collect();
        assert!(!found.is_empty());
        assert_eq!(found[0].what, What::Carried { name_bytes: 90 });
    }

    #[test]
    fn an_hour_later_the_count_begins_anew() {
        let (mut names, settings) = (Names::default(), Settings::default());
        for n in 0..settings.dga_domains - 1 {
            assert_eq!(names.add(5000, &note(n, true, false), &settings), None);
        }
        assert_eq!(names.add(5000 + PERIOD_S, &note(999, true, false), &settings), None);
    }

    #[test]
    fn questions_to_lists_of_senders_are_known() {
        assert!(is_blocklist_query(b"2.0.0.127.zen.example.org"));
        assert!(!is_blocklist_query(b"www.example.org"));
    }
}
