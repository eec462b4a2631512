//! Commands for the server's operating system in a parameter, and their output in the answer: shells of no tool, or of any.

use super::super::encoding::{base64, has, is_text, percent};
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Use};
use crate::detect::webshell::asked::Declared;
use crate::protocol::digits;

/// What commands leave in their output, and the commands of which it is the output.
struct Output {
    commands: &'static [&'static [u8]],
    shows: fn(&[u8]) -> bool,
}

/// Outputs of a word or a line, which other scripts have as well.
const SHORT_OUTPUTS: [Output; 4] = [
    Output { commands: &[b"hostname"], shows: is_token },
    Output { commands: &[b"ls", b"dir /b"], shows: are_tokens },
    Output { commands: &[b"whoami", b"whoami /all", b"whoami /priv"], shows: is_user },
    Output { commands: &[b"pwd", b"cd", b"echo %cd%"], shows: is_folder },
];

/// Outputs that hardly anything else has.
const OUTPUTS: [Output; 11] = [
    Output { commands: &[b"env", b"set", b"printenv"], shows: |text| has(text, b"PATH=") },
    Output { commands: &[b"id", b"/usr/bin/id"], shows: |text| has(text, b"uid=") && has(text, b"gid=") },
    Output {
        commands: &[b"uname", b"cat /proc/version", b"cat /etc/issue", b"cat /etc/os-release"],
        shows: |text| has(text, b"Linux") || has(text, b"BSD") || has(text, b"Darwin") || has(text, b"NAME="),
    },
    Output {
        commands: &[b"cat /etc/passwd", b"head /etc/passwd", b"tail /etc/passwd", b"more /etc/passwd", b"less /etc/passwd"],
        shows: |text| has(text, b"root:") && has(text, b":0:0:"),
    },
    Output { commands: &[b"cat /etc/shadow"], shows: |text| has(text, b"root:") && has(text, b":::") },
    Output { commands: &[b"ls", b"ll", b"dir", b"find ."], shows: is_listing },
    Output {
        commands: &[b"ipconfig", b"ifconfig", b"/sbin/ifconfig", b"ip a", b"ip addr"],
        shows: |text| has(text, b"Windows IP") || has(text, b"inet ") || has(text, b"inet addr") || has(text, b"IPv4"),
    },
    Output {
        commands: &[b"net user", b"net localgroup", b"net view", b"net share", b"net start"],
        shows: |text| has(text, b"-----") || has(text, b"command completed"),
    },
    Output { commands: &[b"systeminfo", b"ver"], shows: |text| has(text, b"Microsoft Windows") || has(text, b"OS Name:") },
    Output { commands: &[b"ps", b"tasklist", b"netstat"], shows: |text| has(text, b"PID") || has(text, b"LISTEN") || has(text, b"Proto") },
    Output {
        commands: &[b"type ", b"cat "],
        shows: |text| has(text, b"<?php") || has(text, b"root:") || has(text, b"[boot loader]") || has(text, b"127.0.0.1"),
    },
];

/// Names of parameters that say what is wanted of a page, in lower case: a word behind them is no command, unless its output says so.
const ORDINARY_NAMES: [&[u8]; 27] = [
    b"action", b"act", b"do", b"op", b"method", b"type", b"field", b"key", b"mode", b"page", b"topic", b"q", b"s", b"search", b"query",
    b"title", b"doc", b"article", b"term", b"keyword", b"lang", b"section", b"name", b"sort", b"order", b"tab", b"view",
];
/// Words of a language in an answer from which on it talks about a command.
const PROSE_WORDS: usize = 24;
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
/// Bytes of a command at most. What is longer is a program.
const COMMAND_BYTES_MAX: usize = 512;

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    asked.script?;
    if answer.body.is_empty() || !answer.status.is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    let certain = Use::of_pages(Shell::Unknown);
    let by_parameter = asked.find(room, |parameter, room| {
        let named = !ORDINARY_NAMES.iter().any(|name| parameter.name.eq_ignore_ascii_case(name));
        let about = !named && is_prose(answer.body);
        (!about && ran(parameter.value, named, answer, room)).then_some(certain)
    });
    let by_field = |room: &mut Room| {
        let fields = asked.request.fields.iter().filter(|field| {
            !ORDINARY_FIELDS.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
                || field.name.eq_ignore_ascii_case(b"User-Agent")
                // A call, since `id` is a language, too.
                || field.name.eq_ignore_ascii_case(b"Accept-Language") && field.value.contains(&b'(')
        });
        fields.take(64).any(|field| ran(field.value, true, answer, room)).then_some(certain)
    };
    let by_body = |room: &mut Room| {
        let plain = matches!(asked.declared, Declared::Bytes | Declared::Other) && asked.form().is_empty();
        (plain && ran(asked.body, true, answer, room)).then_some(certain)
    };
    by_parameter.or_else(|| by_field(room)).or_else(|| by_body(room))
}

/// Whether an answer holds more words of a language than a page with an output does.
fn is_prose(body: &[u8]) -> bool {
    let tag_free = body.split(|&byte| byte == b'<').flat_map(|piece| piece.splitn(2, |&byte| byte == b'>').last());
    let words = tag_free.flat_map(|text| text.split(u8::is_ascii_whitespace));
    words.filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_lowercase)).take(PROSE_WORDS).count() == PROSE_WORDS
}

/// Whether a value is a command, plain or coded or behind an interpreter's call, whose output is in the answer: one of a word or a line counts only
/// with `short`.
fn ran(value: &[u8], short: bool, answer: &Answer<'_>, room: &mut Room) -> bool {
    let value = value.trim_ascii();
    if value.len() < 2 || value.len() > COMMAND_BYTES_MAX {
        return false;
    }
    if shown(value, short, answer, room) {
        return true;
    }
    if value.contains(&b'%') {
        // Encoded twice.
        let mut plain = std::mem::take(&mut room.plain);
        percent(value, true, &mut plain);
        let found = shown(&plain, short, answer, room);
        room.plain = plain;
        if found {
            return true;
        }
    }
    if let Some(plain) = of_hexadecimal(value) {
        return shown(&plain, short, answer, room);
    }
    if value.len() < 4 || !base64(value, &mut room.plain) || !is_text(&room.plain) {
        return false;
    }
    let plain = std::mem::take(&mut room.plain);
    let found = shown(&plain, short, answer, room);
    room.plain = plain;
    found
}

/// A text that is written in hexadecimal digits.
fn of_hexadecimal(value: &[u8]) -> Option<Vec<u8>> {
    let whole = value.len() >= 4 && value.len().is_multiple_of(2);
    let plain: Option<Vec<u8>> = value.chunks_exact(2).map(digits::byte).collect();
    plain.filter(|plain| whole && is_text(plain))
}

/// Whether the answer shows what a command would.
fn shown(value: &[u8], short: bool, answer: &Answer<'_>, room: &mut Room) -> bool {
    let command = unwrapped(value.trim_ascii());
    let lower = command.to_ascii_lowercase();
    let short = if short { &SHORT_OUTPUTS[..] } else { &[] };
    let outputs = || short.iter().chain(&OUTPUTS);
    let fits = |text: &[u8]| outputs().any(|output| output.commands.iter().any(|known| is_command(&lower, known)) && (output.shows)(text));
    if fits(answer.body) || is_echo(command, answer.body) {
        return true;
    }
    // Some shells encode what they give back.
    base64(answer.body.trim_ascii(), &mut room.more) && is_text(&room.more) && fits(&room.more)
}

/// The command within an interpreter's call: `system('id');`, `cmd /c dir`, `/bin/sh -c id`, `cd /tmp;id`.
fn unwrapped(mut command: &[u8]) -> &[u8] {
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

/// Whether a line begins with a command: alone, or with options or a further command behind it.
fn is_command(line: &[u8], command: &[u8]) -> bool {
    line.strip_prefix(command).is_some_and(|rest| {
        command.ends_with(b" ")
            || rest.first().is_none_or(|byte| matches!(byte, b' ' | b';' | b'|' | b'&' | b'>' | b'\n' | b'\t' | b'"' | b'\''))
    })
}

/// One line, or nearly, that can be the name of a user: `www-data`, `nt authority\system`, `host\user`.
fn is_user(text: &[u8]) -> bool {
    const SERVERS: [&[u8]; 12] = [
        b"www-data",
        b"apache",
        b"nginx",
        b"root",
        b"nobody",
        b"daemon",
        b"tomcat",
        b"httpd",
        b"nt authority\\",
        b"iis apppool\\",
        b"www",
        b"system",
    ];
    let lower = text.get(..4096).unwrap_or(text).to_ascii_lowercase();
    let tag_free = lower.split(|&byte| byte == b'>').map(|piece| piece.split(|&byte| byte == b'<').next().unwrap_or_default());
    tag_free.flat_map(|piece| piece.split(|&byte| byte == b'\n')).any(|line| {
        let line = line.trim_ascii();
        let by_domain = line.len() <= 64
            && line.len() == lower.trim_ascii().len()
            && memchr::memchr(b'\\', line).is_some_and(|at| is_token(&line[..at]) && is_token(&line[at + 1..]));
        by_domain || SERVERS.iter().any(|server| if server.ends_with(b"\\") { line.starts_with(server) } else { line == *server })
    })
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

/// A single word: a host's name.
fn is_token(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    (2..=64).contains(&text.len()) && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Lines of a word each: names of files, of which one has an extension.
fn are_tokens(text: &[u8]) -> bool {
    let lines = || text.trim_ascii().split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).take(64);
    lines().count() >= 2 && lines().all(is_token) && lines().any(|line| line.contains(&b'.'))
}

/// A list of files as `ls -l` or `dir` give it.
fn is_listing(text: &[u8]) -> bool {
    let modes = text.split(|&byte| byte == b'\n').filter(|line| {
        let line = line.trim_ascii_start();
        let mode = line.get(..10).unwrap_or_default();
        matches!(mode.first(), Some(b'-' | b'd' | b'l'))
            && mode.iter().skip(1).all(|byte| matches!(byte, b'r' | b'w' | b'x' | b's' | b't' | b'S' | b'T' | b'-'))
            && mode.len() == 10
    });
    modes.count() >= 1 || has(text, b"<DIR>") || has(text, b"Volume Serial Number") || has(text, b"Directory of ")
}

/// One line that is a folder: `/var/www/html`, `C:\inetpub`.
fn is_folder(text: &[u8]) -> bool {
    let line = text.trim_ascii();
    let is_path = match line {
        [b'/', rest @ ..] => rest.len() > 3,
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    };
    is_path && line.len() < 256 && line.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get};
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
    fn commands_that_say_little() {
        assert!(found(&get("/x.aspx?c=whoami"), "web01\\administrator\r\n"));
        assert!(found(&get("/x.php?c=hostname"), "web01\n"));
        assert!(found(&get("/x.php?c=ls"), "index.php\nuploads\n"));
        assert!(found(&get("/x.php?c=echo+f00ba7"), "f00ba7\n"));
        assert!(!found(&get("/x.php?c=echo+f00ba7"), "you said: f00ba7"));
        assert!(!found(&get("/x.php?c=ls"), "no such action here"));
    }

    #[test]
    fn a_word_alone_or_an_output_alone_is_none() {
        assert!(!found(&get("/x.php?cmd=id"), "<html>no results</html>"));
        assert!(!found(&get("/x.php?id=7"), ID));
        assert!(!found(&get("/ajax.php?cmd=status"), "{\"ok\":true}"));
        assert!(!found(&get("/x?cmd=id"), ID));
        assert!(!found(&get("/users.php?sort=id"), "<td>1</td>"));
        assert!(!found(&get("/login.php?user=root&field=whoami"), "welcome, reader"));
        assert!(!found(&get("/help.php?topic=ls"), "<h1>ls</h1> lists files"));
        assert!(!found(&get("/ping.php?host=127.0.0.1;id"), ID));
        assert!(!found(&get("/x.php?dir=asc&cd=1"), "/list/of/names"));
    }
}
