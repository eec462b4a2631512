//! Entries whose fields have names: columns of a CSV file, members of a JSON object.
//!
//! The names are those of the exports of abuse.ch (URLhaus, ThreatFox, Feodo Tracker, MalwareBazaar, SSL Blacklist), and what others call the same
//! things. Columns come and go between exports, so that only names count, never places.

use super::collect::{Collector, Facts};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::time::seconds;
use super::value::{NoValue, Value};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// A value whose kind another field says.
    Indicator,
    IndicatorType,
    Address,
    Domain,
    Url,
    Md5,
    Sha1,
    Sha256,
    Ja3,
    Port,
    FirstSeen,
    LastSeen,
    Status,
    Family,
    /// The family in a form that is not for people.
    FamilyCode,
    /// Why a certificate is listed.
    Reason,
    Threat,
    Confidence,
    Compromised,
    /// Whether it is meant for detection (MISP).
    Detected,
    Number,
}

const ROLES: usize = Role::Number as usize + 1;

/// What a field of this name holds, if it is one of those that count. Case is no matter, nor whether words are joined by blanks or underscores.
pub(super) fn role(name: &[u8]) -> Option<Role> {
    // The longest name below.
    let mut lower = [0; 20];
    let lower = lower.get_mut(..name.len())?;
    for (to, from) in lower.iter_mut().zip(name) {
        *to = if *from == b' ' { b'_' } else { from.to_ascii_lowercase() };
    }
    Some(match &*lower {
        b"ioc_value" | b"ioc" | b"indicator" | b"value" => Role::Indicator,
        b"ioc_type" | b"indicator_type" | b"type" => Role::IndicatorType,
        b"dst_ip" | b"dstip" | b"ip_address" | b"ipaddress" | b"ip" | b"address" => Role::Address,
        b"domain" | b"hostname" | b"host" | b"fqdn" => Role::Domain,
        b"url" => Role::Url,
        b"md5" | b"md5_hash" => Role::Md5,
        b"sha1" | b"sha1_hash" => Role::Sha1,
        b"sha256" | b"sha256_hash" => Role::Sha256,
        b"ja3" | b"ja3_md5" | b"ja3_hash" | b"ja3_md5_hash" => Role::Ja3,
        b"dst_port" | b"dstport" | b"port" => Role::Port,
        b"first_seen_utc" | b"first_seen" | b"firstseen" | b"firstseen_utc" | b"dateadded" | b"date_added" | b"listingdate" => {
            Role::FirstSeen
        }
        b"last_seen_utc" | b"last_seen" | b"lastseen" | b"last_online" | b"lastonline" => Role::LastSeen,
        b"c2_status" | b"url_status" | b"status" => Role::Status,
        b"malware_printable" | b"signature" | b"family" | b"malware_family" => Role::Family,
        b"malware" | b"fk_malware" => Role::FamilyCode,
        b"listingreason" | b"listing_reason" => Role::Reason,
        b"threat_type" | b"threat" => Role::Threat,
        b"confidence_level" | b"confidence" => Role::Confidence,
        b"is_compromised" => Role::Compromised,
        b"to_ids" => Role::Detected,
        b"ioc_id" | b"id" => Role::Number,
        _ => return None,
    })
}

/// Which fields there are, and whose list they make it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape {
    roles: u32,
}

impl Shape {
    pub fn add(&mut self, role: Role) {
        self.roles |= 1 << role as u32;
    }

    fn has(self, role: Role) -> bool {
        self.roles >> role as u32 & 1 == 1
    }

    /// Whether there is a value among the fields, and something beside it: a lone word may be anything.
    pub fn is_list(self) -> bool {
        use Role::{Address, Domain, Indicator, Ja3, Md5, Sha1, Sha256, Url};
        let has_value = [Indicator, Address, Domain, Url, Md5, Sha1, Sha256, Ja3].into_iter().any(|role| self.has(role));
        has_value && self.roles.count_ones() > 1
    }

    pub fn format(self) -> Format {
        if self.has(Role::Indicator) && self.has(Role::IndicatorType) && self.has(Role::Threat) {
            Format::Threatfox
        } else if self.has(Role::Reason) || self.has(Role::Ja3) {
            Format::Sslbl
        } else if self.has(Role::Url) && self.has(Role::FirstSeen) {
            Format::Urlhaus
        } else if self.has(Role::Address) && self.has(Role::FirstSeen) {
            // With the family, Feodo Tracker's; without, the addresses of SSL Blacklist.
            if self.has(Role::FamilyCode) { Format::Feodo } else { Format::Sslbl }
        } else if self.has(Role::Sha256) && self.has(Role::FirstSeen) {
            Format::MalwareBazaar
        } else {
            Format::Csv
        }
    }
}

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
        let nothing = ["none", "n/a", "null", "-", "unknown"].iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
        let field = &mut self.fields[role as usize];
        if field.is_empty() && !nothing {
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
        let number = str::from_utf8(self.get(Role::Number)).ok().and_then(|digits| digits.parse().ok());
        let facts = Facts {
            usage: self.usage(format),
            family: self.family(),
            confidence: str::from_utf8(self.get(Role::Confidence))
                .ok()
                .and_then(|digits| digits.parse().ok())
                .filter(|&percent| percent <= 100),
            compromised: self.get(Role::Compromised).eq_ignore_ascii_case(b"true") || self.get(Role::Compromised) == b"1",
            port: str::from_utf8(self.get(Role::Port)).ok().and_then(|digits| digits.parse().ok()),
            number,
            first_s: seconds(self.get(Role::FirstSeen)),
            last_s: seconds(self.get(Role::LastSeen)),
            active: self.get(Role::Status).eq_ignore_ascii_case(b"online") || self.get(Role::Status).eq_ignore_ascii_case(b"active"),
            ..Facts::default()
        };
        into.list().numbered |= number.is_some();
        let mut found = false;
        for (value, usage) in self.values(format) {
            found = true;
            let facts = Facts { usage: usage.unwrap_or(facts.usage), ..facts };
            match value {
                Some(value) => into.take(value, &facts, line, text),
                None => into.unsupported(line, "an indicator of a kind that is not matched against", text),
            }
        }
        if !found {
            into.refuse(line, "no value where the list's header has one", text);
        }
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

    /// The values, with a use of their own where they have one.
    fn values(&self, format: Format) -> impl Iterator<Item = (Typed, Option<Usage>)> + use<'a> {
        let fields = self.fields;
        let get = move |role: Role| Some(fields[role as usize]).filter(|text| !text.is_empty());
        let sha1 = if format == Format::Sslbl { Kind::CertificateSha1 } else { Kind::Sha1 };
        let is_of_url = get(Role::Url).is_some().then_some(Usage::Sample);
        let digest = move |role, kind, usage| get(role).map(|text| (Some(Value::digest(kind, text)), usage));
        // Beside an address, a name is what it resolved to; beside a URL, the URL's host.
        let alone = get(Role::Address).or(get(Role::Url)).is_none();
        [
            get(Role::Indicator).map(|text| (typed(text, fields[Role::IndicatorType as usize]), None)),
            get(Role::Address).map(|text| (Some(Value::address_or_network(text)), None)),
            get(Role::Url).map(|text| (Some(Value::url(text)), None)),
            get(Role::Domain).filter(|_| alone).map(|text| (Some(Value::domain(text)), None)),
            digest(Role::Sha256, Kind::Sha256, is_of_url),
            digest(Role::Sha1, sha1, is_of_url),
            digest(Role::Md5, Kind::Md5, is_of_url),
            digest(Role::Ja3, Kind::Ja3, None),
        ]
        .into_iter()
        .flatten()
    }
}

/// Nothing for a kind that is not matched against.
type Typed = Option<Result<Value, NoValue>>;

/// A value whose kind a word says: those of ThreatFox, of Zeek's intelligence framework (its URLs have no scheme), and what others call them.
fn typed(text: &[u8], kind: &[u8]) -> Typed {
    let mut lower = [0; 16];
    let lower = lower.get_mut(..kind.len())?;
    lower.copy_from_slice(kind);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"" | b"intel::url" | b"intel::file_hash" => Value::of(text),
        b"intel::addr" | b"intel::subnet" => Value::address_or_network(text),
        b"intel::domain" => Value::domain(text),
        b"intel::cert_hash" => Value::digest(Kind::CertificateSha1, text),
        b"ip:port" | b"ip" | b"ipv4" | b"ipv6" | b"ip-dst" | b"cidr" | b"address" => Value::address_or_network(text),
        b"domain" | b"hostname" | b"fqdn" => Value::domain(text),
        b"url" => Value::url(text),
        b"md5_hash" | b"md5" | b"filehash-md5" => Value::digest(Kind::Md5, text),
        b"sha1_hash" | b"sha1" | b"filehash-sha1" => Value::digest(Kind::Sha1, text),
        b"sha256_hash" | b"sha256" | b"filehash-sha256" => Value::digest(Kind::Sha256, text),
        b"ja3" | b"ja3_md5" => Value::digest(Kind::Ja3, text),
        _ => return None,
    })
}

/// What a word about the threat means: ThreatFox's threat types, URLhaus's, and their like.
pub(super) fn usage_of(threat: &[u8]) -> Usage {
    let has = |word: &str| threat.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    if threat.is_empty() {
        Usage::Unspecified
    } else if has("sinkhole") {
        Usage::Sinkhole
    } else if ["botnet_cc", "c2", "c&c", "cnc", "command", "controller"].into_iter().any(has) {
        Usage::Controller
    } else if ["delivery", "download", "distribution", "dropper"].into_iter().any(has) {
        Usage::Delivery
    } else if ["payload", "sample"].into_iter().any(has) {
        Usage::Sample
    } else {
        Usage::Other
    }
}
