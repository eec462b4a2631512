//! The Common Industrial Protocol (CIP, ODVA volume 1): what an EtherNet/IP message asks of which object, and Allen-Bradley's PCCC inside it.
//! Services from 4B on mean what the object makes of them, so a grade needs the path.

use super::protocol::{Function, Intent};

/// Marks a reply in the service byte.
pub const REPLY: u8 = 0x80;
/// Services that carry other requests: multiple-service-packet, and unconnected-send of the connection manager.
const MULTIPLE_SERVICE: u8 = 0x0a;
const UNCONNECTED_SEND: u8 = 0x52;
const EXECUTE_PCCC: u8 = 0x4b;
/// Object classes.
const IDENTITY: u16 = 0x01;
const CONNECTION_MANAGER: u16 = 0x06;
const FILE: u16 = 0x37;
const MODBUS: u16 = 0x44;
const PCCC: u16 = 0x67;
/// The clock of Logix controllers.
const WALL_CLOCK: u16 = 0x8b;
const CONTROLLER: u16 = 0x8e;
/// Non-volatile storage: firmware is loaded through it (a public capture of a firmware change).
const STORAGE: u16 = 0xa1;
const TCP_IP: u16 = 0xf5;
const ETHERNET_LINK: u16 = 0xf6;
/// Wrappers inside wrappers that are followed: a multiple-service-packet inside an unconnected-send is usual, more is not.
const DEPTH_MAX: u8 = 3;
/// Embedded requests of one multiple-service-packet that are graded.
const EMBEDDED_MAX: usize = 64;

/// A request's head.
struct Request<'a> {
    service: u8,
    class: Option<u16>,
    data: &'a [u8],
}

/// Service, path size in words, path. `None`: not all there, or a reply.
fn request(bytes: &[u8]) -> Option<Request<'_>> {
    let (&[service, words], rest) = bytes.split_first_chunk()?;
    let (path, data) = rest.split_at_checked(2 * usize::from(words))?;
    (service != 0 && service & REPLY == 0).then(|| Request { service, class: class(path), data })
}

/// The class that a path names (CIP volume 1 appendix C-1.4): a logical segment of 8 or 16 bits. A path that begins with a symbol has none.
fn class(path: &[u8]) -> Option<u16> {
    match *path {
        [0x20, class, ..] => Some(class.into()),
        [0x21, _, low, high, ..] => Some(u16::from_le_bytes([low, high])),
        _ => None,
    }
}

/// Whether the bytes begin a request that carries others, which decide what it is.
pub fn wraps(bytes: &[u8]) -> bool {
    let wrapped = |request: Request<'_>| match (request.service, request.class) {
        (MULTIPLE_SERVICE, _) => true,
        (UNCONNECTED_SEND, class) => class == Some(CONNECTION_MANAGER),
        _ => false,
    };
    request(bytes).is_some_and(wrapped)
}

/// Function and intent of the request at the start of the bytes; of wrapped requests the one that goes furthest. `None`: too short to say.
/// A printed code has the service in the upper half, the class in the lower; of PCCC, 4B in the topmost byte, command and function below.
pub fn grade(bytes: &[u8]) -> Option<(Function, Intent)> {
    grade_at(bytes, 0)
}

fn grade_at(bytes: &[u8], depth: u8) -> Option<(Function, Intent)> {
    let request = request(bytes)?;
    let own = || {
        let (name, intent) = service(request.service, request.class);
        let code = u32::from(request.service) << 16 | u32::from(request.class.unwrap_or(0));
        (Function { name, code }, intent)
    };
    let wrapped = match (request.service, request.class) {
        _ if depth == DEPTH_MAX => None,
        (MULTIPLE_SERVICE, _) => multiple(request.data, depth),
        // Priority, ticks, length, then the message.
        (UNCONNECTED_SEND, Some(CONNECTION_MANAGER)) => request.data.get(4..).and_then(|message| grade_at(message, depth + 1)),
        (EXECUTE_PCCC, Some(PCCC)) => pccc(request.data),
        _ => None,
    };
    Some(wrapped.unwrap_or_else(own))
}

/// Count, then offsets from the count, then the requests.
fn multiple(data: &[u8], depth: u8) -> Option<(Function, Intent)> {
    let (&count, offsets) = data.split_first_chunk::<2>()?;
    let count = usize::from(u16::from_le_bytes(count)).min(EMBEDDED_MAX);
    let requests = offsets.chunks_exact(2).take(count).filter_map(|offset| match offset {
        &[low, high] => data.get(u16::from_le_bytes([low, high]).into()..),
        _ => None,
    });
    requests.filter_map(|request| grade_at(request, depth + 1)).max_by_key(|&(_, intent)| intent)
}

/// A name for a reply, which has no path: only services that mean the same for every object.
pub fn reply_name(service: u8) -> &'static str {
    match service & !REPLY {
        common @ 0x01..=0x1b => self::service(common, None).0,
        _ => "reply",
    }
}

fn service(service: u8, class: Option<u16>) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match (service, class) {
        (0x01 | 0x03 | 0x0e, Some(IDENTITY | 0x02 | CONNECTION_MANAGER | 0x47 | 0x48 | 0xf4 | TCP_IP | ETHERNET_LINK)) => {
            ("get-attributes", Identify)
        }
        (0x01 | 0x03 | 0x0e, _) => ("get-attributes", Read),
        (0x11, _) => ("find-next", Read),
        (0x18, _) => ("get-member", Read),
        (0x02 | 0x04 | 0x10 | 0x19..=0x1b, Some(WALL_CLOCK)) => ("set-clock", Control),
        // The device's own address.
        (0x02 | 0x04 | 0x10 | 0x19..=0x1b, Some(TCP_IP | ETHERNET_LINK)) => ("set-attributes", Control),
        (0x02 | 0x04 | 0x0d | 0x10 | 0x19..=0x1b, _) => ("set-attributes", Write),
        (0x05, _) => ("reset", Control),
        (0x06, _) => ("start", Control),
        (0x07, _) => ("stop", Control),
        (0x08, _) => ("create", Control),
        (0x09, _) => ("delete", Control),
        (MULTIPLE_SERVICE, _) => ("multiple-service-packet", Read),
        (0x15, _) => ("restore", Control),
        (0x16, _) => ("save", Control),
        (0x54 | 0x5b, Some(CONNECTION_MANAGER)) => ("forward-open", Identify),
        (0x4e, Some(CONNECTION_MANAGER)) => ("forward-close", Identify),
        (UNCONNECTED_SEND, Some(CONNECTION_MANAGER)) => ("unconnected-send", Read),
        (0x56 | 0x57 | 0x5a, Some(CONNECTION_MANAGER)) => ("get-connection-data", Identify),
        (0x4b..=0x53, Some(FILE)) => ("file-transfer", Control),
        (0x4b..=0x4e, Some(MODBUS)) => ("read-modbus", Read),
        (0x4f | 0x50, Some(MODBUS)) => ("write-modbus", Write),
        // Lock, mode and password services of Logix controllers: a public capture unlocks one with 4C.
        (0x4b..=0x63, Some(CONTROLLER)) => ("controller-service", Control),
        (0x4b..=0x53, Some(STORAGE)) => ("firmware-update", Control),
        (EXECUTE_PCCC, Some(PCCC)) => ("pccc", Read),
        (0x4c, _) => ("read-tag", Read),
        (0x4d, _) => ("write-tag", Write),
        (0x4e, None | Some(0x6b | 0x6c)) => ("read-modify-write", Write),
        (0x52, _) => ("read-tag-fragmented", Read),
        (0x53, _) => ("write-tag-fragmented", Write),
        (0x55, _) => ("get-instance-attribute-list", Read),
        _ => ("", Read),
    }
}

/// Programmable Controller Communication Commands (Allen-Bradley 1770-6.5.16): requester's identity by its own length, then command, status,
/// transaction, function.
pub fn pccc(data: &[u8]) -> Option<(Function, Intent)> {
    let message = data.get(usize::from(*data.first()?)..)?;
    let &[command, _status, _, _, ref rest @ ..] = message else { return None };
    let function = match command {
        0x06 | 0x07 | 0x0f => *rest.first()?,
        _ => 0,
    };
    let (name, intent) = pccc_function(command, function);
    let code = u32::from(EXECUTE_PCCC) << 24 | u32::from(command) << 8 | u32::from(function);
    Some((Function { name, code }, intent))
}

fn pccc_function(command: u8, function: u8) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match (command, function) {
        (0x06, 0x03) => ("pccc-diagnostic-status", Identify),
        (0x0f, 0x01 | 0x04 | 0x09 | 0x17 | 0x29 | 0x68 | 0xa1 | 0xa2 | 0xa7) => ("pccc-read", Read),
        (0x0f, 0x41) => ("pccc-disable-forces", Write),
        (0x0f, 0x00 | 0x02 | 0x03 | 0x08 | 0x18 | 0x26 | 0x67 | 0x79 | 0xa9..=0xab | 0xaf) => ("pccc-write", Write),
        (0x0f, 0x3a) => ("pccc-set-cpu-mode", Control),
        (0x0f, 0x80) => ("pccc-change-mode", Control),
        (0x0f, 0x05..=0x07 | 0x0a | 0x11 | 0x12 | 0x50 | 0x52 | 0x53 | 0x55 | 0x57 | 0x81 | 0x82 | 0x8f) => ("pccc-control", Control),
        (0x07, 0x00 | 0x01 | 0x03..=0x06) => ("pccc-control", Control),
        _ => ("pccc", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::hex;
    use super::*;

    fn graded(bytes: &str) -> (&'static str, Intent) {
        let (function, intent) = grade(&hex(bytes)).unwrap();
        (function.name, intent)
    }

    #[test]
    fn services_are_graded_by_their_object() {
        for (bytes, name, intent) in [
            ("0102 20012401", "get-attributes", Intent::Identify),
            ("0e03 20ac24013005", "get-attributes", Intent::Read),
            ("1003 200424013003 00", "set-attributes", Intent::Write),
            ("1003 20f524013005 00", "set-attributes", Intent::Control),
            ("0702 208e2401", "stop", Intent::Control),
            ("5402 20062401", "forward-open", Intent::Identify),
            ("4e02 20062401", "forward-close", Intent::Identify),
            ("4e02 206b2401", "read-modify-write", Intent::Write),
            ("4c04 9105534341444100 0100", "read-tag", Intent::Read),
            ("4c03 21006b002401", "read-tag", Intent::Read),
            ("4b02 20372401", "file-transfer", Intent::Control),
            ("4d02 20a12401", "firmware-update", Intent::Control),
            ("4c02 208e2401", "controller-service", Intent::Control),
        ] {
            assert_eq!(graded(bytes), (name, intent), "{bytes}");
        }
    }

    #[test]
    fn the_wrapped_request_that_goes_furthest_counts() {
        let send = "5202 20062401 059d 1200 4d05 91055343414441002801 c300 01002a00 01000100";
        assert_eq!(graded(send), ("write-tag", Intent::Write));
        let packet = "0a02 20022401 0200 0600 0c00 0102 20012401 0502 20012401";
        assert_eq!(graded(packet), ("reset", Intent::Control));
        assert_eq!(graded("0a02 20022401 0100 ff00"), ("multiple-service-packet", Intent::Read));
    }

    #[test]
    fn what_carries_others_is_told_from_what_does_not() {
        for (bytes, carries) in [("5202 20062401", true), ("0a02 20022401", true), ("5202 206b2401", false), ("0102 20012401", false)] {
            assert_eq!(wraps(&hex(bytes)), carries, "{bytes}");
        }
    }

    #[test]
    fn wrappers_without_end_are_not_followed() {
        let nested = ["5202 20062401 059d 0000"; 40].concat();
        assert_eq!(graded(&nested), ("unconnected-send", Intent::Read));
    }

    #[test]
    fn pccc_is_graded_by_command_and_function() {
        for (tail, name, intent) in [
            ("0600010003", "pccc-diagnostic-status", Intent::Identify),
            ("0f000100a2", "pccc-read", Intent::Read),
            ("0f000100aa", "pccc-write", Intent::Write),
            ("0f00010080", "pccc-change-mode", Intent::Control),
        ] {
            assert_eq!(graded(&["4b02 20672401 07 3412 78563412", tail].concat()), (name, intent));
        }
    }

    #[test]
    fn replies_and_cut_paths_are_not_graded() {
        for bytes in ["", "4c", "4c04 9105", "cc00 0000", "0002 20012401"] {
            assert_eq!(grade(&hex(bytes)), None);
        }
    }
}
