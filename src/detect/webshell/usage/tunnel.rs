//! Tunnels through a web server: reGeorg, and what its successor Neo-reGeorg says as plainly, suo5, ABPTTS and pivotnacci. See [`super::neo`] for what that hides.
//!
//! suo5 sends maps of short names to bytes, masked by exclusive or under a key that goes with them (zema1/suo5, `assets/java/suo5.jsp`, and
//! `assets/0.3.0/suo5.jsp` for its first versions): what comes out is proof, whatever path it goes to.
//!
//! pivotnacci says in header fields what is to be done (blackarrowsec/pivotnacci, `agents/agent.php`). All names of ABPTTS are drawn when it is set up, and
//! what it sends is enciphered; but its answers stand in a page that most leave as it is (nccgroup/ABPTTS, `data/settings-default.txt`,
//! `responseStringPrefixB64` and `responseStringSuffixB64`).

use super::super::encoding::{base64, has};
use super::super::name::Language;
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};
use crate::detect::webshell::asked::Place;

/// What the page says to whoever looks (both projects' sources).
const GREETING: &[u8] = b"Georg says, 'All seems fine'";

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    if let Some(found) = suo5(asked, answer) {
        return Some(found);
    }
    let language = asked.script?;
    if pivotnacci(asked) {
        return Some(Use::new(Shell::Pivotnacci, Sure::Certain));
    }
    if matches!(language, Language::Java | Language::Asp) && abptts(asked, answer, room) {
        return Some(Use::of_pages(Shell::Abptts));
    }
    let certain = Some(Use::new(Shell::Regeorg, Sure::Certain));
    // An article would say more around it.
    if answer.body.len() <= 4 * GREETING.len() && has(answer.body, GREETING) {
        return certain;
    }
    let command = match asked.parameter(b"cmd").or_else(|| asked.request.field("X-CMD")) {
        Some(command) => command.to_ascii_lowercase(),
        None => return None,
    };
    let by_query = match command.as_slice() {
        b"connect" => asked.has_parameter(b"target") && asked.has_parameter(b"port"),
        b"read" | b"forward" | b"disconnect" => false,
        _ => return None,
    };
    let by_field = asked.request.field("X-CMD").is_some() && (command != b"connect" || asked.request.field("X-TARGET").is_some());
    let answered = answer.response.is_some_and(|response| response.field("X-STATUS").is_some());
    if by_query || by_field || answered { certain } else { None }
}

/// What pivotnacci asks for.
const OPERATIONS: [&[u8]; 5] = [b"INIT", b"CONNECT", b"DISCONNECT", b"RECV", b"SEND"];

fn pivotnacci(asked: &Asked<'_>) -> bool {
    let has = |name: &str| asked.request.field(name).is_some();
    let asks = asked.request.field("X-OPERATION").is_some_and(|operation| OPERATIONS.contains(&operation));
    asks && (has("X-SVC") && has("X-ID") || has("X-IP") && has("X-PORT"))
}

/// The page around what ABPTTS answers.
const STATUS_PAGE: (&[u8], &[u8]) =
    (b"<html>\n\t<head>\n\t\t<title>System Status</title>\n\t</head>\n\t<body>\n<pre>\n", b"\n</pre>\n\t</body>\n</html>");
/// Characters of the block that ABPTTS sends, at least.
const BLOCK_MIN: usize = 16;

fn abptts(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> bool {
    let (before, behind) = STATUS_PAGE;
    let body = answer.body.trim_ascii();
    let within = body.strip_prefix(before).is_some_and(|rest| rest.ends_with(behind) || !answer.whole);
    within
        && asked.is_post()
        && asked
            .find(room, |parameter, room| {
                (parameter.place == Place::Form && parameter.value.len() >= BLOCK_MIN && room.unbase64(parameter.value).is_some())
                    .then_some(())
            })
            .is_some()
}

/// Bytes of the answer by which suo5's first versions see whether a stream goes both ways.
const ECHO_BYTES: usize = 32;

fn suo5(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    if asked.body.len() < MASKED_MIN {
        return None;
    }
    let echoed = asked.field_has("Content-Type", b"application/plain")
        && asked.body.len() > ECHO_BYTES
        && answer.whole
        && answer.body == &asked.body[..ECHO_BYTES];
    if !(echoed || is_masked_map(asked.body)) {
        return None;
    }
    // What comes back in the same form is an answer, whatever a page around it says.
    Some(if echoed || is_masked_map(answer.body) { Use::of_pages(Shell::Suo5) } else { Use::new(Shell::Suo5, Sure::Certain) })
}

/// Bytes of a map at least: its length and key, and one entry of one byte.
const MASKED_MIN: usize = 13;
/// Bytes of an entry's name, at most, and names that every map of suo5 has: the action, of one byte.
const NAME_MAX: u8 = 8;
const ACTION: &[u8] = b"ac";
/// Names beside it, of which one at least is there: data, tunnel, host, port, state, mode.
const OTHERS: [&[u8]; 6] = [b"dt", b"id", b"h", b"p", b"s", b"m"];

/// Whether bytes begin with a map of suo5: with length and key in front (first versions), or those and itself in base64.
fn is_masked_map(bytes: &[u8]) -> bool {
    if let Some((&[a, b, c, d, key], rest)) = bytes.split_first_chunk::<5>() {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if (MASKED_MIN - 5..1 << 25).contains(&len) && is_map(rest.get(..len).unwrap_or(rest), [key, key], rest.len() >= len) {
            return true;
        }
    }
    let mut head = Vec::new();
    let Some(coded) = bytes.get(..8).filter(|coded| base64(coded, &mut head) && head.len() == 6).and(bytes.get(8..)) else { return false };
    let key = [head[0], head[1]];
    let len = head[2..6].iter().enumerate().fold(0usize, |len, (at, byte)| len << 8 | usize::from(byte ^ key[at % 2]));
    let mut masked = Vec::new();
    (MASKED_MIN..1 << 25).contains(&len)
        && base64(coded.get(..len).unwrap_or(coded), &mut masked)
        && is_map(&masked, key, coded.len() >= len)
}

/// Whether masked bytes are a map with an action; `whole` if none of it is missing.
fn is_map(masked: &[u8], key: [u8; 2], whole: bool) -> bool {
    let byte = |at: usize| masked.get(at).map(|byte| byte ^ key[at % 2]);
    let (mut at, mut acts, mut others) = (0, false, false);
    while at < masked.len() {
        let Some(name_len) = byte(at).filter(|len| (1..=NAME_MAX).contains(len)).map(usize::from) else { return false };
        let Some(name) = (at + 1..at + 1 + name_len).map(byte).collect::<Option<Vec<u8>>>() else { return !whole && acts && others };
        at += 1 + name_len;
        let Some(len) = (at..at + 4).try_fold(0usize, |len, at| Some(len << 8 | usize::from(byte(at)?))) else {
            return !whole && acts && others;
        };
        acts |= name == ACTION && len == 1;
        others |= OTHERS.contains(&name.as_slice());
        at += 4 + len;
    }
    acts && others && (at == masked.len() || !whole)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get};
    use super::super::found_by;
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> bool {
        found_by(find, sent, answer).is_some()
    }

    #[test]
    fn tunnels_are_found() {
        assert!(found(&get("/tunnel.jsp"), "Georg says, 'All seems fine'"));
        assert!(found(&form("/tunnel.php?cmd=connect&target=10.0.0.5&port=3389", ""), ""));
        assert!(found(&form("/tunnel.aspx", "").with("X-CMD", "CONNECT").with("X-TARGET", "10.0.0.5").with("X-PORT", "22"), ""));
    }

    /// A map of suo5 under a key.
    fn map(entries: &[(&str, &[u8])], key: [u8; 2]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in entries {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
            bytes.extend((value.len() as u32).to_be_bytes());
            bytes.extend(*value);
        }
        bytes.iter().enumerate().map(|(at, byte)| byte ^ key[at % 2]).collect()
    }

    #[test]
    fn suo5_is_known_by_what_its_maps_hold() {
        let open: [(&str, &[u8]); 3] = [("ac", b"\0"), ("h", b"10.0.0.7"), ("p", b"3389")];
        let masked = map(&open, [0x5c, 0x5c]);
        let first = [&(masked.len() as u32).to_be_bytes()[..], &[0x5c], &masked].concat();
        // The same as later versions send it: key and masked length in base64, then the map, without padding.
        let later = b"QdNB00H4Q7Ii00HTQNNAu0HTQdtw42_jb-Nv5ECjQdNB13Lgeeo";
        for body in [&first[..], &first[..30], later, &later[..40]] {
            assert!(is_masked_map(body), "{}", body.escape_ascii());
        }
        assert!(!is_masked_map(b"") && !is_masked_map(&[0; 64]) && !is_masked_map(b"an ordinary text that goes on for a while"));
        let mut random = crate::detect::ics::testing::Random(11);
        let mut bytes = [0; 64];
        for _ in 0..20_000 {
            random.fill(&mut bytes);
            assert!(!is_masked_map(&bytes));
            // With a length that fits, too.
            bytes[..4].copy_from_slice(&59_u32.to_be_bytes());
            assert!(!is_masked_map(&bytes));
        }
    }

    #[test]
    fn pivotnacci_and_abptts_are_found() {
        let init = form("/agent.php", "").with("X-OPERATION", "INIT").with("X-IP", "10.0.0.5").with("X-PORT", "22");
        assert!(found(&init, ""));
        assert!(found(&get("/agent.aspx").with("X-OPERATION", "RECV").with("X-SVC", "a").with("X-ID", "b"), ""));
        assert!(!found(&form("/a.php", "").with("X-OPERATION", "SEND"), "") && !found(&form("/a.php", "").with("X-IP", "10.0.0.5"), ""));
        let page = format!("{}quagmire A1B2{}", STATUS_PAGE.0.escape_ascii(), STATUS_PAGE.1.escape_ascii())
            .replace("\\n", "\n")
            .replace("\\t", "\t");
        assert!(found(&form("/ProtoStatus.jsp", "solaced=QUJDREVGR0hJSktMTU5PUA%3D%3D"), &page));
        assert!(!found(&get("/status.jsp"), &page) && !found(&form("/status.php", "solaced=QUJDREVGR0hJSktMTU5PUA%3D%3D"), &page));
    }

    #[test]
    fn others_are_not() {
        assert!(!found(&get("/x.php?cmd=read&id=1"), "ok"));
        assert!(!found(&get("/ajax.php?cmd=connect"), "ok"));
        assert!(!found(&get("/blog/"), "Georg says, 'All seems fine'"));
    }
}
