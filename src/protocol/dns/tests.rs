use proptest::prelude::*;

use super::*;

/// A response with one question for `www.example.com`, and these records, whose names point to the question's.
fn response(kind: u16, records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
    bytes.extend(b"\x03wWw\x07Example\x03com\0");
    bytes.extend([kind.to_be_bytes(), [0, 1]].concat());
    for (kind, data) in records {
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 1, 44]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
    }
    bytes
}

fn text(name: Name<'_>) -> Option<String> {
    let mut room = [0; TEXT_BYTES_MAX];
    name.write(&mut room).map(|text| String::from_utf8_lossy(text).into_owned())
}

#[test]
fn answers_are_read_with_their_question() {
    let bytes = response(
        kinds::A,
        &[
            (kinds::CNAME, b"\x04edge\xc0\x10".to_vec()),
            (kinds::A, vec![192, 0, 2, 7]),
            (kinds::AAAA, [&[0x20, 1, 0xd, 0xb8][..], &[0; 12]].concat()),
            (kinds::MX, b"\0\x0a\x02mx\xc0\x10".to_vec()),
            (kinds::TXT, b"\x02ab\x03cde".to_vec()),
            (kinds::NULL, vec![9; 5]),
        ],
    );
    let message = Message::read(&bytes).expect("a message");
    assert!(message.is_response && !message.is_truncated);
    assert_eq!((message.id, message.operation, message.code, message.questions, message.answers), (0x1234, 0, codes::NO_ERROR, 1, 6));
    let question = message.question().expect("a question");
    assert_eq!((text(question.name).as_deref(), question.kind, question.class), (Some("www.example.com"), kinds::A, INTERNET));
    assert_eq!(question.name.wire_bytes(), Some(17));

    let told: Vec<String> = message
        .answers()
        .map(|record| {
            assert_eq!((text(record.name).as_deref(), record.class, record.ttl_s), (Some("www.example.com"), INTERNET, 300));
            match record.data {
                Data::A(address) => format!("A {address:?}"),
                Data::Aaaa(address) => format!("AAAA {}", std::net::Ipv6Addr::from(address)),
                Data::Name(name) => format!("NAME {:?}", text(name)),
                Data::Mx(preference, name) => format!("MX {preference} {:?}", text(name)),
                Data::Text(data) => format!("TXT {:?}", strings(data).collect::<Vec<_>>()),
                Data::Other(data) => format!("{} {data:?}", record.kind),
            }
        })
        .collect();
    assert_eq!(
        told,
        [
            "NAME Some(\"edge.example.com\")",
            "A [192, 0, 2, 7]",
            "AAAA 2001:db8::",
            "MX 10 Some(\"mx.example.com\")",
            "TXT [[97, 98], [99, 100, 101]]",
            "10 [9, 9, 9, 9, 9]",
        ]
    );
}

#[test]
fn data_that_does_not_fit_its_type_is_other() {
    let bytes = response(kinds::A, &[(kinds::A, vec![1, 2, 3]), (kinds::CNAME, b"\x03abc".to_vec()), (kinds::MX, vec![0])]);
    let message = Message::read(&bytes).expect("a message");
    let other = message.answers().filter(|record| matches!(record.data, Data::Other(data) if data.len() == usize::from(record.data_bytes)));
    assert_eq!(other.count(), 3);
}

#[test]
fn what_is_no_message_is_refused() {
    let good = response(kinds::A, &[(kinds::A, vec![192, 0, 2, 7])]);
    assert!(Message::read(&good).is_some());
    let altered = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert!(Message::read(&good[..11]).is_none(), "no header");
    assert!(Message::read(&altered(2, 0xf8)).is_none(), "operation 15");
    assert!(Message::read(&altered(3, 0xc0)).is_none(), "reserved bit");
    assert!(Message::read(&altered(4, 1)).is_none(), "257 questions");
    assert!(Message::read(&altered(6, 1)).is_none(), "257 answers in 49 bytes");
    let cut = altered(2, 0x83);
    let message = Message::read(&cut[..HEADER_BYTES + 21]).expect("a cut answer");
    assert_eq!((message.is_truncated, message.question().is_some(), message.answers().count()), (true, true, 0));
}

#[test]
fn pointers_lead_back_or_nowhere() {
    let name = |bytes: &[u8], at: usize| text(Name::new(bytes, at));
    assert_eq!(name(&[0xc0, 0], 0), None, "to itself");
    assert_eq!(name(&[0xc0, 2, 0xc0, 0], 0), None, "forward");
    assert_eq!(name(b"\x01a\xc0\x00", 0), None, "into the labels before it");
    assert_eq!(name(b"\x01a\x00\x01b\xc0\x00", 3).as_deref(), Some("b.a"));
    assert_eq!(name(b"\x05ab", 0), None, "cut");
    assert_eq!(name(&[0x40, 0], 0), None, "a reserved kind of label");
    assert_eq!(name(&[0], 0).as_deref(), Some(""), "the root");
    assert_eq!(name(&[], 0), None);
    // A chain of pointers without a label: as many as are allowed, then one more.
    let chain = |pointers: usize| {
        let mut bytes = b"\x01a\0".to_vec();
        for number in 0..pointers {
            let target = if number == 0 { 0 } else { 3 + 2 * (number - 1) } as u16;
            bytes.extend((0xc000 | target).to_be_bytes());
        }
        bytes
    };
    assert_eq!(name(&chain(127), 3 + 2 * 126).as_deref(), Some("a"));
    assert_eq!(name(&chain(128), 3 + 2 * 127), None);
}

#[test]
fn names_are_as_long_as_they_may_be() {
    // Three labels of 63 bytes and one of 61: 3 * 64 + 62 + 1 = 255.
    let name = |last: u8| {
        let mut bytes: Vec<u8> = [63, 63, 63, last].iter().flat_map(|&length| [vec![length], vec![b'.'; length.into()]].concat()).collect();
        bytes.push(0);
        bytes
    };
    assert_eq!(Name::new(&name(61), 0).wire_bytes(), Some(NAME_BYTES_MAX));
    assert_eq!(text(Name::new(&name(61), 0)).map(|text| text.len()), Some(2 * 250 + 3));
    assert_eq!((Name::new(&name(62), 0).wire_bytes(), text(Name::new(&name(62), 0))), (None, None));
}

#[test]
fn dots_within_labels_do_not_pass_for_others() {
    assert_eq!(text(Name::new(b"\x07bad.com\x04a\\bc\x00", 0)).as_deref(), Some("bad\\.com.a\\\\bc"));
}

#[test]
fn messages_of_a_stream_are_framed() {
    let stream = b"\0\x03abc\0\x01d\0";
    let (one, rest) = frame(stream).expect("whole");
    assert_eq!(one, b"abc");
    let (two, rest) = frame(rest).expect("whole");
    assert_eq!((two, rest, frame(rest)), (&b"d"[..], &b"\0"[..], None));
}

proptest! {
    #[test]
    fn no_bytes_panic(head in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200, byte in any::<u8>()) {
        let mut good = response(kinds::A, &[(kinds::CNAME, b"\x04edge\xc0\x10".to_vec()), (kinds::MX, b"\0\x0a\x02mx\xc0\x10".to_vec())]);
        let place = at % good.len();
        good[place] = byte;
        for bytes in [&head, &good] {
            let Some(message) = Message::read(bytes) else { continue };
            let mut room = [0; TEXT_BYTES_MAX];
            if let Some(question) = message.question() {
                let labels = question.name.labels().map(|label| label.len() + 1).sum::<usize>();
                prop_assert!(labels < NAME_BYTES_MAX);
                let written = question.name.write(&mut room).is_some();
                prop_assert_eq!(written, question.name.wire_bytes().is_some());
            }
            for record in message.answers() {
                record.name.write(&mut room);
                if let Data::Name(name) | Data::Mx(_, name) = record.data {
                    name.write(&mut room);
                }
            }
        }
    }
}
