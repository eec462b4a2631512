//! What the tests share: requests and responses as tests write them.

use crate::protocol::carried::{Body, Exchange, Field, Part, Request, Response};

/// A part of a multipart body: name, file name, type, content.
type SentPart<'a> = (&'a str, Option<&'a str>, &'a str, &'a [u8]);

/// A request that keeps what its view borrows.
pub struct Sent<'a> {
    method: &'a str,
    target: String,
    fields: Vec<Field<'a>>,
    body: &'a [u8],
    parts: Vec<Part<'a>>,
}

fn body(head: &[u8]) -> Body<'_> {
    Body { head, bytes: head.len() as u64, complete: true, ..Body::default() }
}

pub fn request<'a>(method: &'a str, target: &str, content: &'a [u8]) -> Sent<'a> {
    Sent { method, target: target.into(), fields: Vec::new(), body: content, parts: Vec::new() }
}

pub fn get(target: &str) -> Sent<'static> {
    request("GET", target, b"")
}

pub fn post<'a>(target: &str, kind: &'a str, content: &'a [u8]) -> Sent<'a> {
    request("POST", target, content).with("Content-Type", kind)
}

pub fn form<'a>(target: &str, content: &'a str) -> Sent<'a> {
    post(target, "application/x-www-form-urlencoded", content.as_bytes())
}

pub fn multipart<'a>(target: &str, parts: &[SentPart<'a>]) -> Sent<'a> {
    let mut sent = post(target, "multipart/form-data; boundary=b", b"");
    sent.parts = parts
        .iter()
        .map(|&(name, file_name, kind, content)| Part {
            name: name.as_bytes(),
            file_name: file_name.map(str::as_bytes),
            content_type: kind.as_bytes(),
            body: body(content),
        })
        .collect();
    sent
}

impl<'a> Sent<'a> {
    pub fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push(Field { name: name.as_bytes(), value: value.as_bytes() });
        self
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            host: b"www.example.cn",
            fields: &self.fields,
            body: body(self.body),
            parts: &self.parts,
        }
    }
}

/// Gives a request with the answer to it to `look`.
pub fn exchanged<T>(sent: &Sent<'_>, answer: Option<(u16, &str)>, look: impl FnOnce(&Exchange<'_>) -> T) -> T {
    let request = sent.request();
    let response = answer.map(|(status, content)| Response { status, fields: &[], body: body(content.as_bytes()) });
    look(&Exchange { request: &request, response: response.as_ref(), ambiguous: false })
}
