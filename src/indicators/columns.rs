//! The names that lists give their fields, and whose list the names make it.

use super::list::Format;

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
    /// A digest of a file, of any kind.
    Digest,
    RangeStart,
    RangeEnd,
    ValidFrom,
    ValidUntil,
    /// What somebody thinks of it, or does about it.
    Verdict,
    /// Whether it still stands.
    Active,
    /// Whether it was taken back, or is known to be good.
    Withdrawn,
    Number,
}

pub(super) const ROLES: usize = Role::Number as usize + 1;

/// What a field of this name holds, if it is one of those that count. Case is no matter, nor whether words are joined by blanks or underscores.
pub(super) fn role(name: &[u8]) -> Option<Role> {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = in_one_spelling(name, &mut lower)?;
    Some(match lower {
        b"ioc_value" | b"ioc" | b"indicator" | b"value" | b"indicatorvalue" | b"indicator_value" | b"observable" | b"observable_value" => {
            Role::Indicator
        }
        b"ioc_type" | b"indicator_type" | b"type" | b"indicatortype" | b"observable_type" => Role::IndicatorType,
        b"dst_ip" | b"dstip" | b"ip_address" | b"ipaddress" | b"ip" | b"address" | b"ip_addr" | b"ipaddr" | b"ipv4" | b"ipv6"
        | b"ip_dst" | b"ip_src" | b"src_ip" | b"source_ip" | b"destination_ip" | b"remote_ip" | b"c2_ip" | b"cidr" | b"network"
        | b"subnet" | b"netblock" | b"ip_range" => Role::Address,
        b"domain" | b"hostname" | b"host" | b"fqdn" | b"domain_name" | b"domainname" | b"c2_domain" => Role::Domain,
        b"url" | b"uri" | b"full_url" => Role::Url,
        b"md5" | b"md5_hash" | b"hash_md5" | b"md5sum" => Role::Md5,
        b"sha1" | b"sha1_hash" | b"hash_sha1" | b"sha_1" => Role::Sha1,
        b"sha256" | b"sha256_hash" | b"hash_sha256" | b"sha_256" => Role::Sha256,
        b"hash" | b"file_hash" | b"filehash" => Role::Digest,
        b"ja3" | b"ja3_md5" | b"ja3_hash" | b"ja3_md5_hash" => Role::Ja3,
        b"dst_port" | b"dstport" | b"port" | b"port_dst" | b"dest_port" | b"destination_port" | b"c2_port" => Role::Port,
        b"first_seen_utc" | b"first_seen" | b"firstseen" | b"firstseen_utc" | b"dateadded" | b"date_added" | b"listingdate"
        | b"created" | b"created_at" | b"date" | b"added" | b"published_date" | b"submission_time" | b"first_seen(utc)" => Role::FirstSeen,
        b"last_seen_utc" | b"last_seen" | b"lastseen" | b"last_online" | b"lastonline" | b"lastseen_utc" | b"last_seen(utc)"
        | b"last_updated" | b"updated_at" | b"lastreportedat" => Role::LastSeen,
        b"start" | b"start_ip" | b"ip_start" | b"first_ip" | b"range_start" => Role::RangeStart,
        b"end" | b"end_ip" | b"ip_end" | b"last_ip" | b"range_end" => Role::RangeEnd,
        b"valid_from" | b"validfrom" => Role::ValidFrom,
        b"valid_until" | b"validuntil" | b"valid_to" | b"expiration" | b"expires" | b"expires_at" | b"expiration_date"
        | b"expiration_time" | b"expirationtime" | b"expiry" | b"expiry_date" => Role::ValidUntil,
        b"verdict" | b"classification" | b"disposition" | b"action" | b"list_type" => Role::Verdict,
        b"is_active" | b"active" => Role::Active,
        b"revoked" | b"deleted" | b"whitelisted" | b"whitelist" | b"is_whitelisted" | b"allowlisted" | b"false_positive" => Role::Withdrawn,
        b"c2_status" | b"url_status" | b"status" => Role::Status,
        b"malware_printable" | b"signature" | b"family" | b"malware_family" => Role::Family,
        b"malware" | b"fk_malware" => Role::FamilyCode,
        b"listingreason" | b"listing_reason" => Role::Reason,
        b"threat_type" | b"threat" => Role::Threat,
        b"confidence_level" | b"confidence" | b"malicious_confidence" | b"confidence_score" | b"abuseconfidencescore" => Role::Confidence,
        b"is_compromised" => Role::Compromised,
        b"to_ids" => Role::Detected,
        b"ioc_id" | b"id" => Role::Number,
        _ => return None,
    })
}

/// The longest name that counts.
pub(super) const NAME_BYTES_MAX: usize = 24;

/// A name in lower case, its words joined by underscores. Nothing if it is too long.
pub(super) fn in_one_spelling<'a>(name: &[u8], lower: &'a mut [u8; NAME_BYTES_MAX]) -> Option<&'a [u8]> {
    let lower = lower.get_mut(..name.len())?;
    for (to, from) in lower.iter_mut().zip(name) {
        *to = if b" -".contains(from) { b'_' } else { from.to_ascii_lowercase() };
    }
    Some(lower)
}

/// Which fields there are, and whose list they make it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape {
    roles: u64,
    /// Publishers whose spelling of a name there is, as bits.
    spellings: u8,
}

const SPELT_AS_THREATFOX: u8 = 1;
const SPELT_AS_FEODO: u8 = 2;
const SPELT_AS_SSLBL: u8 = 4;
const SPELT_AS_URLHAUS: u8 = 8;

impl Shape {
    /// Adds a field by its name.
    pub fn add(&mut self, role: Role, name: &[u8]) {
        self.roles |= 1 << role as u64;
        let mut lower = [0; NAME_BYTES_MAX];
        self.spellings |= match in_one_spelling(name, &mut lower).unwrap_or_default() {
            b"ioc_value" | b"ioc" => SPELT_AS_THREATFOX,
            b"dst_ip" | b"ip_address" => SPELT_AS_FEODO,
            b"dstip" | b"listingreason" | b"ja3_md5" => SPELT_AS_SSLBL,
            b"dateadded" | b"date_added" => SPELT_AS_URLHAUS,
            _ => 0,
        };
    }

    /// Adds the fields of another.
    pub fn join(&mut self, other: Shape) {
        self.roles |= other.roles;
        self.spellings |= other.spellings;
    }

    fn has(self, role: Role) -> bool {
        self.roles >> role as u64 & 1 == 1
    }

    /// Whether there is a value among the fields.
    pub fn has_value(self) -> bool {
        use Role::{Address, Digest, Domain, Indicator, Ja3, Md5, RangeEnd, RangeStart, Sha1, Sha256, Url};
        let values = [Indicator, Address, Domain, Url, Md5, Sha1, Sha256, Digest, Ja3];
        values.into_iter().any(|role| self.has(role)) || self.has(RangeStart) && self.has(RangeEnd)
    }

    /// Whether there is something beside a value: a lone word may be anything.
    pub fn is_list(self) -> bool {
        self.has_value() && self.roles.count_ones() > 1
    }

    /// Whose list it is: told by what the publisher alone calls a field, and by what stands beside it. Any other list is nobody's, and says nothing of
    /// what its values are used for but in words.
    pub fn format(self) -> Format {
        let spelt_as = |publisher: u8| self.spellings & publisher != 0;
        let has_place = [Role::Indicator, Role::Address, Role::Domain, Role::Url].into_iter().any(|role| self.has(role));
        if self.has(Role::Indicator) && self.has(Role::IndicatorType) && self.has(Role::Threat) && spelt_as(SPELT_AS_THREATFOX) {
            Format::Threatfox
        } else if spelt_as(SPELT_AS_SSLBL) && (self.has(Role::Reason) || self.has(Role::FirstSeen)) {
            Format::Sslbl
        } else if self.has(Role::Url) && (self.has(Role::Threat) || self.has(Role::Status)) && spelt_as(SPELT_AS_URLHAUS) {
            Format::Urlhaus
        } else if self.has(Role::Address) && self.has(Role::FirstSeen) && self.has(Role::FamilyCode) && spelt_as(SPELT_AS_FEODO) {
            Format::Feodo
        } else if self.has(Role::Sha256) && self.has(Role::FirstSeen) && !has_place {
            Format::MalwareBazaar
        } else {
            Format::Csv
        }
    }
}
