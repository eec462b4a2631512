//! Weevely: base64 between a head and a tail that come of the password, in the request and in the answer.

use memchr::memmem;

use super::super::answer::Outcome;
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};

/// Characters of head and tail: hexadecimal digits 8 to 19 and 20 to 31 of the password's MD5 (Weevely's source, agent of versions 3 and 4).
const END_BYTES: usize = 12;
/// Bytes of the answer before the head, at most.
const BEFORE_MAX: usize = 64;

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, _room: &mut Room) -> Option<Use> {
    asked.script?;
    if !asked.is_post() || answer.outcome != Outcome::Output || !answer.whole {
        return None;
    }
    let output = answer.body.trim_ascii();
    let tail_at = output.len().checked_sub(END_BYTES)?;
    let tail = &output[tail_at..];
    if !is_hex(tail) {
        return None;
    }
    let starts = 0..tail_at.saturating_sub(END_BYTES).min(BEFORE_MAX);
    let shared = starts.into_iter().any(|at| {
        let head = &output[at..at + END_BYTES];
        let middle = &output[at + END_BYTES..tail_at];
        is_hex(head) && head != tail && is_base64(middle) && enclosed(asked.body, head, tail).is_some_and(|sent| sent != middle)
    });
    shared.then(|| Use::new(Shell::Weevely, Sure::Certain))
}

/// What a body holds between head and tail, if it is base64.
fn enclosed<'a>(body: &'a [u8], head: &[u8], tail: &[u8]) -> Option<&'a [u8]> {
    let rest = &body[memmem::find(body, head)? + END_BYTES..];
    let middle = &rest[..memmem::find(rest, tail)?];
    (!middle.is_empty() && is_base64(middle)).then_some(middle)
}

fn is_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_base64(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{exchanged, post};
    use super::*;

    fn found(body: &str, answer: &str) -> bool {
        exchanged(&post("/x.php", "application/octet-stream", body.as_bytes()), Some((200, answer)), |exchange| {
            find(&Asked::new(exchange.request), &Answer::new(exchange), &mut Room::default()).is_some()
        })
    }

    #[test]
    fn both_ends_are_shared() {
        assert!(found("uU1d41d8cd98f00AbCdEfGh+/b204e9800998rest", "Zd41d8cd98f00xYz0b204e9800998"));
    }

    #[test]
    fn one_end_or_none_is_nothing() {
        assert!(!found("uU1d41d8cd98f00AbCdEfGh", "Zd41d8cd98f00xYz0b204e9800998"));
        assert!(!found("token=d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"));
        assert!(!found("", ""));
    }
}
