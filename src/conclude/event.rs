//! One attack with a beginning and an end.

use serde::{Serialize, Serializer};

use super::evidence::Excerpt;
use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::keyed::Keyed;

/// A name that is a function of what the event is: the same capture gives the same names, whatever the key of live traffic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct EventId(u64);

impl EventId {
    /// Of kind, source, target, start and what else tells two events apart (a method, a protocol).
    pub fn of(kind: &str, source: Addr, target: Addr, start_ns: u64, what: &str) -> Self {
        let keyed = Keyed::fixed();
        let mut id = keyed.pair(source, target, start_ns);
        for byte in kind.bytes().chain([0]).chain(what.bytes()) {
            id = keyed.words(u128::from(id), u64::from(byte));
        }
        EventId(id)
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether an event goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ongoing,
    Ended,
}

/// One attack, as far as it is known.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    /// A `kind` of the record contract.
    pub kind: &'static str,
    pub state: State,
    pub start_ns: u64,
    pub end_ns: u64,
    /// Where one source did it.
    pub source: Option<Addr>,
    pub source_country: Country,
    pub target: Option<Addr>,
    pub target_port: Option<u16>,
    pub transport: &'static str,
    pub protocol: Option<&'static str>,
    pub direction: Direction,
    pub attribution: Attribution,
    pub benign: Option<String>,
    /// The label of the point of entry, where it is one.
    pub entry: Option<String>,
    pub packets: u64,
    pub bytes: u64,
    pub detail: Detail,
}

/// What ECS has no name for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    Flood(crate::detect::flood::FloodDetail),
    Backscatter(crate::detect::backscatter::BackscatterDetail),
    Scan(crate::detect::scan::ScanDetail),
    Ics(crate::detect::ics::IcsDetail),
    Webshell(crate::detect::webshell::WebshellDetail),
    Malware(Box<crate::detect::malware::MalwareDetail>),
    C2(Box<crate::detect::c2::C2Detail>),
}

impl Detail {
    /// What identified the attack, where evidence is kept.
    pub fn evidence(&self) -> Option<&Excerpt> {
        match self {
            Detail::Webshell(webshell) => webshell.evidence.as_ref(),
            Detail::Malware(malware) => malware.evidence.as_ref(),
            Detail::C2(c2) => c2.evidence.as_ref(),
            Detail::Flood(_) | Detail::Backscatter(_) | Detail::Scan(_) | Detail::Ics(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_function_of_what_the_event_is() {
        let id = |kind, start| EventId::of(kind, Addr::v4(1), Addr::v4(2), start, "syn");
        assert_eq!(id("scan", 5), id("scan", 5));
        assert_ne!(id("scan", 5), id("scan", 6));
        assert_ne!(id("scan", 5), id("syn_flood", 5));
        assert_eq!(id("scan", 5).to_string().len(), 16);
    }
}
