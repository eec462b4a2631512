use proptest::prelude::*;

use super::ja4::Carried;
use super::samples::{alpn, client_hello, message, records, server_hello, server_name, supported_versions, vector16};
use super::*;

const GREASE: u16 = 0x3a3a;

fn text(hello: &ClientHello<'_>) -> String {
    let mut text = Vec::new();
    ja3::write_client(hello, |piece| text.extend_from_slice(piece));
    String::from_utf8(text).expect("digits and separators")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hello(message: &[u8]) -> ClientHello<'_> {
    ClientHello::read(&message[4..]).expect("a whole hello")
}

#[test]
fn ja3_is_as_published() {
    // Both examples of the README of salesforce/ja3.
    let groups = (0x000a, vector16(&[23, 24, 25]));
    let one = client_hello(
        769,
        &[47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
        &[server_name("example.com"), groups, (0x000b, vec![1, 0])],
    );
    assert_eq!(text(&hello(&one)), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
    assert_eq!(hex(&ja3::client(&hello(&one))), "ada70206e40642a3e4461f35503241d5");
    let bare = client_hello(769, &[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], &[]);
    assert_eq!(text(&hello(&bare)), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
    assert_eq!(hex(&ja3::client(&hello(&bare))), "de350869b8c85de67a350c8d186f11e6");
}

#[test]
fn ja3_leaves_out_what_probes_for_tolerance() {
    let groups = (0x000a, vector16(&[GREASE, 29]));
    let greased = client_hello(771, &[GREASE, 4865], &[(GREASE, vec![]), groups, (0x1a1a, vec![0])]);
    assert_eq!(text(&hello(&greased)), "771,4865,10,29,");
}

/// The hello of the JA4 specification's example, in another order and with values that only probe for tolerance.
fn example(first_protocol: &[u8]) -> Vec<u8> {
    let ciphers =
        [GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035];
    let algorithms = vector16(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
    let plain = [0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000b, 0x000a, 0x0015];
    let mut extensions = vec![(GREASE, vec![]), server_name("example.com"), supported_versions(&[GREASE, 0x0304, 0x0303])];
    extensions.extend(plain.map(|kind| (kind, vec![])));
    extensions.push((0x000d, algorithms));
    extensions.push(alpn(&[first_protocol, b"http/1.1"]));
    client_hello(0x0303, &ciphers, &extensions)
}

fn fingerprint(message: &[u8], carried: Carried) -> String {
    String::from_utf8(ja4::client(&hello(message), carried).to_vec()).expect("ASCII")
}

#[test]
fn ja4_is_as_published() {
    assert_eq!(fingerprint(&example(b"h2"), Carried::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_eq!(fingerprint(&example(b"h3"), Carried::Quic), "q13d1516h3_8daaf6152771_e5627efa2ab1");
}

#[test]
fn ja4_tells_a_protocol_by_its_ends() {
    // The specification's examples: hexadecimal ends where one byte is neither letter nor digit.
    let cases: [(&[u8], &str); 7] = [
        (b"http/1.1", "h1"),
        (b"a", "aa"),
        (&[0xab], "ab"),
        (&[0xab, 0xcd], "ad"),
        (&[0x30, 0xab], "3b"),
        (&[0x30, 0x31, 0xab, 0xcd], "3d"),
        (&[0x30, 0xab, 0xcd, 0x31], "01"),
    ];
    for (protocol, ends) in cases {
        assert_eq!(&fingerprint(&example(protocol), Carried::Tcp)[8..10], ends, "{protocol:02x?}");
    }
}

#[test]
fn ja4_of_a_bare_hello_has_zeros_where_there_is_nothing() {
    assert_eq!(fingerprint(&client_hello(0x0301, &[GREASE], &[]), Carried::Tcp), "t10i000000_000000000000_000000000000");
}

#[test]
fn ja4_counts_to_ninety_nine_and_sorts_however_many() {
    let falling: Vec<u16> = (0..300).rev().collect();
    let rising: Vec<u16> = (0..300).collect();
    let one = fingerprint(&client_hello(0x0303, &falling, &[]), Carried::Tcp);
    assert_eq!(one, fingerprint(&client_hello(0x0303, &rising, &[]), Carried::Tcp));
    assert_eq!(&one[..10], "t12i990000");
    assert_ne!(one[11..23], fingerprint(&client_hello(0x0303, &rising[..299], &[]), Carried::Tcp)[11..23]);
}

#[test]
fn a_hello_names_host_and_protocols() {
    let message = client_hello(0x0303, &[0x1301], &[server_name("www.example.org"), alpn(&[b"h2", b"http/1.1"])]);
    assert_eq!(hello(&message).server_name(), Some(&b"www.example.org"[..]));
    assert!(hello(&message).application_protocols().eq([&b"h2"[..], b"http/1.1"]));
    let nameless = client_hello(0x0303, &[0x1301], &[server_name("")]);
    assert_eq!(hello(&nameless).server_name(), None);
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let good = client_hello(0x0303, &[0x1301], &[server_name("example.org")]);
    assert!(hello(&good).is_whole);
    let mut odd = good.clone();
    odd[4 + 2 + 32 + 2] = 1;
    assert_eq!(ClientHello::read(&odd[4..]), None, "half a cipher");
    let mut old = good.clone();
    old[4] = 2;
    assert_eq!(ClientHello::read(&old[4..]), None, "version 2");
}

#[test]
fn extensions_are_read_as_far_as_they_are_in_order() {
    let good = client_hello(0x0303, &[0x1301], &[server_name("example.org"), (0x0017, vec![0; 5])]);
    let mut over = good.clone();
    let at = good.len() - 6;
    over[at] = 6;
    let broken = hello(&over);
    assert_eq!((broken.server_name(), broken.extensions.iter().count(), broken.is_whole), (Some(&b"example.org"[..]), 1, false));
    let behind = [&good[..], &[0]].concat();
    assert_eq!((hello(&behind).extensions.iter().count(), hello(&behind).is_whole), (0, false));
    let bare = [&client_hello(0x0303, &[0x1301], &[])[..], &[0]].concat();
    assert!(hello(&bare).is_whole, "one byte is no length");
}

/// What was found in a direction, with what can be derived, as text.
fn all(bytes: &[u8], cuts: &[usize]) -> (Vec<String>, Progress) {
    let mut reader = Handshakes::default();
    let mut found = Vec::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([bytes.len()]) {
        reader.push(&bytes[from..to], |message| {
            found.push(match message {
                Message::ClientHello(hello) => text(&hello),
                Message::ServerHello(hello) => format!("{:04x} {}", hello.cipher, hex(&ja3::server(&hello))),
                Message::Certificate(certificate) => format!("{} {:?}", hex(&certificate.sha1()), certificate.names()),
            });
        });
        from = to;
    }
    assert!(reader.held_bytes() <= MESSAGE_BYTES_MAX);
    (found, reader.progress())
}

/// Issuer "root", subject "leaf", serial 5; only as much of a certificate as is read.
fn der() -> Vec<u8> {
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length: &[u8] = if content.len() < 128 { &[content.len() as u8] } else { &[0x81, content.len() as u8] };
        [&[tag], length, content].concat()
    }
    fn name(text: &str) -> Vec<u8> {
        let country = element(0x31, &element(0x30, &[element(0x06, &[0x55, 4, 6]), element(0x13, b"ZZ")].concat()));
        let common = element(0x31, &element(0x30, &[element(0x06, &[0x55, 4, 3]), element(0x0c, text.as_bytes())].concat()));
        element(0x30, &[country, common].concat())
    }
    let version = element(0xa0, &element(0x02, &[2]));
    let serial = element(0x02, &[5]);
    let empty = element(0x30, &[]);
    let body = [version, serial, empty.clone(), name("root"), empty.clone(), name("leaf"), empty].concat();
    element(0x30, &element(0x30, &body))
}

fn certificates(certificates: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = certificates.iter().flat_map(|der| [&(der.len() as u32).to_be_bytes()[1..], der].concat()).collect();
    message(11, &[&(list.len() as u32).to_be_bytes()[1..], &list].concat())
}

#[test]
fn the_first_certificate_is_the_servers() {
    let flight = [server_hello(0x0303, 0xc02f, &[]), certificates(&[der(), vec![1; 40_000]])].concat();
    let (found, progress) = all(&records(&flight, 1 << 14), &[]);
    assert_eq!(progress, Progress::Done);
    assert_eq!(found.len(), 2);
    let names = Certificate { der: &der() }.names().map(|names| (names.serial.to_vec(), names.issuer.to_vec(), names.subject.to_vec()));
    assert_eq!(names, Some((vec![5], b"root".to_vec(), b"leaf".to_vec())));
    assert!(found[1].starts_with(&hex(&Certificate { der: &der() }.sha1())));
}

#[test]
fn what_version_1_3_encrypts_is_not_looked_at() {
    let server =
        [records(&server_hello(0x0303, 0x1301, &[(0x002b, vec![3, 4])]), 1 << 14), vec![20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 1, 0]].concat();
    assert_eq!((all(&server, &[]).0.len(), all(&server, &[]).1), (1, Progress::Done));
    // Refused ciphers: a second hello follows in the clear.
    let client = [records(&example(b"h2"), 1 << 14), vec![20, 3, 3, 0, 1, 1], records(&example(b"h2"), 1 << 14)].concat();
    assert_eq!(all(&client, &[]).0.len(), 2);
    // Version 1.2: behind the change stands ciphertext.
    let resumed = [records(&example(b"h2"), 1 << 14), vec![20, 3, 3, 0, 1, 1], records(&[0x55; 40], 64)].concat();
    assert_eq!((all(&resumed, &[]).0.len(), all(&resumed, &[]).1), (1, Progress::Done));
}

#[test]
fn other_protocols_are_refused_at_once() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], &[22, 2, 0, 0, 5, 1], &[23, 3, 3, 0, 1, 0], &[22, 3, 1, 0xff, 0xff], &[22, 3, 1, 0, 4, 14, 0, 0, 0]]
    {
        assert_eq!(all(bytes, &[]), (vec![], Progress::Not), "{bytes:02x?}");
    }
    let long = [&[22, 3, 1, 0x40, 0][..], &[1, 1, 0, 0]].concat();
    assert_eq!(all(&long, &[]).1, Progress::Not, "a hello of 64 KiB");
}

#[test]
fn a_handshake_is_known_by_six_bytes() {
    let bytes = records(&example(b"h2"), 1 << 14);
    for length in 0..6 {
        assert_eq!(begins(&bytes[..length]), None, "{length}");
    }
    assert_eq!(begins(&bytes[..6]), Some(true));
    assert_eq!(begins(b"SSH-2.0"), Some(false));
    assert_eq!(begins(&[22, 3, 9]), Some(false));
}

proptest! {
    #[test]
    fn cuts_and_records_change_nothing(record in 1usize..300, cuts in prop::collection::vec(0usize..4000, 0..12)) {
        let client = records(&example(b"h2"), record);
        let server = records(&[server_hello(0x0303, 0xc02f, &[(0xff01, vec![0])]), certificates(&[der(), der()])].concat(), record);
        for bytes in [client, server] {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % bytes.len()).collect();
            cuts.sort_unstable();
            prop_assert_eq!(all(&bytes, &cuts), all(&bytes, &[]));
        }
        prop_assert_eq!(all(&records(&example(b"h2"), record), &[]), all(&records(&example(b"h2"), 1 << 14), &[]));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
        let begun = [&[22, 3, 1, 1, 0], &bytes[..]].concat();
        for bytes in [&bytes, &begun] {
            all(bytes, &[cut.min(bytes.len())]);
        }
        let _ = Certificate { der: &bytes }.names();
    }
}
