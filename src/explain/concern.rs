//! Which frames an event is about, by nothing but its record.

use serde_json::Value;

use crate::addr::Addr;
use crate::attribute::Network;
use crate::decode::{Header, Transport, flags, marks};
use crate::detect::flood::{flags_method, reflector_name};
use crate::dispatch::{quoted, site};

/// What a frame must look like to concern an event.
#[derive(Debug)]
pub struct Concern {
    start_ns: u64,
    end_ns: u64,
    source: Option<Addr>,
    target: Option<Addr>,
    /// Of a flood over a block of addresses: the block.
    block: Option<Network>,
    /// Ports of the side that was called; none: any.
    ports: Vec<u16>,
    transport: Option<Transport>,
    part: Part,
}

/// Which part of the traffic between the ends.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// What the target gets by a flood's method.
    Flood { method: String, protocol: Option<String> },
    /// Unasked answers of the source, and errors about packets to it.
    Answers,
    /// First packets of whoever it is towards the ports.
    Openings,
    /// Both directions of what source and target have with each other.
    Both,
}

/// Nanoseconds that records do not have: their times are cut to microseconds.
const CUT_NS: u64 = 999;

impl Concern {
    /// Of an event's record.
    pub fn of(event: &Value) -> Concern {
        let own = &event["wherefrom"];
        let addr = |end: &str| event[end]["ip"].as_str().and_then(|text| text.parse::<Addr>().ok());
        let (source, target) = (addr("source"), addr("destination"));
        let port = event["destination"]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let named = |value: &Value| value.as_str().map(str::to_string);
        let part = if let Some(flood) = own.get("flood") {
            Part::Flood { method: named(&flood["method"]).unwrap_or_default(), protocol: named(&flood["reflector_protocol"]) }
        } else if own.get("backscatter").is_some() {
            Part::Answers
        } else if source.is_none() {
            Part::Openings
        } else {
            Part::Both
        };
        // A scan of many sources says its ports in full; a flood's and a scan's port is only the commonest.
        let ports = match (&part, own["scan"]["ports"].as_object()) {
            (Part::Openings, Some(ports)) => {
                ports.keys().filter_map(|name| name.rsplit_once('/').and_then(|(_, port)| port.parse().ok())).collect()
            }
            (Part::Openings | Part::Both, _) if own.get("scan").is_none() || source.is_none() => port.into_iter().collect(),
            _ => Vec::new(),
        };
        Concern {
            start_ns: time_ns(&event["event"]["start"]),
            end_ns: time_ns(&event["event"]["end"]).saturating_add(CUT_NS),
            source,
            target,
            block: own["flood"]["network"].as_str().and_then(|text| text.parse().ok()),
            ports,
            transport: match event["network"]["transport"].as_str() {
                Some("tcp") => Some(Transport::Tcp),
                Some("udp") => Some(Transport::Udp),
                Some("icmp") => Some(Transport::Icmp),
                Some("sctp") => Some(Transport::Sctp),
                Some("ethernet") => Some(Transport::Link),
                _ => None,
            },
            part,
        }
    }

    /// Whether a packet concerns the event.
    pub fn holds(&self, time_ns: u64, header: &Header, payload: &[u8]) -> bool {
        if !(self.start_ns..=self.end_ns).contains(&time_ns) {
            return false;
        }
        let is_source = |addr: Addr| self.source.is_none_or(|source| site(source) == site(addr));
        let is_target = |addr: Addr| self.target.is_none_or(|target| target == addr) && self.block.is_none_or(|block| block.contains(addr));
        let is_port = |port: u16| self.ports.is_empty() || self.ports.contains(&port);
        // An ICMP error concerns whom the packet that it quotes concerned.
        if let Some(quote) = quoted(header, payload) {
            let transport = self.transport.is_none_or(|transport| transport == quote.transport || transport == Transport::Icmp);
            return match self.part {
                Part::Answers => is_source(quote.target),
                Part::Both => transport && is_source(quote.source) && is_target(quote.target) && is_port(quote.target_port),
                Part::Flood { .. } | Part::Openings => false,
            };
        }
        let transport = self.transport.is_none_or(|transport| transport == header.transport);
        match &self.part {
            Part::Flood { method, protocol } => {
                transport && is_source(header.source) && is_target(header.target) && by_method(method, protocol.as_deref(), header)
            }
            Part::Answers => is_source(header.source) && !is_opening(header),
            Part::Openings => transport && is_target(header.target) && is_port(header.target_port) && is_opening(header),
            Part::Both => {
                let there = is_source(header.source) && is_target(header.target) && is_port(header.target_port);
                let back = is_source(header.target) && is_target(header.source) && is_port(header.source_port);
                transport && (there || back)
            }
        }
    }
}

/// A TCP segment that opens or that no stack sends to open; any datagram.
fn is_opening(header: &Header) -> bool {
    header.transport != Transport::Tcp
        || header.tcp_flags & (flags::SYN | flags::ACK) != flags::SYN | flags::ACK && header.tcp_flags & flags::RST == 0
}

/// Whether a packet is of the kind that a flood by this method is made of, as far as the packet alone tells.
fn by_method(method: &str, protocol: Option<&str>, header: &Header) -> bool {
    let later = header.has(marks::LATER_FRAGMENT);
    match (method, protocol) {
        (_, Some(protocol)) => later || reflector_name(header.source_port) == Some(protocol),
        ("fragment", _) => later,
        ("udp" | "icmp", _) => !later,
        (method, _) => !later && flags_method(header) == method,
    }
}

/// A record's time in nanoseconds since the epoch.
fn time_ns(text: &Value) -> u64 {
    let time = text.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_NS: u64 = 1_777_593_603_000_000_000;

    fn event(action: &str, source: Option<&str>, own: Value) -> Value {
        serde_json::json!({
            "event": {"action": action, "start": "2026-05-01T00:00:00.000000Z", "end": "2026-05-01T00:00:09.000000Z"},
            "source": {"ip": source}, "destination": {"ip": "202.112.10.5", "port": 80},
            "network": {"transport": "tcp"}, "wherefrom": own,
        })
    }

    fn segment(source: &str, target: &str, set: u8) -> Header {
        let mut header = Header::between(source.parse().unwrap(), target.parse().unwrap(), Transport::Tcp);
        (header.source_port, header.target_port, header.tcp_flags) = (4000, 80, set);
        header
    }

    #[test]
    fn a_flood_is_what_comes_by_its_method() {
        let concern = Concern::of(&event("syn_flood", None, serde_json::json!({"flood": {"method": "syn"}})));
        assert!(concern.holds(AT_NS, &segment("18.9.22.20", "202.112.10.5", flags::SYN), &[]));
        assert!(!concern.holds(AT_NS, &segment("18.9.22.20", "202.112.10.5", flags::ACK), &[]));
        assert!(!concern.holds(AT_NS, &segment("202.112.10.5", "18.9.22.20", flags::SYN), &[]));
        assert!(!concern.holds(AT_NS + 60_000_000_000, &segment("18.9.22.20", "202.112.10.5", flags::SYN), &[]));
    }

    #[test]
    fn a_scan_is_both_directions_of_its_source() {
        let concern = Concern::of(&event("scan", Some("18.9.22.20"), serde_json::json!({"scan": {"ports": {"tcp/23": 1, "tcp/80": 9}}})));
        assert!(concern.holds(AT_NS, &segment("18.9.22.20", "202.112.10.5", flags::SYN), &[]));
        assert!(concern.holds(AT_NS, &segment("202.112.10.5", "18.9.22.20", flags::RST), &[]));
        assert!(!concern.holds(AT_NS, &segment("18.9.22.21", "202.112.10.5", flags::SYN), &[]));
    }

    #[test]
    fn a_kind_that_nobody_thought_of_is_what_its_ends_say_to_each_other() {
        let concern = Concern::of(&event("novelty", Some("18.9.22.20"), serde_json::json!({"novelty": {}})));
        let mut answer = segment("202.112.10.5", "18.9.22.20", flags::ACK);
        (answer.source_port, answer.target_port) = (80, 4000);
        assert!(concern.holds(AT_NS, &answer, b"hello"));
        answer.source_port = 81;
        assert!(!concern.holds(AT_NS, &answer, b"hello"));
    }
}
