//! FTP's control connection (RFC 959, RFC 2428): which files are asked for, and on which connection they come.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest line that is read. Servers take paths of up to 4,096 bytes; longer than this are cut.
const LINE_BYTES_MAX: usize = 512;
/// Longest folder that is remembered.
const FOLDER_BYTES_MAX: usize = 256;

/// Reply codes (RFC 959 section 4.2, RFC 2428).
const PASSIVE: u16 = 227;
const EXTENDED_PASSIVE: u16 = 229;
const FOLDER: u16 = 257;

/// Where a data connection will be opened to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The client listens and the server opens the connection; else the other way round.
    pub at_client: bool,
    /// As named; without one, it is the listener's address on the control connection.
    pub addr: Option<IpAddr>,
    pub port: u16,
}

/// What is learnt from a control connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A data connection is to be opened.
    Listens(Place),
    /// A file is asked for (RETR), or will be sent (STOR, STOU, APPE). The path is absolute; the login folder counts as the root.
    File { by_client: bool, path: &'a [u8] },
    /// Something else comes on the data connection: a listing.
    Listing,
}

/// Whether a command begins a session, behind a greeting with code 220, which SMTP has as well.
pub fn is_command(line: &[u8]) -> bool {
    const FIRST: [&[u8]; 9] = [b"USER", b"AUTH", b"FEAT", b"SYST", b"OPTS", b"HOST", b"CLNT", b"PASS", b"PBSZ"];
    let word = line.split(|&byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
    FIRST.iter().any(|first| word.eq_ignore_ascii_case(first))
}

/// A line as far as it has come.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    /// The line is over.
    whole: bool,
}

impl Line {
    /// Adds up to the line's end; gives how many bytes were taken.
    fn add(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.whole) {
            self.bytes.clear();
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = LINE_BYTES_MAX - self.bytes.len();
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        self.whole = end.is_some();
        part.len() + usize::from(self.whole)
    }

    fn text(&self) -> &[u8] {
        self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes)
    }
}

/// Reads a control connection.
#[derive(Debug, Default)]
pub struct Control {
    /// By whether the client sent it.
    lines: [Line; 2],
    /// Without a slash at its end: empty is the root.
    folder: Vec<u8>,
}

impl Control {
    /// Takes the next bytes of one side, and gives what they tell.
    pub fn push(&mut self, by_client: bool, bytes: &[u8], mut event: impl FnMut(Event<'_>)) {
        let mut left = bytes;
        while !left.is_empty() {
            let line = &mut self.lines[usize::from(by_client)];
            left = &left[line.add(left)..];
            if !line.whole {
                return;
            }
            let line = std::mem::take(line);
            if by_client {
                self.command(line.text(), &mut event);
            } else {
                self.reply(line.text(), &mut event);
            }
            self.lines[usize::from(by_client)] = line;
        }
    }

    /// Bytes of one side are missing: the line they stand in is lost.
    pub fn missing(&mut self, by_client: bool) {
        self.lines[usize::from(by_client)] = Line::default();
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.bytes.capacity()).sum::<usize>() + self.folder.capacity()
    }

    fn command(&mut self, line: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let (verb, argument) = match line.iter().position(|&byte| byte == b' ') {
            Some(space) => (&line[..space], line[space + 1..].trim_ascii()),
            None => (line, &[][..]),
        };
        let mut known = [0; 4];
        let Some(name) = known.get_mut(..verb.len()) else { return };
        name.copy_from_slice(verb);
        name.make_ascii_uppercase();
        match &*name {
            b"RETR" => self.file(false, argument, event),
            b"STOR" | b"STOU" | b"APPE" => self.file(true, argument, event),
            b"LIST" | b"NLST" | b"MLSD" => event(Event::Listing),
            b"PORT" => {
                if let Some((addr, port)) = six_numbers(argument) {
                    event(Event::Listens(Place { at_client: true, addr: Some(addr), port }));
                }
            }
            b"EPRT" => {
                if let Some((addr, port)) = extended(argument) {
                    event(Event::Listens(Place { at_client: true, addr, port }));
                }
            }
            // What the server refuses is rare: a wrong folder makes a wrong path, not a wrong file.
            b"CWD" => self.folder = joined(&self.folder, argument),
            b"CDUP" => self.folder = joined(&self.folder, b".."),
            _ => {}
        }
    }

    fn file(&self, by_client: bool, name: &[u8], event: &mut impl FnMut(Event<'_>)) {
        event(Event::File { by_client, path: &joined(&self.folder, name) });
    }

    fn reply(&mut self, line: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let Some((&code, text)) = line.split_first_chunk::<3>() else { return };
        let Some(code) = number(&code) else { return };
        match code {
            PASSIVE => {
                // The numbers stand anywhere in the text, in practice within parentheses (RFC 1123 section 4.1.2.6).
                let start = text.iter().position(u8::is_ascii_digit).unwrap_or(text.len());
                if let Some((addr, port)) = six_numbers(&text[start..]) {
                    event(Event::Listens(Place { at_client: false, addr: Some(addr), port }));
                }
            }
            EXTENDED_PASSIVE => {
                let inside = text.iter().position(|&byte| byte == b'(').map(|at| &text[at + 1..]);
                if let Some((addr, port)) = inside.and_then(extended) {
                    event(Event::Listens(Place { at_client: false, addr, port }));
                }
            }
            FOLDER => {
                let mut quoted = text.split(|&byte| byte == b'"').skip(1);
                if let Some(folder) = quoted.next().filter(|folder| folder.starts_with(b"/")) {
                    self.folder = joined(&[], folder);
                }
            }
            _ => {}
        }
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// `h1,h2,h3,h4,p1,p2` (RFC 959 section 4.1.2).
fn six_numbers(text: &[u8]) -> Option<(IpAddr, u16)> {
    let end = text.iter().position(|&byte| !byte.is_ascii_digit() && byte != b',').unwrap_or(text.len());
    let mut numbers = [0; 6];
    let mut left = text[..end].split(|&byte| byte == b',');
    for place in &mut numbers {
        *place = u8::try_from(number(left.next()?)?).ok()?;
    }
    let [a, b, c, d, high, low] = numbers;
    left.next().is_none().then(|| (Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
}

/// `|protocol|address|port|` with any delimiter; a server leaves protocol and address empty (RFC 2428 sections 2 and 3).
fn extended(text: &[u8]) -> Option<(Option<IpAddr>, u16)> {
    let (&delimiter, rest) = text.split_first()?;
    let mut fields = rest.split(|&byte| byte == delimiter);
    let (protocol, addr, port) = (fields.next()?, std::str::from_utf8(fields.next()?).ok()?, number(fields.next()?)?);
    let addr = match protocol {
        b"" => None,
        b"1" => Some(addr.parse::<Ipv4Addr>().ok()?.into()),
        b"2" => Some(addr.parse::<Ipv6Addr>().ok()?.into()),
        _ => return None,
    };
    (port > 0).then_some((addr, port))
}

/// A path below a folder, or from the root, without dots; cut where it becomes too long.
fn joined(folder: &[u8], path: &[u8]) -> Vec<u8> {
    let from = if path.starts_with(b"/") { &[][..] } else { folder };
    let mut joined = from.to_vec();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => joined.truncate(joined.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            _ => {
                joined.push(b'/');
                joined.extend_from_slice(part);
            }
        }
    }
    joined.truncate(FOLDER_BYTES_MAX + LINE_BYTES_MAX);
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(pieces: &[(bool, &[u8])]) -> Vec<String> {
        let mut control = Control::default();
        let mut told = Vec::new();
        for &(by_client, bytes) in pieces {
            control.push(by_client, bytes, |event| {
                told.push(match event {
                    Event::File { by_client, path } => format!("{} {}", if by_client { "to" } else { "from" }, path.escape_ascii()),
                    Event::Listing => "listing".into(),
                    Event::Listens(Place { at_client, addr, port }) => {
                        format!(
                            "{} {} {port}",
                            if at_client { "client" } else { "server" },
                            addr.map_or("-".into(), |addr| addr.to_string())
                        )
                    }
                });
            });
            assert!(control.held_bytes() <= 2 * 2 * LINE_BYTES_MAX + 2 * (FOLDER_BYTES_MAX + LINE_BYTES_MAX));
        }
        told
    }

    #[test]
    fn passive_transfers_are_told() {
        let told = told(&[
            (false, b"220 ready\r\n"),
            (true, b"USER anonymous\r\nPASS x\r\nPWD\r\n"),
            (false, b"331 password\r\n230-welcome\r\n230 in\r\n257 \"/pub\" is the folder\r\n"),
            (true, b"CWD a/b\r\nPASV\r\n"),
            (false, b"250 done\r\n227 Entering Passive Mode (192,0,2,7,200,10)\r\n"),
            (true, b"RETR x.exe\r\nEPSV\r\n"),
            (false, b"150 here it comes\r\n226 done\r\n229 Entering Extended Passive Mode (|||6446|)\r\n"),
            (true, b"cdup\r\nstor ../y.bin\r\nLIST\r\n"),
        ]);
        assert_eq!(told, ["server 192.0.2.7 51210", "from /pub/a/b/x.exe", "server - 6446", "to /pub/y.bin", "listing"]);
    }

    #[test]
    fn active_transfers_are_told() {
        let told = told(&[(
            true,
            b"PORT 10,0,0,9,4,1\r\nRETR /a//./b/../c\r\nEPRT |2|2001:db8::9|5282|\r\nEPRT |1|10.0.0.9|5283|\r\nAPPE /z\r\n",
        )]);
        assert_eq!(told, ["client 10.0.0.9 1025", "from /a/c", "client 2001:db8::9 5282", "client 10.0.0.9 5283", "to /z"]);
    }

    #[test]
    fn nonsense_opens_nothing() {
        let replies: &[u8] = b"227 (1,2,3,4,5)\r\n227 (1,2,3,4,5,256)\r\n227 (1,2,3,4,5,6,7)\r\n229 (|||0|)\r\n229 |||7|\r\n22\r\nabc\r\n";
        assert_eq!(told(&[(false, replies), (true, b"PORT x\r\nEPRT |3|a|1|\r\nEPRT\r\nLONGWORD x\r\n\r\n")]), Vec::<String>::new());
    }

    #[test]
    fn paths_do_not_climb_out_and_are_bounded() {
        assert_eq!(joined(b"/a", b"../../../b"), b"/b");
        let mut folder = Vec::new();
        for _ in 0..100 {
            folder = joined(&folder, &[b'x'; 400]);
        }
        assert_eq!(folder.len(), FOLDER_BYTES_MAX + LINE_BYTES_MAX);
    }

    #[test]
    fn sessions_are_told_from_mail() {
        assert!(is_command(b"USER anonymous\r\n") && is_command(b"feat\r\n"));
        assert!(!is_command(b"EHLO x\r\n") && !is_command(b"USERS\r\n") && !is_command(b""));
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(cuts in prop::collection::vec(0usize..120, 0..6), noise in prop::collection::vec(any::<u8>(), 0..40)) {
            let client = [b"CWD a\r\nPORT 10,0,0,9,4,1\r\nRETR b\r\n", &noise[..], b"\r\nEPRT |1|10.0.0.9|5283|\nSTOR c\r\n"].concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(client.len())).collect();
            cuts.sort_unstable();
            cuts.push(client.len());
            let mut from = 0;
            let pieces: Vec<(bool, &[u8])> = cuts.iter().map(|&to| (true, &client[std::mem::replace(&mut from, to)..to])).collect();
            prop_assert_eq!(told(&pieces), told(&[(true, &client)]));
        }

        #[test]
        fn no_bytes_panic(client in prop::collection::vec(any::<u8>(), 0..80), code in 200u16..300, reply in "[0-9,|()]{0,30}") {
            told(&[(true, &client), (false, &client), (false, format!("{code} {reply}\r\n").as_bytes())]);
        }
    }
}
