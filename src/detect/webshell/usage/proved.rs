//! Code in a parameter whose output proves that it was run, by whatever tool: a digest that was asked for, and what PHP says of itself.

use md5::{Digest, Md5};

use super::super::encoding::{has, has_any};
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};
use crate::protocol::digits;

/// Bytes of such code at most: it does nothing else.
const CODE_BYTES_MAX: usize = 128;
/// What begins a statement that gives out what a call returns, in lower case and laid out by [`super::super::encoding::compact`].
const GIVES: [&[u8]; 6] = [b"echo ", b"echo(", b"print(", b"die(", b"exit(", b"var_dump("];

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    asked.script?;
    if answer.body.is_empty() || !answer.status.is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    asked.find(room, |parameter, room| {
        if parameter.value.len() > CODE_BYTES_MAX {
            return None;
        }
        // The argument keeps its letters: only what is around it is laid out.
        let argument = argument(parameter.value);
        let code = room.compacted(parameter.value);
        let shows = code.starts_with(b"phpinfo()") && has(answer.body, b"phpinfo()") && has(answer.body, b"PHP Version");
        let digests = || {
            has_any(code, &[b"md5("])
                && GIVES.iter().any(|gives| code.starts_with(gives))
                && argument.is_some_and(|text| is_digest(text, answer.body))
        };
        (shows || digests()).then(|| Use { page: true, ..Use::new(Shell::Unknown, Sure::Certain) })
    })
}

/// What stands in the parentheses of `md5(…)`, without quotes.
fn argument(code: &[u8]) -> Option<&[u8]> {
    let lower = code.to_ascii_lowercase();
    let rest = &code[memchr::memmem::find(&lower, b"md5(")? + 4..];
    let inside = rest[..memchr::memchr(b')', rest)?].trim_ascii();
    let quoted = |quote: u8| inside.strip_prefix(&[quote]).and_then(|inside| inside.strip_suffix(&[quote]));
    Some(quoted(b'\'').or_else(|| quoted(b'"')).unwrap_or(inside))
}

/// Whether the MD5 of a text stands in an answer.
fn is_digest(text: &[u8], answer: &[u8]) -> bool {
    has(answer, digits::written(&Md5::digest(text)).as_bytes())
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
    fn what_was_asked_for_comes_back() {
        assert!(found(&form("/x.php", "a=echo+md5(233)%3B"), "e165421110ba03099a1c0393373c5b43"));
        assert!(found(&form("/x.php", "a=%40print(MD5('abc'))%3B"), "<pre>900150983cd24fb0d6963f7d28e17f72</pre>"));
        assert!(found(&get("/x.php?a=phpinfo();"), "<title>PHP 8.2 - phpinfo()</title><h1>PHP Version 8.2.1</h1>"));
    }

    #[test]
    fn a_word_or_a_digest_alone_is_none() {
        assert!(!found(&form("/x.php", "a=echo+md5(233)%3B"), "900150983cd24fb0d6963f7d28e17f72"));
        assert!(!found(&form("/x.php", "q=md5(abc)"), "900150983cd24fb0d6963f7d28e17f72"));
        assert!(!found(&get("/info.php?q=phpinfo"), "<title>phpinfo()</title><h1>PHP Version 8.2.1</h1>"));
        assert!(!found(&get("/x.php?a=phpinfo();"), "no such function"));
    }
}
