//! What commands leave in their output: the proof that a text was run as one.

use super::super::encoding::{has, has_any};

/// What commands leave in their output, and the commands of which it is the output.
pub struct Output {
    commands: &'static [&'static [u8]],
    shows: fn(&[u8]) -> bool,
}

/// The name of whoever runs the server.
const USER_OUTPUT: Output = Output { commands: &[b"whoami", b"whoami /all", b"whoami /priv"], shows: is_user };

/// Outputs that other scripts have as well: of a word or a line, or those of a device that says how it is.
const SHORT_OUTPUTS: [Output; 10] = [
    Output { commands: &[b"hostname"], shows: is_token },
    Output { commands: &[b"ls", b"dir /b"], shows: are_tokens },
    USER_OUTPUT,
    Output { commands: &[b"pwd", b"cd", b"echo %cd%"], shows: is_folder },
    Output { commands: &[b"df"], shows: |text| has(text, b"Filesystem") && has(text, b"Mounted on") },
    Output { commands: &[b"free"], shows: |text| has(text, b"Mem:") && has(text, b"Swap:") },
    Output { commands: &[b"w", b"uptime", b"top -b"], shows: |text| has(text, b"load average") },
    Output { commands: &[b"last"], shows: |text| has(text, b"wtmp begins") },
    Output { commands: &[b"route", b"ip route", b"ip r"], shows: |text| has(text, b"Gateway") || has(text, b"default via ") },
    Output { commands: &[b"ping "], shows: |text| has(text, b"bytes of data") || has(text, b"bytes from ") || has(text, b"Pinging ") },
];

/// Outputs that hardly anything else has.
const OUTPUTS: [Output; 16] = [
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
    Output {
        commands: &[b"ps", b"tasklist", b"netstat", b"ss", b"lsof"],
        shows: |text| has(text, b"PID") || has(text, b"LISTEN") || has(text, b"Proto"),
    },
    Output { commands: &[b"crontab -l"], shows: |text| has(text, b"no crontab for ") || has(text, b" * * ") },
    Output { commands: &[b"arp -a", b"arp -n"], shows: |text| has(text, b"[ether]") || has(text, b"Internet Address") },
    Output { commands: &[b"reg query"], shows: |text| has(text, b"HKEY_") },
    Output { commands: &[b"sc query", b"sc qc"], shows: |text| has(text, b"SERVICE_NAME") },
    Output { commands: &[b"which", b"whereis"], shows: |text| has(text, b"/bin/") },
    Output {
        commands: &[b"type ", b"cat "],
        shows: |text| {
            let marks: [&[u8]; 6] = [b"<?php", b"root:", b"[boot loader]", b"127.0.0.1", b"<configuration>", b"for 16-bit app support"];
            has_any(text, &marks)
        },
    },
];

/// How little of an output will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Least {
    /// What hardly anything else has.
    Telling,
    /// A server's own user, too.
    User,
    /// A word, a line, or what a device says of itself.
    Word,
}

/// Whether a text holds what is no page's own: an account with all rights in a list of them, ids with names, the name of Windows' system.
pub fn is_telling(text: &[u8]) -> bool {
    let ids = || memchr::memmem::find(text, b"uid=").is_some_and(|at| has(&text[at..], b") gid="));
    has(text, b"root:x:0:0:") || ids() || has(text, b"nt authority\\")
}

/// A command whose output a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ran {
    pub command: &'static [u8],
}

/// Commands whose outputs pages have that only say how a machine or a network is.
const REPORTED: [&[u8]; 9] = [b"hostname", b"pwd", b"cd", b"df", b"free", b"w", b"uptime", b"top -b", b"ping "];

impl Ran {
    /// Whether it says little, since pages report the same.
    pub fn says_little(self) -> bool {
        REPORTED.contains(&self.command)
    }

    /// Whether it gives out a file, in which sentences may stand.
    pub fn gives_a_file(self) -> bool {
        [&b"cat "[..], b"type "].iter().any(|file| self.command.starts_with(file))
    }
}

/// Of which command a text is the output, among those of a line; rather of one that says much.
pub fn fits(line: &[u8], least: Least, text: &[u8]) -> Option<Ran> {
    let short = match least {
        Least::Word => &SHORT_OUTPUTS[..],
        Least::User => std::slice::from_ref(&USER_OUTPUT),
        Least::Telling => &[],
    };
    OUTPUTS.iter().chain(short).find_map(|output| {
        let command = output.commands.iter().find(|known| is_command(line, known))?;
        (output.shows)(text).then_some(Ran { command })
    })
}

/// Commands that others stand behind in one line, besides those of the lists.
const LEADERS: [&[u8]; 10] = [b"cd", b"echo", b"printf", b"export", b"sudo", b"chcp", b"sh", b"bash", b"cmd", b"sleep"];

/// Whether a line begins with a command at all. Behind an address, a command is somebody else's injection.
pub fn leads(line: &[u8]) -> bool {
    let known = SHORT_OUTPUTS.iter().chain(&OUTPUTS).flat_map(|output| output.commands);
    known.chain(&LEADERS).any(|command| is_command(line, command))
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
    use super::*;

    fn is(line: &[u8], least: Least, text: &[u8]) -> bool {
        fits(line, least, text).is_some()
    }

    #[test]
    fn outputs_are_those_of_their_commands() {
        for (line, text) in [
            ("crontab -l", "no crontab for www-data\n"),
            ("arp -a", "? (10.0.0.1) at 00:11:22:33:44:55 [ether] on eth0\n"),
            ("which python3", "/usr/bin/python3\n"),
            ("ss -lnt", "State Recv-Q\nLISTEN 0 128\n"),
        ] {
            assert!(is(line.as_bytes(), Least::Telling, text.as_bytes()), "{line}");
            assert!(!is(line.as_bytes(), Least::Word, b"{\"ok\":true}"), "{line}");
        }
        let (ping, told) =
            (&b"PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.\n"[..], &b"Filesystem Size Used\n/dev/sda1 40G 12G Mounted on\n"[..]);
        assert!(
            is(b"ping -c 1 10.0.0.1", Least::Word, ping) && !is(b"ping", Least::Word, ping) && !is(b"ping 10.0.0.1", Least::User, ping)
        );
        assert!(is(b"df -h", Least::Word, told) && !is(b"df", Least::Telling, told));
        assert!(is(b"whoami", Least::User, b"www-data\n") && !is(b"whoami", Least::Telling, b"www-data\n"));
        assert!(leads(b"pwd") && leads(b"printf 'a'") && leads(b"cat /etc/passwd") && !leads(b"127.0.0.1") && !leads(b"identity"));
        assert!(is(b"hostname", Least::Word, b"web01\n") && !is(b"hostname", Least::User, b"web01\n"));
    }
}
