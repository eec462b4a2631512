//! A request and its response on their way, and how they are told.

use std::io::Write;

use crate::conclude::SLICE_NS;
use crate::protocol::carried::{Body, Carrier, Delivery, Ends, Exchange, Field, Part, Request, Response};
use crate::protocol::http::framing::Facts;
use crate::protocol::http::{head, multipart};
use crate::stream::{Blocks, Chain};

use super::super::listener::{Listener, SNIFFED_BYTES};
use super::intake::{Around, Intake, Tools};
use super::joined::{Beginning, Joined, Range};

/// Parts within parts that are looked into: a mail in a mail, no deeper.
const NESTED_MAX: usize = 2;

/// What of a method decides how a response is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    Head,
    Connect,
    #[default]
    Other,
}

/// One message.
#[derive(Debug, Default)]
pub struct Message {
    pub head: Chain,
    pub body: Option<Box<Intake>>,
    /// Its body has been seen to an end, whichever.
    pub over: bool,
}

impl Message {
    /// Its body, with its head where it was copied to. `whole` if it is not a part of something larger.
    fn body<'a>(&'a self, head: &'a [u8], whole: bool) -> Body<'a> {
        self.body.as_ref().map_or(Body { complete: self.over, ..Body::default() }, |body| body.body(head, whole))
    }
}

/// The parts of a multipart body.
#[derive(Debug)]
pub struct Parts {
    pub reader: multipart::Multipart,
    pub parts: Vec<(Chain, Intake)>,
}

/// A request and its response on their way.
#[derive(Debug, Default)]
pub struct Open {
    /// The request behind this one.
    pub next: Option<Box<Open>>,
    pub request: Message,
    pub response: Message,
    pub parts: Option<Box<Parts>>,
    pub method: Method,
    /// 0 until the response's head was seen.
    pub status: u16,
    /// Somebody wants all of it.
    pub wanted: bool,
    pub ambiguous: bool,
    pub partial: bool,
    /// Which part of a file the response has, if not all.
    pub range: Option<Range>,
    /// Its body goes on with what came before.
    pub joins: bool,
    pub start_ns: u64,
    pub packets_before: u32,
    pub bytes_before: u64,
}

/// Room for what is told, used again and again.
#[derive(Default)]
pub struct Told {
    request_fields: Vec<Field<'static>>,
    response_fields: Vec<Field<'static>>,
    url: Vec<u8>,
}

/// The same room without its fields, for those of another head: collecting in place keeps the allocation.
fn emptied<'b>(mut fields: Vec<Field<'_>>) -> Vec<Field<'b>> {
    fields.clear();
    fields.into_iter().map(|_| Field { name: b"", value: b"" }).collect()
}

/// A stretch of bytes in the lane's scratch.
type Span = (usize, usize);

fn copy(blocks: &Blocks, chain: &Chain, into: &mut Vec<u8>) -> Span {
    let from = into.len();
    blocks.copy(chain, into);
    (from, into.len())
}

impl Open {
    /// Whether anybody wants any of it.
    fn is_wanted(&self) -> bool {
        let is_wanted = |message: &Message| message.body.as_ref().is_some_and(|body| body.is_wanted());
        let parts = self.parts.as_ref().is_some_and(|parts| parts.parts.iter().any(|(_, part)| part.is_wanted()));
        self.wanted || is_wanted(&self.request) || is_wanted(&self.response) || parts
    }

    /// Tells whoever wants it, and gives back what it keeps. `ends` are those of the conversation.
    /// Returns the box, empty.
    pub fn tell<L: Listener>(
        mut self: Box<Self>,
        scratch: &mut Vec<u8>,
        told: &mut Told,
        tally: &mut L::Tally,
        around: &mut Around<'_, L>,
    ) -> Box<Self> {
        let mut request_body = self.request.body.take();
        let mut parts = self.parts.take();
        if let Some(body) = &mut request_body {
            body.end(false, around, |bytes, around| feed_parts(&mut parts, bytes, around));
        }
        for (_, part) in parts.iter_mut().flat_map(|parts| parts.parts.iter_mut()) {
            part.end(false, around, |_, _| ());
        }
        (self.request.body, self.parts) = (request_body, parts);
        if let Some(body) = &mut self.response.body {
            body.end(false, around, |_, _| ());
            // The last range makes it whole.
            let total = self.range.and_then(|range| range.total);
            self.partial &= !(self.joins && body.begun().is_some_and(|(bytes, _)| Some(bytes) == total));
        }
        around.readings.ambiguous += u64::from(self.ambiguous);
        if self.is_wanted() {
            self.tell_wanted(scratch, told, tally, around);
        }
        self.give_back(around.blocks, around.tools);
        *self = Open::default();
        self
    }

    fn tell_wanted<L: Listener>(&self, scratch: &mut Vec<u8>, told: &mut Told, tally: &mut L::Tally, around: &mut Around<'_, L>) {
        let blocks = &*around.blocks;
        scratch.clear();
        let body_span =
            |message: &Message, scratch: &mut Vec<u8>| message.body.as_ref().map_or((0, 0), |body| copy(blocks, body.head(), scratch));
        let request_head = copy(blocks, &self.request.head, scratch);
        let request_body = body_span(&self.request, scratch);
        let response_head = copy(blocks, &self.response.head, scratch);
        let response_body = body_span(&self.response, scratch);
        let mut part_spans: Vec<(Span, Span)> = Vec::new();
        for (head, part) in self.parts.iter().flat_map(|parts| &parts.parts) {
            let head = copy(blocks, head, scratch);
            part_spans.push((head, copy(blocks, part.head(), scratch)));
        }
        let at = |(from, to): Span| &scratch[from..to];

        let mut facts = Facts::default();
        let mut request_fields = emptied(std::mem::take(&mut told.request_fields));
        let line = head::request(at(request_head), |name, value| {
            facts.take(name, value);
            request_fields.push(Field { name, value });
        });
        let (method, target) = line.map_or((&b""[..], &b""[..]), |line| (line.method, line.target));
        let mut parts = Vec::new();
        for (place, (head, body)) in part_spans.iter().enumerate() {
            if let Some((_, intake)) = self.parts.as_ref().and_then(|parts| parts.parts.get(place)) {
                let mut part = part_of(at(*head));
                part.body = intake.body(at(*body), true);
                parts.push(part);
            }
        }
        nested(&mut parts);
        let request = Request {
            method,
            target,
            host: host(facts.host, target),
            fields: &request_fields,
            body: self.request.body(at(request_body), true),
            parts: &parts,
        };
        let mut response_facts = Facts::default();
        let mut response_fields = emptied(std::mem::take(&mut told.response_fields));
        let status = head::response(at(response_head), |name, value| {
            response_facts.take(name, value);
            response_fields.push(Field { name, value });
        });
        let response = Response {
            status: status.map_or(self.status, |line| line.status),
            fields: &response_fields,
            body: self.response.body(at(response_body), !self.partial),
        };
        let response = (self.status != 0).then_some(&response);
        let exchange = Exchange { request: &request, response, ambiguous: self.ambiguous };

        let ends = around.ends;
        if self.wanted {
            around.listener.exchange(tally, ends, &exchange);
        }
        let mut url = std::mem::take(&mut told.url);
        write_url(&mut url, &request, ends);
        let delivery = |by_client, content_type, file_name, body| Delivery {
            carrier: Carrier::Http,
            by_client,
            url: &url,
            file_name,
            content_type,
            exchange: Some(&exchange),
            body,
        };
        if self.request.body.as_ref().is_some_and(|body| body.is_wanted()) {
            around.listener.delivered(tally, ends, &delivery(true, facts.content_type, name_of(target), request.body));
        }
        for (part, (_, intake)) in parts.iter().zip(self.parts.iter().flat_map(|parts| &parts.parts)) {
            if intake.is_wanted() {
                around.listener.delivered(tally, ends, &delivery(true, part.content_type, part.file_name.unwrap_or_default(), part.body));
            }
        }
        if let Some(response) = response
            && self.response.body.as_ref().is_some_and(|body| body.is_wanted())
            // What joins others is told once it is whole.
            && !(self.joins && self.partial)
        {
            let disposition = response.field("Content-Disposition").and_then(|value| multipart::parameter(value, "filename"));
            let name = disposition.unwrap_or_else(|| name_of(target));
            around.listener.delivered(tally, ends, &delivery(false, response_facts.content_type, name, response.body));
        }
        self.keep_beginning(&url, at(response_body), response_facts.codings != [None, None], ends, &mut around.tools.joined);
        *told = Told { request_fields: emptied(request_fields), response_fields: emptied(response_fields), url };
    }

    /// The beginning of the file that a range goes on with, and how many of its bytes the range repeats. Ranges of what is coded are left: they are
    /// ranges of the coding.
    pub fn goes_on_with(&self, coded: bool, blocks: &Blocks, ends: &Ends, joined: &mut Joined) -> Option<(Beginning, u64)> {
        let range = self.range.filter(|range| range.first > 0 && !coded && !joined.is_empty())?;
        let mut request = Vec::new();
        copy(blocks, &self.request.head, &mut request);
        let mut facts = Facts::default();
        let line = head::request(&request, |name, value| facts.take(name, value))?;
        let named = Request { method: line.method, target: line.target, host: host(facts.host, line.target), ..Request::default() };
        let mut url = Vec::new();
        write_url(&mut url, &named, ends);
        let beginning = joined.take(ends.client, ends.server, &url, range, (ends.now_ns / SLICE_NS) as u32)?;
        let again = beginning.bytes - range.first;
        Some((beginning, again))
    }

    /// Remembers what there is of a file that more may follow of.
    fn keep_beginning(&self, url: &[u8], head: &[u8], coded: bool, ends: &Ends, joined: &mut Joined) {
        let begins = self.joins || self.range.is_some_and(|range| range.first == 0) || self.status == 200;
        let Some(body) = self.response.body.as_ref().filter(|body| begins && !coded && body.is_wanted()) else { return };
        if !self.partial && body.is_complete() {
            return;
        }
        if let Some((bytes, digests)) = body.begun() {
            let head = head[..head.len().min(SNIFFED_BYTES)].to_vec();
            let since_s = (ends.now_ns / SLICE_NS) as u32;
            let (client, server) = (ends.client, ends.server);
            joined.keep(Beginning { client, server, url: url.to_vec(), bytes, digests: digests.clone(), head, since_s });
        }
    }

    fn give_back(&mut self, blocks: &mut Blocks, tools: &mut Tools) {
        for message in [&mut self.request, &mut self.response] {
            blocks.free(&mut message.head);
            if let Some(mut body) = message.body.take() {
                body.give_back(blocks, tools);
                tools.shelve(body);
            }
        }
        for (head, part) in self.parts.iter_mut().flat_map(|parts| parts.parts.iter_mut()) {
            blocks.free(head);
            part.give_back(blocks, tools);
        }
    }
}

/// Feeds bytes of a body to its parts.
pub fn feed_parts<L: Listener>(parts: &mut Option<Box<Parts>>, bytes: &[u8], around: &mut Around<'_, L>) {
    let Some(parts) = parts else { return };
    let Parts { reader, parts } = &mut **parts;
    reader.feed(bytes, |event| match event {
        multipart::Event::Head(head) => {
            let mut kept = Chain::default();
            if around.blocks.append(&mut kept, head) < head.len() {
                around.readings.over_budget += 1;
            }
            parts.push((kept, Intake::new(&[None, None], true, around)));
        }
        multipart::Event::Data(data) => {
            if let Some((_, part)) = parts.last_mut() {
                part.take(data, around, |_, _| ());
            }
        }
        multipart::Event::End => {
            if let Some((_, part)) = parts.last_mut() {
                part.end(true, around, |_, _| ());
            }
        }
    });
}

/// A part by its head.
fn part_of(head: &[u8]) -> Part<'_> {
    let mut part = Part::default();
    multipart::fields(head, |name, value| {
        if name.eq_ignore_ascii_case(b"content-disposition") {
            part.name = multipart::parameter(value, "name").unwrap_or_default();
            part.file_name = multipart::file_name(value);
        } else if name.eq_ignore_ascii_case(b"content-type") {
            part.content_type = value;
        }
    });
    part
}

/// Adds the parts within parts, of those whose head holds all of them.
fn nested(parts: &mut Vec<Part<'_>>) {
    let mut from = 0;
    for _ in 0..NESTED_MAX {
        let to = parts.len();
        for at in from..to {
            let outer = parts[at];
            let Some(boundary) = multipart::boundary(outer.content_type).filter(|_| outer.body.head.len() as u64 == outer.body.bytes)
            else {
                continue;
            };
            for (head, data) in multipart::split(outer.body.head, boundary) {
                if parts.len() < multipart::PARTS_MAX {
                    let body = Body { head: data, bytes: data.len() as u64, complete: outer.body.complete, ..Body::default() };
                    parts.push(Part { body, ..part_of(head) });
                }
            }
        }
        from = to;
    }
}

/// The host: an absolute target's, or the field's (RFC 9112 section 3.2.2).
pub fn host<'a>(field: &'a [u8], target: &'a [u8]) -> &'a [u8] {
    let absolute = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"http://"));
    match absolute {
        Some(_) => {
            let rest = &target[7..];
            let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
            let authority = &rest[..end];
            authority.iter().rposition(|&byte| byte == b'@').map_or(authority, |at| &authority[at + 1..])
        }
        None => field,
    }
}

/// Writes the URL of a request, with the server's address where no host is named.
fn write_url(url: &mut Vec<u8>, request: &Request<'_>, ends: &Ends) {
    url.clear();
    if request.target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http://")) {
        url.extend_from_slice(request.target);
        return;
    }
    if request.method.is_empty() {
        return;
    }
    url.extend_from_slice(b"http://");
    if request.host.is_empty() {
        // Writing into a vector cannot fail.
        let _ = if ends.server.is_v4() { write!(url, "{}", ends.server) } else { write!(url, "[{}]", ends.server) };
        if ends.server_port != 80 {
            let _ = write!(url, ":{}", ends.server_port);
        }
    } else {
        url.extend_from_slice(request.host);
    }
    if !request.target.starts_with(b"/") {
        url.push(b'/');
    }
    url.extend_from_slice(request.target);
}

/// The last name in a target's path.
fn name_of(target: &[u8]) -> &[u8] {
    let path = target.iter().position(|byte| b"?#".contains(byte)).map_or(target, |end| &target[..end]);
    path.iter().rposition(|&byte| byte == b'/').map_or(path, |at| &path[at + 1..])
}
