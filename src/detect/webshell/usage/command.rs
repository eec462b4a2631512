//! Commands for the server's operating system in a parameter, and their output in the answer: shells of no tool, or of any.

use super::super::encoding::{base64, is_text, percent};
use super::super::name::Language;
use super::super::shell::Shell;
use super::output::{Least, Ran, fits, leads};
use super::{Answer, Asked, Room, Sure, Use};
use crate::detect::webshell::asked::{Declared, Parameter, Place};
use crate::protocol::digits;

/// Names of parameters that say what is wanted of a page, in lower case: a word behind them is no command, unless its output says so.
const ORDINARY_NAMES: [&[u8]; 27] = [
    b"action", b"act", b"do", b"op", b"method", b"type", b"field", b"key", b"mode", b"page", b"topic", b"q", b"s", b"search", b"query",
    b"title", b"doc", b"article", b"term", b"keyword", b"lang", b"section", b"name", b"sort", b"order", b"tab", b"view",
];
/// Words of a language in an answer from which on it talks about a command.
const PROSE_WORDS: usize = 24;
/// Words in a row that make a sentence. Outputs of the commands that are known have fewer.
const SENTENCE_WORDS: usize = 6;
/// Names of fields that ordinary clients send; a command does not stand in them.
const ORDINARY_FIELDS: [&str; 11] = [
    "Host",
    "User-Agent",
    "Accept",
    "Accept-Language",
    "Accept-Encoding",
    "Connection",
    "Content-Type",
    "Content-Length",
    "Cookie",
    "Cache-Control",
    "Pragma",
];
/// Fields of one request that are looked at.
const FIELDS_MAX: usize = 64;
/// Bytes of a command at most. What is longer is a program.
const COMMAND_BYTES_MAX: usize = 512;

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    if answer.body.is_empty() || !answer.status.is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    if asked.script.is_none() {
        return in_memory(asked, answer, room);
    }
    // Routers and panels are driven by programs behind CGI that may run commands for whoever has logged in.
    let sure = if asked.script == Some(Language::Cgi) && !asked.stranger { Sure::Suspect } else { Sure::Certain };
    let by_parameter = asked.find(room, |parameter, room| {
        if parameter.value.is_empty() {
            return by_name_alone(parameter, answer, room);
        }
        let named = !ORDINARY_NAMES.iter().any(|name| parameter.name.eq_ignore_ascii_case(name));
        let about = !named && is_prose(answer.body);
        let least = if named { Least::Word } else { Least::Telling };
        if about { None } else { ran(parameter.value, least, answer, room) }
    });
    let by_field = |room: &mut Room| {
        let fields = asked.request.fields.iter().filter(|field| {
            !ORDINARY_FIELDS.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
                || field.name.eq_ignore_ascii_case(b"User-Agent")
                // A call, since `id` is a language, too.
                || field.name.eq_ignore_ascii_case(b"Accept-Language") && field.value.contains(&b'(')
        });
        fields.take(FIELDS_MAX).find_map(|field| ran(field.value, Least::Word, answer, room))
    };
    let by_body = |room: &mut Room| {
        let plain = matches!(asked.declared, Declared::Bytes | Declared::Other) && asked.form().is_empty();
        if plain { ran(asked.body, Least::Word, answer, room) } else { None }
    };
    let ran = by_parameter.or_else(|| by_field(room)).or_else(|| by_body(room))?;
    Some(judged(ran, sure, answer))
}

/// A use, as sure as the output lets it be. Pages report how a machine is, and explain commands by their outputs.
fn judged(ran: Ran, sure: Sure, answer: &Answer<'_>) -> Use {
    let explained = !ran.gives_a_file() && is_explained(answer.body);
    let sure = if ran.says_little() || explained { Sure::Suspect } else { sure };
    Use { sure, reported: Some(ran.command).filter(|_| ran.says_little() && !explained), ..Use::of_pages(Shell::Unknown) }
}

/// A query that is nothing but a command: `?whoami`, `?cat+/etc/passwd`. A page may be asked for its `id` or `hostname` so.
fn by_name_alone(parameter: &Parameter<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Ran> {
    if parameter.place != Place::Query || parameter.name.len() > COMMAND_BYTES_MAX {
        return None;
    }
    let mut value = std::mem::take(&mut room.text);
    percent(parameter.name, true, &mut value);
    let found = ran(&value, Least::User, answer, room);
    room.text = value;
    found
}

/// Names of the parameter in which shells take a command that are called so for no other reason.
const COMMAND_NAMES: [&[u8]; 6] = [b"cmd", b"command", b"exec", b"shell", b"code", b"c"];

/// A shell in the server's memory has no script to be asked for: a command in a parameter that says so, from a client that nobody vouches for, and
/// an output that hardly anything else has. For those who say who they are, a service may run commands.
fn in_memory(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let sure = if asked.stranger && !asked.says_who() { Sure::Certain } else { Sure::Suspect };
    asked.find(room, |parameter, room| {
        let named = COMMAND_NAMES.iter().any(|name| parameter.name.eq_ignore_ascii_case(name));
        let plain = matches!(parameter.place, Place::Query | Place::Form);
        let ran = if plain && named { ran(parameter.value, Least::User, answer, room) } else { None };
        ran.map(|ran| judged(ran, sure, answer))
    })
}

/// Whether an answer holds more words of a language than a page with an output does.
fn is_prose(body: &[u8]) -> bool {
    let tag_free = body.split(|&byte| byte == b'<').flat_map(|piece| piece.splitn(2, |&byte| byte == b'>').last());
    let words = tag_free.flat_map(|text| text.split(u8::is_ascii_whitespace));
    words.filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_lowercase)).take(PROSE_WORDS).count() == PROSE_WORDS
}

/// Whether an answer explains something in a sentence: words in a row, with a space between two. Outputs have them one by one, or in columns; files have
/// them behind what begins a comment.
pub fn is_explained(body: &[u8]) -> bool {
    let texts = body.split(|&byte| byte == b'<').flat_map(|piece| piece.splitn(2, |&byte| byte == b'>').last());
    let lines = texts.flat_map(|text| text.split(|&byte| byte == b'\n')).map(<[u8]>::trim_ascii);
    lines.filter(|line| !matches!(line.first(), Some(b'#' | b'*' | b'/'))).any(|line| {
        let mut in_a_row = 0;
        line.split(|&byte| byte == b' ').any(|word| {
            let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
            in_a_row = if !word.is_empty() && word.iter().all(u8::is_ascii_lowercase) { in_a_row + 1 } else { 0 };
            in_a_row == SENTENCE_WORDS
        })
    })
}

/// The command that a value is, plain or coded or behind an interpreter's call, if its output is in the answer: `least` says how
/// little of one will do.
fn ran(value: &[u8], least: Least, answer: &Answer<'_>, room: &mut Room) -> Option<Ran> {
    let value = value.trim_ascii();
    if value.len() < 2 || value.len() > COMMAND_BYTES_MAX {
        return None;
    }
    if let Some(ran) = shown(value, least, answer, room) {
        return Some(ran);
    }
    if value.contains(&b'%') {
        // Encoded twice.
        let mut plain = std::mem::take(&mut room.plain);
        percent(value, true, &mut plain);
        let found = shown(&plain, least, answer, room);
        room.plain = plain;
        if found.is_some() {
            return found;
        }
    }
    if let Some(plain) = of_hexadecimal(value) {
        return shown(&plain, least, answer, room);
    }
    if value.len() < 4 || !base64(value, &mut room.plain) || !is_text(&room.plain) {
        return None;
    }
    let plain = std::mem::take(&mut room.plain);
    let found = shown(&plain, least, answer, room);
    room.plain = plain;
    found
}

/// A text that is written in hexadecimal digits.
fn of_hexadecimal(value: &[u8]) -> Option<Vec<u8>> {
    let whole = value.len() >= 4 && value.len().is_multiple_of(2);
    let plain: Option<Vec<u8>> = value.chunks_exact(2).map(digits::byte).collect();
    plain.filter(|plain| whole && is_text(plain))
}

/// Commands of one line that are looked at.
const CHAINED_MAX: usize = 16;

/// The command of which the answer shows the output, or one of those that it is made of: `pwd;id`, `whoami && dir`.
fn shown(value: &[u8], least: Least, answer: &Answer<'_>, room: &mut Room) -> Option<Ran> {
    let value = value.trim_ascii();
    let whole = unwrapped(value);
    if is_echo(whole, answer.body) {
        return Some(Ran { command: b"echo" });
    }
    let chained = value.split(|byte| matches!(byte, b';' | b'|' | b'&' | b'\n')).skip(1).take(CHAINED_MAX).map(unwrapped);
    let mut lines: Vec<Vec<u8>> = std::iter::once(whole).chain(chained).map(|line| line.trim_ascii_start().to_ascii_lowercase()).collect();
    if !leads(&value.to_ascii_lowercase()) {
        lines.truncate(1);
    }
    // What follows another command must show more: a text may hold any word behind a semicolon.
    let fit = |text: &[u8]| {
        let mut ran =
            lines.iter().enumerate().filter_map(|(at, line)| fits(line, if at == 0 { least } else { least.min(Least::User) }, text));
        let first = ran.next()?;
        Some(if first.says_little() { ran.next().unwrap_or(first) } else { first })
    };
    fit(answer.body).or_else(|| {
        // Some shells encode what they give back.
        let coded = base64(answer.body.trim_ascii(), &mut room.more) && is_text(&room.more);
        if coded { fit(&room.more) } else { None }
    })
}

/// The command within an interpreter's call: `system('id');`, `cmd /c dir`, `/bin/sh -c id`, `cd /tmp;id`.
pub fn unwrapped(command: &[u8]) -> &[u8] {
    let mut command = command.trim_ascii();
    const CALLS: [&[u8]; 9] = [
        b"system(",
        b"passthru(",
        b"shell_exec(",
        b"exec(",
        b"echo shell_exec(",
        b"echo exec(",
        b"print_r(shell_exec(",
        b"echo `",
        b"popen(",
    ];
    const SHELLS: [&[u8]; 11] = [
        b"/c ",
        b"cmd.exe /c ",
        b"cmd /c ",
        b"/bin/sh -c ",
        b"/bin/bash -c ",
        b"sh -c ",
        b"bash -c ",
        b"powershell -c ",
        b"powershell.exe -c ",
        b"powershell ",
        b"sudo ",
    ];
    command = command.strip_prefix(b"@").unwrap_or(command);
    for call in CALLS {
        if command.get(..call.len()).is_some_and(|start| start.eq_ignore_ascii_case(call)) {
            let inner = command[call.len()..]
                .strip_prefix(b"'")
                .or_else(|| command[call.len()..].strip_prefix(b"\""))
                .unwrap_or(&command[call.len()..]);
            let end = inner.iter().position(|byte| matches!(byte, b'\'' | b'"' | b')' | b'`')).unwrap_or(inner.len());
            command = &inner[..end];
            break;
        }
    }
    for shell in SHELLS {
        if command.get(..shell.len()).is_some_and(|start| start.eq_ignore_ascii_case(shell)) {
            command = command[shell.len()..].trim_ascii();
            command = command.strip_prefix(b"\"").or_else(|| command.strip_prefix(b"'")).unwrap_or(command);
        }
    }
    if command.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"cd ")) {
        let behind = command.iter().position(|byte| matches!(byte, b';' | b'&'));
        if let Some(at) = behind {
            command = command[at..].strip_prefix(b"&&").unwrap_or(&command[at + 1..]).trim_ascii();
        }
    }
    command
}

/// Whether a command echoes a text, and the text is all that came back.
fn is_echo(command: &[u8], text: &[u8]) -> bool {
    let Some(said) = command.strip_prefix(b"echo ").map(<[u8]>::trim_ascii) else {
        return false;
    };
    let said = said
        .strip_prefix(b"\"")
        .and_then(|said| said.strip_suffix(b"\""))
        .or_else(|| said.strip_prefix(b"'").and_then(|said| said.strip_suffix(b"'")))
        .unwrap_or(said);
    said.len() >= 3 && text.trim_ascii() == said
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get, post};
    use super::super::found_by;
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> bool {
        found_by(find, sent, answer).is_some()
    }

    const ID: &str = "uid=33(www-data) gid=33(www-data) groups=33(www-data)\n";

    #[test]
    fn a_command_and_its_output() {
        assert!(found(&get("/x.php?cmd=id"), ID));
        assert!(found(&get("/x.php?cmd=uname%20-a"), "Linux www 6.1.0-26-amd64 #1 SMP x86_64 GNU/Linux\n"));
        assert!(found(&get("/x.jsp?pwd=023&i=whoami"), "<pre>tomcat\n</pre>"));
        assert!(found(&form("/x.aspx", "c=cmd+/c+dir"), " Volume Serial Number is 1C2D-3E4F\r\n"));
        assert!(found(&form("/x.php", "1=system('id')%3B"), ID));
        assert!(found(&form("/x.php", "c=aWQ%3D"), ID));
        assert!(found(&get("/x.php").with("X-Run", "id"), ID));
        assert!(found(&get("/x.php").with("Cookie", "c=whoami"), "www-data"));
        assert!(found(&form("/x.php", "c=id"), "dWlkPTMzKHd3dy1kYXRhKSBnaWQ9MzMod3d3LWRhdGEpCg=="));
        assert!(found(&get("/x.php?e=cat%20/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n"));
        assert!(found(&get("/x.php?c=ls+-la"), "total 8\ndrwxr-xr-x 2 root root 4096 Nov  2 17:20 .\n"));
        assert!(found(&get("/x.php?c=cd+/tmp;id"), ID));
    }

    #[test]
    fn commands_without_a_name_in_markup_and_in_a_row() {
        assert!(found(&get("/x.php?whoami"), "www-data\n"));
        assert!(found(&get("/x.php?cat+/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n"));
        assert!(found(&get("/x.php?c=pwd;id"), "/var/www\nuid=33(www-data) gid=33(www-data)\n"));
        assert!(found(&form("/x.php", "k=printf+'5b1f2';sh+-c+'id'+2>%261;printf+'0c9d7'"), "5b1f2uid=33(w) gid=33(w)\n0c9d7"));
        assert!(found(&post("/x.jsp", "text/xml", b"<r><cmd>id</cmd></r>"), ID));
    }

    #[test]
    fn where_others_run_commands_too_it_counts_who_asks() {
        let sure = |sent: &Sent<'_>| found_by(find, sent, ID).map(|found| found.sure);
        assert_eq!(sure(&get("/?cmd=id")), Some(Sure::Certain));
        assert_eq!(sure(&form("/api/x", "cmd=id").with("Cookie", "session=1")), Some(Sure::Suspect));
        assert_eq!(sure(&get("/ping?host=127.0.0.1;id")), None);
        assert_eq!(sure(&get("/?sort=id")), None);
        assert_eq!(found_by(find, &get("/?cmd=hostname"), "web01"), None);
        // Neither have panels that run commands for whoever has logged in.
        assert_eq!(sure(&form("/shell/index.cgi", "cmd=id").with("Cookie", "sid=1")), Some(Sure::Suspect));
        assert_eq!(sure(&form("/cgi-bin/a.cgi", "cmd=id")), Some(Sure::Certain));
    }

    #[test]
    fn commands_that_say_little() {
        assert!(found(&get("/x.aspx?c=whoami"), "web01\\administrator\r\n"));
        assert!(found(&get("/x.php?c=hostname"), "web01\n"));
        assert!(found(&get("/x.php?c=ls"), "index.php\nuploads\n"));
        assert!(found(&get("/x.php?c=echo+f00ba7"), "f00ba7\n"));
        assert!(!found(&get("/x.php?c=echo+f00ba7"), "you said: f00ba7"));
        assert!(!found(&get("/x.php?c=ls"), "no such action here"));
    }

    #[test]
    fn pages_that_report_or_explain_are_suspects() {
        let sure = |target: &str, answer: &str| found_by(find, &get(target), answer).map(|found| (found.sure, found.reported));
        assert_eq!(sure("/x.php?cmd=id", ID), Some((Sure::Certain, None)));
        assert_eq!(sure("/x.php?cmd=hostname", "web01\n"), Some((Sure::Suspect, Some(&b"hostname"[..]))));
        assert_eq!(sure("/x.php?cmd=pwd;id", &format!("/var/www\n{ID}")), Some((Sure::Certain, None)));
        let explained = format!("<p>this is what the command prints on most systems</p><pre>{ID}</pre>");
        assert_eq!(sure("/x.php?cmd=id", &explained), Some((Sure::Suspect, None)));
        let file = "<?php // x ?><p>this is what the command prints on most systems</p>";
        assert_eq!(sure("/x.php?cmd=cat+a.php", file), Some((Sure::Certain, None)));
    }

    #[test]
    fn sentences_are_no_outputs() {
        for page in [
            "<h1>uname -a</h1><p>print system information. It is used to find which kernel is running.</p>",
            "ID(1)\nNAME\n id - print real and effective user and group IDs\n",
        ] {
            assert!(is_explained(page.as_bytes()), "{page}");
        }
        for output in [
            "total 8\ndrwxr-xr-x 2 root root 4096 Nov  2 17:20 bin\n-rw-r--r-- 1 root root 4 Nov  2 17:20 etc\n",
            "bin\nboot\ndev\netc\nhome\nlib\nmnt\nopt\n",
            "  total  used  free  shared  buff  cache  available\n",
            "# this is how the tasks of this table are run\n* * * * * id\n",
            ID,
        ] {
            assert!(!is_explained(output.as_bytes()), "{output}");
        }
    }

    #[test]
    fn a_word_alone_or_an_output_alone_is_none() {
        assert!(!found(&get("/x.php?cmd=id"), "<html>no results</html>"));
        assert!(!found(&get("/x.php?id=7"), ID));
        assert!(!found(&get("/ajax.php?cmd=status"), "{\"ok\":true}"));
        assert!(!found(&get("/x?q=id"), ID));
        assert!(!found(&get("/x.php?hostname"), "web01\n"));
        assert!(!found(&get("/x.php?id"), "<td>1</td>"));
        assert!(!found(&get("/users.php?sort=id"), "<td>1</td>"));
        assert!(!found(&get("/login.php?user=root&field=whoami"), "welcome, reader"));
        assert!(!found(&get("/help.php?topic=ls"), "<h1>ls</h1> lists files"));
        assert!(!found(&get("/ping.php?host=127.0.0.1;id"), ID));
        assert!(!found(&get("/x.php?dir=asc&cd=1"), "/list/of/names"));
    }
}
