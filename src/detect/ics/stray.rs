//! Payloads of everyday protocols that scanners send to any open port: never an industrial message, whatever the port.

/// Beginnings of payloads that say "not industrial". Sources: the protocols' specifications; nmap's service probes for the binary ones.
const BEGINNINGS: &[&[u8]] = &[
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"PRI * HTTP/2",
    b"HTTP/1.",
    b"SSH-",
    b"RTSP",
    b"SIP/2.0",
    b"EHLO ",
    b"HELO ",
    b"HELP\r\n",
    b"MGLNDD_",
    b"{\"",
    b"stats",
    b"*1\r\n",
    b"\r\n\r\n",
    // SOCKS 4 connect to the usual ports.
    b"\x04\x01\x00\x50",
    b"\x04\x01\x01\xbb",
    // nmap: DNS version over TCP, X11, SSL 2 hello, SMB negotiate.
    b"\x00\x1e\x00\x06\x01\x00",
    b"\x6c\x00\x0b\x00",
    b"\x80\x9e\x01\x03",
    b"\x00\x00\x00\xa4\xff\x53\x4d\x42",
];

/// By first byte: a bit for each of the beginnings that has it.
const BY_FIRST: [u32; 256] = {
    let mut table = [0; 256];
    let mut place = 0;
    while place < BEGINNINGS.len() {
        table[BEGINNINGS[place][0] as usize] |= 1 << place;
        place += 1;
    }
    table
};

const _: () = assert!(BEGINNINGS.len() <= 32, "a set of beginnings is 32 bits");

/// Largest TLS record (RFC 8446 section 5.2).
const TLS_RECORD_BYTES_MAX: u16 = (1 << 14) + 256;
/// Shortest handshake message: type and length (RFC 8446 section 4).
const TLS_HANDSHAKE_BYTES_MIN: u16 = 4;

/// TLS: a handshake record of SSL 3.0 to TLS 1.3 (RFC 8446 section 5.1). Its length tells it from a Modbus message whose transaction happens
/// to be 1603.
fn tls(bytes: &[u8]) -> bool {
    match bytes {
        &[0x16, 0x03, 0x00..=0x04, high, low, ..] => {
            (TLS_HANDSHAKE_BYTES_MIN..=TLS_RECORD_BYTES_MAX).contains(&u16::from_be_bytes([high, low]))
        }
        _ => false,
    }
}

/// SOCKS 5: a greeting is the whole payload, version, count and that many methods (RFC 1928 section 3). As a beginning it would swallow
/// Modbus's transaction 0501.
fn socks5(bytes: &[u8]) -> bool {
    matches!(bytes, [0x05, count @ 1..=4, methods @ ..] if methods.len() == usize::from(*count))
}

/// Whether the payload plainly belongs to an everyday protocol. Too few bytes to say: false.
pub fn stray(bytes: &[u8]) -> bool {
    let Some(&first) = bytes.first() else { return false };
    let mut left = BY_FIRST[usize::from(first)];
    while left != 0 {
        if bytes.starts_with(BEGINNINGS[left.trailing_zeros() as usize]) {
            return true;
        }
        left &= left - 1;
    }
    tls(bytes) || socks5(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::testing::hex;

    #[test]
    fn scanners_payloads_are_stray() {
        for payload in
            [&b"GET / HTTP/1.0\r\n\r\n"[..], b"SSH-2.0-Go\r\n", b"OPTIONS / RTSP/1.0\r\n", b"MGLNDD_1.2.3.4_502\n", b"{\"id\":1}"]
        {
            assert!(stray(payload));
        }
        assert!(stray(&hex("160301013801000134")));
        assert!(stray(&hex("050100")));
    }

    #[test]
    fn industrial_beginnings_are_not() {
        for payload in [
            "000100000006010300000001",
            "050100000006010300000001",
            "160300000006010300000001",
            "0300001611e00000001400c1020100c2020102c0010a",
            "680443000000",
            "056405c901000000de8e",
            "6300000000000000",
            "810b000c0120ffff00ff1008",
            "010003000002000d0280000082",
            "0401000000000000",
            "0610020300",
        ] {
            assert!(!stray(&hex(payload)), "{payload}");
        }
        assert!(!stray(b"fox a 1 -1 fox hello\n"));
        assert!(!stray(b"\x01I20100\n"));
        assert!(!stray(b""));
    }
}
