//! Neo-reGeorg, a tunnel through a web server: what is sent and what comes back hides under a key (L-codes/Neo-reGeorg, `neoreg.py` and
//! `templates/`).
//!
//! From version 5.0 on, both are records of a tag, a length and a value, in base64 whose alphabet the key shuffles, and lengths are moved by a number
//! that the key gives: under a known key certain, under any other both sides begin alike. Versions 2 to 4 put the order into a header field with a
//! name of the key's, behind a mark that is a random UUID in base64; what became of it stands in another field of the answer.

mod keys;

use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};
use crate::detect::webshell::answer::Outcome;
use crate::detect::webshell::asked::Declared;
use crate::protocol::carried::Field;
use crate::protocol::digits::Sixes;
use keys::{KEYS, Known};

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    asked.script?;
    if greets(answer) {
        return Some(Use::of_pages(Shell::Regeorg));
    }
    if asked.body.len() >= RECORDS_MIN {
        let records = longest_run(asked.body);
        if KEYS.iter().any(|key| key.opens(records)) {
            return Some(Use::new(Shell::Regeorg, Sure::Certain));
        }
        if let Some(alike) = begins_alike(asked, answer, room) {
            return Some(Use { repeats: Some(alike), ..Use::new(Shell::Regeorg, Sure::Likely) });
        }
    }
    let fields = by_fields(asked, answer)?;
    Some(Use { repeats: Some(fields), ..Use::new(Shell::Regeorg, Sure::Likely) })
}

/// Whether the page says what it says under a known key to whoever brings nothing.
fn greets(answer: &Answer<'_>) -> bool {
    let Some(word) = answer.body.trim_ascii().strip_prefix(b"<!-- ").and_then(|rest| rest.strip_suffix(b" -->")) else { return false };
    KEYS.iter().any(|key| key.greeting == word)
}

/// Characters of the records of one order, at least: 5 bytes before each of the filling at both ends, of 5 bytes at least, and of the order and the mark
/// between them (`blv_encode`).
const RECORDS_MIN: usize = 48;
/// Bytes of the filling before the records.
const FILLING: std::ops::RangeInclusive<u32> = 5..=20;

impl Known {
    /// Whether records in base64 begin with the filling, under this key: 36 bits that chance seldom gives.
    fn opens(&self, records: &[u8]) -> bool {
        let mut sixes = Sixes::default();
        let value = |digit: &u8| self.alphabet.iter().position(|known| known == digit).map(|value| value as u8);
        let mut bytes = records.iter().map_while(value).filter_map(|value| sixes.push(value));
        if bytes.next() != Some(0) {
            return false;
        }
        let length = (0..4).try_fold(0u32, |length, _| Some(length << 8 | u32::from(bytes.next()?)));
        length.is_some_and(|length| FILLING.contains(&length.wrapping_sub(self.offset)))
    }
}

/// The longest run of digits of base64: a template may stand around the records.
fn longest_run(body: &[u8]) -> &[u8] {
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    body.split(|byte| !of_base64(byte)).max_by_key(|run| run.len()).unwrap_or_default()
}

/// Digits from the second on that are the same on both sides under one key: the low bits of a tag of which the others are in the first, and what of the
/// length does not change with so few bytes.
const ALIKE: std::ops::Range<usize> = 1..5;
/// Digits behind them that chance fills.
const FILLED: std::ops::Range<usize> = 7..12;
/// Digits of an answer that says nothing but that all is well, at least.
const ANSWER_MIN: usize = 28;

/// What the records of both sides have in common at their beginning, if they may be records under a key that is not known.
fn begins_alike(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<u64> {
    let (sent, told) = (asked.body.trim_ascii(), answer.body.trim_ascii());
    let plain = asked.is_post() && matches!(asked.declared, Declared::Bytes | Declared::Form) && !asked.says_who();
    if !plain || answer.outcome != Outcome::Output || !answer.whole || told.len() < ANSWER_MIN {
        return None;
    }
    let whole = |text: &[u8]| text.len().is_multiple_of(4) && !text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alike = sent.get(ALIKE)? == told.get(ALIKE)? && sent[FILLED] != told[FILLED];
    // `AAAA` is a length in front, and `H4sI` is gzip.
    let named = sent[ALIKE.start..].iter().take(ALIKE.len()).all(|byte| *byte == sent[ALIKE.start]) || sent.starts_with(b"H4sI");
    if !alike || named || !whole(sent) || !whole(told) {
        return None;
    }
    let enciphered = [sent, told].into_iter().all(|text| room.unbase64(text).is_some_and(|plain| !text_begins(plain)));
    enciphered.then(|| sent[ALIKE].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Whether bytes begin as text, as JSON does in base64.
fn text_begins(bytes: &[u8]) -> bool {
    bytes.iter().take(6).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Characters of a mark: a UUID in base64 without padding, plus signs as spaces and slashes as underscores.
const MARK_BYTES: usize = 22;
/// Characters of a value that a key gives.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 2..=65;
/// Letters of a field's name that a key gives.
const NAME_BYTES: std::ops::RangeInclusive<usize> = 2..=17;

/// The names of the fields that carry an order and what became of it, as a number, if both are there.
fn by_fields(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<u64> {
    let order = asked.request.fields.iter().find(|field| is_named(field) && is_order(field.value))?;
    let state = answer.response?.fields.iter().find(|field| is_named(field) && is_value(field.value))?;
    Some(order.name.iter().chain(state.name).fold(0, |sum: u64, &byte| sum.rotate_left(5) ^ u64::from(byte)))
}

/// Fields of one word that others have.
const ORDINARY: [&str; 28] = [
    "Accept",
    "Age",
    "Allow",
    "Authorization",
    "Cookie",
    "Connection",
    "Date",
    "Depth",
    "Destination",
    "Dnt",
    "Etag",
    "Expect",
    "Expires",
    "Forwarded",
    "From",
    "Host",
    "Link",
    "Location",
    "Origin",
    "Pragma",
    "Priority",
    "Range",
    "Referer",
    "Server",
    "Te",
    "Upgrade",
    "Vary",
    "Via",
];

/// Whether a field has a name of random letters, the first of them a capital.
fn is_named(field: &Field<'_>) -> bool {
    let capital = field.name.first().is_some_and(u8::is_ascii_uppercase) && field.name[1..].iter().all(u8::is_ascii_lowercase);
    NAME_BYTES.contains(&field.name.len()) && capital && !ORDINARY.iter().any(|known| known.as_bytes() == field.name)
}

fn is_value(value: &[u8]) -> bool {
    VALUE_BYTES.contains(&value.len()) && value.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a value is a mark and what the key makes of an order. The mark is a UUID of version 4 (RFC 9562 section 5.4): four bits of its ninth digit
/// are the version, two of its eleventh the variant, and four of its last are none.
fn is_order(value: &[u8]) -> bool {
    let Some((mark, order)) = value.split_at_checked(MARK_BYTES) else { return false };
    let digits = mark.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_'));
    let variant = b"CGKOSWaeimquy26 ".contains(&mark[10]);
    digits && is_value(order) && matches!(mark[8], b'Q'..=b'T') && variant && matches!(mark[21], b'A' | b'Q' | b'g' | b'w')
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get, request};
    use super::super::found_by;
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> Option<Sure> {
        found_by(find, sent, answer).map(|found| found.sure)
    }

    fn post(target: &'static str, body: &'static str) -> Sent<'static> {
        request("POST", target, body.as_bytes())
    }

    // An order to connect and the answer that it was done, as the project's own functions write them: under `password`, `rebeyond`, and `Tr0ub4dor&3`.
    const MANUAL: (&str, &str) = (
        "dsE1sBqUtRbKaLe5P63pfqMlA10OqHQ97iAFxQ1DimwHc+fLfdxFxQ1PRKmvXSSIboSWzED2DFPRxdWFxQ1WMcdCMUyr/7EsXcnXFcM0HL+oXcnX2eoczkjcymOV",
        "dsE1sX75fvrEmWd6hsE1sXx6jOXFxQ1qxFagwGJF",
    );
    const COMMON: (&str, &str) = (
        "LmxBy+GDa3hdCrEw7JIsFKEdlDET7HGQodoBFKEdYUMNt+88Fg8GuudmEfEbUiomFKEdl7D4ziLXIspdOSxBy+HkIkPG0SxBy+rmUP2LEcEOl3VL",
        "LmxBybVlFrFn/WvvCn8A1b9wYPff9CBYco52PcUc7w2VFKEd/XXfmA5C",
    );
    const OTHER: (&str, &str) = (
        "Fts6Vzpuvua0sR2wpB1dOClBiXskainbuHZk38C6Wh/Qqdq3uHZkQRBLIr99GS9/ccdKCkCnRmqKuHZk3W8ONmFTHbvdtJs6VAhsHsA/VJs6Vzmg/GXQGLKuDvAyxi7PpEheOPW3",
        "tts6VA065O8esUnnFOFF8OoqFFF5CFFbFFAFFAFFFFFesUnqlBSAvN5G2yb+Dn8guHZk8HPi9Vt6uhwiVy9O",
    );

    #[test]
    fn known_keys_open_records() {
        for (sent, told) in [MANUAL, COMMON] {
            assert_eq!(found(&post("/t.jsp", sent), told), Some(Sure::Certain));
            assert_eq!(found(&post("/t.jsp", sent), ""), Some(Sure::Certain));
            assert_eq!(found(&post("/api/t", sent), told), None);
        }
        let wrapped = Box::leak(format!("img=data:image/png;base64,{}&save=ok", MANUAL.0).into_boxed_str());
        assert_eq!(found(&form("/t.php", wrapped), ""), Some(Sure::Certain));
        let hello = "<!-- CZ7cUxtjM3zur0GDDQvtDPPU2acBDpNfgn/LY79DhV57tfk1XI9zY9KpkrlRsw -->\n";
        assert_eq!(found(&get("/t.aspx"), hello), Some(Sure::Certain));
        assert_eq!(found(&get("/t.aspx"), "<!-- ok -->"), None);
    }

    #[test]
    fn under_another_key_both_sides_begin_alike() {
        assert_eq!(found(&post("/t.php", OTHER.0), OTHER.1), Some(Sure::Likely));
        assert_eq!(found(&post("/t.php", OTHER.0), MANUAL.1), None);
        assert_eq!(found(&post("/t.php", OTHER.0).with("Origin", "https://app.example"), OTHER.1), None);
        // JSON, gzip, what CryptoJS salts, and lengths of gRPC, all in base64.
        for (sent, told) in [
            ("eyJhY3Rpb24iOiJsaXN0IiwicGFnZSI6MSwic2l6ZSI6MjAsInEiOiIifQ==", "eyJvayI6dHJ1ZSwicm93cyI6W119eyJvayI6dHJ1"),
            ("H4sIAFY7a2UC/6tWKkktLlGyUlAqS8wpTtVRSsxLKcpPUbIyqgUAaE9wKxsAAAA=", "H4sIAGA7a2UC/6tWSs4vzStRslJQSkpNVaoFALxjYzEQAAAA"),
            ("U2FsdGVkX19ZJmFzZGZnaGprbDEyMzQ1Njc4OTBhYmNkZWZnaGlqa2xtbm8=", "U2FsdGVkX18xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5v"),
            ("AAAAAB4KBnNlYXJjaBIUc29tZXRoaW5nIGVsc2UgZW50aXJlbHkgaGVyZQ==", "AAAAAAwKBHJvd3MSBG5vbmWAAAAAD2dycGMtc3RhdHVz"),
        ] {
            assert_eq!(found(&post("/t.php", sent), told), None, "{sent}");
        }
    }

    #[test]
    fn marks_are_random_uuids() {
        assert!(is_order(b"PyuMHppNTnuhwl1uf4CavAb5v9XJbF") && is_order(b"LyuMHppNTnuhwl1uf4CavAA4SxDN5"));
        for value in [&b"PyuMHppNTnuhwl1uf4CavA"[..], b"PyuMHppNXnuhwl1uf4CavAb5v9XJbF", b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", b"x"]
        {
            assert!(!is_order(value), "{}", value.escape_ascii());
        }
    }
}
