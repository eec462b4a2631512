//! The frames of a capture that concern an event: how many, and the ones worth a look.

use std::collections::VecDeque;

use serde::Serialize;

use super::concern::Concern;
use crate::decode::{self, Header, Transport, flags, marks};
use crate::report::Time;
use crate::source::{Files, Frame, SourceError};

/// Frames shown from the event's beginning.
const FIRST: usize = 8;
/// Frames shown of those that came last before the decision.
const DECIDING: usize = 8;
/// Frames shown from the event's end.
const LAST: usize = 4;
/// Payload bytes shown of a frame.
const PAYLOAD_SHOWN: usize = 24;

/// The frames that concern an event.
#[derive(Debug, Default, Serialize)]
pub struct Packets {
    /// Frames read.
    pub frames: u64,
    /// Of these, frames that concern the event.
    pub concern: u64,
    /// Of these, frames that had come when it was decided; all where that is not known.
    pub before_decision: u64,
    pub first: Vec<Shown>,
    pub deciding: Vec<Shown>,
    pub last: Vec<Shown>,
}

/// One frame in short.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Its number among all frames read, from 1: as other programs number them where there is one file.
    pub frame: u64,
    pub time: Time,
    pub text: String,
}

impl Packets {
    /// Reads every frame and keeps those that concern the event.
    pub fn read(mut files: Files, concern: &Concern, decided: Option<Time>) -> Result<Packets, SourceError> {
        let mut packets = Packets::default();
        let (mut deciding, mut last) = (VecDeque::new(), VecDeque::new());
        loop {
            let (number, shown) = {
                let Some(frame) = files.next_frame()? else { break };
                packets.frames += 1;
                (packets.frames, look(&frame, concern))
            };
            // Frames that a filter refused have numbers too.
            let number = number + files.filtered();
            let Some((time_ns, text)) = shown else { continue };
            let shown = Shown { frame: number, time: Time(time_ns), text };
            packets.concern += 1;
            let before = decided.is_none_or(|by| time_ns < by.0);
            packets.before_decision += u64::from(before);
            if packets.first.len() < FIRST {
                packets.first.push(shown);
            } else if before {
                keep(&mut deciding, shown, DECIDING);
            } else {
                keep(&mut last, shown, LAST);
            }
        }
        (packets.deciding, packets.last) = (deciding.into(), last.into());
        Ok(packets)
    }
}

fn keep(into: &mut VecDeque<Shown>, shown: Shown, most: usize) {
    if into.len() == most {
        into.pop_front();
    }
    into.push_back(shown);
}

fn look(frame: &Frame<'_>, concern: &Concern) -> Option<(u64, String)> {
    let header = decode::decode(frame.link, frame.bytes, frame.wire_bytes).ok()?;
    let at = usize::from(header.payload_offset);
    let payload = frame.bytes.get(at..at + usize::from(header.payload_bytes)).unwrap_or_default();
    concern.holds(frame.time_ns, &header, payload).then(|| (frame.time_ns, describe(&header, payload, frame.wire_bytes)))
}

/// A packet in one line. What an attacker sent is escaped.
fn describe(header: &Header, payload: &[u8], wire_bytes: u32) -> String {
    let ends = |port: u16, addr: crate::addr::Addr| if addr.is_v4() { format!("{addr}:{port}") } else { format!("[{addr}]:{port}") };
    let has_ports = matches!(header.transport, Transport::Tcp | Transport::Udp | Transport::Sctp) && !header.has(marks::LATER_FRAGMENT);
    let station = |addr: crate::addr::Addr| addr.mac().unwrap_or_else(|| addr.to_string());
    let mut text = if header.transport == Transport::Link {
        format!("{} > {}", station(header.source), station(header.target))
    } else if has_ports {
        format!("{} > {}", ends(header.source_port, header.source), ends(header.target_port, header.target))
    } else {
        format!("{} > {}", header.source, header.target)
    };
    text += &match header.transport {
        _ if header.has(marks::LATER_FRAGMENT) => " later fragment".into(),
        Transport::Tcp => format!(" tcp {} seq {} ack {} win {}", flag_names(header.tcp_flags), header.seq, header.ack, header.window),
        Transport::Udp => " udp".to_string(),
        Transport::Sctp => " sctp".into(),
        Transport::Icmp => format!(" icmp type {} code {}", header.icmp_type, header.icmp_code),
        Transport::Other => format!(" protocol {}", header.protocol),
        Transport::Link => format!(" ethertype {:04x}", header.target_port),
    };
    if header.transport != Transport::Link {
        text += &format!(" ttl {}", header.ttl);
    }
    if header.source.is_v4() {
        text += &format!(" id {}", header.ip_id);
    }
    if header.vlan != 0 {
        text += &format!(" vlan {}", header.vlan);
    }
    text += &format!(", {wire_bytes} bytes");
    if !payload.is_empty() {
        let more = if payload.len() > PAYLOAD_SHOWN { "…" } else { "" };
        text += &format!(": \"{}{more}\"", payload[..payload.len().min(PAYLOAD_SHOWN)].escape_ascii());
    }
    text
}

fn flag_names(set: u8) -> String {
    const NAMES: [(u8, &str); 6] =
        [(flags::FIN, "FIN"), (flags::SYN, "SYN"), (flags::RST, "RST"), (flags::PSH, "PSH"), (flags::ACK, "ACK"), (flags::URG, "URG")];
    let names: Vec<&str> = NAMES.iter().filter(|(flag, _)| set & flag != 0).map(|&(_, name)| name).collect();
    if names.is_empty() { "no flags".into() } else { names.join("+") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;

    #[test]
    fn what_was_sent_reaches_nobody_unescaped() {
        let header = Header::between(Addr::v4(1), Addr::v4(2), Transport::Udp);
        let text = describe(&header, b"\x1b[2Jhello\r\n\xff", 60);
        assert!(text.contains(r"\x1b[2Jhello\r\n\xff") && text.chars().all(|letter| !letter.is_control()), "{text}");
    }

    #[test]
    fn flags_have_their_names() {
        assert_eq!(flag_names(flags::SYN | flags::ACK), "SYN+ACK");
        assert_eq!(flag_names(0), "no flags");
    }
}
