//! Code in a parameter whose output proves that it was run, by whatever tool: a digest that was asked for, what PHP says of itself, a folder that was
//! listed, the output of a command that it starts, or what only a server's own files and accounts have.

use md5::{Digest, Md5};

use super::super::encoding::{has, has_any};
use super::super::shell::Shell;
use super::command::{is_explained, unwrapped};
use super::output::{Least, fits, is_telling};
use super::{Answer, Asked, Room, Sure, Use};
use crate::protocol::digits;

/// Bytes of code at most that only asks for a proof: it does nothing else.
const CODE_BYTES_MAX: usize = 128;
/// Bytes of code at most that starts a command or gives out a file.
const PROGRAM_BYTES_MAX: usize = 2048;
/// Quoted arguments of code that are looked at.
const ARGUMENTS_MAX: usize = 16;
/// What begins a statement that gives out what a call returns, in lower case and laid out by [`super::super::encoding::compact`].
const GIVES: [&[u8]; 6] = [b"echo ", b"echo(", b"print(", b"die(", b"exit(", b"var_dump("];

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    asked.script?;
    if answer.body.is_empty() || !answer.status.is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    asked.find(room, |parameter, room| {
        let proved = || Use { page: true, ..Use::new(Shell::Unknown, Sure::Certain) };
        if gave_out(parameter.value, answer.body) {
            return Some(proved());
        }
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
        (shows || digests()).then(proved)
    })
}

/// Whether a value is code, and the answer what it gives out: a folder, the output of a command among its arguments (as those who came by ProxyLogon ask
/// for: Microsoft, "HAFNIUM targeting Exchange Servers", 2021), or what is telling by itself. A page that talks about code, or shows it, is none.
fn gave_out(code: &[u8], answer: &[u8]) -> bool {
    if code.len() > PROGRAM_BYTES_MAX || !is_code(code) || is_telling(code) {
        return false;
    }
    let listed = || has(code, b"scandir(") && (has(answer, b"[0] => .\n") || has(answer, b"string(1) \".\""));
    let ran = || quoted(code).take(ARGUMENTS_MAX).any(|text| fits(&unwrapped(text).to_ascii_lowercase(), Least::User, answer).is_some());
    (is_telling(answer) || listed() || ran()) && !has(answer, code.trim_ascii()) && !is_explained(answer)
}

/// Whether a value is code, and no more: it begins with a word, has a call, and ends as a statement or a call does.
fn is_code(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let begins = value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"@$_".contains(byte));
    let calls = memchr::memchr_iter(b'(', value).any(|at| at > 0 && (value[at - 1].is_ascii_alphanumeric() || value[at - 1] == b'_'));
    begins && calls && matches!(value.last(), Some(b';' | b')' | b'}'))
}

/// What stands between quotes of one kind.
fn quoted(code: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let at = memchr::memchr2(b'"', b'\'', rest)?;
        let inside = &rest[at + 1..];
        let end = memchr::memchr(rest[at], inside)?;
        rest = &inside[end + 1..];
        Some(&inside[..end])
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

    const WINDOWS: &str = "code=Response.Write(new ActiveXObject(\"WScript.Shell\").exec(\"whoami\").stdout.readall())";

    #[test]
    fn code_gives_out_what_it_was_sent_for() {
        assert!(found(&form("/owa/auth/x.aspx", WINDOWS), "nt authority\\system\r\nName : OAB (Default Web Site)\r\n"));
        let of_ip = "o=Response.Write(new ActiveXObject(\"WScript.Shell\").Exec(\"cmd.exe /c ipconfig\").StdOut.ReadAll());";
        assert!(found(&form("/s.aspx", of_ip), "Windows IP Configuration\r\n IPv4 Address. . : 192.0.2.4"));
        assert!(found(&form("/a.php", "x=print_r(scandir('/'));"), "Array\n(\n    [0] => .\n    [1] => ..\n)\n"));
        assert!(found(&form("/a.php", "x=echo file_get_contents('/etc/passwd');"), "root:x:0:0:root:/root:/bin/bash\n"));
    }

    #[test]
    fn pages_about_code_prove_nothing() {
        assert!(!found(&form("/owa/auth/x.aspx", WINDOWS), "the name was not found"));
        assert!(!found(&form("/search.php", "q=system('id');"), "<p>system('id'); gives uid=33(www-data) gid=33(www-data)</p>"));
        assert!(!found(&form("/a.php", "note=see+you"), "root:x:0:0:root:/root:/bin/bash\n"));
        assert!(!found(&form("/a.php", "x=print_r(list('/'));"), "Array\n(\n    [0] => .\n)\n"));
    }

    #[test]
    fn a_word_or_a_digest_alone_is_none() {
        assert!(!found(&form("/x.php", "a=echo+md5(233)%3B"), "900150983cd24fb0d6963f7d28e17f72"));
        assert!(!found(&form("/x.php", "q=md5(abc)"), "900150983cd24fb0d6963f7d28e17f72"));
        assert!(!found(&get("/info.php?q=phpinfo"), "<title>phpinfo()</title><h1>PHP Version 8.2.1</h1>"));
        assert!(!found(&get("/x.php?a=phpinfo();"), "no such function"));
    }
}
