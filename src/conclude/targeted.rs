//! How far a source's doings aim at industrial equipment: one index for every kind of source, with what it is made of.
//!
//! Only what is counted decides; who is behind a source is nobody's guess here. A source without a contact with an industrial service has
//! the index 0. Of the others it is the plain mean of five parts, each from 0 to 1, none of which can be had by doing more of another:
//!
//! - `share`: first contacts with industrial services, of all first contacts. A first contact is the source's first with a service of a
//!   host, as long as the lane remembers it.
//! - `depth`: how far its requests went: connect 0, identify 1/4, read 1/2, write 3/4, control 1.
//! - `correct`: contacts in which its first payload was right in a protocol of that service, of those in which it sent payload.
//! - `hits`: contacts that were answered in the protocol, of all its contacts with industrial services: whoever has a list of real equipment
//!   hits, whoever tries addresses misses.
//! - `apart`: 1, or 0 if it also ran a scan in which industrial services were the smaller part.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::Serialize;

use crate::addr::Addr;
use crate::dispatch::site;

/// Sources remembered. Only those that had a contact with an industrial service are.
const SOURCES_MAX: usize = 65_536;
/// The deepest intent, from `connect` as 0.
const DEEPEST: f64 = 4.0;
/// Parts of the index.
const PARTS: f64 = 5.0;

/// The index of one source, to three digits.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Targeted {
    pub index: f64,
    pub share: f64,
    pub depth: f64,
    pub correct: f64,
    pub hits: f64,
    pub apart: f64,
}

/// What is counted of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    /// First contacts with any service: the most that its lane told.
    all: u64,
    /// First contacts with industrial services.
    industrial: u64,
    /// Contacts with industrial services, by whether they were bare touches, spoken in, answered.
    contacts: u64,
    right: u64,
    wrong: u64,
    answered: u64,
    deepest: u8,
    scanned: bool,
    last_s: u32,
}

/// What happened in a contact, as far as it counts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// It began.
    Contact,
    /// The source's first payload was right in a protocol of the service.
    Right,
    /// It was something else.
    Wrong,
    /// The service answered in the protocol.
    Answered,
    /// A request went this far: 0 to 4.
    Depth(u8),
}

/// The sources that had something to do with industrial services.
#[derive(Default)]
pub struct Aims {
    sources: HashMap<Addr, Facts, FixedState>,
}

impl Aims {
    /// A first contact with an industrial service; `all` is how many the source had with any, 0 if that is unknown. Returns how many
    /// sources did not fit.
    pub fn first_contact(&mut self, source: Addr, all: u16, now_s: u32) -> u64 {
        let source = site(source);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            return 1;
        }
        let facts = self.sources.entry(source).or_default();
        facts.industrial += 1;
        facts.last_s = now_s;
        facts.all = facts.all.max(all.into());
        0
    }

    /// Adds to what is known of a source. Nothing, if it had no first contact.
    pub fn note(&mut self, source: Addr, all: u16, aim: Aim) {
        let Some(facts) = self.sources.get_mut(&site(source)) else { return };
        facts.all = facts.all.max(all.into());
        match aim {
            Aim::Contact => facts.contacts += 1,
            Aim::Right => facts.right += 1,
            Aim::Wrong => facts.wrong += 1,
            Aim::Answered => facts.answered += 1,
            Aim::Depth(depth) => facts.deepest = facts.deepest.max(depth),
        }
    }

    /// So many contacts began: [`Aims::note`] for each.
    pub fn contacts(&mut self, source: Addr, all: u16, contacts: u64) {
        if let Some(facts) = self.sources.get_mut(&site(source)) {
            facts.all = facts.all.max(all.into());
            facts.contacts += contacts;
        }
    }

    /// The source ran a scan, of whatever, with so many first contacts.
    pub fn scanned(&mut self, source: Addr, contacts: u64) {
        if let Some(facts) = self.sources.get_mut(&site(source)) {
            facts.scanned = true;
            facts.all = facts.all.max(contacts);
        }
    }

    /// Forgets sources that were silent for so long.
    pub fn forget(&mut self, now_s: u32, memory_s: u32) {
        self.sources.retain(|_, facts| now_s.saturating_sub(facts.last_s) <= memory_s);
    }

    /// The index of a source.
    pub fn of(&self, source: Addr) -> Targeted {
        let Some(facts) = self.sources.get(&site(source)) else { return Targeted::default() };
        let all = facts.all.max(facts.industrial);
        let general = facts.scanned && facts.industrial * 2 < all;
        let parts = [
            ratio(facts.industrial, all),
            f64::from(facts.deepest) / DEEPEST,
            ratio(facts.right, facts.right + facts.wrong),
            ratio(facts.answered, facts.contacts),
            if general { 0.0 } else { 1.0 },
        ];
        let [share, depth, correct, hits, apart] = parts.map(rounded);
        Targeted { index: rounded(parts.iter().sum::<f64>() / PARTS), share, depth, correct, hits, apart }
    }
}

/// A share of a whole; nothing is none of it.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Addr = Addr::v4(1);

    fn of(all: u16, industrial: u64, aims: &[Aim], scanned: bool) -> Targeted {
        let mut known = Aims::default();
        for _ in 0..industrial {
            assert_eq!(known.first_contact(SOURCE, all, 1), 0);
        }
        aims.iter().for_each(|&aim| known.note(SOURCE, all, aim));
        if scanned {
            known.scanned(SOURCE, 0);
        }
        known.of(SOURCE)
    }

    #[test]
    fn without_an_industrial_contact_it_is_nothing() {
        assert_eq!(of(1_000, 0, &[Aim::Right, Aim::Answered, Aim::Depth(4)], true), Targeted::default());
    }

    #[test]
    fn whoever_only_ever_controls_what_answers_has_all() {
        let all = Targeted { index: 1.0, share: 1.0, depth: 1.0, correct: 1.0, hits: 1.0, apart: 1.0 };
        assert_eq!(of(1, 1, &[Aim::Contact, Aim::Right, Aim::Answered, Aim::Depth(4)], false), all);
    }

    #[test]
    fn a_port_scan_that_passes_an_industrial_port_has_little() {
        let scan = of(1_000, 10, &[Aim::Contact, Aim::Wrong], true);
        assert_eq!((scan.index, scan.share, scan.apart), (0.002, 0.01, 0.0));
    }

    #[test]
    fn a_scan_for_industrial_services_is_no_general_one() {
        assert_eq!(of(100, 60, &[], true).apart, 1.0);
        assert_eq!(of(100, 40, &[], true).apart, 0.0);
        assert_eq!(of(100, 40, &[], false).apart, 1.0);
    }

    #[test]
    fn hits_and_correctness_are_shares() {
        let some =
            of(0, 4, &[Aim::Contact, Aim::Contact, Aim::Contact, Aim::Contact, Aim::Answered, Aim::Right, Aim::Wrong, Aim::Wrong], false);
        assert_eq!((some.share, some.hits, some.correct, some.depth), (1.0, 0.25, 0.333, 0.0));
    }

    #[test]
    fn the_sites_of_ipv6_are_one_source_and_silence_forgets() {
        let mut known = Aims::default();
        known.first_contact(Addr::v6(1 << 64 | 5), 1, 10);
        assert!(known.of(Addr::v6(1 << 64 | 9)).index > 0.0);
        known.forget(20, 10);
        assert!(known.of(Addr::v6(1 << 64)).index > 0.0);
        known.forget(21, 10);
        assert_eq!(known.of(Addr::v6(1 << 64)), Targeted::default());
    }

    #[test]
    fn it_is_bounded() {
        let mut known = Aims::default();
        let turned_away: u64 = (0..SOURCES_MAX as u32 + 3).map(|n| known.first_contact(Addr::v4(n), 1, 1)).sum();
        assert_eq!(turned_away, 3);
    }
}
