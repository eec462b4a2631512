use proptest::prelude::*;

use super::*;

/// What a session tells of attachments, as text.
fn told(pieces: &[(bool, &[u8])]) -> Vec<String> {
    let mut session = Session::default();
    let mut told = Vec::new();
    let mut data = Vec::new();
    let mut take = |event: Event<'_>| match event {
        Event::Begin(attachment) => {
            told.push(format!("{} {}", attachment.content_type.escape_ascii(), attachment.file_name.escape_ascii()));
        }
        Event::Data(bytes) => data.extend_from_slice(bytes),
        Event::End { complete } => {
            told.push(format!("{}{}", data.escape_ascii(), if complete { "" } else { " incomplete" }));
            data.clear();
        }
    };
    for &(by_client, bytes) in pieces {
        session.push(by_client, bytes, &mut take);
    }
    session.finish(&mut take);
    assert!(session.held_bytes() < 16 << 10, "{}", session.held_bytes());
    told
}

const MAIL: &str = "From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed;\r\n boundary=\"==B\"\r\n\r\npreamble\r\n--==B\r\n\
    Content-Type: text/plain\r\n\r\nHello\r\n..stuffed\r\n--==B\r\n\
    Content-Type: application/octet-stream; name=old.exe\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment;\r\n\tfilename*0=in;\r\n\tfilename*1=voice.exe\r\n\r\nTVqQAAMAAAAE\r\nAAAA\r\n\r\n--==B\r\n\
    Content-Disposition: attachment; filename=\"b.js\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n\
    var a=3D1;=\r\nvar b;\r\n.. dot\r\n\r\n--==B--\r\nepilogue\r\n";

const PARTS: [&str; 4] =
    ["application/octet-stream invoice.exe", r"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00", " b.js", r"var a=1;var b;\r\n. dot\r\n"];

/// A session around a message that is sent with DATA.
fn session(mail: &str) -> Vec<(bool, Vec<u8>)> {
    vec![
        (false, b"220 mx ESMTP\r\n".to_vec()),
        (true, b"EHLO x\r\n".to_vec()),
        (false, b"250-mx\r\n250-PIPELINING\r\n250 8BITMIME\r\n".to_vec()),
        (true, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n".to_vec()),
        (false, b"250 ok\r\n250 ok\r\n354 go on\r\n".to_vec()),
        (true, [mail.as_bytes(), b".\r\nQUIT\r\n"].concat()),
        (false, b"250 taken\r\n221 bye\r\n".to_vec()),
    ]
}

fn borrowed(pieces: &[(bool, Vec<u8>)]) -> Vec<(bool, &[u8])> {
    pieces.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect()
}

#[test]
fn attachments_are_decoded() {
    assert_eq!(told(&borrowed(&session(MAIL))), PARTS);
}

#[test]
fn a_session_of_one_side_is_read() {
    let client: Vec<_> = session(MAIL).into_iter().filter(|(by_client, _)| *by_client).collect();
    assert_eq!(told(&borrowed(&client)), PARTS);
}

#[test]
fn a_refused_message_is_none() {
    let mut refused = session(MAIL);
    refused[4].1 = b"250 ok\r\n550 no\r\n554 no valid recipients\r\n".to_vec();
    refused[5].1 = b"RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n".to_vec();
    refused[6].1 = b"250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n".to_vec();
    refused.push((true, [MAIL.as_bytes(), b".\r\n"].concat()));
    assert_eq!(told(&borrowed(&refused)), PARTS);
}

#[test]
fn pieces_of_a_message_are_put_together() {
    let plain = MAIL.replace("\r\n..", "\r\n.");
    let (head, tail) = plain.split_at(plain.len() - 100);
    let chunks = format!(
        "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT {}\r\n{head}BDAT {}\r\n{tail}BDAT 0 LAST\r\nMAIL FROM:<a@b>\r\nBDAT 3 LAST\r\nabcQUIT\r\n",
        head.len(),
        tail.len()
    );
    assert_eq!(told(&[(true, chunks.as_bytes())]), PARTS);
    let broken = format!("BDAT 500\r\n{}RSET\r\n", &plain[..500]);
    assert!(told(&[(true, broken.as_bytes())]).last().is_some_and(|last| last.ends_with(" incomplete")));
}

#[test]
fn messages_within_messages_are_read() {
    let outer = format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n{MAIL}--o--\r\n");
    assert_eq!(told(&borrowed(&session(&outer))), PARTS);
}

#[test]
fn a_message_may_be_one_attachment() {
    let mail = "Content-Type: application/zip\r\nContent-Transfer-Encoding: 8bit\r\n\r\nPK\x03\x04\r\n\nend\r\n";
    assert_eq!(told(&borrowed(&session(mail))), ["application/zip ", r"PK\x03\x04\r\n\nend\r\n"]);
}

#[test]
fn only_a_dot_between_two_crlf_ends_a_message() {
    let mail = "Content-Type: application/x\r\n\r\na\n.\nb\n.\r\nc\r\n.\nd\r\n";
    assert_eq!(told(&borrowed(&session(mail))), ["application/x ", r"a\n.\nb\n.\r\nc\r\n\nd\r\n"]);
}

#[test]
fn holes_make_attachments_incomplete() {
    let mut session = Session::default();
    let mut ends = Vec::new();
    let mut take = |event: Event<'_>| {
        if let Event::End { complete } = event {
            ends.push(complete);
        }
    };
    let at = MAIL.find("AAAA\r\n\r\n").expect("is there");
    session.push(true, b"EHLO x\r\nDATA\r\n", &mut take);
    session.push(true, &MAIL.as_bytes()[..at], &mut take);
    session.missing(true, Some(4), &mut take);
    session.push(true, &MAIL.as_bytes()[at + 4..], &mut take);
    session.push(true, b".\r\n", &mut take);
    assert_eq!(ends, [false, true]);
}

#[test]
fn encryption_ends_the_reading() {
    let mut session = Session::default();
    let mut nothing = |_: Event<'_>| panic!("nothing is told");
    session.push(false, b"220 mx\r\n", &mut nothing);
    assert_eq!(session.push(true, b"EHLO x\r\nSTARTTLS\r\n", &mut nothing), Goes::On);
    assert_eq!(session.push(false, b"250 ok\r\n", &mut nothing), Goes::On);
    assert_eq!(session.push(false, b"220 go ahead\r\n", &mut nothing), Goes::Encrypted);
    let mut refused = Session::default();
    refused.push(true, b"STARTTLS\r\n", &mut nothing);
    assert_eq!(refused.push(false, b"454 no\r\n", &mut nothing), Goes::On);
}

#[test]
fn sessions_are_known_by_their_beginning() {
    assert!(begins(b"EHLO x") && begins(b"helo x\r\n") && !begins(b"EHLO") && !begins(b"HELLO x"));
    assert!(greets(b"220 mx") && greets(b"220-mx") && !greets(b"2200") && !greets(b"22"));
}

#[test]
fn depth_and_lengths_are_bounded() {
    let mut mail = String::new();
    for level in 0..40 {
        mail += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    mail += &format!("X-Long: {}\r\nContent-Type: application/x; name={}\r\n\r\nx\r\n", "a".repeat(100_000), "n".repeat(5_000));
    assert_eq!(told(&borrowed(&session(&mail))), Vec::<String>::new());
    let long = format!("X-Long: {}\r\nContent-Type: application/x; name={}\r\n\r\nx\r\n", "a".repeat(100_000), "n".repeat(5_000));
    assert_eq!(told(&borrowed(&session(&long)))[0].len(), "application/x ".len() + parameter::VALUE_BYTES_MAX);
}

proptest! {
    #[test]
    fn segments_change_nothing(length in 1usize..200) {
        let whole = session(MAIL);
        let cut: Vec<(bool, &[u8])> = whole.iter().flat_map(|(by_client, bytes)| bytes.chunks(length).map(|part| (*by_client, part))).collect();
        prop_assert_eq!(told(&cut), PARTS);
        let long = format!("Content-Type: application/x\r\n\r\n{}\r\n", "0123456789".repeat(300));
        let whole = session(&long);
        let cut: Vec<(bool, &[u8])> = whole.iter().flat_map(|(by_client, bytes)| bytes.chunks(length).map(|part| (*by_client, part))).collect();
        prop_assert_eq!(told(&cut), told(&borrowed(&whole)));
    }

    #[test]
    fn no_bytes_panic(client in prop::collection::vec(any::<u8>(), 0..200), server in prop::collection::vec(any::<u8>(), 0..60), at in 0usize..700, byte in any::<u8>()) {
        let mut mail = MAIL.as_bytes().to_vec();
        let place = at % mail.len();
        mail[place] = byte;
        told(&[(true, b"DATA\r\n"), (true, &mail), (false, &server), (true, &client), (true, b"\r\n.\r\n")]);
        told(&[(true, &client), (false, &server), (true, &client)]);
    }
}
