//! HTTP in a conversation: requests and their responses, paired, with the bodies that somebody wants.
//!
//! What nobody wants is passed by its length: of a plain request and its response only the heads and the first bytes of the body are looked
//! at. After a hole a side is lost until a segment begins with the first line of a message. A conversation that begins with an ordinary
//! request has no reader before it is answered ([`asked`]).

mod asked;
mod exchange;
pub mod intake;
mod joined;
#[cfg(test)]
mod tests;
mod whole;

use crate::detect::Keep;
use crate::protocol::carried::Ends;
use crate::protocol::http::chunked::{Chunked, Step};
use crate::protocol::http::framing::{Facts, Framing};
use crate::protocol::http::head::{self, EndFinder};
use crate::protocol::http::multipart;
use crate::stream::{Blocks, Chain};

use super::expected::Announced;
use super::flow::{Flow, Wants};
use super::listener::{Glance, Listener, SNIFFED_BYTES};
use super::tally::Readings;
pub use asked::{asked, forget};
use exchange::{Method, Open, Parts, Told, feed_parts, host};
use intake::{Around, Intake, Tools};
use joined::Range;

/// Requests of one conversation that wait for their responses, at most; the oldest is told without one then. Browsers that ever sent
/// requests ahead sent fewer.
const WAITING_MAX: u8 = 16;
/// Exchanges under way in one lane.
const EXCHANGES: usize = 1024;
/// Exchanges for which a lane has memory from the start: ordinary traffic has fewer under way.
const EXCHANGES_READY: usize = 64;

/// Bytes of the one line of a request of HTTP/0.9, at most.
const SIMPLE_BYTES_MAX: usize = 512;

/// Blanks before a message that are passed.
const LEAD_BYTES_MAX: usize = 16;

/// What the conversations of a lane share.
pub struct Shelf {
    tools: Tools,
    told: Told,
    // Boxes move between conversations as they are.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Open>>,
    open: usize,
    /// What is known of the request that is read next, if it was looked at before.
    wanted: Option<bool>,
}

impl Shelf {
    pub fn new(keep: Keep) -> Self {
        let mut spare = Vec::with_capacity(EXCHANGES);
        spare.resize_with(EXCHANGES_READY, Box::default);
        Shelf { tools: Tools::new(keep), told: Told::default(), spare, open: 0, wanted: None }
    }
}

/// What a conversation is read with.
pub struct Room<'a, L: Listener> {
    pub blocks: &'a mut Blocks,
    pub scratch: &'a mut Vec<u8>,
    pub shelf: &'a mut Shelf,
    /// Bytes of handshakes that the lane holds.
    pub held_secure: &'a mut usize,
    pub listener: &'a mut L,
    pub tally: &'a mut L::Tally,
    pub readings: &'a mut Readings,
    pub announced: &'a mut Announced,
    /// Bytes on the wire of the packet that is read, which `ends` has counted.
    pub packet_bytes: u32,
    pub ends: &'a Ends,
}

impl<L: Listener> Room<'_, L> {
    pub fn around(&mut self) -> Around<'_, L> {
        Around { blocks: self.blocks, tools: &mut self.shelf.tools, listener: self.listener, readings: self.readings, ends: self.ends }
    }

    /// A new exchange, if there is room for one.
    fn open(&mut self) -> Option<Box<Open>> {
        if self.shelf.open >= EXCHANGES {
            self.readings.over_budget += 1;
            return None;
        }
        self.shelf.open += 1;
        let mut open = self.shelf.spare.pop().unwrap_or_default();
        open.start_ns = self.ends.now_ns;
        open.packets_before = self.ends.packets.saturating_sub(1);
        open.bytes_before = self.ends.bytes.saturating_sub(u64::from(self.packet_bytes));
        Some(open)
    }

    /// Whether anybody wants an exchange that begins so.
    fn wants_exchange(&mut self, method: &[u8], target: &[u8], host_field: &[u8], head: &[u8]) -> bool {
        self.listener.wants_exchange(self.ends, &Glance::new(method, target, host(host_field, target), head))
    }

    fn tell(&mut self, open: Box<Open>) {
        let ends = Ends {
            start_ns: open.start_ns,
            packets: self.ends.packets.saturating_sub(open.packets_before),
            bytes: self.ends.bytes.saturating_sub(open.bytes_before),
            ..*self.ends
        };
        let around = &mut Around {
            blocks: self.blocks,
            tools: &mut self.shelf.tools,
            listener: self.listener,
            readings: self.readings,
            ends: &ends,
        };
        let empty = open.tell(self.scratch, &mut self.shelf.told, self.tally, around);
        self.shelf.open -= 1;
        self.shelf.spare.push(empty);
    }
}

/// Where in its messages one side is.
#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// In a head, or before one.
    #[default]
    Head,
    /// So many bytes of a body are to come.
    Length(u64),
    Chunked(Chunked),
    /// In a body that ends with the connection.
    Close,
    /// Behind a hole, or what is no HTTP.
    Lost,
}

#[derive(Debug, Default)]
struct Course {
    phase: Phase,
    /// Bytes of a body that may pass unread, as said last.
    passing: u32,
    /// The head as far as it came, where it came in pieces.
    head: Chain,
    finder: EndFinder,
}

/// Bytes between messages that are passed: empty lines (RFC 9112 section 2.2), and what some put there besides.
fn lead(bytes: &[u8]) -> usize {
    bytes.iter().take(LEAD_BYTES_MAX).take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Whether a conversation is read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goes {
    On,
    /// Nothing more of it is HTTP.
    Over,
    /// Another conversation begins within it: behind a CONNECT.
    Anew,
}

/// The state of one conversation.
#[derive(Debug, Default)]
pub struct Web {
    pub client_low: bool,
    ask: Course,
    answer: Course,
    /// The request whose response comes next, and those behind it; each stays until its response is over.
    first: Option<Box<Open>>,
    waiting: u8,
    asked: bool,
    answered: bool,
}

impl Web {
    pub fn new(client_low: bool) -> Self {
        Web { client_low, ..Web::default() }
    }

    /// Takes note of what passed unread.
    pub fn catch_up(&mut self, flow: &mut Flow) {
        for by_client in [false, true] {
            let side = flow.side(by_client == self.client_low);
            if side.wants == Wants::Later {
                let course = self.course(by_client);
                if let Phase::Length(left) = &mut course.phase {
                    *left -= u64::from(course.passing - side.passing);
                }
                side.wants = Wants::All;
            }
        }
    }

    /// Says what of each side is wanted from now on.
    pub fn say_wants(&mut self, flow: &mut Flow) {
        flow.client_low = self.client_low;
        for by_client in [false, true] {
            let has_no_body = |open: &mut Box<Open>| (if by_client { &open.request } else { &open.response }).body.is_none();
            let passes = self.under_way(by_client).is_none_or(has_no_body);
            let side = flow.side(by_client == self.client_low);
            let course = self.course(by_client);
            (side.wants, course.passing) = match course.phase {
                Phase::Lost => (Wants::Beginning, 0),
                // The last byte of a body is read: it ends a message.
                Phase::Length(left) if passes => (Wants::Later, u32::try_from(left.saturating_sub(1)).unwrap_or(u32::MAX)),
                Phase::Close if passes => (Wants::Later, u32::MAX),
                _ => (Wants::All, 0),
            };
            side.passing = course.passing;
        }
    }

    fn course(&mut self, by_client: bool) -> &mut Course {
        if by_client { &mut self.ask } else { &mut self.answer }
    }

    /// The exchange that a side's bytes belong to.
    fn under_way(&mut self, by_client: bool) -> Option<&mut Box<Open>> {
        let mut at = self.first.as_mut()?;
        while by_client && at.next.is_some() {
            at = at.next.as_mut()?;
        }
        Some(at)
    }

    fn push(&mut self, open: Box<Open>) {
        let mut at = &mut self.first;
        while let Some(before) = at {
            at = &mut before.next;
        }
        *at = Some(open);
        self.waiting += 1;
    }

    fn tell_first<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        if let Some(mut first) = self.first.take() {
            self.first = first.next.take();
            self.waiting -= 1;
            room.tell(first);
        }
    }

    /// Takes a side's next bytes.
    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        if matches!(self.course(by_client).phase, Phase::Lost) {
            // A message may begin where a segment does.
            if !head::begins_message(bytes, by_client) {
                return Goes::On;
            }
            if !by_client && let Some(first) = self.first.as_mut().filter(|first| first.next.is_some()) {
                // Which of the requests it answers is not known.
                first.ambiguous = true;
            }
            self.course(by_client).phase = Phase::Head;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let goes = match self.course(by_client).phase {
                Phase::Head => self.head(room, by_client, &mut rest),
                Phase::Length(left) => {
                    let (body, behind) = rest.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(rest.len()));
                    rest = behind;
                    let left = left - body.len() as u64;
                    self.course(by_client).phase = Phase::Length(left);
                    self.body(room, by_client, body);
                    if left == 0 { self.body_over(room, by_client, true) } else { Goes::On }
                }
                Phase::Chunked(chunked) => self.chunk(room, by_client, chunked, &mut rest),
                Phase::Close => {
                    self.body(room, by_client, rest);
                    rest = &[];
                    Goes::On
                }
                Phase::Lost => return Goes::On,
            };
            if goes != Goes::On {
                return goes;
            }
        }
        Goes::On
    }

    fn head<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, rest: &mut &[u8]) -> Goes {
        if self.course(by_client).head.is_empty() {
            let lead = lead(rest);
            let odd = rest[..lead].iter().any(|byte| !b"\r\n".contains(byte));
            *rest = &rest[lead..];
            if odd
                && !by_client
                && let Some(first) = &mut self.first
            {
                first.ambiguous = true;
            }
            if rest.is_empty() {
                return Goes::On;
            }
            let begins = if by_client { head::begins_request(rest) } else { head::begins_response(rest) };
            if !begins {
                return if by_client || !self.is_simple(room) { self.stray(room, by_client) } else { self.simple(room) };
            }
            let course = self.course(by_client);
            course.finder = EndFinder::default();
        }
        let course = self.course(by_client);
        let Some(used) = course.finder.find(rest) else {
            let fits = course.head.len() + rest.len() <= head::HEAD_BYTES_MAX && room.blocks.append(&mut course.head, rest) == rest.len();
            *rest = &[];
            if !fits {
                room.readings.over_budget += 1;
                self.lose(room, by_client);
            }
            return Goes::On;
        };
        let (head, behind) = rest.split_at(used);
        *rest = behind;
        if course.head.is_empty() {
            return self.whole_head(room, by_client, head, None, behind);
        }
        let mut kept = std::mem::take(&mut course.head);
        if room.blocks.append(&mut kept, head) < head.len() {
            room.readings.over_budget += 1;
            room.blocks.free(&mut kept);
            self.lose(room, by_client);
            return Goes::On;
        }
        let mut whole = std::mem::take(room.scratch);
        whole.clear();
        room.blocks.copy(&kept, &mut whole);
        let goes = self.whole_head(room, by_client, &whole, Some(kept), behind);
        *room.scratch = whole;
        goes
    }

    /// Whether all that the client has sent is one line without a version: HTTP/0.9, which is answered by a body alone.
    fn is_simple<L: Listener>(&self, room: &Room<'_, L>) -> bool {
        let line = &self.ask.head;
        if self.asked || line.len() > SIMPLE_BYTES_MAX {
            return false;
        }
        let begins = room.blocks.pieces(line).next().is_some_and(|piece| piece.starts_with(b"GET "));
        let mut bytes = room.blocks.pieces(line).flatten();
        begins && bytes.position(|&byte| byte == b'\n') == Some(line.len() - 1)
    }

    /// A body follows that answers a request of HTTP/0.9. Few browsers take it today.
    fn simple<L: Listener>(&mut self, room: &mut Room<'_, L>) -> Goes {
        let kept = std::mem::take(&mut self.ask.head);
        let mut head = Vec::with_capacity(kept.len());
        room.blocks.copy(&kept, &mut head);
        let goes = self.request(room, &head, Some(kept));
        if let Some(first) = &mut self.first {
            first.ambiguous = true;
            // What has no status is taken for success.
            first.status = 200;
            let wanted = first.wanted;
            let intake = Intake::new(&[None, None], wanted, &mut room.around());
            first.response.body = Some(room.shelf.tools.boxed(intake));
            (self.answered, self.answer.phase) = (true, Phase::Close);
        }
        goes
    }

    /// A head that is all there; `kept` if its bytes are kept already. `behind` is what follows in the same segment.
    fn whole_head<L: Listener>(
        &mut self,
        room: &mut Room<'_, L>,
        by_client: bool,
        head: &[u8],
        kept: Option<Chain>,
        behind: &[u8],
    ) -> Goes {
        if by_client { self.request(room, head, kept) } else { self.response(room, head, kept, behind) }
    }

    fn request<L: Listener>(&mut self, room: &mut Room<'_, L>, head: &[u8], kept: Option<Chain>) -> Goes {
        let mut facts = Facts::default();
        let line = head::request(head, |name, value| facts.take(name, value));
        let Some((line, mut open)) = line.and_then(|line| Some((line, room.open()?))) else {
            if let Some(mut kept) = kept {
                room.blocks.free(&mut kept);
            }
            return self.stray(room, true);
        };
        self.asked = true;
        let framing = facts.of_request();
        open.wanted = match room.shelf.wanted.take() {
            Some(known) => known,
            None => room.wants_exchange(line.method, line.target, facts.host, head),
        };
        open.ambiguous = line.odd || facts.ambiguous;
        open.method = match line.method {
            b"HEAD" => Method::Head,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        };
        open.request.head = kept.unwrap_or_else(|| keep(room.blocks, room.readings, head));
        if framing == Framing::None {
            open.request.over = true;
        } else {
            let intake = Intake::new(&facts.codings, open.wanted, &mut room.around());
            open.request.body = Some(room.shelf.tools.boxed(intake));
            if let Some(boundary) = multipart::boundary(facts.content_type) {
                open.parts = Some(Box::new(Parts { reader: multipart::Multipart::new(boundary), parts: Vec::new() }));
            }
        }
        if matches!(self.answer.phase, Phase::Lost) || self.waiting >= WAITING_MAX {
            // The client goes on: it has got what is missing here, or never will.
            while self.first.is_some() {
                self.tell_first(room);
            }
        }
        self.push(open);
        self.ask.phase = match framing {
            Framing::Length(length) => Phase::Length(length),
            Framing::Chunked => Phase::Chunked(Chunked::default()),
            Framing::None | Framing::Close | Framing::Tunnel => Phase::Head,
        };
        Goes::On
    }

    fn response<L: Listener>(&mut self, room: &mut Room<'_, L>, head: &[u8], kept: Option<Chain>, behind: &[u8]) -> Goes {
        let mut kept = kept;
        let mut facts = Facts::default();
        let line = head::response(head, |name, value| facts.take(name, value));
        let stands = line.is_some_and(|line| line.status != 101 && (100..200).contains(&line.status));
        let line = match line {
            // An interim response: the final one is still to come (RFC 9110 section 15.2).
            Some(_) if stands => None,
            line => line,
        };
        let Some(line) = line else {
            if let Some(kept) = &mut kept {
                room.blocks.free(kept);
            }
            return if stands { Goes::On } else { self.stray(room, false) };
        };
        self.answered = true;
        if self.first.as_ref().is_some_and(|first| first.response.over) {
            self.tell_first(room);
        }
        if self.first.is_none() {
            // Only this side is seen, or the request was lost.
            let Some(mut open) = room.open() else {
                if let Some(kept) = &mut kept {
                    room.blocks.free(kept);
                }
                return self.stray(room, false);
            };
            open.request.over = true;
            self.push(open);
        }
        let Some(open) = self.first.as_mut() else { return Goes::On };
        let framing = facts.of_response(line.status, line.modern, open.method == Method::Head, open.method == Method::Connect);
        open.status = line.status;
        open.ambiguous |= line.odd || facts.ambiguous;
        open.partial = line.status == 206 && !facts.whole_range;
        open.range = facts.range.filter(|_| open.partial).map(|(first, last, total)| Range { first, last, total });
        let beginning = open.goes_on_with(facts.codings != [None, None], room.blocks, room.ends, &mut room.shelf.tools.joined);
        // What is there of the body decides whether anything of it must be kept, if it is enough to judge by.
        let there = match framing {
            Framing::Length(length) => &behind[..usize::try_from(length).unwrap_or(usize::MAX).min(behind.len())],
            Framing::Close => behind,
            _ => &[],
        };
        let is_enough = there.len() >= SNIFFED_BYTES || framing == Framing::Length(there.len() as u64);
        let has_body = !matches!(framing, Framing::None | Framing::Tunnel);
        let reads_body = has_body
            && (open.wanted
                || beginning.is_some()
                || !is_enough
                || facts.codings != [None, None]
                || room.listener.wants_body(room.ends, &there[..there.len().min(SNIFFED_BYTES)]));
        if open.wanted || reads_body {
            open.response.head = kept.take().unwrap_or_else(|| keep(room.blocks, room.readings, head));
        }
        if let Some(kept) = &mut kept {
            room.blocks.free(kept);
        }
        if reads_body {
            let wanted = open.wanted;
            let mut intake = Intake::new(&facts.codings, wanted, &mut room.around());
            if let (Some((beginning, again)), Some(open)) = (beginning, self.first.as_mut()) {
                open.joins = true;
                intake.go_on(beginning, again, room.blocks);
            }
            if let Some(open) = self.first.as_mut() {
                open.response.body = Some(room.shelf.tools.boxed(intake));
            }
        }
        self.answer.phase = match framing {
            Framing::Length(length) => Phase::Length(length),
            Framing::Chunked => Phase::Chunked(Chunked::default()),
            Framing::Close => Phase::Close,
            Framing::None => return self.body_over(room, false, true),
            Framing::Tunnel => {
                let connect = self.first.as_ref().is_some_and(|first| first.method == Method::Connect);
                self.body_over(room, false, true);
                return if connect { Goes::Anew } else { Goes::Over };
            }
        };
        Goes::On
    }

    fn chunk<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, mut chunked: Chunked, rest: &mut &[u8]) -> Goes {
        let was_first = chunked.is_first();
        let step = chunked.step(rest);
        self.course(by_client).phase = Phase::Chunked(chunked);
        if chunked.odd
            && let Some(open) = self.under_way(by_client)
        {
            open.ambiguous = true;
        }
        match step {
            Step::Data { at, bytes } => {
                let (data, behind) = rest[at..].split_at(bytes);
                *rest = behind;
                self.body(room, by_client, data);
                Goes::On
            }
            Step::More => {
                *rest = &[];
                Goes::On
            }
            Step::End { used } => {
                *rest = &rest[used..];
                self.body_over(room, by_client, true)
            }
            Step::Broken { .. } => {
                if let Some(open) = self.under_way(by_client) {
                    open.ambiguous = true;
                }
                if was_first && !by_client {
                    // Browsers that find no chunks take the body as it is.
                    self.answer.phase = Phase::Close;
                    return Goes::On;
                }
                *rest = &[];
                self.lose(room, by_client);
                Goes::On
            }
        }
    }

    /// Bytes of a body.
    fn body<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) {
        let Some(open) = self.under_way(by_client) else { return };
        let message = if by_client { &mut open.request } else { &mut open.response };
        let Some(body) = &mut message.body else { return };
        let parts = if by_client { &mut open.parts } else { &mut None };
        body.take(bytes, &mut room.around(), |bytes, around| feed_parts(parts, bytes, around));
        if body.is_idle() && !by_client {
            // Nobody wants it: the rest is passed by its length.
            body.give_back(room.blocks, &mut room.shelf.tools);
            open.response.body.take().into_iter().for_each(|empty| room.shelf.tools.shelve(empty));
            room.blocks.free(&mut open.response.head);
        }
    }

    /// A message's body is over: seen to its end, or not.
    fn body_over<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, to_its_end: bool) -> Goes {
        self.course(by_client).phase = Phase::Head;
        let Some(open) = self.under_way(by_client) else { return Goes::On };
        let message = if by_client { &mut open.request } else { &mut open.response };
        message.over = true;
        let parts = if by_client { &mut open.parts } else { &mut None };
        if let Some(body) = &mut message.body {
            body.end(to_its_end, &mut room.around(), |bytes, around| feed_parts(parts, bytes, around));
        }
        if self.first.as_ref().is_some_and(|first| first.request.over && first.response.over) {
            self.tell_first(room);
        }
        Goes::On
    }

    /// So many bytes of a side are missing; all, if nobody knows how many.
    pub fn missing<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: Option<u32>) {
        let bytes = bytes.map_or(u64::MAX, u64::from);
        let phase = self.course(by_client).phase;
        if let Some(open) = self.under_way(by_client) {
            let message = if by_client { &mut open.request } else { &mut open.response };
            if let Some(body) = message.body.as_mut().filter(|_| !message.over && !matches!(phase, Phase::Head | Phase::Lost)) {
                body.miss();
            }
        }
        match phase {
            Phase::Length(left) if bytes < left => self.course(by_client).phase = Phase::Length(left - bytes),
            Phase::Length(left) if bytes == left => {
                self.body_over(room, by_client, false);
            }
            Phase::Chunked(mut chunked) => match chunked.miss(bytes) {
                Some(_) => self.course(by_client).phase = Phase::Chunked(chunked),
                None => self.lose(room, by_client),
            },
            Phase::Close | Phase::Lost => {}
            Phase::Head | Phase::Length(_) => self.lose(room, by_client),
        }
    }

    /// A side ends: what a body lacks does not come any more.
    pub fn end<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) {
        match self.course(by_client).phase {
            Phase::Close => {
                self.body_over(room, by_client, true);
            }
            Phase::Length(_) | Phase::Chunked(_) => self.lose(room, by_client),
            Phase::Head | Phase::Lost => {}
        }
    }

    /// What cannot begin a message: the side is lost, or the conversation is no HTTP at all.
    fn stray<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) -> Goes {
        let known = if by_client { self.asked } else { self.answered };
        self.lose(room, by_client);
        if known { Goes::On } else { Goes::Over }
    }

    /// Where the side's messages begin and end is not known any more.
    fn lose<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) {
        let course = self.course(by_client);
        room.blocks.free(&mut course.head);
        let in_body = matches!(course.phase, Phase::Length(_) | Phase::Chunked(_) | Phase::Close);
        if in_body {
            self.body_over(room, by_client, false);
        }
        self.course(by_client).phase = Phase::Lost;
    }

    /// The conversation is over: what is under way is told as far as it was seen.
    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        while self.first.is_some() {
            self.tell_first(room);
        }
        room.blocks.free(&mut self.ask.head);
        room.blocks.free(&mut self.answer.head);
    }
}

/// Keeps a head that came in one piece.
fn keep(blocks: &mut Blocks, readings: &mut Readings, head: &[u8]) -> Chain {
    let mut chain = Chain::default();
    if blocks.append(&mut chain, head) < head.len() {
        readings.over_budget += 1;
        blocks.free(&mut chain);
    }
    chain
}
