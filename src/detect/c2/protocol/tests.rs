use super::*;

fn of(client: &[u8], server: &[u8]) -> (Verdict, &'static str) {
    judge(&Heads { client, server, port: 4444 })
}

fn is(client: &[u8], server: &[u8], family: &str) -> bool {
    of(client, server) == (Verdict::Certain, family)
}

#[test]
fn mirai_is_a_greeting_pings_and_attacks() {
    let hello = b"\0\0\0\x01\x0bhuawei.mips";
    assert!(is(&[&hello[..], b"\0\0"].concat(), b"\0\0", "mirai"));
    let attack = b"\0\x12\0\0\0\x1e\0\x01\xc6\x33\x64\x4d\x20\x01\x07\x0280";
    assert!(is(&[&hello[..], b"\0\0"].concat(), &[&b"\0\0"[..], attack].concat(), "mirai"));
    assert!(is(b"\0\0\0\x01\0\0\0\0\0", b"\0\0\0\0", "mirai"));
    assert_eq!(of(hello, b"").0, Verdict::Perhaps);
    // A later version, and one without a name.
    assert!(is(b"\0\0\0\x02\x04mips\0\0", b"\0\0", "mirai"));
    assert_ne!(of(b"\0\0\0\x02\0\0\0\0\0", b"\0\0\0\0").1, "mirai");
    // Other protocols with a length of one before their messages, or other names.
    assert_ne!(of(b"\0\0\0\x01\x05\0\0\0\x02ab", b"\0\0\0\x01\x06").1, "mirai");
    assert_ne!(of(&[&hello[..], b"\0\0"].concat(), b"\0\x12\xff\0\0\x1e\0\x01\xc6\x33\x64\x4d\x20\x01\x07\x0280").1, "mirai");
    assert_ne!(of(b"\0\0\0\x01\x02\xff\xfe\0\0", b"\0\0").1, "mirai");
    assert_ne!(of(&[&hello[..], b"\0\0"].concat(), b"login: ").1, "mirai");
}

#[test]
fn gafgyt_is_lines_of_both_sides() {
    assert!(is(b"BUILD X86\nPONG\n", b"PING\n", "gafgyt"));
    assert!(is(b"PONG\n", b"PING\r\n!* UDP 192.0.2.1 80 60 32 0 10\r\n", "gafgyt"));
    assert!(is(b"BUILD MIPSEL\r\n", b"!* SCANNER ON\n", "gafgyt"));
    assert!(is(b"arch MIPS\n", b"ping\n.udp 192.0.2.1 80 60\n", "gafgyt"));
    assert!(is(b"PONG\n", b"PING\n!* HTTPFLOOD GET 192.0.2.1 80 / 60 100\n", "gafgyt"));
    assert_eq!(of(b"hi\n", b"!* HTTP http://a 80 / 1 1\n"), (Verdict::Suspect, "gafgyt"));
    for (client, server) in [
        (&b"CONNECT {}\r\nPONG\r\n"[..], &b"INFO {\"server_id\":\"a\"}\r\nPING\r\n"[..]),
        (b"PING\r\n", b"+PONG\r\n"),
        (b"NICK a\r\nPONG :x\r\n", b"PING :x\r\n"),
        (b"BUILD\n", b"ok\n"),
        (b"build 42 started\n", b"ok\n.udp 192.0.2.1\n"),
    ] {
        assert_ne!(of(client, server).0, Verdict::Certain, "{}", client.escape_ascii());
    }
}

fn gh0st(tag: &[u8], text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    let packed = packer.finish().unwrap();
    let total = (tag.len() + 8 + packed.len()) as u32;
    [tag, &total.to_le_bytes(), &(text.len() as u32).to_le_bytes(), &packed].concat()
}

#[test]
fn gh0st_is_lengths_that_agree_whatever_the_tag() {
    for tag in [&b"Gh0st"[..], b"LURK0", b"ABC", b"Spidern", b"HTTPS-RAT-2016"] {
        let (login, answer) = (gh0st(tag, b"a login with a name"), gh0st(tag, b"\0"));
        assert!(is(&login, &answer, "gh0st"), "{}", tag.escape_ascii());
        assert!(is(&[&login[..], &gh0st(tag, b"more")].concat(), &answer, "gh0st"));
    }
    let login = gh0st(b"\x9b\xa1\xf3\xe2\xd7", b"a login with a name");
    assert!(is(&login, &gh0st(b"\x9b\xa1\xf3\xe2\xd7", b"\0"), "gh0st"));
    assert_ne!(of(&gh0st(b"\x9b\xa1\xf3", b"a login"), &gh0st(b"\x9b\xa1\xf3", b"\0")).0, Verdict::Certain);
    let login = gh0st(b"Gh0st", b"a login");
    assert_eq!(of(&login, b""), (Verdict::Suspect, "gh0st"));
    assert_ne!(of(&login, &gh0st(b"Other", b"x")).0, Verdict::Certain);
    let mut wrong = login.clone();
    wrong[5] += 1;
    assert_ne!(of(&wrong, &login).0, Verdict::Certain);
    let mut unpacked = login.clone();
    unpacked[9] += 1;
    assert_eq!(of(&unpacked, &login).0, Verdict::No);
}

/// What fuzzing found: a message of no bytes was read for its kind.
#[test]
fn a_frame_of_nothing_is_no_njrat() {
    assert!(!is(b"0\0", b"", "njrat"));
    assert!(!is(b"1\0l", b"", "njrat"));
}

#[test]
fn njrat_is_framed_fields_and_framed_answers() {
    let hello = b"ll|'|'|SGFja2Vk|'|'|PC-01|'|'|user|'|'|26-11-02|'|'||'|'|Win 7|'|'|No|'|'|0.7d|'|'|..|'|'|";
    let framed = |payload: &[u8]| [format!("{}\0", payload.len()).as_bytes(), payload].concat();
    assert!(is(&framed(hello), b"0\0", "njrat"));
    let renamed = framed(b"llY262SUCZ4UJJSGFjY262SUCZ4UJJPCY262SUCZ4UJJuserY262SUCZ4UJJdateY262SUCZ4UJJWin");
    assert!(is(&renamed, &framed(b"infY262SUCZ4UJJx"), "njrat"));
    assert!(is(b"lv|'|'|SGFj|'|'|PC|'|'|user[endof]", b"P[endof]", "njrat"));
    assert_eq!(of(&framed(hello), b""), (Verdict::Suspect, "njrat"));
    assert_eq!(of(&framed(hello), b"HTTP/1.1 400 Bad Request\r\n\r\n").0, Verdict::No);
    assert_eq!(of(&framed(b"lla,b,c"), b"0\0").0, Verdict::No);
    assert_eq!(of(b"12\0hello world!", b"2\0ok").0, Verdict::No);
}

#[test]
fn what_others_say_too_is_a_suspect_at_most() {
    assert_eq!(of(b"NICK [USA|XP|483920]\r\nUSER a 0 0 :a\r\n", b":s 001 x :hi\r\n"), (Verdict::Suspect, "irc-bot"));
    assert_eq!(
        judge(&Heads { client: b"NICK alice\r\nUSER a 0 0 :a\r\n", server: b":s 001 alice :hi\r\n", port: 6697 }).0,
        Verdict::Perhaps
    );
    for (said, ordered) in [
        ("!* TSUNAMI 192.0.2.1 60", true),
        ("!bot @udpflood 192.0.2.1 60 80", true),
        (".ddos.syn 192.0.2.1 80 60", true),
        (".download http://a.example/b.exe c:\\b.exe 1", true),
        ("how do I stop a ddos or a udpflood?", false),
        ("update http://example.org/x is out", false),
        ("!get me a coffee", false),
        ("!seen alice", false),
    ] {
        let server = format!(":s 001 bob :hi\r\n:m!m@m PRIVMSG #a :{said}\r\n");
        let verdict = judge(&Heads { client: b"NICK bob\r\nUSER b 0 * :b\r\n", server: server.as_bytes(), port: 6667 }).0;
        assert_eq!(verdict == Verdict::Suspect, ordered, "{said}");
    }
    assert_eq!(of(b"/bin/sh: 0: can't access tty; job control turned off\n$ ", b"id\n"), (Verdict::Suspect, "reverse-shell"));
    assert_eq!(of(b"8F4A0C4B21D5", b"8EA4AB05FA7E"), (Verdict::Suspect, "darkcomet"));
    assert_eq!(of(b"123456789012", b"123456789012").0, Verdict::Perhaps);
    assert_eq!(of(b"Microsoft Windows [Version 10.0.19045]\r\n", b"whoami\n"), (Verdict::Suspect, "reverse-shell"));
}

/// Bytes under XorDDoS' key, from the beginning of a message.
fn xorddos(plain: &[u8]) -> Vec<u8> {
    plain.iter().zip(b"BB2FA36AAA9541F0".iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

#[test]
fn xorddos_shows_its_key_on_both_sides() {
    let mut about = vec![0; 272];
    about[..4].copy_from_slice(&272_u32.to_le_bytes());
    about[128..140].copy_from_slice(b"Linux 5.15.0");
    let login = xorddos(&about);
    assert!(is(&login, &xorddos(&[28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "xorddos"));
    assert_eq!(of(&login, b""), (Verdict::Suspect, "xorddos"));
    assert_eq!(of(&login, b"550 no such command\r\n"), (Verdict::Suspect, "xorddos"));
    // The key once, at another place, or in what the server says alone.
    for client in [&login[..48], b"rule x { strings: $a = \"BB2FA36AAA9541F0\" condition: $a }"] {
        assert_ne!(of(client, &login).1, "xorddos", "{}", client.escape_ascii());
    }
}

#[test]
fn ordinary_protocols_are_soon_none() {
    for (client, server) in [
        (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], &b"SSH-2.0-OpenSSH_9.2\r\n"[..]),
        (b"EHLO a.example\r\n", b"220 b.example ESMTP\r\n"),
        (b"\x16\x03\x01\x02\0\x01", b"\x16\x03\x03\0\x7a\x02"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0", b"\x03\0\0\x13\x0e\xd0\0\0\x124\0\x02\0\x08\0\x02\0\0\0"),
        (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    ] {
        assert_eq!(of(client, server).0, Verdict::No, "{}", client.escape_ascii());
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let samples = [
        b"\0\0\0\x01\x03abc\0\0".to_vec(),
        gh0st(b"Gh0st", b"x"),
        b"12\0ll|'|'|".to_vec(),
        b"NICK \r\n".to_vec(),
        b"BUILD \n".to_vec(),
        b"lv[endof]".to_vec(),
    ];
    for client in &samples {
        for server in &samples {
            for cut in 0..=client.len() {
                of(&client[..cut], &server[..cut.min(server.len())]);
            }
        }
    }
}
