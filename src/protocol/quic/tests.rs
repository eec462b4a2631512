use proptest::prelude::*;

use super::*;
use crate::protocol::tls::ja4::{self, Carried};
use crate::protocol::tls::samples::{client_hello, server_name};

/// The client's first datagram of RFC 9001 appendix A.2, and of RFC 9369 appendix A.2.
const PACKET_V1: &str = include_str!("rfc9001_a2.hex");
const PACKET_V2: &str = include_str!("rfc9369_a2.hex");
/// The destination identifier of both.
const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const NUMBER_V1: u32 = 1;
const NUMBER_V2: u32 = 0x6b33_43cf;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("digits")).collect()
}

/// What a client's datagrams tell.
fn told(datagrams: &[Vec<u8>]) -> (Vec<String>, Progress) {
    let mut reader = Initials::default();
    let mut found = Vec::new();
    for datagram in datagrams {
        reader.push(datagram, |hello| {
            let name = String::from_utf8_lossy(hello.server_name().unwrap_or_default()).into_owned();
            found.push(format!("{name} {}", String::from_utf8_lossy(&ja4::client(&hello, Carried::Quic))));
        });
        assert!(reader.held_bytes() <= HELLO_BYTES_MAX + HELLO_BYTES_MAX / 8);
    }
    (found, reader.progress())
}

#[test]
fn keys_are_those_of_the_rfcs() {
    let keys = |number| Keys::client(Version::of(number).expect("known"), &DESTINATION);
    let one = keys(NUMBER_V1);
    assert_eq!(one.key[..], bytes("1f369613dd76d5467730efcbe3b1a22d"));
    assert_eq!(one.vector[..], bytes("fa044b2f42a3fd3b46fb255c"));
    assert_eq!(one.header[..], bytes("9f50449e04a0e810283a1e9933adedd2"));
    let two = keys(NUMBER_V2);
    assert_eq!(two.key[..], bytes("8b1a0bc121284290a29e0971b5cd045d"));
    assert_eq!(two.vector[..], bytes("91f73e2351d8fa91660e909f"));
    assert_eq!(two.header[..], bytes("45b95e15235d6f45a6b19cbcb0294ba9"));
}

#[test]
fn the_datagrams_of_the_rfcs_are_opened() {
    for packet in [PACKET_V1, PACKET_V2] {
        let datagram = bytes(packet);
        assert_eq!(datagram.len(), DATAGRAM_BYTES_MIN);
        assert!(begins(&datagram));
        let (found, progress) = told(&[datagram]);
        assert_eq!((found.len(), progress), (1, Progress::Done));
        assert!(found[0].starts_with("example.com q13d0211an_"), "{found:?}");
    }
}

#[test]
fn one_altered_bit_opens_nothing() {
    for at in [0, 5, 17, 18, 22, 600, 1199] {
        let mut datagram = bytes(PACKET_V1);
        datagram[at] ^= 1;
        assert_eq!(told(&[datagram]), (vec![], Progress::Not), "byte {at}");
    }
}

#[test]
fn what_is_no_initial_is_passed_over() {
    let good = bytes(PACKET_V1);
    assert!(!begins(&good[..DATAGRAM_BYTES_MIN - 1]), "shorter than a client's first datagram");
    let with = |at: usize, byte: u8| {
        let mut datagram = good.clone();
        datagram[at] = byte;
        datagram
    };
    assert!(!begins(&with(0, 0x40)), "a short header");
    assert!(!begins(&with(0, 0xe0)), "a handshake packet");
    assert!(!begins(&with(0, 0xf0)), "a retry");
    assert!(!begins(&with(4, 9)), "an unknown version");
    assert!(!begins(&with(5, 21)), "an identifier that is too long");
}

/// A variable-length integer of two bytes.
fn number(value: usize) -> [u8; 2] {
    (0x4000 | value as u16).to_be_bytes()
}

fn crypto_frame(offset: usize, piece: &[u8]) -> Vec<u8> {
    [&[frames::CRYPTO as u8][..], &number(offset), &number(piece.len()), piece].concat()
}

/// An Initial of version 1 with these frames, sealed.
fn seal(packet_number: u8, destination: &[u8], text: &[u8]) -> Vec<u8> {
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use aes_gcm::aes::cipher::BlockCipherEncrypt;
    let keys = Keys::client(Version::of(NUMBER_V1).expect("known"), &DESTINATION);
    let length = 1 + text.len() + TAG_BYTES;
    let mut packet = [&[0xc0, 0, 0, 0, 1, destination.len() as u8][..], destination, &[0, 0], &number(length), &[packet_number]].concat();
    let number_at = packet.len() - 1;
    let mut nonce = keys.vector;
    nonce[11] ^= packet_number;
    let mut sealed = text.to_vec();
    let tag = aes_gcm::Aes128Gcm::new(&keys.key.into())
        .encrypt_inout_detached(&nonce.into(), &packet, sealed.as_mut_slice().into())
        .expect("short enough");
    packet.extend(sealed);
    packet.extend(tag);
    let mut mask: aes_gcm::aes::Block = <[u8; 16]>::try_from(&packet[number_at + 4..number_at + 20]).expect("a block").into();
    aes_gcm::aes::Aes128::new(&keys.header.into()).encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at] ^= mask[1];
    packet
}

fn hello(padding: usize) -> Vec<u8> {
    client_hello(0x0303, &[0x1301], &[server_name("www.example.org"), (0x0015, vec![0; padding])])
}

#[test]
fn a_hello_may_come_in_pieces_and_in_any_order() {
    let hello = hello(1500);
    let (whole, _) = told(&[seal(0, &DESTINATION, &crypto_frame(0, &hello))]);
    assert_eq!(whole.len(), 1);
    let first = [&[0x01][..], &crypto_frame(900, &hello[900..]), &[0; 7]].concat();
    let acknowledgement = [0x02, 5, 0, 1, 0, 1, 0];
    let second = [&acknowledgement[..], &crypto_frame(400, &hello[400..1000]), &crypto_frame(0, &hello[..450])].concat();
    let datagrams = [seal(0, &DESTINATION, &first), seal(1, &DESTINATION, &second)];
    assert_eq!(told(&datagrams), (whole.clone(), Progress::Done));
    assert_eq!(told(&[datagrams[1].clone(), datagrams[0].clone()]), (whole.clone(), Progress::Done));
    assert_eq!(told(&[datagrams[0].clone(), datagrams[0].clone()]), (vec![], Progress::More));
    // Two packets in one datagram; the client has taken the server's identifier, but the keys stay.
    let later = seal(1, &[9; 4], &second);
    assert_eq!(told(&[[datagrams[0].clone(), later].concat()]), (whole, Progress::Done));
}

#[test]
fn a_hello_of_any_length_is_bounded() {
    let long = hello(HELLO_BYTES_MAX);
    assert_eq!(told(&[seal(0, &DESTINATION, &crypto_frame(0, &long[..1000]))]), (vec![], Progress::Done));
    let beyond = seal(0, &DESTINATION, &crypto_frame(HELLO_BYTES_MAX - 1, &long[..100]));
    assert_eq!(told(&[beyond]), (vec![], Progress::More));
    let never: Vec<Vec<u8>> = (0..=PACKETS_MAX).map(|packet| seal(packet, &DESTINATION, &crypto_frame(9, &[1; 20]))).collect();
    assert_eq!(told(&never), (vec![], Progress::Done));
}

proptest! {
    #[test]
    fn any_order_of_pieces_tells_the_same(order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(), per_packet in 1usize..9) {
        let hello = hello(1000);
        let pieces: Vec<Vec<u8>> = order.iter().map(|&piece| {
            let (from, to) = (hello.len() * piece / 8, hello.len() * (piece + 1) / 8);
            crypto_frame(from, &hello[from..to])
        }).collect();
        let datagrams: Vec<Vec<u8>> =
            pieces.chunks(per_packet).enumerate().map(|(packet, pieces)| seal(packet as u8, &DESTINATION, &pieces.concat())).collect();
        prop_assert_eq!(told(&datagrams), told(&[seal(0, &DESTINATION, &crypto_frame(0, &hello))]));
    }

    #[test]
    fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..300), frames in prop::collection::vec(any::<u8>(), 30..200)) {
        told(&[[&[0xc0, 0, 0, 0, 1], &tail[..]].concat(), tail, seal(0, &DESTINATION, &frames)]);
    }
}
