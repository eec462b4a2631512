//! TLS in pieces: whatever the pieces, the same is found, and no more is held than is allowed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::tls::ja4::{self, Carried};
use wherefrom::protocol::tls::{Handshakes, MESSAGE_BYTES_MAX, Message, ja3};

/// A number for each message that is found.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut reader = Handshakes::default();
    let mut found = Vec::new();
    for piece in pieces {
        reader.push(piece, |message| {
            found.push(match message {
                Message::ClientHello(hello) => {
                    let _ = (hello.server_name(), hello.application_protocols().count());
                    [&ja3::client(&hello)[..], &ja4::client(&hello, Carried::Tcp)].concat()
                }
                Message::ServerHello(hello) => ja3::server(&hello).to_vec(),
                Message::Certificate(certificate) => {
                    let _ = certificate.names();
                    certificate.sha256().to_vec()
                }
            });
        });
        assert!(reader.held_bytes() <= MESSAGE_BYTES_MAX);
    }
    found
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (piece, begun, bytes) = input;
    // Most inputs begin as a handshake does.
    let bytes = if begun { [&[22, 3, 1], bytes].concat() } else { bytes.to_vec() };
    assert_eq!(read(bytes.chunks(usize::from(piece).max(1))), read(std::iter::once(&bytes[..])));
});
