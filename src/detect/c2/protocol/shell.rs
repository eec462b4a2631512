//! A shell that a host offers to whoever it called: its prompt goes out, commands come in, and what they print goes out again.
//!
//! A greeting or prompt and something that came in is a suspect. It is certain where both sides keep to it: a command that came in was answered as
//! only a shell answers it, by its output or by the next prompt.

use super::{Heads, Verdict, lines};
use crate::detect::malware::kind::{contains, find};

/// What shells say when they begin.
const GREETINGS: [&[u8]; 7] = [
    b"Microsoft Windows [Version ",
    // Nishang's (samratashok/nishang, `Shells/Invoke-PowerShellTcp.ps1`).
    b"Windows PowerShell running as user ",
    b"no job control in this shell",
    b"bash-",
    b"can't access tty; job control turned off",
    b"sh: turning off NDELAY mode",
    // busybox, `shell/ash.c`.
    b"built-in shell (ash)",
];
/// Bytes in which they say it.
const WITHIN: usize = 256;
/// Longest prompt: user, host and folder.
const PROMPT_BYTES_MAX: usize = 128;
/// Prompts that say nothing of user and host: those of POSIX, and of busybox with the folder.
const BARE: [&[u8]; 6] = [b"$ ", b"# ", b"/ # ", b"/ $ ", b"~ # ", b"~ $ "];
/// Commands with which those who have got a shell look around (chosen; MITRE ATT&CK's discovery techniques name most).
const COMMANDS: [&str; 44] = [
    "id",
    "whoami",
    "uname",
    "hostname",
    "pwd",
    "ls",
    "dir",
    "cat",
    "type",
    "cd",
    "ps",
    "w",
    "who",
    "env",
    "set",
    "ifconfig",
    "ipconfig",
    "ip",
    "netstat",
    "ss",
    "arp",
    "route",
    "net",
    "systeminfo",
    "tasklist",
    "ver",
    "find",
    "sudo",
    "su",
    "wget",
    "curl",
    "echo",
    "python",
    "python3",
    "export",
    "mkdir",
    "rm",
    "chmod",
    "crontab",
    "history",
    "last",
    "df",
    "mount",
    "exit",
];

/// Whether a client offers a shell to a server that types into it, as far as either has spoken.
pub fn is_offered(client: &[u8], server: &[u8]) -> bool {
    if client.is_empty() {
        return false;
    }
    let commands = commands(server);
    let shown = Shown::of(client, commands > 0);
    shown.greets || shown.named_first || commands > 0 && (shown.bare_first || shown.output || shown.named)
}

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let (client, server) = (heads.client, heads.server);
    if client.is_empty() {
        let may_begin = server.is_empty() || commands(server) > 0 || !server.contains(&b'\n') && server.len() < WITHIN;
        return if may_begin { Verdict::Perhaps } else { Verdict::No };
    }
    let commands = commands(server);
    let shown = Shown::of(client, commands > 0);
    let answered = shown.output || shown.prompts >= 2;
    let begun = shown.greets || shown.named_first;
    match commands {
        0 if shown.greets => {
            if server.is_empty() {
                Verdict::Perhaps
            } else {
                Verdict::Suspect
            }
        }
        0 if begun || shown.bare_first => Verdict::Perhaps,
        0 => Verdict::No,
        _ if begun && answered || shown.output || shown.named => Verdict::Certain,
        _ if begun || shown.bare_first && shown.prompts >= 2 && commands >= 2 => Verdict::Suspect,
        _ => Verdict::Perhaps,
    }
}

/// What of a shell a client shows.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Shown {
    greets: bool,
    /// A prompt with user, host or folder stands first; or one that says nothing.
    named_first: bool,
    bare_first: bool,
    /// A prompt with these stands behind what was asked for by whoever spoke first.
    named: bool,
    prompts: usize,
    /// What commands print.
    output: bool,
}

impl Shown {
    /// How it begins, and what it shows behind that if it was `asked` for anything.
    fn of(client: &[u8], asked: bool) -> Self {
        let start = &client[..client.len().min(WITHIN)];
        let said = |greeting: &&[u8]| match *greeting {
            b"bash-" => start.starts_with(greeting) && contains(start, b"$ "),
            greeting => contains(start, greeting),
        };
        let mut shown = Shown { greets: GREETINGS.iter().any(said), output: asked && prints(client), ..Shown::default() };
        let mut room = [0; PROMPT_BYTES_MAX];
        for (at, line) in client.split(|&byte| byte == b'\n').enumerate().take(if asked { usize::MAX } else { 1 }) {
            let line = without_controls(line, &mut room);
            let named = is_named(line);
            let bare = BARE.iter().any(|prompt| line.starts_with(prompt));
            shown.named_first |= at == 0 && named;
            shown.bare_first |= at == 0 && bare;
            shown.named |= at > 0 && named && !shown.named_first && !shown.greets;
            shown.prompts += usize::from(named || bare);
        }
        shown
    }
}

/// What `id`, `uname -a`, `cat /etc/passwd` and their kin of Windows print.
fn prints(client: &[u8]) -> bool {
    let id = find(client, b"uid=").is_some_and(|at| {
        let digits = client[at + 4..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && client.get(at + 4 + digits) == Some(&b'(') && contains(&client[at..], b") gid=")
    });
    let others: [&[u8]; 4] = [b"root:x:0:0:", b" GNU/Linux", b"nt authority\\", b"Volume Serial Number is "];
    id || others.iter().any(|text| contains(client, text))
}

/// Whether a line begins with a prompt that says who or where: `user@host:~$ `, `[user@host dir]# `, `sh-5.1$ `, `PS C:\> `, `C:\Windows>`.
fn is_named(line: &[u8]) -> bool {
    let drive = |line: &[u8]| matches!(line, [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic()) && line.contains(&b'>');
    if drive(line) || line.strip_prefix(b"PS ").is_some_and(drive) {
        return true;
    }
    let ends = [find(line, b"$ "), find(line, b"# ")].into_iter().flatten().min();
    let Some(prompt) = ends.map(|end| &line[..end]) else { return false };
    if let Some(version) = [&b"sh-"[..], b"bash-"].iter().find_map(|shell| prompt.strip_prefix(*shell)) {
        return version.len() >= 3 && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    }
    let bracketed = prompt.first() == Some(&b'[') && prompt.last() == Some(&b']');
    let prompt = prompt.strip_prefix(b"[").unwrap_or(prompt);
    let user = prompt.iter().position(|&byte| byte == b'@').filter(|&at| at > 0);
    user.is_some_and(|at| {
        let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let behind = &prompt[at + 1..];
        let host = behind.iter().take_while(|byte| of_name(byte)).count();
        let end = behind.get(host).copied();
        prompt[..at].iter().all(of_name) && host > 0 && (end == Some(b':') || bracketed && end.is_some_and(|byte| b" ]".contains(&byte)))
    })
}

/// Commands among the lines of a server.
fn commands(server: &[u8]) -> usize {
    let is_known = |word: &&[u8]| COMMANDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    lines(server).filter_map(|line| line.split(|byte| byte.is_ascii_whitespace() || b";|&".contains(byte)).next()).filter(is_known).count()
}

/// The start of a line without carriage returns and a terminal's sequences: colours (`ESC [ … m`) and titles (`ESC ] … BEL`).
fn without_controls<'a>(line: &[u8], room: &'a mut [u8; PROMPT_BYTES_MAX]) -> &'a [u8] {
    let (mut rest, mut used) = (line, 0);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (0x1b, Some(b'[')) => {
                let end = after[1..].iter().position(|byte| (b'@'..=b'~').contains(byte)).map_or(after.len(), |end| end + 2);
                rest = &after[end..];
            }
            (0x1b, Some(b']')) => {
                let end = after.iter().position(|&byte| byte == 7).map_or(after.len(), |end| end + 1);
                rest = &after[end..];
            }
            (b'\r', _) => {}
            _ => {
                let Some(free) = room.get_mut(used) else { break };
                (*free, used) = (byte, used + 1);
            }
        }
    }
    &room[..used]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(client: &str, server: &str) -> Verdict {
        judge(&Heads { client: client.as_bytes(), server: server.as_bytes(), port: 4444 })
    }

    #[test]
    fn shells_that_answer_are_certain() {
        for (client, server) in [
            ("bash: no job control in this shell\nwww@web:/$ id\nuid=33(www) gid=33(www) groups=33(www)\nwww@web:/$ ", "id\n"),
            ("uid=0(root) gid=0(root) groups=0(root)\n", "id\n"),
            ("www@web:/var$ ls\r\na b\r\nwww@web:/var$ ", "ls\n"),
            ("\u{1b}]0;root@web: /\u{7}\u{1b}[01;32mroot@web\u{1b}[00m:/# ls\r\nbin\r\nroot@web:/# ", "ls\n"),
            ("[root@db ~]# pwd\n/root\n[root@db ~]# ", "pwd\n"),
            ("sh-5.1$ a\nsh-5.1$ ", "ls\n"),
            ("# root:x:0:0:root:/root:/bin/bash\n# ", "cat /etc/passwd\n"),
            ("corp\\bob\r\nPS C:\\Users\\bob> ", "whoami\n"),
            ("Microsoft Windows [Version 10.0.1]\r\n\r\nC:\\inetpub>whoami\r\niis\r\n\r\nC:\\inetpub>", "whoami\r\n"),
            ("\r\n\r\nBusyBox v1.30.1 () built-in shell (ash)\r\n\r\n/ # ls\r\nbin\r\n/ # ", "ls\n"),
        ] {
            assert_eq!(judged(client, server), Verdict::Certain, "{client}");
            assert!(is_offered(client.as_bytes(), server.as_bytes()), "{client}");
        }
    }

    #[test]
    fn what_may_become_one_waits() {
        assert_eq!(judged("", ""), Verdict::Perhaps);
        assert_eq!(judged("", "id\n"), Verdict::Perhaps);
        assert_eq!(judged("$ ", "ls\n"), Verdict::Perhaps);
        assert_eq!(judged("www@web:/$ ", "ls\n"), Verdict::Suspect);
        assert_eq!(judged("$ www\n$ a b\n$ ", "whoami\nls\n"), Verdict::Suspect);
    }

    #[test]
    fn other_lines_are_none() {
        for (client, server) in [
            ("alice\r\n", "login: "),
            ("id\r\n", "welcome\r\nroot@web:/# "),
            ("GET x\n", "id: 12\n"),
            ("$GPRMC,123519,A,4807.038,N\n", "OK\n"),
            ("user@example.org sent: costs 5$ only\n", "OK\n"),
            ("a\n", "no command\n"),
        ] {
            assert_eq!(judged(client, server), Verdict::No, "{client}");
            assert!(!is_offered(client.as_bytes(), server.as_bytes()), "{client}");
        }
        assert_eq!(judged("client-17\nnone\n", "id\nls\n"), Verdict::Perhaps);
        assert!(!is_offered(b"client-17\nnone\n", b"id\nls\n"));
    }
}
