//! BACnet/IP (ANSI/ASHRAE 135, Annex J): BVLC frame, NPDU (clause 6), APDU (clause 20).

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Port, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use super::text;

/// The registered port and the fifteen after it, which installations with several networks use; scanners also try TCP.
const PORTS: &[Port] = &[
    udp(47808),
    udp(47809),
    udp(47810),
    udp(47811),
    udp(47812),
    udp(47813),
    udp(47814),
    udp(47815),
    udp(47816),
    udp(47817),
    udp(47818),
    udp(47819),
    udp(47820),
    udp(47821),
    udp(47822),
    udp(47823),
    tcp(47808),
];

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: PORTS,
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[
        &[TYPE, 0x00],
        &[TYPE, 0x01],
        &[TYPE, 0x02],
        &[TYPE, 0x03],
        &[TYPE, 0x04],
        &[TYPE, 0x05],
        &[TYPE, 0x06],
        &[TYPE, 0x07],
        &[TYPE, 0x08],
        &[TYPE, 0x09],
        &[TYPE, 0x0a],
        &[TYPE, 0x0b],
        &[TYPE, 0x0c],
    ]),
    sector: "buildings",
    parse,
};

const NAME: &str = "bacnet";

/// BVLC type: BACnet/IP (Annex J.2).
const TYPE: u8 = 0x81;
/// The longest BVLC frame: an APDU of 1,476 bytes with its headers fits one Ethernet frame (clause 6, table 6-1).
const FRAME_BYTES_MAX: usize = 1_500;
/// Left in the conversation's memory by every message: what follows need not prove the protocol again.
const KNOWN: u16 = 1;

/// The first part of a function's code: which table its second part belongs to.
const CONFIRMED: u32 = 0x0000_0000;
const UNCONFIRMED: u32 = 0x0001_0000;
const NETWORK: u32 = 0x0002_0000;
const LINK: u32 = 0x0003_0000;

const READ_PROPERTY: u32 = CONFIRMED | 12;
const READ_PROPERTY_MULTIPLE: u32 = CONFIRMED | 14;
const I_AM: u32 = UNCONFIRMED;
const I_HAVE: u32 = UNCONFIRMED | 1;

/// Clause 21, BACnetConfirmedServiceChoice and BACnetUnconfirmedServiceChoice; clause 6.4; Annex J.2.
const FUNCTIONS: &[Line] = &[
    (CONFIRMED, Write, "acknowledge-alarm"),
    (CONFIRMED | 1, Read, "confirmed-cov-notification"),
    (CONFIRMED | 2, Read, "confirmed-event-notification"),
    (CONFIRMED | 3, Read, "get-alarm-summary"),
    (CONFIRMED | 4, Read, "get-enrollment-summary"),
    (CONFIRMED | 5, Read, "subscribe-cov"),
    (CONFIRMED | 6, Control, "atomic-read-file"),
    (CONFIRMED | 7, Control, "atomic-write-file"),
    (CONFIRMED | 8, Write, "add-list-element"),
    (CONFIRMED | 9, Write, "remove-list-element"),
    (CONFIRMED | 10, Control, "create-object"),
    (CONFIRMED | 11, Control, "delete-object"),
    (READ_PROPERTY, Read, "read-property"),
    (CONFIRMED | 13, Read, "read-property-conditional"),
    (READ_PROPERTY_MULTIPLE, Read, "read-property-multiple"),
    (CONFIRMED | 15, Write, "write-property"),
    (CONFIRMED | 16, Write, "write-property-multiple"),
    (CONFIRMED | 17, Control, "device-communication-control"),
    (CONFIRMED | 18, Write, "private-transfer"),
    (CONFIRMED | 19, Write, "text-message"),
    (CONFIRMED | 20, Control, "reinitialize-device"),
    (CONFIRMED | 21, Control, "vt-open"),
    (CONFIRMED | 22, Control, "vt-close"),
    (CONFIRMED | 23, Control, "vt-data"),
    (CONFIRMED | 24, Control, "authenticate"),
    (CONFIRMED | 25, Control, "request-key"),
    (CONFIRMED | 26, Read, "read-range"),
    (CONFIRMED | 27, Write, "life-safety-operation"),
    (CONFIRMED | 28, Read, "subscribe-cov-property"),
    (CONFIRMED | 29, Read, "get-event-information"),
    (CONFIRMED | 30, Read, "subscribe-cov-property-multiple"),
    (CONFIRMED | 31, Read, "confirmed-cov-notification-multiple"),
    (CONFIRMED | 32, Read, "confirmed-audit-notification"),
    (CONFIRMED | 33, Read, "audit-log-query"),
    (I_AM, Identify, "i-am"),
    (I_HAVE, Identify, "i-have"),
    (UNCONFIRMED | 2, Write, "unconfirmed-cov-notification"),
    (UNCONFIRMED | 3, Write, "unconfirmed-event-notification"),
    (UNCONFIRMED | 4, Write, "unconfirmed-private-transfer"),
    (UNCONFIRMED | 5, Write, "unconfirmed-text-message"),
    (UNCONFIRMED | 6, Control, "time-synchronization"),
    (UNCONFIRMED | 7, Identify, "who-has"),
    (UNCONFIRMED | 8, Identify, "who-is"),
    (UNCONFIRMED | 9, Control, "utc-time-synchronization"),
    (UNCONFIRMED | 10, Write, "write-group"),
    (UNCONFIRMED | 11, Read, "unconfirmed-cov-notification-multiple"),
    (UNCONFIRMED | 12, Read, "unconfirmed-audit-notification"),
    (UNCONFIRMED | 13, Identify, "who-am-i"),
    (UNCONFIRMED | 14, Control, "you-are"),
    (NETWORK, Identify, "who-is-router"),
    (NETWORK | 0x01, Identify, "i-am-router"),
    (NETWORK | 0x02, Identify, "i-could-be-router"),
    (NETWORK | 0x03, Identify, "reject-message-to-network"),
    (NETWORK | 0x04, Identify, "router-busy"),
    (NETWORK | 0x05, Identify, "router-available"),
    (NETWORK | 0x06, Control, "initialize-routing-table"),
    (NETWORK | 0x07, Control, "initialize-routing-table-ack"),
    (NETWORK | 0x08, Control, "establish-connection"),
    (NETWORK | 0x09, Control, "disconnect-connection"),
    (NETWORK | 0x12, Identify, "what-is-network-number"),
    (NETWORK | 0x13, Identify, "network-number-is"),
    (LINK, Identify, "bvlc-result"),
    (LINK | 0x01, Control, "write-bdt"),
    (LINK | 0x02, Identify, "read-bdt"),
    (LINK | 0x03, Identify, "read-bdt-ack"),
    (LINK | 0x05, Write, "register-foreign-device"),
    (LINK | 0x06, Identify, "read-fdt"),
    (LINK | 0x07, Identify, "read-fdt-ack"),
    (LINK | 0x08, Write, "delete-fdt-entry"),
    (LINK | 0x0c, Identify, "secure-bvll"),
];

/// Properties of the device object that say what it is (clause 21, BACnetPropertyIdentifier): software version, description, firmware,
/// location, APDU length, model, identifier, list, name, type, protocol version, segmentation, status, vendor id and name, revision.
const IDENTITY: [u32; 17] = [12, 28, 44, 56, 57, 58, 62, 70, 75, 76, 77, 98, 107, 120, 121, 139, 155];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    fields.expect(0, &[TYPE])?;
    let function = fields.u8(1)?;
    require(function <= 0x0c)?;
    let declared = usize::from(fields.be16(2)?);
    let fixed = match function {
        0x00 | 0x05 => declared == 6,
        0x02 | 0x06 => declared == 4,
        0x01 | 0x03 | 0x07 => (declared - declared.min(4)).is_multiple_of(10) && declared >= 4,
        0x08 => declared == 10,
        _ => declared >= 6,
    };
    require(fixed && declared <= FRAME_BYTES_MAX)?;
    // A scanner in wide use sends one byte more than it declares: on the port that passes, elsewhere the length is the evidence.
    let longer = fields.context.on_port && !fields.is_tcp() && declared < fields.len();
    if !longer {
        fields.length(declared)?;
    }
    let strict = !fields.context.on_port && fields.context.memory != KNOWN;
    require(!strict || (fields.context.whole && !fields.is_tcp()))?;
    let frame = Fields::new(&fields.bytes[..fields.len().min(declared)], fields.context);
    let mut message = match function {
        0x04 => network(&frame, 10, strict)?,
        0x09..=0x0b => network(&frame, 4, strict)?,
        _ => {
            // Without an NPDU four or ten bytes are all there is: too little to believe on a foreign port.
            require(!strict)?;
            let (intent, name) = functions::grade(FUNCTIONS, LINK | u32::from(function));
            let code = LINK | u32::from(function);
            if matches!(function, 0x00 | 0x03 | 0x07) {
                let refused = function == 0x00 && frame.be16(4)? != 0;
                Message { error: refused, ..Message::answer(NAME, declared, name, code) }
            } else {
                Message::request(NAME, declared, intent, name, code)
            }
        }
    };
    message.memory = KNOWN;
    message.bytes = if longer { fields.len() } else { declared };
    Ok(message)
}

/// The NPDU at `at` (clause 6.2): version 01, control, then what the control bits announce.
fn network(frame: &Fields, at: usize, strict: bool) -> Reading {
    frame.expect(at, &[0x01])?;
    let control = frame.u8(at + 1)?;
    require(control & 0x50 == 0)?;
    let mut next = at + 2;
    let routed = control & 0x20 != 0;
    for present in [routed, control & 0x08 != 0] {
        if present {
            next += 3 + usize::from(frame.u8(next + 2)?);
        }
    }
    if routed {
        next += 1;
    }
    if control & 0x80 == 0 {
        return application(frame, next, strict);
    }
    let kind = frame.u8(next)?;
    let code = NETWORK | u32::from(kind);
    let line = functions::find(FUNCTIONS, code);
    require(!strict || line.is_some())?;
    let (intent, name) = line.unwrap_or((Read, ""));
    Ok(match kind {
        0x01..=0x05 | 0x07 | 0x13 => Message { error: kind == 0x03, ..Message::answer(NAME, 0, name, code) },
        _ => Message::request(NAME, 0, intent, name, code),
    })
}

/// The APDU at `at` (clause 20.1): type in the high nibble.
fn application(frame: &Fields, at: usize, strict: bool) -> Reading {
    let head = frame.u8(at)?;
    let segmented = head & 0x08 != 0;
    let confirmed = |offset: usize| frame.u8(at + offset).map(|service| CONFIRMED | u32::from(service));
    match head >> 4 {
        0 => {
            require(head & 0x01 == 0)?;
            let service_at = if segmented { 5 } else { 3 };
            request(frame, confirmed(service_at)?, at + service_at + 1, strict)
        }
        1 => {
            require(head & 0x0f == 0)?;
            let code = UNCONFIRMED | u32::from(frame.u8(at + 1)?);
            if code == I_AM || code == I_HAVE {
                return answer(code, strict, false);
            }
            request(frame, code, at + 2, strict)
        }
        2 => answer(confirmed(2)?, strict, false),
        3 => {
            let service_at = if segmented { 4 } else { 2 };
            let code = confirmed(service_at)?;
            let mut message = answer(code, strict, false)?;
            if matches!(code, READ_PROPERTY | READ_PROPERTY_MULTIPLE) {
                disclose_properties(frame, at + service_at + 1, &mut message);
            }
            Ok(message)
        }
        // A segment acknowledgement comes from either end and names no service.
        4 => {
            require(head & 0x0c == 0 && frame.len() == at + 4)?;
            Ok(Message { role: Role::Either, ..Message::request(NAME, 0, Read, "segment-ack", 0x4_0000) })
        }
        5 => answer(confirmed(2)?, strict, true),
        6 | 7 => {
            // Bit 0 of an abort says that the server sends it; all else is reserved.
            let (name, reserved) = if head >> 4 == 6 { ("reject", 0x0f) } else { ("abort", 0x0e) };
            require(head & reserved == 0)?;
            require(!strict || frame.len() == at + 3)?;
            Ok(Message { error: true, ..Message::answer(NAME, 0, name, u32::from(head >> 4) << 16) })
        }
        _ => Err(Refusal::No),
    }
}

fn request(frame: &Fields, code: u32, data_at: usize, strict: bool) -> Reading {
    let line = functions::find(FUNCTIONS, code);
    require(!strict || line.is_some())?;
    let (mut intent, name) = line.unwrap_or((Read, ""));
    if matches!(code, READ_PROPERTY | READ_PROPERTY_MULTIPLE) && asks_identity(frame.bytes, data_at) {
        intent = Identify;
    }
    Ok(Message::request(NAME, 0, intent, name, code))
}

fn answer(code: u32, strict: bool, error: bool) -> Reading {
    let line = functions::find(FUNCTIONS, code);
    require(!strict || line.is_some())?;
    let name = line.map_or("", |(_, name)| name);
    Ok(Message { error, ..Message::answer(NAME, 0, name, code) })
}

/// One tag of an encoded value (clause 20.2.1).
#[derive(Clone, Copy)]
struct Tag {
    number: u8,
    context: bool,
    /// Opening (6) and closing (7) tags hold no value.
    opening: bool,
    closing: bool,
    value_at: usize,
    value_bytes: usize,
}

/// The tag at `at`, if it stands in the bytes.
fn tag(bytes: &[u8], at: usize) -> Option<Tag> {
    let head = *bytes.get(at)?;
    let mut next = at + 1;
    let mut number = head >> 4;
    if number == 0x0f {
        number = *bytes.get(next)?;
        next += 1;
    }
    let context = head & 0x08 != 0;
    let kind = head & 0x07;
    let bracket = context && kind >= 6;
    let value_bytes = match kind {
        _ if bracket => 0,
        // An application-tagged boolean keeps its value in the tag.
        _ if !context && number == 1 => 0,
        5 => {
            let short = *bytes.get(next)?;
            next += 1;
            match short {
                254 => {
                    let long = bytes.get(next..next + 2)?;
                    next += 2;
                    usize::from(u16::from_be_bytes([long[0], long[1]]))
                }
                // Four-byte lengths exceed any frame.
                255 => return None,
                _ => usize::from(short),
            }
        }
        _ => usize::from(kind),
    };
    Some(Tag { number, context, opening: bracket && kind == 6, closing: bracket && kind == 7, value_at: next, value_bytes })
}

/// The unsigned value of a tag, at most four bytes.
fn unsigned(bytes: &[u8], tag: Tag) -> Option<u32> {
    let value = bytes.get(tag.value_at..tag.value_at + tag.value_bytes)?;
    (!value.is_empty() && value.len() <= 4).then(|| value.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
}

/// Whether an object identifier names a device: the type 8 in its upper ten bits (clause 20.2.14).
const fn is_device(identifier: u32) -> bool {
    identifier >> 22 == 8
}

/// Whether a ReadProperty (clause 15.5) or ReadPropertyMultiple request (15.7) asks nothing but what the device is.
fn asks_identity(bytes: &[u8], at: usize) -> bool {
    let (mut next, mut in_list, mut properties) = (at, false, 0);
    while let Some(tag) = tag(bytes, next) {
        next = tag.value_at + tag.value_bytes;
        if tag.opening || tag.closing {
            in_list = tag.opening;
            continue;
        }
        let Some(value) = unsigned(bytes, tag) else { return false };
        let holds = match (tag.context, tag.number, in_list) {
            (true, 0, false) => is_device(value),
            (true, 0, true) | (true, 1, false) => {
                properties += 1;
                IDENTITY.contains(&value)
            }
            // An array index.
            (true, 1, true) | (true, 2, false) => true,
            _ => false,
        };
        if !holds {
            return false;
        }
    }
    properties > 0
}

/// Notes the character strings of an answer to ReadProperty or ReadPropertyMultiple that say what the device is: those of the
/// device object.
fn disclose_properties(frame: &Fields, at: usize, message: &mut Message) {
    let bytes = frame.bytes;
    let (mut next, mut property, mut of_device) = (at, None, false);
    while let Some(tag) = tag(bytes, next) {
        next = tag.value_at + tag.value_bytes;
        match (tag.context, tag.number) {
            (true, 0) => of_device = unsigned(bytes, tag).is_some_and(is_device),
            (true, 1 | 2) if !tag.opening && !tag.closing => property = unsigned(bytes, tag),
            // A character string: one byte of character set (0 is UTF-8), then the text.
            (false, 7) if of_device && tag.value_bytes > 1 && bytes.get(tag.value_at) == Some(&0) => {
                let field = match property {
                    Some(12) => "software",
                    Some(44) => "firmware",
                    Some(58) => "location",
                    Some(70) => "model",
                    Some(77) => "name",
                    Some(121) => "vendor",
                    _ => continue,
                };
                if next <= bytes.len() {
                    text::note(message, field, tag.value_at + 1, tag.value_bytes - 1);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Sender};
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, disclosures, hex, message, on_port};

    const WHO_IS: &str = "810b000c0120ffff00ff1008";
    const READ_IDENTIFIER: &str = "810a001101040005010c0c023fffff194b";
    const READ_SEVERAL: &str = "810a002501040205010e0c020000001e0979094d0946092c090c091c093a1f";
    const I_AM: &str = "810b001401001000c4020004d22205c49100210f";
    const MODEL: &str = "810a001e010030010c0c0200000a19463e7507004d6f64656c413f";
    const VENDOR_AND_NAME: &str = "810a002a010030020e0c0200000a1e29794e75060041636d65314f294d4e750500504c43374f1f";

    fn request(text: &str) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, &frame(text), &datagram(Sender::Unknown))
    }

    /// The bytes of `text` with the length that they have.
    fn frame(text: &str) -> Vec<u8> {
        let mut bytes = hex(text);
        let length = bytes.len() as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn requests_are_graded_by_service() {
        assert_eq!(request(WHO_IS), ("who-is", Intent::Identify));
        assert_eq!(request("810a001701040005010f0c0080000119553e44422800003f"), ("write-property", Intent::Write));
        assert_eq!(request("810a000b0104000501140900"), ("reinitialize-device", Intent::Control));
        assert_eq!(request("81050006003c"), ("register-foreign-device", Intent::Write));
        assert_eq!(request("81020004"), ("read-bdt", Intent::Identify));
        assert_eq!(request("810b0007018000"), ("who-is-router", Intent::Identify));
        assert_eq!(request("810a000a010400050163"), ("", Intent::Read));
    }

    #[test]
    fn reading_what_the_device_is_identifies_and_reading_values_reads() {
        assert_eq!(request(READ_IDENTIFIER), ("read-property", Intent::Identify));
        assert_eq!(request("810a001101040005010c0c000000011955"), ("read-property", Intent::Read));
        assert_eq!(request(READ_SEVERAL), ("read-property-multiple", Intent::Identify));
        assert_eq!(request("810a001301040205010e0c020000001e09081f"), ("read-property-multiple", Intent::Read));
    }

    #[test]
    fn an_answer_is_known_on_any_port() {
        let answer = message(&PROTOCOL, &hex(I_AM), datagram_off_port(Sender::Unknown));
        assert_eq!((answer.role, answer.function.name), (Role::Answer, "i-am"));
        assert!(message(&PROTOCOL, &hex("810a000d010050010c91029120"), datagram_off_port(Sender::Unknown)).error);
    }

    #[test]
    fn answers_disclose_what_the_device_is() {
        let context = datagram(Sender::Server);
        assert_eq!(disclosures(&PROTOCOL, &frame(MODEL), &context), ["model=ModelA"]);
        assert_eq!(disclosures(&PROTOCOL, &frame(VENDOR_AND_NAME), &context), ["vendor=Acme1", "name=PLC7"]);
        let of_an_input = frame(&MODEL.replace("0c02", "0c00"));
        assert!(disclosures(&PROTOCOL, &of_an_input, &context).is_empty());
    }

    #[test]
    fn a_stray_byte_passes_on_the_port_only() {
        let bytes = hex("810a001101040005d60c0c023fffff194b4c");
        assert_eq!(message(&PROTOCOL, &bytes, datagram(Sender::Client)).bytes, 18);
        assert_eq!((PROTOCOL.parse)(&bytes, &datagram_off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn near_misses_are_refused() {
        let context = datagram(Sender::Client);
        for text in ["810b000d0120ffff00ff1008", "810b000c0220ffff00ff1008", "820b000c0120ffff00ff1008", "810d000c0120ffff00ff1008"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &context), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex("81020004"), &datagram_off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [WHO_IS, READ_IDENTIFIER, READ_SEVERAL, I_AM, MODEL, VENDOR_AND_NAME].map(frame);
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &on_port(Sender::Client));
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
