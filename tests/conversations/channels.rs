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
