//! Scripts put on a server by another way than HTTP: written by a database as its dump, its log or its rows, or sent as a file.
//!
//! Redis writes its whole memory into a file whose folder and name whoever may talk to it can set (redis.io, "CONFIG SET", `dir` and `dbfilename`; "SAVE"):
//! with a name that a web server runs, a value that is a script makes it a page. Commands come as arrays of strings or as lines (redis.io, "Redis
//! serialization protocol specification", "Inline commands"). MySQL writes rows and logs (see [`super::upload::writes`]); its packets are a length of
//! three bytes, a number, and the command, 3 for a query (MySQL internals, "Protocol::Packet", "COM_QUERY").

use super::asked::Room;
use super::name::{Treatment, judge, last_part};
use super::script::{self, Hold};
use super::upload;
use super::usage::Sure;
use crate::detect::payload::Spoken;
use crate::protocol::carried::{Carrier, Delivery};

/// Conversations of a lane in which something was asked for that is not answered yet; the oldest makes room.
const SESSIONS_MAX: usize = 16;
/// Bytes of a folder's or a file's name that are kept.
const NAME_BYTES_MAX: usize = 128;
/// Bytes from which on a script that was sent as a file is a program that somebody wrote, and what it may do for whoever asks says less.
const SHELL_BYTES_MAX: u64 = 8 * 1024;

/// What was asked of a database in one conversation.
#[derive(Default)]
struct Session {
    conversation: u64,
    folder: Vec<u8>,
    /// Of a script; empty as long as none is named.
    name: Vec<u8>,
    /// A script is among what will be written.
    holds_script: bool,
    /// The order to write was given, and not answered yet.
    ordered: bool,
    /// An answer refused something since the script was named.
    refused: bool,
}

/// A script that is put on a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planted {
    pub protocol: &'static str,
    /// Of the service, where the conversation is not with it.
    pub port: Option<u16>,
    /// Where it is put, as far as that was said.
    pub path: Vec<u8>,
    pub name: Vec<u8>,
    pub sure: Sure,
    pub taken: bool,
}

/// What a lane knows of databases that are told to write scripts.
#[derive(Default)]
pub struct Databases {
    sessions: Vec<Session>,
    next: usize,
}

impl Databases {
    /// Takes what was said. Gives whether more is wanted, and a script that was put on the server.
    pub fn hear(&mut self, spoken: &Spoken<'_>, conversation: u64, room: &mut Room) -> (bool, Option<Planted>) {
        if spoken.datagram {
            return (false, None);
        }
        // Servers of MySQL speak first.
        let is_mysql = spoken.server.get(4) == Some(&MYSQL_VERSION) && spoken.server.get(3) == Some(&0);
        if !(is_mysql || speaks_redis(spoken.client)) {
            return (false, None);
        }
        let planted = match (is_mysql, spoken.by_client) {
            (true, true) => {
                self.queried(spoken.fresh, conversation, room);
                None
            }
            (false, true) => self.told(spoken.fresh, conversation, room),
            (_, false) => self.answered(is_mysql, spoken.fresh, conversation),
        };
        (true, planted)
    }

    fn at(&self, conversation: u64) -> Option<usize> {
        self.sessions.iter().position(|session| session.conversation == conversation)
    }

    /// The session of a conversation, a new one if there is none.
    fn session(&mut self, conversation: u64) -> &mut Session {
        let fresh = || Session { conversation, ..Session::default() };
        let at = self.at(conversation).unwrap_or_else(|| {
            if self.sessions.len() < SESSIONS_MAX {
                self.sessions.push(fresh());
                return self.sessions.len() - 1;
            }
            let at = self.next;
            self.sessions[at] = fresh();
            self.next = (at + 1) % SESSIONS_MAX;
            at
        });
        &mut self.sessions[at]
    }

    /// Redis was told something. That a script is named is reported at once: nothing else names a dump so.
    fn told(&mut self, fresh: &[u8], conversation: u64, room: &mut Room) -> Option<Planted> {
        let folder = value_behind(fresh, b"dir").filter(|value| value.contains(&b'/') || value.contains(&b'\\'));
        let name = value_behind(fresh, b"dbfilename").filter(|value| matches!(judge(value).treatment, Treatment::Script(_)));
        let holds_script = script::judge_any(fresh, &mut room.code).hold > Hold::None;
        if folder.is_none() && name.is_none() && !holds_script && self.at(conversation).is_none() {
            return None;
        }
        let session = self.session(conversation);
        if let Some(folder) = folder {
            session.folder = folder.get(..NAME_BYTES_MAX).unwrap_or(folder).to_vec();
        }
        session.holds_script |= holds_script;
        session.ordered |= orders(fresh) && !session.name.is_empty() || orders(fresh) && name.is_some();
        let name = name?;
        session.name = name.get(..NAME_BYTES_MAX).unwrap_or(name).to_vec();
        session.refused = false;
        Some(session.planted("redis", false))
    }

    /// MySQL was asked something.
    fn queried(&mut self, fresh: &[u8], conversation: u64, room: &mut Room) {
        let Some((&[_, _, _, _, MYSQL_QUERY], query)) = fresh.split_first_chunk::<5>() else { return };
        let query = query.get(..QUERY_BYTES_MAX).unwrap_or(query).trim_ascii_start();
        // An insert may hold any text.
        if ![&b"select"[..], b"set "].iter().any(|word| query.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))) {
            return;
        }
        if let Some(upload) = upload::writes(query, false, room).filter(|upload| upload.sure == Sure::Certain) {
            let session = self.session(conversation);
            (session.name, session.ordered, session.holds_script) = (upload.name, true, true);
        }
    }

    /// A database answered.
    fn answered(&mut self, is_mysql: bool, fresh: &[u8], conversation: u64) -> Option<Planted> {
        let at = self.at(conversation)?;
        let session = &mut self.sessions[at];
        let refuses = match is_mysql {
            true => fresh.get(4) == Some(&MYSQL_ERROR),
            false => fresh.starts_with(b"-") || memchr::memmem::find(fresh, b"\r\n-").is_some(),
        };
        session.refused |= refuses && !session.name.is_empty();
        if !std::mem::take(&mut session.ordered) || !session.holds_script || session.name.is_empty() {
            return None;
        }
        let planted = session.planted(if is_mysql { "mysql" } else { "redis" }, !session.refused);
        self.sessions.swap_remove(at);
        self.next = 0;
        Some(planted)
    }
}

impl Session {
    fn planted(&self, protocol: &'static str, taken: bool) -> Planted {
        let separator: &[u8] = if self.folder.is_empty() || self.folder.ends_with(b"/") { b"" } else { b"/" };
        let path = [&self.folder[..], separator, &self.name].concat();
        Planted { protocol, port: None, path, name: last_part(&self.name).to_vec(), sure: Sure::Certain, taken }
    }
}

/// The version of MySQL's protocol, with which a server greets, the number of a query, and that of an error.
const MYSQL_VERSION: u8 = 10;
const MYSQL_QUERY: u8 = 3;
const MYSQL_ERROR: u8 = 0xff;
/// Bytes of a query that are looked at.
const QUERY_BYTES_MAX: usize = 16 * 1024;

/// First words of a client of Redis that sends lines, in upper case.
const WORDS: [&[u8]; 11] =
    [b"CONFIG", b"SET", b"AUTH", b"INFO", b"PING", b"FLUSHALL", b"FLUSHDB", b"SELECT", b"SLAVEOF", b"SAVE", b"HELLO"];

/// Whether a client speaks to Redis.
fn speaks_redis(client: &[u8]) -> bool {
    if let [b'*', b'1'..=b'9', rest @ ..] = client {
        let behind = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        return matches!(&rest[behind..], [b'\r', b'\n', b'$', ..] | [b'\r', b'\n'] | [b'\r'] | []);
    }
    let len = client.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    WORDS.iter().any(|word| client[..len].eq_ignore_ascii_case(word))
}

/// The string behind a word: the next of an array, or of a line.
fn value_behind<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
    (0..text.len().saturating_sub(word.len())).find_map(|at| {
        let rest = &text[at..];
        let starts = at == 0 || ends(&text[at - 1]);
        if !starts || !rest[..word.len()].eq_ignore_ascii_case(word) || !ends(&rest[word.len()]) {
            return None;
        }
        let mut rest = &rest[word.len()..];
        loop {
            rest = &rest[rest.iter().position(|byte| !ends(byte))?..];
            let len = rest.iter().position(ends).unwrap_or(rest.len());
            // The length of the string that follows.
            match rest[..len].strip_prefix(b"$") {
                Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => rest = &rest[len..],
                _ => return Some(&rest[..len]),
            }
        }
    })
}

/// Whether Redis is told to write its memory.
fn orders(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace);
    words.any(|word| word.eq_ignore_ascii_case(b"SAVE") || word.eq_ignore_ascii_case(b"BGSAVE"))
}

/// Whether a body that begins so may be a script that a web server runs: a file's name is known only later.
pub fn may_be_script(first: &[u8]) -> bool {
    let start = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    // Of pages for people, templates begin so, too, and hardly anything else.
    matches!(start, [b'<', b'%', ..] | [b'<', b'?', b'p' | b'P' | b'=', ..])
}

/// A script that was sent as a file over FTP or TFTP. Whoever keeps a site by FTP sends scripts, and logs in: only one that runs what it is told counts.
pub fn sent(delivery: &Delivery<'_>, room: &mut Room) -> Option<Planted> {
    let protocol = match delivery.carrier {
        Carrier::Ftp => "ftp",
        Carrier::Tftp => "tftp",
        Carrier::Http | Carrier::Smtp | Carrier::Pop3 | Carrier::Imap => return None,
    };
    let judged = judge(delivery.file_name);
    let Treatment::Script(language) = judged.treatment else { return None };
    let content = script::judge(language, delivery.body.head, &mut room.code);
    if !delivery.by_client || content.hold < Hold::Runs {
        return None;
    }
    let telling = judged.disguised || content.dressed || delivery.body.bytes <= SHELL_BYTES_MAX;
    let after_host = delivery.url.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(2).map_or(0, |(at, _)| at);
    Some(Planted {
        protocol,
        port: (delivery.carrier == Carrier::Ftp).then(|| control_port(delivery.url)),
        path: delivery.url[after_host..].to_vec(),
        name: last_part(delivery.file_name).to_vec(),
        sure: if telling { Sure::Certain } else { Sure::Suspect },
        taken: delivery.body.bytes > 0,
    })
}

/// The port of the control connection (RFC 959 section 5.2), where its URL names no other.
fn control_port(url: &[u8]) -> u16 {
    let authority = url.split(|&byte| byte == b'/').nth(2).unwrap_or_default();
    let port = authority.rsplit(|&byte| byte == b':').next().and_then(|port| std::str::from_utf8(port).ok());
    port.and_then(|port| port.parse().ok()).unwrap_or(21)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::carried::Body;

    const SHELL: &str = "\n<?php @eval($_POST['x']);?>\n";

    /// What a conversation of turns comes to, each by the client or not.
    fn found(turns: &[(bool, &[u8])]) -> Vec<(String, bool)> {
        let (mut databases, mut room) = (Databases::default(), Room::default());
        let (mut client, mut server) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        for &(by_client, fresh) in turns {
            if by_client { &mut client } else { &mut server }.extend_from_slice(fresh);
            let spoken = Spoken { by_client, fresh, grown: true, client: &client, server: &server, datagram: false };
            let (_, planted) = databases.hear(&spoken, 7, &mut room);
            found.extend(planted.map(|planted| (String::from_utf8_lossy(&planted.path).into_owned(), planted.taken)));
        }
        found
    }

    fn array(words: &[&str]) -> Vec<u8> {
        let strings = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("*{}\r\n{}", words.len(), strings.collect::<String>()).into_bytes()
    }

    fn dump(name: &str, answer: &[u8]) -> Vec<(String, bool)> {
        let asked = [
            array(&["config", "set", "dir", "/var/www/html"]),
            array(&["SET", "x", SHELL]),
            array(&["CONFIG", "SET", "dbfilename", name]),
            array(&["SAVE"]),
        ];
        let turns: Vec<(bool, &[u8])> = asked.iter().flat_map(|asked| [(true, &asked[..]), (false, answer)]).collect();
        found(&turns)
    }

    #[test]
    fn redis_writes_its_memory_as_a_page() {
        let path = || "/var/www/html/a.php".to_string();
        assert_eq!(dump("a.php", b"+OK\r\n"), [(path(), false), (path(), true)]);
        assert_eq!(dump("a.php", b"-NOAUTH Authentication required.\r\n"), [(path(), false), (path(), false)]);
        let lines = format!("CONFIG SET dir /var/www/html\r\nconfig set dbfilename a.php\r\nset x \"{}\"\r\nsave\r\n", SHELL.trim());
        assert_eq!(found(&[(true, lines.as_bytes()), (false, b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n")]), [(path(), false), (path(), true)]);
    }

    #[test]
    fn ordinary_use_of_redis_is_none() {
        assert_eq!(dump("backup.rdb", b"+OK\r\n"), []);
        let get = array(&["CONFIG", "GET", "dbfilename"]);
        assert_eq!(found(&[(true, &get), (false, b"*2\r\n$10\r\ndbfilename\r\n$5\r\na.php\r\n")]), []);
        let page = array(&["SET", "page:/index.php", "<p>set dbfilename</p><?php echo $_GET['q']; ?>"]);
        assert_eq!(found(&[(true, &page), (false, b"+OK\r\n"), (true, &array(&["SAVE"])), (false, b"+OK\r\n")]), []);
        for broken in [&b"*"[..], b"*1\r\n$", b"dbfilename", b"CONFIG SET dbfilename", b"*4\r\n$10\r\ndbfilename\r\n$5", b""] {
            assert_eq!(found(&[(true, broken), (false, b"-ERR\r\n")]), []);
        }
    }

    #[test]
    fn mysql_writes_rows_as_a_page() {
        let asked = |query: &str| [&[0, 0, 0, 0, 3], query.as_bytes()].concat();
        let said = |query: &str, answer: &[u8]| found(&[(false, b"\x4a\0\0\0\x0a5.7.30\0"), (true, &asked(query)), (false, answer)]);
        let outfile = format!("SELECT '{SHELL}' INTO OUTFILE '/var/www/m.php'");
        assert_eq!(said(&outfile, &[7, 0, 0, 1, 0]), [("m.php".to_string(), true)]);
        assert_eq!(said(&outfile, &[7, 0, 0, 1, 0xff]), [("m.php".to_string(), false)]);
        assert_eq!(said("set global general_log_file='/var/www/l.php'", &[7, 0, 0, 1, 0]), [("l.php".to_string(), true)]);
        for query in [
            "select 1",
            "insert into posts values ('<?php eval($_POST[1]);?> into outfile x.php')",
            "select * into outfile '/tmp/a.csv' from t",
        ] {
            assert_eq!(said(query, &[7, 0, 0, 1, 0]), [], "{query}");
        }
    }

    #[test]
    fn files_that_run_what_they_are_told() {
        let sent = |name: &str, content: &[u8], carrier| {
            let body = Body { head: content, bytes: content.len() as u64, complete: true, ..Body::default() };
            let url = format!("ftp://192.0.2.1/www/{name}");
            let delivery = Delivery {
                carrier,
                by_client: true,
                url: url.as_bytes(),
                file_name: name.as_bytes(),
                content_type: b"",
                exchange: None,
                body,
            };
            sent(&delivery, &mut Room::default()).map(|planted| (String::from_utf8_lossy(&planted.path).into_owned(), planted.sure))
        };
        assert_eq!(sent("a.php", SHELL.as_bytes(), Carrier::Ftp), Some(("/www/a.php".to_string(), Sure::Certain)));
        assert_eq!(sent("a.asp;.jpg", b"<%eval request(\"x\")%>", Carrier::Ftp).map(|found| found.1), Some(Sure::Certain));
        let long = [SHELL.as_bytes(), &[b' '; 9000]].concat();
        assert_eq!(sent("admin.php", &long, Carrier::Ftp).map(|found| found.1), Some(Sure::Suspect));
        assert_eq!(sent("a.txt", SHELL.as_bytes(), Carrier::Ftp), None);
        assert_eq!(sent("a.php", SHELL.as_bytes(), Carrier::Smtp), None);
        assert_eq!(sent("index.php", b"<?php require 'a.inc'; echo htmlspecialchars($_GET['q']);", Carrier::Ftp), None);
        assert!(
            may_be_script(SHELL.as_bytes()) && may_be_script(b"<%@ page") && !may_be_script(b"<?xml version") && !may_be_script(b"<html>")
        );
    }
}
