//! What exchanges come to, from a lane's memory to events and rows.

use std::collections::{BTreeMap, BTreeSet};

use super::testing::{Sent, exchanged, form, get, multipart, request};
use super::{WebshellBoard, WebshellMemory, WebshellTally};
use crate::addr::Addr;
use crate::attribute::{Benign, Country, Direction, Peers, Sectors};
use crate::conclude::{Aims, Conclusions, Detail, Event, Rows, SLICE_NS, State};
use crate::detect::payload::{Listener, Readings};
use crate::keyed::Keyed;
use crate::protocol::carried::Ends;
use crate::settings::Settings;

/// A lane and a board, with what they have concluded.
struct Story {
    memory: WebshellMemory,
    board: WebshellBoard,
    rows: Rows,
    events: Vec<Event>,
    evicted: u64,
    settings: Settings,
}

const CHOPPER: &str = "x=%40eval(base64_decode($_POST[z0]))%3B&z0=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwiMCIpOw%3D%3D";
const SHELL: &[u8] = b"<?php @eval($_POST['pass']);?>";

impl Story {
    fn new() -> Self {
        Story {
            memory: WebshellMemory::of_lane(3),
            board: WebshellBoard::keyed(Keyed::fixed()),
            rows: Rows::new(Keyed::fixed()),
            events: Vec::new(),
            evicted: 0,
            settings: Settings::default(),
        }
    }

    fn conclude(&mut self, conclude: impl FnOnce(&mut WebshellBoard, &mut Conclusions<'_>)) {
        let (mut flooded, mut scanners, mut unwritten) = (BTreeMap::new(), BTreeSet::new(), 0);
        let (benign, sectors, peers, mut assets) = (Benign::embedded(), Sectors::default(), Peers::default(), Vec::new());
        let mut aims = Aims::default();
        let mut readings = Readings::default();
        let mut out = Conclusions {
            rows: &mut self.rows,
            events: &mut self.events,
            settings: &self.settings,
            benign: &benign,
            entries: None,
            sectors: &sectors,
            peers: &peers,
            aims: &mut aims,
            assets: &mut assets,
            flooded: &mut flooded,
            port_scanners: &mut scanners,
            deliveries: &mut Vec::new(),
            samples: &mut Default::default(),
            unwritten: &mut unwritten,
            evicted: &mut self.evicted,
            readings: &mut readings,
        };
        conclude(&mut self.board, &mut out);
    }

    /// One exchange in a slice of its own: from a client to a server, both by the last number of their address.
    fn tell(&mut self, second: u32, client: u32, server: u32, sent: &Sent<'_>, answer: Option<(u16, &str)>) {
        let start_ns = u64::from(second) * SLICE_NS;
        let ends = Ends {
            client: Addr::v4(0xc633_6400 | client),
            server: Addr::v4(0xcb00_7100 | server),
            client_port: 40_000,
            server_port: 80,
            client_country: Country::NONE,
            server_country: Country::NONE,
            direction: Direction::Inbound,
            client_proved: true,
            server_proved: true,
            conversation: 7,
            start_ns,
            now_ns: start_ns + 5,
            packets: 6,
            bytes: 900,
        };
        let mut tally = WebshellTally::default();
        exchanged(sent, answer, |exchange| self.memory.exchange(&mut tally, &ends, exchange));
        self.memory.seal(&mut tally);
        self.conclude(|board, out| board.slice(second, &mut tally, out));
    }

    fn finish(mut self) -> Vec<(&'static str, String)> {
        self.conclude(WebshellBoard::finish);
        self.events.iter().map(said).collect()
    }
}

fn said(event: &Event) -> (&'static str, String) {
    let Detail::Webshell(detail) = &event.detail else { panic!("{event:?}") };
    let answered = detail.answered.map_or_else(|| "-".into(), |status| status.to_string());
    (event.kind, format!("{} {} {} {answered} {}", detail.stage, detail.shell, detail.path, detail.requests))
}

fn is(kind: &'static str, detail: &str) -> (&'static str, String) {
    (kind, detail.to_string())
}

#[test]
fn a_command_that_pages_report_needs_another_beside_it() {
    let told = |second: (&str, &str)| {
        let mut story = Story::new();
        story.tell(10, 1, 9, &get("/a.php?cmd=hostname"), Some((200, "web01\n")));
        story.tell(11, 1, 9, &get(second.0), Some((200, second.1)));
        story.finish()
    };
    assert_eq!(told(("/a.php?cmd=hostname", "web01\n")), [is("webshell_suspect", "use unknown /a.php 200 2")]);
    assert_eq!(told(("/a.php?cmd=pwd", "/var/www\n")), [is("webshell", "use unknown /a.php 200 2")]);
    assert_eq!(told(("/a.php?cmd=whoami", "www-data\n")), [is("webshell", "use unknown /a.php 200 2")]);
}

#[test]
fn an_upload_and_its_use_are_two_events_and_two_users_are_two() {
    let mut story = Story::new();
    let upload = multipart("/up", &[("f", Some("a.php"), "text/plain", SHELL)]);
    story.tell(10, 1, 9, &upload, Some((200, "saved")));
    story.tell(11, 1, 9, &form("/files/a.php?x=1", CHOPPER), Some((200, "->|ok|<-")));
    story.tell(12, 1, 9, &form("/files/a.php", CHOPPER), Some((200, "->|ok|<-")));
    story.tell(13, 2, 9, &form("/files/a.php", CHOPPER), Some((200, "->|ok|<-")));
    let expected = [
        is("webshell", "use china-chopper /files/a.php 200 2"),
        is("webshell", "upload unknown /up 200 1"),
        is("webshell", "use china-chopper /files/a.php 200 1"),
    ];
    assert_eq!(story.finish(), expected);
}

#[test]
fn a_script_that_was_put_there_is_used_whatever_asks() {
    let mut story = Story::new();
    story.tell(10, 1, 9, &multipart("/up", &[("f", Some("a.php"), "text/plain", SHELL)]), Some((200, "saved")));
    story.tell(11, 1, 9, &form("/files/A.php", "anything=1"), Some((200, "done")));
    // On another server, or refused, it says nothing.
    story.tell(12, 1, 8, &form("/files/a.php", "anything=1"), Some((200, "done")));
    story.tell(13, 1, 9, &form("/other/a.php", "anything=1"), Some((404, "")));
    assert_eq!(story.finish(), [is("webshell", "use unknown /files/A.php 200 1"), is("webshell", "upload unknown /up 200 1")]);
}

#[test]
fn a_script_that_was_refused_in_words_and_is_there_all_the_same() {
    let mut story = Story::new();
    story.tell(10, 1, 9, &multipart("/up", &[("f", Some("a.php"), "text/plain", SHELL)]), Some((200, "{\"error\":\"Invalid file type\"}")));
    story.tell(11, 1, 9, &form("/files/a.php", "anything=1"), Some((200, "done")));
    assert_eq!(story.finish(), [is("webshell", "use unknown /files/a.php 200 1"), is("webshell_attempt", "upload unknown /up 200 1")]);
}

#[test]
fn a_text_that_becomes_a_script_is_put_there_whoever_vouches() {
    let vouched = |sent: Sent<'static>| sent.with("Authorization", "Basic dDp0");
    let mut story = Story::new();
    story.tell(10, 1, 9, &vouched(request("PUT", "/dav/a.txt", b"<%eval request(\"a\")%>")), Some((201, "")));
    let renamed = request("MOVE", "/dav/a.txt", b"").with("Destination", "http://h/dav/a.asp");
    story.tell(11, 1, 9, &vouched(renamed), Some((201, "")));
    story.tell(12, 1, 9, &form("/dav/a.asp", "a=1"), Some((200, "1")));
    // An editor writes beside a script first.
    story.tell(13, 1, 9, &vouched(request("PUT", "/dav/i.php.tmp", b"<?php echo 1;")), Some((201, "")));
    let renamed = request("MOVE", "/dav/i.php.tmp", b"").with("Destination", "http://h/dav/i.php");
    story.tell(14, 1, 9, &vouched(renamed), Some((201, "")));
    story.tell(15, 1, 9, &get("/dav/i.php"), Some((200, "1")));
    assert_eq!(story.finish(), [is("webshell", "use unknown /dav/a.asp 200 1"), is("webshell", "upload unknown /dav/a.txt 201 2")]);
}

#[test]
fn five_names_are_a_search_and_four_are_not() {
    for (names, found) in [(4, false), (5, true)] {
        let mut story = Story::new();
        for (at, name) in ["/shell.php", "/c99.php", "/1.php", "/up.php", "/wso.php"].iter().take(names).enumerate() {
            story.tell(10 + at as u32, 1, 9, &get(name), Some((404, "<html>")));
            story.tell(10 + at as u32, 1, 9, &get(name), Some((404, "<html>")));
        }
        let expected = is("webshell_attempt", "probe unknown /shell.php 404 10");
        assert_eq!(story.finish(), if found { vec![expected] } else { vec![] });
    }
    // Names that other files have, too: twice as many.
    let mut story = Story::new();
    for at in 0..9 {
        story.tell(10 + at, 1, 9, &get(&format!("/{at}.php")), Some((404, "")));
    }
    assert_eq!(story.finish(), []);
}

#[test]
fn a_search_over_many_servers_is_one_too() {
    let mut story = Story::new();
    for server in 0..6 {
        story.tell(10 + server, 1, server, &get("/shell.php"), Some((404, "")));
    }
    let found = story.finish();
    assert_eq!(found.len(), 6);
    assert!(found.iter().all(|event| *event == is("webshell_attempt", "probe unknown /shell.php 404 1")), "{found:?}");
}

#[test]
fn looks_become_certain_when_the_answers_agree() {
    let answer = |end: &str| format!("21cd6a8758984163fL1tMGI4{end}6c37ac826a2a04bc");
    let mut story = Story::new();
    story.tell(10, 1, 9, &form("/a.php", "p=AAAA"), Some((200, &answer(""))));
    story.tell(11, 1, 9, &form("/a.php", "p=BBBB"), Some((200, &answer("YTkl"))));
    assert_eq!(story.finish(), [is("webshell", "use godzilla /a.php 200 2")]);
    let mut story = Story::new();
    story.tell(10, 1, 9, &form("/a.php", "p=AAAA"), Some((200, &answer(""))));
    assert_eq!(story.finish(), [is("webshell_suspect", "use godzilla /a.php 200 1")]);
}

#[test]
fn what_is_reported_under_one_kind_begins_anew_under_another() {
    let mut story = Story::new();
    let upload = multipart("/up", &[("f", Some("a.php"), "text/plain", SHELL)]);
    story.tell(10, 1, 9, &upload, Some((403, "")));
    story.conclude(WebshellBoard::window_end);
    story.tell(70, 1, 9, &upload, Some((200, "")));
    story.conclude(WebshellBoard::finish);
    let states: Vec<_> = story.events.iter().map(|event| (event.kind, event.state)).collect();
    assert_eq!(states, [("webshell_attempt", State::Ongoing), ("webshell_attempt", State::Ended), ("webshell", State::Ended)]);
    assert_eq!(story.events[0].id, story.events[1].id);
    assert_ne!(story.events[1].id, story.events[2].id);
    let started: Vec<_> = story.rows.iter().map(|(key, row)| (key.kind, row.started, row.packets)).collect();
    assert_eq!(started, [("webshell", 1, 6), ("webshell_attempt", 1, 6)]);
}

#[test]
fn silence_ends_dealings_and_bounds_hold() {
    let mut story = Story::new();
    story.tell(10, 1, 9, &form("/a.php", CHOPPER), Some((200, "->|ok|<-")));
    story.tell(400, 1, 9, &form("/a.php", CHOPPER), Some((200, "->|ok|<-")));
    assert_eq!(story.events.len(), 1);
    story.settings.webshell.dealings = 1;
    story.tell(401, 2, 9, &form("/a.php", CHOPPER), Some((200, "->|ok|<-")));
    assert_eq!((story.evicted, story.events[0].state), (1, State::Ended));
}
