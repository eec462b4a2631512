//! What an industrial protocol is to the sensor: a table entry with a parser that answers in three ways.

use crate::decode::Transport;

/// How far a request goes. A contact takes the highest of its requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
#[repr(u8)]
pub enum Intent {
    /// A contact with the port; nothing that parses.
    #[default]
    Connect,
    /// Who are you; session set-up; keep-alive.
    Identify,
    /// Process data, status, listings.
    Read,
    /// Sets a value, operates an output, forces, acknowledges, changes a parameter.
    Write,
    /// Start, stop, restart; program or file transfer in either direction; firmware, mode, clock, password, address.
    Control,
}

impl Intent {
    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Intent::Connect => "connect",
            Intent::Identify => "identify",
            Intent::Read => "read",
            Intent::Write => "write",
            Intent::Control => "control",
        }
    }
}

/// Where a protocol's signature may be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strength {
    /// Magic and arithmetic so strict that it is tried on any port.
    Anywhere,
    /// On one of its ports a single message is believed; elsewhere the parser applies its stricter test, and `confirmed` needs a second
    /// consistent message or an answer besides.
    AnywhereTwice,
    /// Only on one of its ports.
    Port,
    /// Only on one of its ports, and `confirmed` needs a second consistent message or an answer.
    PortTwice,
}

/// A quick look at a payload: false if no message of the protocol can begin so.
pub type Look = fn(&[u8]) -> bool;

/// How the messages of a strong protocol begin, which spares other payloads the parser.
#[derive(Clone, Copy)]
pub enum Starts {
    /// A protocol of its ports only: nothing is looked for elsewhere.
    Unused,
    /// First bytes with which a message can begin.
    Bytes(&'static [&'static [u8]]),
    /// No fixed first bytes: a look at a few others. True if the parser could say anything but no on a foreign port.
    Like(Look),
}

impl Starts {
    /// The first bytes with which a message can begin, where they are fixed.
    pub const fn bytes(&self) -> &'static [&'static [u8]] {
        match self {
            Starts::Bytes(starts) => starts,
            Starts::Unused | Starts::Like(_) => &[],
        }
    }
}

/// A service port of a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    pub transport: Transport,
    pub number: u16,
}

/// A TCP service port.
pub const fn tcp(number: u16) -> Port {
    Port { transport: Transport::Tcp, number }
}

/// A UDP service port.
pub const fn udp(number: u16) -> Port {
    Port { transport: Transport::Udp, number }
}

/// Which end of the conversation sent the bytes, as far as the ports and the handshake tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// The end that opened the conversation, or the end without the service port.
    Client,
    /// The end that was called, or the end with the service port.
    Server,
    /// Neither ports nor handshake tell.
    Unknown,
}

/// What a parser may know besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub transport: Transport,
    /// Whether one of the two ports is a service port of this protocol.
    pub on_port: bool,
    pub sender: Sender,
    /// The bytes end where the datagram ends. False on TCP, where more may follow, and for cut frames.
    pub whole: bool,
    /// The frame was cut: what follows the bytes will not come.
    pub cut: bool,
    /// The conversation's opening was seen: its first words are the first, and the sender is no guess. False for datagrams.
    pub fresh: bool,
    /// What the parser left at the previous message of this conversation (either direction); 0 at first.
    pub memory: u16,
}

/// Who sends such a message, by the message's own marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Only a client sends this.
    Request,
    /// Only a server sends this.
    Answer,
    /// The bytes don't tell; ports or handshake must.
    Either,
}

/// A function of a protocol, as it is counted and printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Function {
    /// The name to print, such as `read-device-identification`; empty for a code that no table has: then `code` is printed in hex.
    pub name: &'static str,
    /// The code on the wire; for a two-part code the first part times 65,536 plus the second.
    pub code: u32,
}

/// How the bytes of a disclosed piece are written out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// As they stand.
    #[default]
    Text,
    /// Hexadecimal digits, in the order of the bytes.
    Hex,
    /// A little-endian number in hexadecimal digits.
    HexLittle,
    /// A number for each byte, with dots between.
    Dotted,
}

/// A piece of what a device tells of itself: a field's name and where its text stands in the bytes given to the parser.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Disclosed {
    pub form: Form,
    /// `vendor`, `product`, `model`, `firmware`, `serial`, `name`, `location`…; empty if unused.
    pub field: &'static str,
    pub offset: u16,
    pub bytes: u16,
}

impl Disclosed {
    /// Writes the piece out, as far as there is room; what it comes to in bytes. None if the bytes end before it begins.
    pub fn write(&self, bytes: &[u8], out: &mut [u8]) -> Option<usize> {
        let from = usize::from(self.offset);
        let piece = bytes.get(from..(from + usize::from(self.bytes)).min(bytes.len()))?;
        let mut len = 0;
        let mut put = |byte: u8| {
            if let Some(place) = out.get_mut(len) {
                *place = byte;
                len += 1;
            }
        };
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 0x0f)];
        match self.form {
            Form::Text => piece.iter().for_each(|&byte| put(byte)),
            Form::Hex => piece.iter().flat_map(|byte| [byte >> 4, *byte]).for_each(|half| put(digit(half))),
            Form::HexLittle => piece.iter().rev().flat_map(|byte| [byte >> 4, *byte]).for_each(|half| put(digit(half))),
            Form::Dotted => {
                for (place, &byte) in piece.iter().enumerate() {
                    if place > 0 {
                        put(b'.');
                    }
                    let digits = [byte / 100, byte / 10 % 10, byte % 10];
                    let leading = digits.iter().take(2).take_while(|&&digit| digit == 0).count();
                    digits[leading..].iter().for_each(|digit| put(b'0' + digit));
                }
            }
        }
        Some(len)
    }
}

/// How many fields one answer can disclose.
pub const DISCLOSED_MAX: usize = 6;

/// One message that was recognised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// The message's length in the stream: the next one begins there. May exceed the bytes given, if what was there sufficed.
    pub bytes: usize,
    pub role: Role,
    /// Of a request. For answers: `Connect`.
    pub intent: Intent,
    pub function: Function,
    /// An answer that is an exception or error: the device is there all the same.
    pub error: bool,
    /// The protocol's name, where the payload tells more than the table entry does (Modbus function 90 is UMAS); else the entry's own.
    pub protocol: &'static str,
    pub disclosed: [Disclosed; DISCLOSED_MAX],
    /// Given back as [`Context::memory`] at the conversation's next message.
    pub memory: u16,
}

impl Message {
    /// A request with nothing remembered.
    pub const fn request(protocol: &'static str, bytes: usize, intent: Intent, name: &'static str, code: u32) -> Self {
        Message {
            bytes,
            role: Role::Request,
            intent,
            function: Function { name, code },
            error: false,
            protocol,
            disclosed: [Disclosed { form: Form::Text, field: "", offset: 0, bytes: 0 }; DISCLOSED_MAX],
            memory: 0,
        }
    }

    /// The same message, leaving `memory` to the conversation's next one.
    pub const fn remembering(self, memory: u16) -> Self {
        Message { memory, ..self }
    }

    /// An answer with nothing disclosed.
    pub const fn answer(protocol: &'static str, bytes: usize, name: &'static str, code: u32) -> Self {
        Message { role: Role::Answer, ..Message::request(protocol, bytes, Intent::Connect, name, code) }
    }
}

/// What a parser says of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
// A message is a few hundred bytes and lives on the stack for the length of one call: boxing it would allocate on the hot path.
#[allow(clippy::large_enum_variant)]
pub enum Verdict {
    /// Not this protocol.
    No,
    /// Too few bytes to say: not a `No`. More of the stream may decide.
    Short,
    /// A whole message of so many bytes that several protocols begin with, and that proves none of them: what follows it tells.
    Common(usize),
    Message(Message),
}

/// Reads the message that begins at the first byte. Never panics, never allocates, whatever the bytes.
pub type Parser = fn(&[u8], &Context) -> Verdict;

/// Sector of the protocols in which things everywhere speak with their makers' services, day and night.
pub const THINGS: &str = "iot";

/// One protocol: an entry of the table in `ics/mod.rs`.
pub struct Protocol {
    /// The name as it stands in records.
    pub name: &'static str,
    pub ports: &'static [Port],
    pub strength: Strength,
    pub starts: Starts,
    /// The sector in which it is usual: a guess, never proof.
    pub sector: &'static str,
    pub parse: Parser,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_in_their_form() {
        let bytes = [b'x', 0x1a, 0x06, 0x6c, 0x00];
        let written = |form, offset, len, room: usize| {
            let mut out = [0; 16];
            let wrote = Disclosed { form, field: "serial", offset, bytes: len }.write(&bytes, &mut out[..room]);
            wrote.map(|len| String::from_utf8_lossy(&out[..len]).into_owned())
        };
        assert_eq!(written(Form::Text, 0, 1, 16).unwrap(), "x");
        assert_eq!(written(Form::Hex, 1, 4, 16).unwrap(), "1a066c00");
        assert_eq!(written(Form::HexLittle, 1, 4, 16).unwrap(), "006c061a");
        assert_eq!(written(Form::Dotted, 1, 3, 16).unwrap(), "26.6.108");
        assert_eq!(written(Form::Dotted, 4, 1, 16).unwrap(), "0");
        assert_eq!(written(Form::Hex, 1, 4, 3).unwrap(), "1a0");
        assert_eq!((written(Form::Hex, 3, 9, 16).unwrap().as_str(), written(Form::Text, 6, 1, 16)), ("6c00", None));
    }
}
