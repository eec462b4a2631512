//! What a head says of the body behind it: how long it is, and how it is coded (RFC 9112 section 6, RFC 9110 section 8).

use super::coding::Coding;

/// Content codings that are undone one after another, at most.
pub const CODINGS_MAX: usize = 2;

/// What the fields of a message say, as far as it matters to a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    pub host: &'a [u8],
    pub content_type: &'a [u8],
    pub length: Option<u64>,
    pub chunked: bool,
    /// Another transfer coding than chunked.
    pub coded_otherwise: bool,
    /// The innermost coding first.
    pub codings: [Option<Coding>; CODINGS_MAX],
    /// `Content-Range` names all of what it is a range of.
    pub whole_range: bool,
    /// The first and the last byte that it names, and how many there are, if that is said.
    pub range: Option<(u64, u64, Option<u64>)>,
    /// Receivers would disagree.
    pub ambiguous: bool,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// There is none.
    None,
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
    /// What follows is not HTTP any more.
    Tunnel,
}

impl<'a> Facts<'a> {
    /// Takes note of a field.
    #[inline]
    pub fn take(&mut self, name: &'a [u8], value: &'a [u8]) {
        let is = |what: &str| name.eq_ignore_ascii_case(what.as_bytes());
        match name.len() {
            4 if is("host") && self.host.is_empty() => self.host = value,
            12 if is("content-type") && self.content_type.is_empty() => self.content_type = value,
            13 if is("content-range") => {
                self.range = range(value);
                self.whole_range = self.range.is_some_and(|(first, last, total)| first == 0 && last.checked_add(1) == total);
            }
            14 if is("content-length") => self.take_length(value),
            16 if is("content-encoding") => self.take_codings(value),
            17 if is("transfer-encoding") => self.take_transfer(value),
            _ => {}
        }
    }

    fn take_length(&mut self, value: &[u8]) {
        // The same length several times, in one field or more, is one length (RFC 9112 section 6.3).
        for word in value.split(|&byte| byte == b',') {
            let word = word.trim_ascii();
            let length = std::str::from_utf8(word).ok().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
            let length = length.and_then(|digits| digits.parse::<u64>().ok()).filter(|&length| length <= i64::MAX as u64);
            match (length, self.length) {
                (Some(length), None) => self.length = Some(length),
                (Some(length), Some(known)) if length == known => {}
                _ => self.ambiguous = true,
            }
        }
    }

    fn take_transfer(&mut self, value: &[u8]) {
        for word in value.split(|&byte| byte == b',') {
            let word = word.trim_ascii();
            if word.eq_ignore_ascii_case(b"chunked") {
                // Twice is once, for some (RFC 9112 section 7.1 forbids it).
                self.ambiguous |= self.chunked;
                self.chunked = true;
            } else if !word.eq_ignore_ascii_case(b"identity") && !word.is_empty() {
                self.coded_otherwise = true;
                self.ambiguous |= word.to_ascii_lowercase().windows(7).any(|part| part == b"chunked");
            }
        }
    }

    fn take_codings(&mut self, value: &[u8]) {
        for word in value.split(|&byte| byte == b',') {
            let word = word.trim_ascii();
            if word.is_empty() || word.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let Some(coding) = Coding::named(word) else {
                self.ambiguous = true;
                continue;
            };
            match self.codings.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(coding),
                None => self.ambiguous = true,
            }
        }
    }

    /// How the body of a request ends.
    pub fn of_request(&mut self) -> Framing {
        if self.chunked {
            self.ambiguous |= self.length.is_some() || self.coded_otherwise;
            return Framing::Chunked;
        }
        self.ambiguous |= self.coded_otherwise;
        match self.length {
            None | Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
        }
    }

    /// How the body of a final response ends; `head_only` if the request was HEAD, `connect` if it was CONNECT.
    pub fn of_response(&mut self, status: u16, modern: bool, head_only: bool, connect: bool) -> Framing {
        if status == 101 || connect && (200..300).contains(&status) {
            return Framing::Tunnel;
        }
        if head_only || matches!(status, 100..=199 | 204 | 304) {
            return Framing::None;
        }
        if self.chunked {
            // HTTP/1.0 has no transfer codings: some browsers heed them all the same.
            self.ambiguous |= self.length.is_some() || self.coded_otherwise || !modern;
            return Framing::Chunked;
        }
        match self.length {
            Some(0) => Framing::None,
            Some(length) if !self.coded_otherwise => Framing::Length(length),
            _ => Framing::Close,
        }
    }
}

/// What a range names: `bytes 0-1233/1234`, or a star for a total that is not known (RFC 9110 section 14.4).
fn range(value: &[u8]) -> Option<(u64, u64, Option<u64>)> {
    let text = std::str::from_utf8(value).ok()?;
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    (first <= last).then_some((first, last, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(fields: &[(&'a str, &'a str)]) -> Facts<'a> {
        let mut facts = Facts::default();
        fields.iter().for_each(|(name, value)| facts.take(name.as_bytes(), value.as_bytes()));
        facts
    }

    #[test]
    fn lengths_that_agree_are_one_and_others_are_ambiguous() {
        let mut same = facts(&[("Content-Length", "5, 5"), ("content-length", "5")]);
        assert_eq!((same.of_request(), same.ambiguous), (Framing::Length(5), false));
        let mut differ = facts(&[("Content-Length", "5"), ("Content-Length", "6")]);
        assert_eq!((differ.of_request(), differ.ambiguous), (Framing::Length(5), true));
        for bad in ["-5", "+5", "0x5", "99999999999999999999", "9223372036854775808", "five"] {
            let mut bad = facts(&[("Content-Length", bad)]);
            assert_eq!((bad.of_response(200, true, false, false), bad.ambiguous), (Framing::Close, true));
        }
    }

    #[test]
    fn chunked_outranks_a_length_and_is_ambiguous_then() {
        let mut both = facts(&[("Transfer-Encoding", "Chunked"), ("Content-Length", "5")]);
        assert_eq!((both.of_response(200, true, false, false), both.ambiguous), (Framing::Chunked, true));
        let mut odd = facts(&[("Transfer-Encoding", "xchunked")]);
        assert_eq!((odd.of_response(200, true, false, false), odd.ambiguous), (Framing::Close, true));
        let mut plain = facts(&[("Transfer-Encoding", "identity, chunked")]);
        assert_eq!((plain.of_response(200, true, false, false), plain.ambiguous), (Framing::Chunked, false));
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_say() {
        let with = |status, head, connect| facts(&[("Content-Length", "5")]).of_response(status, true, head, connect);
        assert_eq!(with(200, true, false), Framing::None);
        for status in [100, 103, 204, 304] {
            assert_eq!(with(status, false, false), Framing::None);
        }
        assert_eq!(with(200, false, true), Framing::Tunnel);
        assert_eq!(with(404, false, true), Framing::Length(5));
        assert_eq!(with(101, false, false), Framing::Tunnel);
    }

    #[test]
    fn codings_and_ranges() {
        let some = facts(&[("Content-Encoding", "deflate, GZIP"), ("Content-Range", "bytes 0-199/1000"), ("Host", "a")]);
        assert_eq!(some.codings, [Some(Coding::Deflate), Some(Coding::Gzip)]);
        assert_eq!((some.whole_range, some.host), (false, &b"a"[..]));
        assert!(facts(&[("Content-Range", "bytes 0-999/1000")]).whole_range);
        assert!(!facts(&[("Content-Range", "bytes 0-18446744073709551615/0")]).whole_range);
        assert_eq!(facts(&[("Content-Range", "bytes 5-9/*")]).range, Some((5, 9, None)));
        assert_eq!(facts(&[("Content-Range", "bytes 9-5/10")]).range, None);
    }
}
