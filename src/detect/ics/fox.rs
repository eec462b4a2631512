//! Niagara Fox of Tridium: text frames. Not published; hello as nmap, Redpoint and zgrab2 ask it.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::Line;
use super::protocol::Intent::{Control, Identify, Read};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(1911), tcp(4911)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[b"fox "]),
    sector: "buildings",
    parse,
};

const NAME: &str = "fox";

/// The longest first line believed: `fox a 4294967295 -1 ` and two words.
const LINE_BYTES_MAX: usize = 96;
/// How much of a frame is waited for if its end does not come: a station's hello has about 600 bytes.
const FRAME_BYTES_WAITED: usize = 1_024;
/// What ends a frame.
const END: &[u8] = b"};;\n";

/// By verb, or by channel where any verb on it belongs to the session of an engineering tool.
const FRAMES: &[(&str, Line)] = &[
    ("hello", (1, Identify, "hello")),
    ("login", (2, Control, "login")),
    ("authenticate", (3, Control, "authenticate")),
    ("station", (4, Control, "station")),
    ("file", (5, Control, "file")),
    ("sys", (6, Control, "sys")),
    ("close", (7, Identify, "close")),
    ("keepAlive", (8, Identify, "keep-alive")),
    (CHALLENGE, (9, Identify, CHALLENGE)),
];

/// The verb with which a station answers a hello that needs a login.
const CHALLENGE: &str = "challenge";

/// What a hello tells, by its key; the values follow a type letter and a colon.
const KEYS: &[(&[u8], &str)] = &[
    (b"\nhostName=s:", "name"),
    (b"\nhostAddress=s:", "address"),
    (b"\napp.name=s:", "product"),
    (b"\napp.version=s:", "firmware"),
    (b"\nhostId=s:", "serial"),
    (b"\nbrandId=s:", "vendor"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

/// `fox TYPE NUMBER REPLIES-TO CHANNEL VERB`, a line end, and a body in braces.
fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp())?;
    fields.expect(0, b"fox ")?;
    let window = &fields.bytes[..fields.len().min(LINE_BYTES_MAX)];
    let Some(line_end) = window.iter().position(|&byte| byte == b'\n') else {
        require(window.len() < LINE_BYTES_MAX && window.iter().all(|byte| (0x20..0x7f).contains(byte)))?;
        return Err(fields.missing());
    };
    let line = std::str::from_utf8(&window[..line_end]).map_err(|_| Refusal::No)?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or(Refusal::No);
    let kind = word()?;
    let (number, replies_to) = (number(word()?)?, number(word()?)?);
    let (channel, verb) = (word()?, word()?);
    let spelled = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    require(words.next().is_none() && kind.len() == 1 && spelled(kind) && spelled(channel) && spelled(verb))?;
    let (code, intent, name) = FRAMES.iter().find(|(key, _)| [verb, channel].contains(key)).map_or((0, Read, "other"), |(_, line)| *line);
    let end = match fields.bytes.windows(END.len()).position(|part| part == END) {
        Some(at) => at + END.len(),
        // The line says what it is; a cut frame's body will not come.
        None if !fields.context.cut && fields.len() < FRAME_BYTES_WAITED => return Err(fields.missing()),
        None => fields.len(),
    };
    let mut message = Message::request(NAME, end, intent, name, code);
    let hello = name == "hello";
    if replies_to >= 0 || verb == CHALLENGE || hello && number == 0 {
        message = Message::answer(NAME, end, name, code);
        let body = &fields.bytes[line_end..end];
        for (key, field) in KEYS {
            if let Some(at) = body.windows(key.len()).position(|part| part == *key) {
                let at = line_end + at + key.len();
                let length = fields.bytes[at..end].iter().position(|&byte| byte == b'\n').unwrap_or(0);
                fields.disclose_text(&mut message, field, at, length);
            }
        }
    } else if !hello {
        message = fields::either(message, fields.context);
    }
    Ok(message)
}

/// A decimal number; -1 says that the frame replies to none.
fn number(text: &str) -> Reading<i64> {
    require(text.len() <= 11)?;
    text.parse().map_err(|_| Refusal::No)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role, Sender};
    use crate::detect::ics::testing::{self, datagram, disclosures, message, off_port};

    const HELLO: &str = "fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n};;\n";
    const WELCOME: &str = "fox a 0 -1 fox hello\n{\nfox.version=s:1.0.1\nid=i:8\nhostName=s:10.0.0.5\nhostAddress=s:10.0.0.5\n\
        app.name=s:Station\napp.version=s:3.8.41.2\nhostId=s:Qnx-NPM2-0000-12B0-FDCC\nbrandId=s:vykon\n};;\n";
    const LOGIN: &str = "fox a 2 -1 fox login\n{\nuser=s:op\n};;\n";

    fn elsewhere() -> Context {
        off_port(Sender::Unknown)
    }

    #[test]
    fn hello_identifies_and_a_session_controls() {
        assert_eq!(testing::request(&PROTOCOL, HELLO.as_bytes(), &elsewhere()), ("hello", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, LOGIN.as_bytes(), &elsewhere()), ("login", Intent::Control));
        assert_eq!(testing::request(&PROTOCOL, b"fox c 7 -1 station open\n{\n};;\n", &elsewhere()), ("station", Intent::Control));
        assert_eq!(testing::request(&PROTOCOL, b"fox a 7 -1 fox poll\n{\n};;\n", &elsewhere()), ("other", Intent::Read));
    }

    #[test]
    fn the_server_greets_with_number_zero() {
        let found = message(&PROTOCOL, WELCOME.as_bytes(), elsewhere());
        assert_eq!((found.role, found.intent, found.bytes), (Role::Answer, Intent::Connect, WELCOME.len()));
        assert_eq!(message(&PROTOCOL, b"fox a 1 -1 fox challenge\n{\n};;\n", elsewhere()).role, Role::Answer);
    }

    #[test]
    fn the_welcome_discloses_the_station() {
        let texts =
            ["name=10.0.0.5", "address=10.0.0.5", "product=Station", "firmware=3.8.41.2", "serial=Qnx-NPM2-0000-12B0-FDCC", "vendor=vykon"];
        assert_eq!(disclosures(&PROTOCOL, WELCOME.as_bytes(), &elsewhere()), texts);
    }

    #[test]
    fn frames_follow_each_other() {
        let both = format!("{HELLO}{LOGIN}");
        let first = message(&PROTOCOL, both.as_bytes(), elsewhere());
        assert_eq!(first.bytes, HELLO.len());
        assert_eq!(testing::request(&PROTOCOL, &both.as_bytes()[first.bytes..], &elsewhere()).0, "login");
    }

    #[test]
    fn near_misses_are_refused() {
        for text in
            ["fox and hounds\n", "fox a one -1 fox hello\n", "fox a 1 -1 fox\n", "fox a 1 -1 fox hello there\n", "foxtrot", "fox a 1 \x01"]
        {
            assert_eq!((PROTOCOL.parse)(text.as_bytes(), &elsewhere()), Verdict::No, "{text:?}");
        }
        assert_eq!((PROTOCOL.parse)(HELLO.as_bytes(), &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_frame_whose_end_does_not_come_is_not_waited_for_for_ever() {
        let mut bytes = b"fox a 0 -1 fox hello\n{\n".to_vec();
        bytes.resize(FRAME_BYTES_WAITED - 1, b'x');
        assert_eq!((PROTOCOL.parse)(&bytes, &elsewhere()), Verdict::Short);
        bytes.push(b'x');
        assert_eq!(message(&PROTOCOL, &bytes, elsewhere()).role, Role::Answer);
    }

    #[test]
    fn a_cut_frame_is_what_its_line_says() {
        let cut = Context { cut: true, ..elsewhere() };
        assert_eq!(testing::request(&PROTOCOL, &HELLO.as_bytes()[..42], &cut), ("hello", Intent::Identify));
        assert_eq!((PROTOCOL.parse)(&HELLO.as_bytes()[..12], &cut), Verdict::Short);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [HELLO, WELCOME, LOGIN].map(|text| text.as_bytes().to_vec());
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &elsewhere());
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
