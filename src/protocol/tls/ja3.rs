//! JA3 and JA3S: how a client and a server greet, as an MD5 (Althouse, Atkinson, Atkins, "TLS Fingerprinting with JA3 and JA3S", 2019).

use md5::{Digest, Md5};

use super::hello::{ClientHello, SUPPORTED_GROUPS, ServerHello};

/// MD5 of the text.
pub type Ja3 = [u8; 16];

/// Digits of the largest 16-bit number.
const DIGITS_MAX: usize = 5;

/// Writes numbers joined with `-`, fields with `,`.
struct Text<W> {
    write: W,
    in_list: bool,
}

impl<W: FnMut(&[u8])> Text<W> {
    fn number(&mut self, number: u16) {
        if std::mem::replace(&mut self.in_list, true) {
            (self.write)(b"-");
        }
        let mut digits = [0; DIGITS_MAX];
        let mut at = DIGITS_MAX;
        let mut left = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        (self.write)(&digits[at..]);
    }

    fn next_field(&mut self) {
        self.in_list = false;
        (self.write)(b",");
    }
}

/// Gives the text of a client's JA3 piece by piece: version, ciphers, extensions, groups, point formats, without what only probes for tolerance.
pub fn write_client(hello: &ClientHello<'_>, write: impl FnMut(&[u8])) {
    let mut text = Text { write, in_list: false };
    text.number(hello.version);
    text.next_field();
    hello.ciphers.meant().for_each(|cipher| text.number(cipher));
    text.next_field();
    hello.extensions.meant().for_each(|kind| text.number(kind));
    text.next_field();
    hello.extensions.values(SUPPORTED_GROUPS).meant().for_each(|group| text.number(group));
    text.next_field();
    hello.point_formats().iter().for_each(|&format| text.number(format.into()));
}

/// Gives the text of a server's JA3S piece by piece: version, cipher, extensions.
pub fn write_server(hello: &ServerHello<'_>, write: impl FnMut(&[u8])) {
    let mut text = Text { write, in_list: false };
    text.number(hello.version);
    text.next_field();
    text.number(hello.cipher);
    text.next_field();
    hello.extensions.iter().for_each(|(kind, _)| text.number(kind));
}

/// A client's JA3.
pub fn client(hello: &ClientHello<'_>) -> Ja3 {
    let mut digest = Md5::new();
    write_client(hello, |piece| digest.update(piece));
    digest.finalize().into()
}

/// A server's JA3S.
pub fn server(hello: &ServerHello<'_>) -> Ja3 {
    let mut digest = Md5::new();
    write_server(hello, |piece| digest.update(piece));
    digest.finalize().into()
}
