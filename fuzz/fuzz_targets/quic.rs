//! QUIC datagrams, as they come and with the header of an Initial in front.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::quic::{HELLO_BYTES_MAX, Initials, begins};

const VERSIONS: [u32; 4] = [1, 0x6b33_43cf, 0xff00_001d, 0xff00_0017];

fuzz_target!(|input: (u8, Vec<&[u8]>)| {
    let (choice, datagrams) = input;
    let version = VERSIONS[usize::from(choice) % VERSIONS.len()].to_be_bytes();
    let mut reader = Initials::default();
    for datagram in datagrams {
        let datagram = if choice & 0x80 == 0 { datagram.to_vec() } else { [&[0xc0 | choice & 0x3f][..], &version, datagram].concat() };
        begins(&datagram);
        reader.push(&datagram, |hello| {
            hello.server_name();
        });
        assert!(reader.held_bytes() <= 2 * HELLO_BYTES_MAX);
    }
});
