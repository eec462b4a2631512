//! Mitsubishi MELSEC MC protocol, frames 3E and 4E, which are SLMP (SH-080008, SH-080956): binary and ASCII, TCP and UDP.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, tcp, udp};

/// Controllers are given any port, so the frames are tried everywhere: subheader, route, length, command and subcommand are some sixty
/// bits of evidence. `ports` has those of the built-in interfaces only, as the others in use belong to many services.
pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(5006), tcp(5007), tcp(5006), udp(5007)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[0x50, 0x00], &[0x54, 0x00], &[0xd0, 0x00], &[0xd4, 0x00], b"5000", b"5400", b"D000", b"D400"]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "melsec";

/// The longest data believed: the longest frames carry 960 words, twice that in ASCII, and file blocks of 1,920 bytes.
const DATA_BYTES_MAX: usize = 8_192;
/// The largest subcommand in use.
const SUBCOMMAND_MAX: u32 = 0x0083;
const READ_TYPE_NAME: u32 = 0x0101;

const COMMANDS: &[Line] = &[
    (READ_TYPE_NAME, Identify, "read-type-name"),
    (0x0201, Read, "directory-information"),
    (0x0202, Read, "directory-search"),
    (0x0203, Read, "file-search"),
    (0x0204, Read, "file-status"),
    (0x0205, Read, "drive-information"),
    (0x0206, Control, "file-read"),
    (0x0401, Read, "batch-read"),
    (0x0403, Read, "random-read"),
    (0x0406, Read, "block-read"),
    (0x041a, Read, "label-read"),
    (0x041c, Read, "label-read-random"),
    (0x0601, Read, "buffer-read"),
    (0x0613, Read, "buffer-read-module"),
    (0x0619, Identify, "self-test"),
    (0x0801, Read, "monitor-register"),
    (0x0802, Read, "monitor"),
    (0x1001, Control, "remote-run"),
    (0x1002, Control, "remote-stop"),
    (0x1003, Control, "remote-pause"),
    (0x1005, Control, "latch-clear"),
    (0x1006, Control, "remote-reset"),
    (0x1401, Write, "batch-write"),
    (0x1402, Write, "random-write"),
    (0x1406, Write, "block-write"),
    (0x141a, Write, "label-write"),
    (0x141b, Write, "label-write-random"),
    (0x1601, Write, "buffer-write"),
    (0x1613, Write, "buffer-write-module"),
    (0x1617, Write, "clear-error"),
    (0x1630, Control, "unlock"),
    (0x1631, Control, "lock"),
    (0x1810, Control, "file-directory"),
    (0x1811, Control, "file-search-name"),
    (0x1820, Control, "file-new"),
    (0x1822, Control, "file-delete"),
    (0x1824, Control, "file-copy"),
    (0x1825, Control, "file-attribute"),
    (0x1826, Control, "file-date"),
    (0x1827, Control, "file-open"),
    (0x1828, Control, "file-read-block"),
    (0x1829, Control, "file-write-block"),
    (0x182a, Control, "file-close"),
];

/// How a frame writes its numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Little-endian.
    Binary,
    /// Two upper-case hexadecimal digits a byte, big-endian.
    Ascii,
}

impl Writing {
    /// How many bytes on the wire one byte of the frame takes.
    const fn width(self) -> usize {
        match self {
            Writing::Binary => 1,
            Writing::Ascii => 2,
        }
    }

    /// The number of `count` frame bytes (one or two) at the frame's byte `at`.
    fn number(self, fields: &Fields, at: usize, count: usize) -> Reading<u32> {
        match self {
            Writing::Binary if count == 1 => fields.u8(at).map(u32::from),
            Writing::Binary => fields.le16(at).map(u32::from),
            Writing::Ascii => {
                let mut number = 0;
                for digit in fields.slice(at * 2, count * 2)? {
                    number = number << 4
                        | match digit {
                            b'0'..=b'9' => u32::from(digit - b'0'),
                            b'A'..=b'F' => u32::from(digit - b'A' + 10),
                            _ => return Err(Refusal::No),
                        };
                }
                Ok(number)
            }
        }
    }
}

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

/// Subheader, and for 4E serial number and zero; then network, station, module, sub-station, length, and behind it the command or end code.
fn read(fields: &Fields) -> Reading {
    let (writing, answer, serial) = match fields.u8(0)? {
        0x50 => (Writing::Binary, false, false),
        0x54 => (Writing::Binary, false, true),
        0xd0 => (Writing::Binary, true, false),
        0xd4 => (Writing::Binary, true, true),
        first @ (b'5' | b'D') => (Writing::Ascii, first == b'D', fields.u8(1)? == b'4'),
        _ => return Err(Refusal::No),
    };
    match writing {
        Writing::Binary => fields.expect(1, &[0x00])?,
        Writing::Ascii => fields.expect(1, if serial { b"400" } else { b"000" })?,
    }
    let route = if serial {
        require(writing.number(fields, 4, 2)? == 0)?;
        6
    } else {
        2
    };
    let network = writing.number(fields, route, 1)?;
    let station = writing.number(fields, route + 1, 1)?;
    let module = writing.number(fields, route + 2, 2)?;
    require(network <= 0xef && (station <= 0x78 || station == 0xff || station == 0x7d || station == 0x7e))?;
    require(matches!(module, 0x03ff | 0x03d0..=0x03d3 | 0x03e0..=0x03e3))?;
    let data_at = route + 7;
    let data_bytes = writing.number(fields, route + 5, 2)? as usize;
    require(data_bytes <= DATA_BYTES_MAX && data_bytes >= if answer { 2 } else { 6 } * writing.width())?;
    let declared = data_at * writing.width() + data_bytes;
    fields.length(declared)?;
    if answer {
        // It has neither command nor subcommand: where no request and no port speaks for it, the commonest route and an exact length
        // must.
        if !fields.context.on_port && fields.context.memory == 0 {
            require(network == 0 && station == 0xff && module == 0x03ff && fields.len() <= declared)?;
            fields.slice(0, declared)?;
        }
        return reply(fields, writing, data_at, data_bytes, declared);
    }
    let command = writing.number(fields, data_at + 2, 2)?;
    let subcommand = writing.number(fields, data_at + 4, 2)?;
    let line = functions::find(COMMANDS, command);
    require(line.is_some() || matches!(command >> 8, 0x12 | 0x18) || fields.context.on_port)?;
    require(subcommand <= SUBCOMMAND_MAX)?;
    let (intent, name) = line.unwrap_or((if matches!(command >> 8, 0x12 | 0x18) { Control } else { Read }, ""));
    Ok(Message { memory: command as u16, ..Message::request(NAME, declared, intent, name, command) })
}

/// An answer says how the command ended, not which it was: that is remembered.
fn reply(fields: &Fields, writing: Writing, data_at: usize, data_bytes: usize, declared: usize) -> Reading {
    let error = writing.number(fields, data_at, 2)? != 0;
    let command = u32::from(fields.context.memory);
    let name = functions::find(COMMANDS, command).map_or("reply", |(_, name)| name);
    let mut message = Message { error, memory: fields.context.memory, ..Message::answer(NAME, declared, name, command) };
    // The model: sixteen characters, then the model code.
    if command == READ_TYPE_NAME && !error && data_bytes == 2 * writing.width() + 16 + 2 * writing.width() {
        fields.disclose_text(&mut message, "model", (data_at + 2) * writing.width(), 16);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role, Sender};
    use crate::detect::ics::testing::{self, datagram, disclosures, hex, off_port, on_port};

    const READ_WORDS: &str = "500000ffff03000c00100001040000640000a80a00";
    const READ_WORDS_4E: &str = "54003412000000ffff03000c00100001040000640000a80a00";
    const ENDED_WELL: &str = "d00000ffff030004000000 1234";
    const ASCII_RUN: &[u8] = b"500000FF03FF00001400101001000000010000";

    fn with_command(command: u16) -> Vec<u8> {
        let mut bytes = hex(READ_WORDS);
        bytes[11..13].copy_from_slice(&command.to_le_bytes());
        bytes
    }

    fn type_name() -> Vec<u8> {
        let mut bytes = hex("d00000ffff030014000000");
        bytes.extend(b"Q03UDECPU       \x68\x02");
        bytes
    }

    fn elsewhere() -> Context {
        off_port(Sender::Unknown)
    }

    fn request(bytes: &[u8]) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, bytes, &elsewhere())
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(request(&hex(READ_WORDS)), ("batch-read", Intent::Read));
        assert_eq!(request(&hex(READ_WORDS_4E)), ("batch-read", Intent::Read));
        assert_eq!(request(&with_command(0x0101)), ("read-type-name", Intent::Identify));
        assert_eq!(request(&with_command(0x1402)), ("random-write", Intent::Write));
        assert_eq!(request(&with_command(0x1002)), ("remote-stop", Intent::Control));
        assert_eq!(request(&with_command(0x1203)), ("", Intent::Control));
        assert_eq!(request(ASCII_RUN), ("remote-run", Intent::Control));
    }

    #[test]
    fn an_unknown_command_is_a_read_on_the_port_only() {
        assert_eq!((PROTOCOL.parse)(&with_command(0x7777), &elsewhere()), Verdict::No);
        assert_eq!(testing::request(&PROTOCOL, &with_command(0x7777), &on_port(Sender::Client)), ("", Intent::Read));
    }

    #[test]
    fn answers_are_told_by_the_subheader() {
        let found = testing::message(&PROTOCOL, &hex(ENDED_WELL), elsewhere());
        assert_eq!((found.role, found.error, found.bytes), (Role::Answer, false, 13));
        assert!(testing::message(&PROTOCOL, b"D00000FF03FF000004C059", elsewhere()).error);
    }

    #[test]
    fn the_model_is_disclosed_to_who_asked_for_it() {
        let asked = testing::message(&PROTOCOL, &with_command(0x0101), elsewhere());
        let context = Context { memory: asked.memory, ..on_port(Sender::Server) };
        assert_eq!(disclosures(&PROTOCOL, &type_name(), &context), ["model=Q03UDECPU"]);
        assert!(disclosures(&PROTOCOL, &type_name(), &elsewhere()).is_empty());
    }

    #[test]
    fn near_misses_are_refused() {
        for (at, value) in [(1, 0x01), (3, 0x80), (4, 0xfe), (8, 0x40), (14, 0x01)] {
            let mut bytes = hex(READ_WORDS);
            bytes[at] = value;
            assert_eq!((PROTOCOL.parse)(&bytes, &elsewhere()), Verdict::No, "byte {at}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(READ_WORDS)[..20], &datagram(Sender::Client)), Verdict::No);
        assert_eq!((PROTOCOL.parse)(b"500000FF03fF00001400101001", &elsewhere()), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [hex(READ_WORDS), hex(READ_WORDS_4E), hex(ENDED_WELL), ASCII_RUN.to_vec(), type_name()];
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &elsewhere());
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
