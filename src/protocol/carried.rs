//! What was carried, as detectors see it: views of what a reader holds, whatever protocol brought it.

use crate::addr::Addr;
use crate::attribute::{Country, Direction};

/// The two ends of a conversation, and how far it has come. The client is whoever opened it.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub client: Addr,
    pub server: Addr,
    pub client_port: u16,
    pub server_port: u16,
    pub client_country: Country,
    pub server_country: Country,
    /// From client to server.
    pub direction: Direction,
    /// The client proved to hold its address (see [`crate::attribute::Attribution`]).
    pub client_proved: bool,
    /// The server proved to hold its address.
    pub server_proved: bool,
    /// Keyed hash of the conversation.
    pub conversation: u64,
    /// Time of the first packet of what is told, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// Time of the packet that completed it.
    pub now_ns: u64,
    /// Packets and bytes on the wire that make up what is told.
    pub packets: u32,
    pub bytes: u64,
}

/// A header field. Names are as sent; compare them without regard to case (RFC 9110 section 5.1).
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// A body, decoded from transfer and content codings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    /// The first bytes, up to the reader's bound.
    pub head: &'a [u8],
    /// Bytes of the whole body as far as it was seen.
    pub bytes: u64,
    /// SHA-256 of the whole body; absent where it is incomplete or nobody asked for it.
    pub sha256: Option<[u8; 32]>,
    /// The same by SHA-1 and MD5, by which older lists know files.
    pub sha1: Option<[u8; 20]>,
    pub md5: Option<[u8; 16]>,
    /// Seen to its end without a gap.
    pub complete: bool,
    /// All of a complete body, where samples are saved and there was room.
    pub whole: Option<&'a [u8]>,
}

/// A part of a multipart body (RFC 7578).
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    pub name: &'a [u8],
    pub file_name: Option<&'a [u8]>,
    pub content_type: &'a [u8],
    pub body: Body<'a>,
}

/// An HTTP request, with its body as far as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    pub method: &'a [u8],
    /// As sent: origin form or absolute form, with the query.
    pub target: &'a [u8],
    /// Of the `Host` field or of an absolute target; empty if neither names one.
    pub host: &'a [u8],
    pub fields: &'a [Field<'a>],
    pub body: Body<'a>,
    /// Parts of a multipart body; empty for all others.
    pub parts: &'a [Part<'a>],
}

/// The final response to a request, with its body as far as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    pub status: u16,
    pub fields: &'a [Field<'a>],
    pub body: Body<'a>,
}

/// A request and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub request: &'a Request<'a>,
    pub response: Option<&'a Response<'a>>,
    /// Receivers would disagree on where a message ends or what it holds (RFC 9112 section 11.2 and its like).
    pub ambiguous: bool,
}

/// Which protocol brought a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    Http,
    Smtp,
    Pop3,
    Imap,
    Ftp,
    Tftp,
}

/// A file that was delivered. It came from `sender` (the server of a download, the client of an upload or a mail) to `receiver`.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub carrier: Carrier,
    /// The sender is the conversation's client.
    pub by_client: bool,
    /// The URL as far as the protocol gives one; empty for mail.
    pub url: &'a [u8],
    /// The name that the receiver was given for it; empty if none.
    pub file_name: &'a [u8],
    pub content_type: &'a [u8],
    /// The exchange that brought it, for HTTP.
    pub exchange: Option<&'a Exchange<'a>>,
    pub body: Body<'a>,
}

impl<'a> Request<'a> {
    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        field(self.fields, name)
    }

    /// Whether a field says who sends it: credentials, or a token that was given to one who had them. What a browser or a proxy adds by itself
    /// says nothing.
    pub fn has_credentials(&self) -> bool {
        self.fields.iter().any(|field| !field.value.is_empty() && is_credential(field.name))
    }
}

/// Parts of names of fields that hold credentials, in lower case: of `Authorization`, `X-API-Key`, `PRIVATE-TOKEN`, `X-JFrog-Art-Api`, and of marks
/// against forged requests, which only who has a session gets.
const CREDENTIALS: [&[u8]; 7] = [b"auth", b"token", b"api-key", b"apikey", b"art-api", b"nonce", b"crumb"];
/// Beginnings of names of fields that browsers and proxies add.
const ADDED: [&[u8]; 3] = [b"proxy-", b"sec-", b"access-control-"];

fn is_credential(name: &[u8]) -> bool {
    let is = |text: &[u8], known: &[u8]| text.eq_ignore_ascii_case(known);
    CREDENTIALS.iter().any(|part| name.windows(part.len()).any(|window| is(window, part)))
        && !ADDED.iter().any(|added| name.get(..added.len()).is_some_and(|start| is(start, added)))
}

impl<'a> Response<'a> {
    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        field(self.fields, name)
    }
}

fn field<'a>(fields: &'a [Field<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_their_case() {
        let fields = [Field { name: b"content-TYPE", value: b"text/html" }, Field { name: b"Content-Type", value: b"later" }];
        let response = Response { status: 200, fields: &fields, body: Body::default() };
        assert_eq!(response.field("Content-Type"), Some(&b"text/html"[..]));
        assert_eq!(response.field("Content-Length"), None);
    }
}
