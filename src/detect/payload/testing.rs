//! Conversations made segment by segment, and a listener that writes down whatever it is told.

use std::fmt::Write;

use crate::addr::Addr;
use crate::attribute::Home;
use crate::decode::{Header, Transport, flags};
use crate::protocol::carried::{Body, Delivery, Ends, Exchange};
use crate::protocol::tls;

use super::listener::{Glance, Listener, Spoken};
use super::survey::Survey;
use super::tally::Readings;

const CLIENT: Addr = Addr::v4(0xc633_6407);
const SERVER: Addr = Addr::v4(0x0a00_0009);
const CLIENT_ISN: u32 = 0xffff_ff00;
const SERVER_ISN: u32 = 77;

/// What a recorder wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    All,
    /// Of exchanges, how many packets and bytes they took.
    Sizes,
    /// Bodies that begin with `MZ`.
    Programs,
}

pub struct Recorder(pub Wants);

fn body(body: &Body<'_>) -> String {
    let sha256 = body.sha256.map_or(String::new(), |sha256| format!(" {:02x}{:02x}", sha256[0], sha256[1]));
    let complete = if body.complete { "" } else { " incomplete" };
    format!("[{}{complete}{sha256} {}]", body.bytes, body.head[..body.head.len().min(40)].escape_ascii())
}

impl Listener for Recorder {
    type Tally = Vec<String>;

    fn wants_exchange(&mut self, _ends: &Ends, _glance: &Glance<'_>) -> bool {
        matches!(self.0, Wants::All | Wants::Sizes)
    }

    fn wants_body(&mut self, _ends: &Ends, first: &[u8]) -> bool {
        self.0 == Wants::All || self.0 == Wants::Programs && first.starts_with(b"MZ")
    }

    fn exchange(&mut self, tally: &mut Vec<String>, ends: &Ends, exchange: &Exchange<'_>) {
        if self.0 == Wants::Sizes {
            return tally.push(format!("{} packets, {} bytes", ends.packets, ends.bytes));
        }
        let request = exchange.request;
        let mut text = format!("{} {} {}", request.method.escape_ascii(), request.host.escape_ascii(), request.target.escape_ascii());
        if request.body.bytes > 0 || !request.body.complete {
            let _ = write!(text, " {}", body(&request.body));
        }
        for part in request.parts {
            let name = part.file_name.unwrap_or(part.name);
            let _ = write!(text, " {}={}", name.escape_ascii(), body(&part.body));
        }
        match exchange.response {
            Some(response) => {
                let _ = write!(text, " -> {} {}", response.status, body(&response.body));
            }
            None => text += " -> nothing",
        }
        text += if exchange.ambiguous { " ambiguous" } else { "" };
        tally.push(text);
    }

    fn delivered(&mut self, tally: &mut Vec<String>, _ends: &Ends, delivery: &Delivery<'_>) {
        if self.0 == Wants::Programs {
            let by = if delivery.by_client { "client" } else { "server" };
            let (url, name) = (delivery.url.escape_ascii(), delivery.file_name.escape_ascii());
            tally.push(format!("by {by} {url} {name} {}", body(&delivery.body)));
        }
    }

    fn tls(&mut self, tally: &mut Vec<String>, _ends: &Ends, message: &tls::Message<'_>, by_client: bool) {
        tally.push(match message {
            tls::Message::ClientHello(hello) => {
                format!("hello to {} by client {by_client}", hello.server_name().unwrap_or_default().escape_ascii())
            }
            tls::Message::ServerHello(_) => format!("server hello by client {by_client}"),
            tls::Message::Certificate(certificate) => format!("certificate {:02x}", certificate.sha1()[0]),
        });
    }

    fn spoken(&mut self, tally: &mut Vec<String>, _ends: &Ends, spoken: &Spoken<'_>) -> bool {
        tally.push(format!("spoken {}", spoken.fresh.escape_ascii()));
        self.0 == Wants::All
    }
}

/// A TCP conversation between a client abroad and a server at home.
pub struct Lab {
    survey: Survey<Recorder>,
    time_ns: u64,
}

impl Lab {
    pub fn new(wants: Wants) -> Self {
        let mut lab = Lab { survey: Survey::new(Home::private(), || Recorder(wants)), time_ns: 1_700_000_000_000_000_000 };
        lab.send(true, CLIENT_ISN, 0, flags::SYN, b"", 0);
        lab.send(false, SERVER_ISN, CLIENT_ISN.wrapping_add(1), flags::SYN | flags::ACK, b"", 0);
        lab.send(true, CLIENT_ISN.wrapping_add(1), SERVER_ISN + 1, flags::ACK, b"", 0);
        lab
    }

    fn send(&mut self, by_client: bool, seq: u32, ack: u32, set: u8, payload: &[u8], cut: u16) {
        let (source, target) = if by_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let mut header = Header::between(source, target, Transport::Tcp);
        (header.source_port, header.target_port) = if by_client { (40_000, 80) } else { (80, 40_000) };
        (header.seq, header.ack, header.tcp_flags) = (seq, ack, set);
        header.payload_bytes = payload.len() as u16;
        header.payload_claimed = payload.len() as u16 + cut;
        self.time_ns += 1_000_000;
        self.survey.packet(&header, payload, self.time_ns, 54 + payload.len() as u32);
    }

    /// A segment that begins at this byte of its side's stream, of which the last `cut` bytes were not captured. It acknowledges nothing new.
    pub fn segment(&mut self, by_client: bool, at: usize, payload: &[u8], cut: u16) {
        let (isn, theirs) = if by_client { (CLIENT_ISN, SERVER_ISN) } else { (SERVER_ISN, CLIENT_ISN) };
        self.send(by_client, isn.wrapping_add(1 + at as u32), theirs.wrapping_add(1), flags::ACK | flags::PSH, payload, cut);
    }

    /// A side's FIN, behind so many bytes.
    pub fn fin(&mut self, by_client: bool, at: usize) {
        let (isn, theirs) = if by_client { (CLIENT_ISN, SERVER_ISN) } else { (SERVER_ISN, CLIENT_ISN) };
        self.send(by_client, isn.wrapping_add(1 + at as u32), theirs.wrapping_add(1), flags::ACK | flags::FIN, b"", 0);
    }

    pub fn finish(self) -> (Vec<String>, Readings) {
        self.survey.finish()
    }
}

/// What is told of two streams, the client's first, each in one segment or in segments of at most so many bytes; both end.
pub fn told(wants: Wants, client: &[u8], server: &[u8], segment_bytes: usize) -> Vec<String> {
    let mut lab = Lab::new(wants);
    for (by_client, bytes) in [(true, client), (false, server)] {
        for (place, piece) in bytes.chunks(segment_bytes.max(1)).enumerate() {
            lab.segment(by_client, place * segment_bytes.max(1), piece, 0);
        }
    }
    lab.fin(false, server.len());
    lab.fin(true, client.len());
    lab.finish().0
}
