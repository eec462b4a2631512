//! What a server made of a request: whether a script took it, and whether what came back fits a webshell.

use super::encoding::{base64, scanned};
use super::refusal::refuses;
use crate::protocol::carried::{Exchange, Response};

/// How a server answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not at all, as far as was seen.
    Silent,
    /// There is no such thing, or it is somewhere else: 3xx, 404, 410.
    Missing,
    /// It would not, or could not.
    Refused,
    /// With a page for people.
    Page,
    /// With something that is no page, or with nothing.
    Output,
}

/// A response, with what is asked of it again and again.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    pub status: Option<u16>,
    pub outcome: Outcome,
    pub body: &'a [u8],
    /// `body` is all of it.
    pub whole: bool,
    pub response: Option<&'a Response<'a>>,
}

/// What a page for people begins with, in lower case.
const PAGES: [&[u8]; 4] = [b"<!doctype", b"<html", b"<head", b"<?xml"];

impl<'a> Answer<'a> {
    pub fn new(exchange: &Exchange<'a>) -> Self {
        let Some(response) = exchange.response else {
            return Answer { status: None, outcome: Outcome::Silent, body: &[], whole: false, response: None };
        };
        let body = scanned(response.body.head);
        let start = body.trim_ascii_start();
        let is_page = PAGES.iter().any(|page| start.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page)));
        let outcome = match response.status {
            200..300 if is_page => Outcome::Page,
            200..300 => Outcome::Output,
            300..400 | 404 | 410 => Outcome::Missing,
            _ => Outcome::Refused,
        };
        let whole = response.body.complete && response.body.bytes == body.len() as u64;
        Answer { status: Some(response.status), outcome, body, whole, response: Some(response) }
    }

    /// Taken: an upload was stored, as far as the status tells, and what the server says besides.
    pub fn taken(&self) -> bool {
        self.may_be_kept() && !(self.whole && refuses(self.body))
    }

    /// By its status an upload may have been stored, whatever else the server says: some say no when they have stored it.
    pub fn may_be_kept(&self) -> bool {
        self.status.is_some_and(|status| (200..400).contains(&status))
    }

    /// Output between the marks of China Chopper, which many followed.
    pub fn is_framed(&self) -> bool {
        let body = self.body.trim_ascii();
        self.outcome == Outcome::Output && body.starts_with(b"->|") && (body.ends_with(b"|<-") || !self.whole)
    }

    /// The 16 hexadecimal digits, as a number, with which an answer begins that is nothing but digits, base64 and as many digits again: the
    /// form of Godzilla's answers. Digits are of one case throughout.
    pub fn affix(&self) -> Option<u64> {
        const DIGITS: usize = 16;
        let body = self.body.trim_ascii();
        if !self.whole || self.outcome != Outcome::Output || body.len() < 2 * DIGITS + 4 {
            return None;
        }
        let (head, rest) = body.split_at(DIGITS);
        let (middle, tail) = rest.split_at(rest.len() - DIGITS);
        let ends = [head, tail];
        let digits = |lower: bool| {
            ends.iter().all(|end| {
                end.iter()
                    .all(|byte| byte.is_ascii_digit() || if lower { matches!(byte, b'a'..=b'f') } else { matches!(byte, b'A'..=b'F') })
            })
        };
        // A digest in hexadecimal is base64, too.
        let all_hex = middle.iter().all(u8::is_ascii_hexdigit);
        if !(digits(true) || digits(false)) || all_hex || !base64(middle, &mut Vec::new()) {
            return None;
        }
        u64::from_str_radix(std::str::from_utf8(head).ok()?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{exchanged, get};
    use super::*;

    fn outcome(answer: Option<(u16, &str)>) -> Outcome {
        exchanged(&get("/x.php"), answer, |exchange| Answer::new(exchange).outcome)
    }

    #[test]
    fn outcomes() {
        assert_eq!(outcome(None), Outcome::Silent);
        assert_eq!(outcome(Some((404, "<html>"))), Outcome::Missing);
        assert_eq!(outcome(Some((302, ""))), Outcome::Missing);
        assert_eq!(outcome(Some((403, "no"))), Outcome::Refused);
        assert_eq!(outcome(Some((200, "\n<!DOCTYPE html>"))), Outcome::Page);
        assert_eq!(outcome(Some((200, ""))), Outcome::Output);
        assert_eq!(outcome(Some((200, "uid=0(root)"))), Outcome::Output);
    }

    #[test]
    fn frames_and_affixes() {
        let framed = |text: &str| exchanged(&get("/x.php"), Some((200, text)), |exchange| Answer::new(exchange).is_framed());
        assert!(framed("->|ok|<-") && framed("->||<-\n") && !framed("->|ok") && !framed("<html>->|ok|<-"));
        let affix = |text: &str| exchanged(&get("/x.php"), Some((200, text)), |exchange| Answer::new(exchange).affix());
        assert_eq!(affix("11cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc"), Some(0x11cd_6a87_5898_4163));
        assert_eq!(affix("11CD6A8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6C37AC826A2A04BC"), Some(0x11cd_6a87_5898_4163));
        assert_eq!(affix("11cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6C37AC826A2A04BC"), None);
        assert_eq!(affix("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"), None);
        assert_eq!(affix("an ordinary text that is longer than thirty-six bytes"), None);
    }
}
