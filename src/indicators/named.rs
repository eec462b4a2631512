//! Entries whose fields have names: columns of a CSV file, members of a JSON object.
//!
//! The names are those of the exports of abuse.ch (URLhaus, ThreatFox, Feodo Tracker, MalwareBazaar, SSL Blacklist), and what others call the same
//! things. Columns come and go between exports, so that only names count, never places.

use super::collect::{Collector, Facts};
use super::columns::{NAME_BYTES_MAX, ROLES, Role, in_one_spelling};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::range;
use super::time::seconds;
use super::typed::{Typed, confidence, digest_of_any_kind, host, typed};
use super::value::{NoValue, Value};

/// The fields of one entry; empty where there is none.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    fields: [&'a [u8]; ROLES],
}

impl<'a> Named<'a> {
    pub fn new() -> Self {
        Named { fields: [b""; ROLES] }
    }

    /// The first field of a role stands; a text that says nothing is no field.
    pub fn set(&mut self, role: Role, text: &'a [u8]) {
        let text = text.trim_ascii();
        let field = &mut self.fields[role as usize];
        if field.is_empty() && !says_nothing(text) {
            *field = text;
        }
    }

    fn get(&self, role: Role) -> &'a [u8] {
        self.fields[role as usize]
    }

    /// Puts the entry's values into the list at work.
    pub fn collect(&self, into: &mut Collector<'_>, line: u32, text: &[u8]) {
        let format = into.list().format;
        if self.get(Role::Detected) == b"0" || self.get(Role::Detected).eq_ignore_ascii_case(b"false") {
            return into.unsupported(line, "not meant for detection (to_ids)", text);
        }
        if self.is_good() {
            return into.unsupported(line, "said to be good, or taken back", text);
        }
        let number = str::from_utf8(self.get(Role::Number)).ok().and_then(|digits| digits.parse().ok());
        let facts = Facts {
            usage: self.usage(format),
            family: self.family(),
            confidence: confidence(self.get(Role::Confidence)),
            compromised: self.get(Role::Compromised).eq_ignore_ascii_case(b"true") || self.get(Role::Compromised) == b"1",
            port: str::from_utf8(self.get(Role::Port)).ok().and_then(|digits| digits.parse().ok()),
            number,
            first_s: seconds(self.get(Role::FirstSeen)),
            last_s: seconds(self.get(Role::LastSeen)),
            active: self.get(Role::Status).eq_ignore_ascii_case(b"online") || self.get(Role::Status).eq_ignore_ascii_case(b"active"),
            valid: self.validity(),
            ..Facts::default()
        };
        into.list().numbered |= number.is_some();
        let mut found = false;
        if let Some(networks) = self.run() {
            found = true;
            networks.into_iter().for_each(|network| into.take(network, &facts, line, text));
        }
        self.values(format, |value, usage| {
            found = true;
            let facts = Facts { usage: usage.unwrap_or(facts.usage), ..facts };
            match value {
                Some(value) => into.take(value, &facts, line, text),
                None => into.unsupported(line, "an indicator of a kind that is not matched against", text),
            }
        });
        if !found {
            into.refuse(line, "no value where the list's header has one", text);
        }
    }

    /// A run of addresses in two columns, where there is no address in one.
    fn run(&self) -> Option<Vec<Result<Value, NoValue>>> {
        let (start, end) = (self.get(Role::RangeStart), self.get(Role::RangeEnd));
        let is_run = !start.is_empty() && !end.is_empty() && self.get(Role::Address).is_empty();
        is_run.then(|| range::networks(&[start, b"-", end].concat())).flatten()
    }

    /// Whether somebody says that it is nothing bad, or no longer.
    fn is_good(&self) -> bool {
        let is_true = |role| self.get(role).eq_ignore_ascii_case(b"true") || matches!(self.get(role), b"1" | b"yes");
        let is_false = |role| self.get(role).eq_ignore_ascii_case(b"false") || self.get(role) == b"0";
        let mut lower = [0; NAME_BYTES_MAX];
        let mut says_good = |role| {
            let said = in_one_spelling(self.get(role), &mut lower).unwrap_or_default();
            matches!(
                said,
                b"benign"
                    | b"whitelist"
                    | b"whitelisted"
                    | b"allow"
                    | b"allowed"
                    | b"allowlist"
                    | b"allowlisted"
                    | b"good"
                    | b"safe"
                    | b"clean"
                    | b"harmless"
                    | b"trusted"
                    | b"legitimate"
                    | b"false_positive"
                    | b"known_good"
                    | b"passthru"
                    | b"ignore"
            )
        };
        is_true(Role::Withdrawn) || is_false(Role::Active) || [Role::Verdict, Role::Status, Role::Threat].into_iter().any(&mut says_good)
    }

    /// Between which times the list declares it valid, if it does; the end is the first moment at which it no longer is.
    fn validity(&self) -> Option<(u32, u32)> {
        let (from_s, until_s) = (seconds(self.get(Role::ValidFrom)), seconds(self.get(Role::ValidUntil)));
        (from_s.is_some() || until_s.is_some())
            .then(|| (from_s.unwrap_or(0), until_s.map_or(u32::MAX, |until_s| until_s.saturating_sub(1))))
    }

    fn usage(&self, format: Format) -> Usage {
        match (format, self.get(Role::Threat)) {
            (Format::Feodo | Format::Sslbl, _) => Usage::Controller,
            (Format::Urlhaus, _) => Usage::Delivery,
            (Format::MalwareBazaar, _) => Usage::Sample,
            (_, threat) => usage_of(threat),
        }
    }

    fn family(&self) -> &'a [u8] {
        let named = [Role::Family, Role::FamilyCode, Role::Reason].map(|role| self.get(role)).into_iter().find(|name| !name.is_empty());
        let name = named.unwrap_or_default();
        // SSL Blacklist names the use after the family.
        let rest = name.len().checked_sub(4).map(|at| name.split_at(at));
        rest.filter(|(_, end)| *end == b" C&C").map_or(name, |(family, _)| family)
    }

    /// Gives each value, with a use of its own where it has one. They are too large to be handed from place to place.
    fn values(&self, format: Format, mut take: impl FnMut(Typed, Option<Usage>)) {
        let get = |role: Role| Some(self.get(role)).filter(|text| !text.is_empty());
        let sha1 = if format == Format::Sslbl { Kind::CertificateSha1 } else { Kind::Sha1 };
        let is_of_url = get(Role::Url).is_some().then_some(Usage::Sample);
        // Beside an address, a name is what it resolved to; beside a URL, the URL's host.
        let alone = get(Role::Address).or(get(Role::Url)).is_none();
        // Some say in words what is indicated, and have the value in a column of its own.
        let in_words = get(Role::IndicatorType).is_none() && (!alone || get(Role::Domain).is_some());
        if let Some(text) = get(Role::Indicator).filter(|text| !in_words || Value::of(text).is_ok()) {
            take(typed(text, self.get(Role::IndicatorType)), None);
        }
        if let Some(text) = get(Role::Address) {
            take(Some(Value::address_or_network(text)), None);
        }
        if let Some(text) = get(Role::Digest) {
            take(Some(digest_of_any_kind(text)), None);
        }
        if let Some(text) = get(Role::Url) {
            take(Some(Value::url(text)), None);
        }
        if let Some(text) = get(Role::Domain).filter(|_| alone) {
            take(Some(host(text)), None);
        }
        let digests = [
            (Role::Sha256, Kind::Sha256, is_of_url),
            (Role::Sha1, sha1, is_of_url),
            (Role::Md5, Kind::Md5, is_of_url),
            (Role::Ja3, Kind::Ja3, None),
        ];
        for (role, kind, usage) in digests {
            if let Some(text) = get(role) {
                take(Some(Value::digest(kind, text)), usage);
            }
        }
    }
}

/// Whether a text stands for no text.
fn says_nothing(text: &[u8]) -> bool {
    match text.len() {
        1 => text == b"-",
        3 => text.eq_ignore_ascii_case(b"n/a"),
        4 => text.eq_ignore_ascii_case(b"none") || text.eq_ignore_ascii_case(b"null"),
        7 => text.eq_ignore_ascii_case(b"unknown"),
        _ => false,
    }
}

/// What a word about the threat means: ThreatFox's threat types, URLhaus's, and their like.
pub(super) fn usage_of(threat: &[u8]) -> Usage {
    usage_of_any(&[threat])
}

/// The same of several texts.
pub(super) fn usage_of_any<T: AsRef<[u8]>>(texts: &[T]) -> Usage {
    /// What goes before what, the first before all.
    const USAGES: [Usage; 4] = [Usage::Sinkhole, Usage::Controller, Usage::Delivery, Usage::Sample];
    let mut best = USAGES.len();
    let mut says_something = false;
    for text in texts {
        let text = text.as_ref();
        says_something |= !text.is_empty();
        for (at, first) in text.iter().enumerate() {
            // Few letters begin a word that tells.
            let words: &[(&[u8], usize)] = match first | 0x20 {
                b's' => &[(b"sinkhole", 0), (b"sample", 3)],
                b'b' => &[(b"botnet_cc", 1)],
                b'c' => &[(b"c2", 1), (b"c&c", 1), (b"cnc", 1), (b"command", 1), (b"controller", 1)],
                b'd' => &[(b"delivery", 2), (b"download", 2), (b"distribution", 2), (b"dropper", 2)],
                b'p' => &[(b"payload", 3)],
                _ => continue,
            };
            let rest = &text[at..];
            let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word));
            let found = words.iter().filter(|(word, rank)| *rank < best && begins(word)).map(|(_, rank)| *rank).min();
            best = found.unwrap_or(best);
        }
        if best == 0 {
            break;
        }
    }
    match USAGES.get(best) {
        Some(usage) => *usage,
        None if says_something => Usage::Other,
        None => Usage::Unspecified,
    }
}
