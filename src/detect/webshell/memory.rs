//! A lane's memory: which scripts were put on which server, so that their use is known whatever tool it is by.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::answer::{Answer, Outcome};
use super::asked::{Asked, Room, split};
use super::judge::{Finding, Stage, judge};
use super::name::{is_script, last_part};
use super::planted::{self, Databases, Planted};
use super::probe::Known;
use super::record::{PATH_BYTES, Record, WebshellTally};
use super::shell::Shell;
use super::upload;
use super::usage::Sure;
use crate::addr::Addr;
use crate::attribute::{Attribution, Direction};
use crate::conclude::Evidence;
use crate::detect::payload::{Glance, Listener, Spoken};
use crate::detect::{Keep, Shared};
use crate::protocol::carried::{Delivery, Ends, Exchange};

/// Records of one lane in one slice. Each is a request that somebody bothered to make.
const RECORDS_MAX: usize = 1024;
/// Scripts put on servers that a lane remembers; the oldest makes room.
const UPLOADED_MAX: usize = 64;

/// A script that was put on a server.
struct Uploaded {
    server: Addr,
    /// In lower case.
    name: Vec<u8>,
}

/// A lane's memory.
pub struct WebshellMemory {
    lane: u8,
    room: Room,
    uploaded: Vec<Uploaded>,
    next_uploaded: usize,
    databases: Databases,
    records: usize,
    keep: Keep,
}

impl WebshellMemory {
    pub fn new(lane: u8, shared: &Shared) -> Self {
        WebshellMemory { keep: shared.keep, ..Self::of_lane(lane) }
    }

    pub(super) fn of_lane(lane: u8) -> Self {
        // Not in the middle of traffic.
        LazyLock::force(&ASKING);
        WebshellMemory {
            lane,
            room: Room::default(),
            uploaded: Vec::new(),
            next_uploaded: 0,
            databases: Databases::default(),
            records: 0,
            keep: Keep::default(),
        }
    }

    fn remember(&mut self, server: Addr, name: &[u8]) {
        let name = name.get(..PATH_BYTES).unwrap_or(name).to_ascii_lowercase();
        if name.is_empty() || self.uploaded.iter().any(|kept| kept.server == server && kept.name == name) {
            return;
        }
        let kept = Uploaded { server, name };
        if self.uploaded.len() < UPLOADED_MAX {
            self.uploaded.push(kept);
        } else {
            self.uploaded[self.next_uploaded] = kept;
            self.next_uploaded = (self.next_uploaded + 1) % UPLOADED_MAX;
        }
    }

    /// Hands over what was found.
    fn record(&mut self, tally: &mut WebshellTally, ends: &Ends, told: Told<'_>) {
        if self.records >= RECORDS_MAX {
            tally.evicted += 1;
            return;
        }
        self.records += 1;
        let home = matches!(ends.direction, Direction::Outbound | Direction::Internal);
        let record = Record {
            client: ends.client,
            server: ends.server,
            port: told.port,
            protocol: told.protocol,
            start_ns: ends.start_ns,
            end_ns: ends.now_ns,
            packets: ends.packets,
            bytes: u32::try_from(ends.bytes).unwrap_or(u32::MAX),
            country: ends.client_country,
            direction: ends.direction,
            attribution: Attribution::of(ends.client, home, ends.client_country, ends.client_proved),
            status: told.status,
            evidence: told.evidence,
            finding: told.finding,
            path: tally.keep(told.path),
        };
        tally.records.push(self.lane, record);
    }

    /// A script was put on a server by another way than HTTP.
    fn planted(&mut self, tally: &mut WebshellTally, ends: &Ends, planted: Planted, evidence: Option<Box<Evidence>>) {
        if planted.taken {
            self.remember(ends.server, &planted.name);
        }
        let finding = Finding { file_name: planted.name, ..Finding::new(Stage::Upload, Shell::Unknown, planted.sure, planted.taken) };
        let port = planted.port.unwrap_or(ends.server_port);
        self.record(tally, ends, Told { protocol: planted.protocol, port, path: &planted.path, status: 0, finding, evidence });
    }

    /// Whether a request is for a script that was put on the server before.
    fn was_uploaded(&self, server: Addr, path: &[u8]) -> bool {
        let name = last_part(path);
        !name.is_empty() && self.uploaded.iter().any(|kept| kept.server == server && kept.name.eq_ignore_ascii_case(name))
    }
}

/// What was found, and how it came.
struct Told<'a> {
    protocol: &'static str,
    port: u16,
    path: &'a [u8],
    status: u16,
    finding: Finding,
    evidence: Option<Box<Evidence>>,
}

/// What identified a webshell: the file that was put there, or the body of the request, or its query where there is none; and the answer.
fn evidence<'a>(exchange: &Exchange<'a>, finding: &Finding) -> (&'a [u8], &'a [u8]) {
    let request = exchange.request;
    let uploaded = |name: &[u8]| !finding.file_name.is_empty() && last_part(name) == finding.file_name;
    let part = request.parts.iter().find(|part| part.file_name.is_some_and(uploaded));
    let client = part.map_or(request.body.head, |part| part.body.head);
    let client = if client.is_empty() { split(request.target).1 } else { client };
    (client, exchange.response.map_or(b"", |response| response.body.head))
}

/// A script that MOVE or COPY makes of something else.
fn renamed(exchange: &Exchange<'_>) -> Option<Finding> {
    let file_name = upload::renamed(&Asked::new(exchange.request))?;
    let taken = Answer::new(exchange).taken();
    Some(Finding { file_name, ..Finding::new(Stage::Upload, Shell::Unknown, Sure::Certain, taken) })
}

/// What in a query may put or run code or a command, whatever the path: one pass over every query.
static ASKING: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let words = ["%3C", "%3c", "<", "%3E", "%3e", ">", "file_put_contents", "classLoader", "cmd=", "exec=", "command="];
    AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).prefilter(false).build(words).expect("the words are few and short")
});

/// Whether code of PHP or of server pages is opened: by `<?` or `<%`.
fn opens_code(text: &[u8]) -> bool {
    memchr::memchr_iter(b'<', text).any(|at| matches!(text.get(at + 1), Some(b'?' | b'%')))
}

impl Listener for WebshellMemory {
    type Tally = WebshellTally;

    fn wants_exchange(&mut self, _ends: &Ends, glance: &Glance<'_>) -> bool {
        match glance.method {
            b"GET" | b"HEAD" => {
                let (path, query) = if glance.is_bare { (glance.target, &[][..]) } else { split(glance.target) };
                is_script(path).is_some() || !query.is_empty() && ASKING.is_match(query) || glance.is_marked && opens_code(glance.head)
            }
            b"OPTIONS" | b"CONNECT" | b"TRACE" => false,
            _ => true,
        }
    }

    fn exchange(&mut self, tally: &mut WebshellTally, ends: &Ends, exchange: &Exchange<'_>) {
        let path = split(exchange.request.target).0;
        let mut finding = judge(exchange, &mut self.room);
        if finding.is_none() && matches!(exchange.request.method, b"MOVE" | b"COPY") && self.was_uploaded(ends.server, path) {
            // A shell that was put there as a text becomes a script, whoever vouches for the client.
            finding = renamed(exchange);
        }
        if let Some(upload) = finding.as_ref().filter(|finding| finding.stage == Stage::Upload && Answer::new(exchange).may_be_kept()) {
            self.remember(ends.server, &upload.file_name);
        } else if finding.as_ref().is_none_or(|finding| finding.known > Known::No || finding.sure < Sure::Certain)
            && matches!(exchange.request.method, b"GET" | b"HEAD" | b"POST")
            && is_script(path).is_some()
            && self.was_uploaded(ends.server, path)
            && matches!(Answer::new(exchange).outcome, Outcome::Output | Outcome::Page)
        {
            let shell = finding.as_ref().map_or(Shell::Unknown, |finding| finding.shell);
            finding = Some(Finding::new(Stage::Use, shell, Sure::Certain, true));
        }
        let Some(finding) = finding else { return };
        let status = exchange.response.map_or(0, |response| response.status);
        let evidence = self.keep.evidence(|| evidence(exchange, &finding));
        self.record(tally, ends, Told { protocol: "http", port: ends.server_port, path, status, finding, evidence });
    }

    fn wants_body(&mut self, _ends: &Ends, first: &[u8]) -> bool {
        planted::may_be_script(first)
    }

    fn delivered(&mut self, tally: &mut WebshellTally, ends: &Ends, delivery: &Delivery<'_>) {
        if let Some(planted) = planted::sent(delivery, &mut self.room) {
            let evidence = self.keep.evidence(|| (delivery.body.head, b""));
            self.planted(tally, ends, planted, evidence);
        }
    }

    fn spoken(&mut self, tally: &mut WebshellTally, ends: &Ends, spoken: &Spoken<'_>) -> bool {
        let (wanted, found) = self.databases.hear(spoken, ends.conversation, &mut self.room);
        if let Some(planted) = found {
            let (client, server) = if spoken.by_client { (spoken.fresh, &b""[..]) } else { (spoken.client, spoken.fresh) };
            let evidence = self.keep.evidence(|| (client, server));
            self.planted(tally, ends, planted, evidence);
        }
        wanted
    }

    fn seal(&mut self, _tally: &mut WebshellTally) {
        self.records = 0;
    }
}
