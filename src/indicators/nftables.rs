//! Sets and rules of nftables (nft(8)): `elements = { 192.0.2.1, 192.0.2.7-192.0.2.9 }`, `add element inet filter bad { … }`, `ip saddr 192.0.2.1 drop`.
//!
//! Whether a set is of good or bad is told by its rules, which may come behind it: what is in sets waits for the end of the file.

use std::collections::BTreeSet;

use super::collect::{Collector, Facts};
use super::firewall::allows;

/// What a line of such a file begins with.
const BEGINNINGS: [&[u8]; 8] =
    [b"table ", b"add table ", b"add element ", b"add set ", b"add rule ", b"flush ruleset", b"#!/usr/sbin/nft", b"nft add element "];
/// Elements that wait; further ones are refused.
const WAITING_MAX: usize = 4_000_000;

pub(super) fn is_line(line: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
}

/// A file at work.
#[derive(Default)]
pub(super) struct Ruleset {
    /// The set that is at work; empty outside of sets.
    set: Vec<u8>,
    in_elements: bool,
    /// The names of sets, each with the elements that wait: the text and its line.
    names: Vec<Vec<u8>>,
    waiting: Vec<(usize, u32, Box<[u8]>)>,
    /// Sets that rules let through.
    accepted: BTreeSet<Vec<u8>>,
}

impl Ruleset {
    pub fn line(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or_default().trim_ascii();
        let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        if self.in_elements {
            return self.elements(line, number, into);
        }
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match (first, second) {
            (b"set" | b"map", name) => self.set = name.to_vec(),
            (b"elements", _) => self.elements(behind(line, b'{'), number, into),
            (b"add", b"element") | (b"nft", b"add") => {
                let head = line.split(|&byte| byte == b'{').next().unwrap_or_default();
                let name = head.trim_ascii().rsplit(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
                self.set = name.to_vec();
                self.elements(behind(line, b'{'), number, into);
            }
            _ => self.rule(line, number, into),
        }
    }

    /// Elements up to the bracket that closes them, if it stands on this line.
    fn elements(&mut self, text: &[u8], number: u32, into: &mut Collector<'_>) {
        let end = text.iter().position(|&byte| byte == b'}');
        self.in_elements = end.is_none();
        let set = self.names.iter().position(|name| *name == self.set).unwrap_or_else(|| {
            self.names.push(self.set.clone());
            self.names.len() - 1
        });
        for element in text[..end.unwrap_or(text.len())].split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if element.is_empty() {
                continue;
            }
            if self.waiting.len() >= WAITING_MAX {
                into.refuse(number, "more elements of sets than are read", element);
                continue;
            }
            self.waiting.push((set, number, element.into()));
        }
    }

    /// A rule of nothing but an address and a verdict; of others, only which sets they let through.
    fn rule(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let words: Vec<&[u8]> = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
        let Some(at) = words.iter().position(|word| matches!(*word, b"saddr" | b"daddr")) else { return };
        let lets_through = words.iter().any(|word| matches!(*word, b"accept" | b"return"));
        let rest = &words[at + 1..];
        let named = rest.first().and_then(|word| word.strip_prefix(b"@"));
        if let Some(name) = named {
            // What everything but a set is dropped for is let through.
            let excepted = words.contains(&&b"!="[..]);
            if lets_through || excepted {
                self.accepted.insert(name.to_vec());
            }
            return;
        }
        let beside = |word: &&&[u8]| matches!(**word, b"counter" | b"log" | b"packets" | b"bytes") || word.iter().all(u8::is_ascii_digit);
        let verdict = rest.iter().skip(1).find(|word| !beside(word));
        if lets_through || at == 0 || !matches!(words[at - 1], b"ip" | b"ip6") || !matches!(verdict, Some(&(b"drop" | b"reject"))) {
            return into.unsupported(number, "a rule of more than an address that is dropped", line);
        }
        into.take_addresses(rest[0], &Facts::default(), number, line);
    }

    /// Puts the sets' elements into the list.
    pub fn finish(self, into: &mut Collector<'_>) {
        let good: Vec<bool> = self.names.iter().map(|name| allows(name) || self.accepted.contains(name)).collect();
        for (set, number, text) in self.waiting {
            if good[set] {
                into.unsupported(number, "a set of what is let through", &text);
                continue;
            }
            // An address with a port, as sets of both have it; what counts, times out or comments stands behind a blank.
            let mut parts = text.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
            let address = parts.next().unwrap_or_default();
            let rest: Vec<&[u8]> = parts.collect();
            let port = match rest[..] {
                [b".", port] => str::from_utf8(port).ok().and_then(|digits| digits.parse().ok()),
                _ => None,
            };
            if rest.contains(&&b"."[..]) && port.is_none() {
                into.unsupported(number, "a member of more than an address and a port", &text);
                continue;
            }
            into.take_addresses(address, &Facts { port, ..Facts::default() }, number, &text);
        }
    }
}

/// What stands behind the first of a sign.
fn behind(line: &[u8], sign: u8) -> &[u8] {
    line.iter().position(|&byte| byte == sign).map_or(&[], |at| &line[at + 1..])
}
