//! KNXnet/IP (ISO 22510, EN 13321-2). Header, big-endian: size 06, version 10, service u16, total length u16. Tunnelled telegrams are
//! cEMI frames (KNX Standard 03/06/03): message code u8, additional information, control fields, addresses, TPCI and APCI.

use super::fields::{self, Fit, be16};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, DISCLOSED_MAX, Disclosed, Form, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(3671), tcp(3671)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[0x06, 0x10]]),
    sector: "buildings",
    parse,
};

const NAME: &str = "knxnet-ip";

/// The header's size, which its first byte repeats.
const HEADER_BYTES: usize = 6;
/// The connection header of device configuration and tunnelling: size, channel, sequence, status.
const CONNECTION_BYTES: usize = 4;

const ROUTING_INDICATION: u16 = 0x0530;

const DATA_REQUEST: u8 = 0x11;
const DATA_INDICATION: u8 = 0x29;
const RAW_OR_MONITOR_INDICATION: u8 = 0x2b;
const DATA_CONFIRMATION: u8 = 0x2e;
const RAW_CONFIRMATION: u8 = 0x2f;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    frame(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    if bytes.first().is_some_and(|b| *b != 0x06) || bytes.get(1).is_some_and(|b| *b != 0x10) {
        return Some(Verdict::No);
    }
    let service = be16(bytes, 2)?;
    let total = usize::from(be16(bytes, 4)?);
    let fit = fields::fit(total, bytes, context);
    // Off the port two bytes and a service are too little to believe a length whose end is not there.
    if total < HEADER_BYTES || fit == Fit::Wrong || (fit == Fit::Begun && !context.on_port) || context.transport == Transport::Other {
        return Some(Verdict::No);
    }
    let line = functions::grade(SERVICES, service.into());
    let request = |(intent, name)| Message::request(NAME, total, intent, name, service.into());
    let answer = |(_, name)| Message::answer(NAME, total, name, service.into());
    Some(Verdict::Message(match service {
        0x0201 | 0x0203 | 0x0205 | 0x0207 | 0x0209 | 0x020b => {
            if !control_endpoint(bytes, service)? {
                return Some(Verdict::No);
            }
            request(line)
        }
        0x0202 | 0x0204 | 0x0206 | 0x0208 | 0x020a | 0x020c => {
            if fit == Fit::Begun {
                return None;
            }
            Message { error: refused(bytes, service), disclosed: device(bytes, service), ..answer(line) }
        }
        0x0310 | 0x0420 => {
            if *bytes.get(HEADER_BYTES)? != CONNECTION_BYTES as u8 {
                return Some(Verdict::No);
            }
            telegram(bytes, HEADER_BYTES + CONNECTION_BYTES, total, service)?
        }
        ROUTING_INDICATION => telegram(bytes, HEADER_BYTES, total, service)?,
        // Either end acknowledges what the other sent.
        0x0311 | 0x0421 => {
            if total != HEADER_BYTES + CONNECTION_BYTES || *bytes.get(HEADER_BYTES)? != CONNECTION_BYTES as u8 {
                return Some(Verdict::No);
            }
            let message = if fields::from_server(context) { answer(line) } else { request(line) };
            Message { role: Role::Either, ..message }
        }
        0x0423 | 0x0425 | 0x0741 | 0x0952 | 0x0954 => answer(line),
        _ if line.1.is_empty() => return Some(Verdict::No),
        _ => request(line),
    }))
}

/// Whether the endpoint that follows the header (of a connection's channel: after channel and status) is one: size 8, UDP or TCP.
fn control_endpoint(bytes: &[u8], service: u16) -> Option<bool> {
    let at = if matches!(service, 0x0207 | 0x0209) { HEADER_BYTES + 2 } else { HEADER_BYTES };
    Some(matches!((bytes.get(at)?, bytes.get(at + 1)?), (8, 1 | 2)))
}

/// Whether a response carries an error status (KNX Standard 03/08/02, `E_NO_ERROR` = 0).
fn refused(bytes: &[u8], service: u16) -> bool {
    matches!(service, 0x0206 | 0x0208 | 0x020a) && bytes.get(HEADER_BYTES + 1).is_some_and(|status| *status != 0)
}

/// What the device information block (size 36, type 01) tells: serial number (six binary bytes) and friendly name (30 bytes, ISO 8859-1).
fn device(bytes: &[u8], service: u16) -> [Disclosed; DISCLOSED_MAX] {
    let at = match service {
        0x0204 => HEADER_BYTES,
        0x0202 | 0x020c => HEADER_BYTES + 8,
        _ => return Default::default(),
    };
    let mut disclosed = [Disclosed::default(); DISCLOSED_MAX];
    if bytes.get(at..at + 54).is_some_and(|block| block.starts_with(&[54, 1])) {
        disclosed[0] = text("name", bytes, at + 24, 30);
        disclosed[1] = Disclosed { form: Form::Hex, field: "serial", offset: (at + 8) as u16, bytes: 6 };
    }
    disclosed
}

/// A cEMI frame at `at`. A client asks (`.req`), a server confirms and indicates; on the multicast group (routing) everybody indicates.
fn telegram(bytes: &[u8], at: usize, total: usize, service: u16) -> Option<Message> {
    let message_code = *bytes.get(at)?;
    let code = |low: u16| u32::from(service) << 16 | u32::from(low);
    let (name, intent, code) = match message_code {
        DATA_REQUEST | DATA_INDICATION | DATA_CONFIRMATION => {
            let link = at + 2 + usize::from(*bytes.get(at + 1)?);
            // Control fields and addresses take six bytes; then the length, TPCI with the two high bits of APCI, and the rest of APCI.
            if *bytes.get(link + 6)? == 0 {
                ("transport-connection", Identify, code(message_code.into()))
            } else {
                let application = application(be16(bytes, link + 7)?);
                let (intent, name) = functions::grade(APPLICATION_SERVICES, application.into());
                (name, intent, code(application))
            }
        }
        0xf0..=0xff => {
            let (intent, name) = functions::grade(PROPERTY_SERVICES, message_code.into());
            (name, intent, code(message_code.into()))
        }
        _ => ("telegram", Read, code(message_code.into())),
    };
    let from_server = match message_code {
        DATA_INDICATION | RAW_OR_MONITOR_INDICATION | DATA_CONFIRMATION | RAW_CONFIRMATION => service != ROUTING_INDICATION,
        // Reset, property and function indications and confirmations.
        0xf0 | 0xf2..=0xf5 | 0xf7 | 0xfa | 0xfb => true,
        _ => false,
    };
    Some(if from_server { Message::answer(NAME, total, name, code) } else { Message::request(NAME, total, intent, name, code) })
}

/// The application control field without the bits that carry small values: four bits, or all ten of the extended and of the user codes
/// (KNX Standard 03/03/07).
fn application(tpci_apci: u16) -> u16 {
    let all = tpci_apci & 0x03ff;
    match all & 0x03c0 {
        0x02c0 | 0x03c0 => all,
        four_bits => four_bits,
    }
}

const SERVICES: &[Line] = &[
    (0x0201, Identify, "search"),
    (0x0202, Identify, "search"),
    (0x0203, Identify, "description"),
    (0x0204, Identify, "description"),
    (0x0205, Read, "connect"),
    (0x0206, Read, "connect"),
    (0x0207, Identify, "connection-state"),
    (0x0208, Identify, "connection-state"),
    (0x0209, Identify, "disconnect"),
    (0x020a, Identify, "disconnect"),
    (0x020b, Identify, "search-extended"),
    (0x020c, Identify, "search-extended"),
    (0x0311, Identify, "device-configuration-ack"),
    (0x0421, Identify, "tunnelling-ack"),
    (0x0422, Read, "feature-get"),
    (0x0423, Read, "feature-get"),
    (0x0424, Write, "feature-set"),
    (0x0425, Read, "feature-info"),
    (0x0531, Identify, "routing-lost"),
    (0x0532, Identify, "routing-busy"),
    (0x0533, Write, "system-broadcast"),
    (0x0740, Identify, "remote-diagnostic"),
    (0x0741, Identify, "remote-diagnostic"),
    (0x0742, Control, "remote-configuration"),
    (0x0743, Control, "remote-reset"),
    (0x0950, Read, "secure-wrapper"),
    (0x0951, Identify, "secure-session"),
    (0x0952, Identify, "secure-session"),
    (0x0953, Identify, "secure-session"),
    (0x0954, Identify, "secure-session-status"),
    (0x0955, Identify, "secure-timer"),
];

const PROPERTY_SERVICES: &[Line] = &[
    (0xf0, Control, "reset"),
    (0xf5, Control, "prop-write"),
    (0xfa, Control, "func-prop"),
    (0xfb, Read, "prop-read"),
    (0xf1, Control, "reset"),
    (0xf6, Control, "prop-write"),
    (0xf8, Control, "func-prop"),
    (0xf9, Read, "func-prop-state"),
    (0xfc, Read, "prop-read"),
];

const APPLICATION_SERVICES: &[Line] = &[
    (0x000, Read, "group-read"),
    (0x040, Read, "group-response"),
    (0x080, Write, "group-write"),
    (0x0c0, Control, "individual-address-write"),
    (0x100, Read, "individual-address-read"),
    (0x140, Read, "individual-address-response"),
    (0x180, Read, "adc-read"),
    (0x1c0, Read, "adc-response"),
    (0x200, Read, "memory-read"),
    (0x240, Read, "memory-response"),
    (0x280, Control, "memory-write"),
    (0x2c0, Read, "user-memory-read"),
    (0x2c2, Control, "user-memory-write"),
    (0x300, Identify, "device-descriptor-read"),
    (0x340, Identify, "device-descriptor-response"),
    (0x380, Control, "restart"),
    (0x3d1, Control, "authorize"),
    (0x3d3, Control, "key-write"),
    (0x3d5, Read, "property-value-read"),
    (0x3d6, Read, "property-value-response"),
    (0x3d7, Control, "property-value-write"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Sender};
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics, on_port, told};
    use super::*;

    const SEARCH: &str = "06100201000e0801c0a800010e57";
    const GROUP_WRITE: &str = "061004200015040100001100bce000000901010081";

    fn description() -> Vec<u8> {
        let mut name = b"Heating, ground floor".to_vec();
        name.resize(30, 0);
        [hex("061002040044 3601 0200 1101 0000 00c5010203aa e000170c 000e8c010203"), name, hex("0802020104010501")].concat()
    }

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(sample), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn services_are_graded() {
        assert_eq!(grade(SEARCH), (Role::Request, Intent::Identify, "search"));
        assert_eq!(grade("06100203000e0801c0a800010e57"), (Role::Request, Intent::Identify, "description"));
        assert_eq!(grade("06100205001a0801c0a800010e570801c0a800010e5704040200"), (Role::Request, Intent::Read, "connect"));
        assert_eq!(grade("061007430006"), (Role::Request, Intent::Control, "remote-reset"));
    }

    #[test]
    fn telegrams_are_graded_by_their_application_service() {
        assert_eq!(grade(GROUP_WRITE), (Role::Request, Intent::Write, "group-write"));
        assert_eq!(grade("061004200015040100001100bce000000901010000"), (Role::Request, Intent::Read, "group-read"));
        assert_eq!(grade("061004200015040100001100bce000000901010380"), (Role::Request, Intent::Control, "restart"));
        assert_eq!(grade("061004200015040100002900bce000000901010081"), (Role::Answer, Intent::Connect, "group-write"));
        assert_eq!(grade("0610053000112900bce000000901010081"), (Role::Request, Intent::Write, "group-write"));
        assert_eq!(grade("06100310001104010000fc000001531001"), (Role::Request, Intent::Read, "prop-read"));
        assert_eq!(grade("06100310001104010000f6000001531001"), (Role::Request, Intent::Control, "prop-write"));
        assert_eq!(grade("06100310001104010000fb000001531001"), (Role::Answer, Intent::Connect, "prop-read"));
    }

    #[test]
    fn a_description_names_the_device() {
        let bytes = description();
        let found = message(&PROTOCOL, &bytes, datagram(Sender::Server));
        assert_eq!((found.role, found.bytes), (Role::Answer, bytes.len()));
        assert_eq!(told(&found, &bytes, "name"), "Heating, ground floor");
    }

    #[test]
    fn a_search_response_names_the_device_behind_its_endpoint() {
        let described = description();
        let bytes = [&hex("06100202 004c 0801 c0a80002 0e57")[..], &described[HEADER_BYTES..]].concat();
        let found = message(&PROTOCOL, &bytes, datagram(Sender::Unknown));
        assert_eq!((found.role, found.function.name), (Role::Answer, "search"));
        assert_eq!(told(&found, &bytes, "name"), "Heating, ground floor");
    }

    #[test]
    fn an_acknowledgement_goes_either_way() {
        let ack = hex("06100421000a04010000");
        assert_eq!(message(&PROTOCOL, &ack, datagram(Sender::Server)).intent, Intent::Connect);
        let sent_by_client = message(&PROTOCOL, &ack, datagram(Sender::Client));
        assert_eq!((sent_by_client.role, sent_by_client.intent), (Role::Either, Intent::Identify));
    }

    #[test]
    fn a_refused_connection_is_an_error() {
        assert!(message(&PROTOCOL, &hex("0610020600080024"), datagram(Sender::Unknown)).error);
    }

    #[test]
    fn wrong_length_service_or_endpoint_is_refused() {
        for near in ["06100201000f0801c0a800010e57", "06100299000e0801c0a800010e57", "06100201000e0803c0a800010e57"] {
            assert_eq!(parse(&hex(near), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex("06100201"), &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[SEARCH, GROUP_WRITE, "06100310001104010000fc000001531001", "06100206000800240801"]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
