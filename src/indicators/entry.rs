//! What a list says of a value, in as little memory as two million of them ask for.

/// What an indicator names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// One address, perhaps with a port.
    Address,
    /// A network.
    Network,
    /// A host or domain name.
    Domain,
    Url,
    Md5,
    Sha1,
    Sha256,
    /// MD5 of a client's TLS hello, as JA3 has it.
    Ja3,
    /// SHA-1 of a server's certificate in DER.
    CertificateSha1,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Address => "address",
            Kind::Network => "network",
            Kind::Domain => "domain",
            Kind::Url => "url",
            Kind::Md5 => "md5",
            Kind::Sha1 => "sha1",
            Kind::Sha256 => "sha256",
            Kind::Ja3 => "ja3",
            Kind::CertificateSha1 => "certificate_sha1",
        }
    }
}

/// What its list says that a value is used for. In the order of how much it decides, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Usage {
    /// Something else than what follows: scanning, spam, a proxy.
    Other,
    /// The list does not say.
    Unspecified,
    /// A sample itself.
    Sample,
    /// Samples are delivered from here.
    Delivery,
    /// Controlled hosts report here.
    Controller,
    /// Held by defenders: whoever reports here is infected, and nobody controls it.
    Sinkhole,
}

impl Usage {
    pub fn name(self) -> &'static str {
        match self {
            Usage::Other => "other",
            Usage::Unspecified => "unspecified",
            Usage::Sample => "sample",
            Usage::Delivery => "delivery",
            Usage::Controller => "controller",
            Usage::Sinkhole => "sinkhole",
        }
    }

    /// Whether a value of this use can be a controller: what is listed as one, and what is listed without saying as what.
    pub fn may_control(self) -> bool {
        matches!(self, Usage::Controller | Usage::Unspecified)
    }
}

/// A value that a list has, with what the list says of it. [`super::Indicators`] has the texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hit {
    pub kind: Kind,
    pub usage: Usage,
    /// The list's place among all: [`super::Indicators::list`].
    pub list: u16,
    /// The only port that is meant, if one is.
    pub port: Option<u16>,
    /// How sure the list is, 0 to 100, if it says.
    pub confidence: Option<u8>,
    /// The value belongs to a victim whose machine is abused.
    pub compromised: bool,
    /// Of a network, the length of its prefix; of a domain, the bytes of the listed name; else 0.
    pub extent: u8,
    /// The family's place among all: [`super::Indicators::family`].
    pub(super) family: u32,
    /// The list's own number of the entry, or its line.
    pub number: u32,
    /// First and last second of event time for which it holds.
    pub from_s: u32,
    pub until_s: u32,
}

impl Hit {
    /// Whether it holds at this second of event time.
    pub fn holds_at(&self, event_s: u32) -> bool {
        (self.from_s..=self.until_s).contains(&event_s)
    }

    /// Of two that hold, the one to name is the greater: what decides more, names its port, is surer, was listed earlier.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        (
            self.usage,
            self.port.is_some(),
            std::cmp::Reverse(self.kind),
            self.extent,
            self.confidence,
            std::cmp::Reverse((self.list, self.number)),
        )
    }
}

/// What many entries have in common; kept once. What differs from value to value, such as a port, is none of it: there would be as many tags as entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Tag {
    pub kind: Kind,
    pub usage: Usage,
    pub list: u16,
    pub confidence: Option<u8>,
    pub compromised: bool,
    /// The name's subdomains are meant too.
    pub subdomains: bool,
    pub family: u32,
}

/// A value in a table. Of longer digests it has 128 bits: to find another value with the same ones, an attacker has to
/// try 2^127.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    /// In halves, the leading one first: a `u128` would round the size up to 48 bytes.
    key: [u64; 2],
    /// Its place among the tags.
    pub tag: u32,
    pub number: u32,
    pub from_s: u32,
    pub until_s: u32,
    /// The only port that is meant; 0 if none is.
    port: u16,
    /// As in [`Hit`].
    pub extent: u8,
}

const _: () = assert!(size_of::<Entry>() == 40);

impl Entry {
    /// An entry that always holds.
    pub fn new(key: u128, tag: u32, number: u32) -> Self {
        Entry { key: [(key >> 64) as u64, key as u64], tag, number, from_s: 0, until_s: u32::MAX, port: 0, extent: 0 }
    }

    #[inline]
    pub fn key(&self) -> u128 {
        u128::from(self.key[0]) << 64 | u128::from(self.key[1])
    }

    /// Port 0 is none: nothing listens there.
    pub fn with_port(self, port: Option<u16>) -> Self {
        Entry { port: port.unwrap_or(0), ..self }
    }

    pub fn port(&self) -> Option<u16> {
        (self.port != 0).then_some(self.port)
    }
}
