//! Digits of the codings that write bytes as text: hexadecimal, as in percent-encoding, and base64.

/// The value of a hexadecimal digit, in either case.
#[inline]
pub fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The number that a text is which is nothing but so many hexadecimal digits, of which there are at most [`NUMBER_DIGITS_MAX`].
pub fn number(digits: &[u8]) -> Option<u32> {
    let fits = (1..=NUMBER_DIGITS_MAX).contains(&digits.len());
    fits.then(|| digits.iter().try_fold(0, |number, &digit| Some(number << 4 | u32::from(hexadecimal(digit)?))))?
}

/// Digits of one number: no code point has more.
pub const NUMBER_DIGITS_MAX: usize = 6;

/// The byte that the two digits stand for with which a text begins (RFC 3986 section 2.1, behind the percent sign).
#[inline]
pub fn byte(text: &[u8]) -> Option<u8> {
    match text {
        [high, low, ..] => Some(hexadecimal(*high)? << 4 | hexadecimal(*low)?),
        _ => None,
    }
}

/// Bytes in hexadecimal digits, in lower case.
pub fn written(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Undoes escapes of a sign and two digits, and of the character that stands for a space, if one does; others stay as they are. What comes out is
/// added to `plain`.
pub fn escaped(text: &[u8], sign: u8, space: Option<u8>, plain: &mut Vec<u8>) {
    let mut left = text;
    while let Some((&first, rest)) = left.split_first() {
        left = rest;
        plain.push(match byte(rest).filter(|_| first == sign) {
            Some(meant) => {
                left = &rest[2..];
                meant
            }
            None if space == Some(first) => b' ',
            None => first,
        });
    }
}

/// The value of a digit of base64, of either alphabet (RFC 4648 sections 4 and 5).
#[inline]
pub fn base64(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Puts bytes together from digits of six bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sixes {
    bits: u32,
    held: u8,
}

impl Sixes {
    /// Takes the value of the next digit, and gives the byte that it completes.
    #[inline]
    pub fn push(&mut self, value: u8) -> Option<u8> {
        self.bits = self.bits << 6 | u32::from(value);
        self.held += 6;
        if self.held < 8 {
            return None;
        }
        self.held -= 8;
        Some((self.bits >> self.held) as u8)
    }

    /// Bits that fill no byte yet: 6 of a digit that stands alone, which nobody writes.
    pub fn held(self) -> u8 {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_make_bytes_and_numbers() {
        assert_eq!((byte(b"4aX"), byte(b"Fe"), byte(b"4"), byte(b"g0"), byte(b"")), (Some(0x4a), Some(0xfe), None, None, None));
        assert_eq!(
            (number(b"10ffff"), number(b"0077"), number(b""), number(b"1000000"), number(b"7x")),
            (Some(0x10_ffff), Some(0x77), None, None, None)
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(written(&[0, 0x7f, 0xa0]), "007fa0");
        assert_eq!(byte(written(&[0xa0]).as_bytes()), Some(0xa0));
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_stay() {
        for (text, sign, space, plain) in [
            ("%41+%2B%4g%4%", b'%', Some(b'+'), "A +%4g%4%"),
            ("a+b=3D=zz=", b'=', None, "a+b==zz="),
            ("%41", b'=', None, "%41"),
            ("", b'%', None, ""),
        ] {
            let mut out = Vec::new();
            escaped(text.as_bytes(), sign, space, &mut out);
            assert_eq!(out, plain.as_bytes(), "{text}");
        }
    }

    #[test]
    fn digits_of_base64_make_bytes() {
        let decoded = |text: &[u8]| {
            let mut sixes = Sixes::default();
            let bytes: Vec<u8> = text.iter().filter_map(|&byte| sixes.push(base64(byte)?)).collect();
            (bytes, sixes.held())
        };
        // RFC 4648 section 10, and both alphabets.
        for (text, plain, held) in [(&b""[..], &b""[..], 0), (b"Zg", b"f", 4), (b"Zm8", b"fo", 2), (b"Zm9v", b"foo", 0), (b"Z", b"", 6)] {
            assert_eq!(decoded(text), (plain.to_vec(), held), "{}", text.escape_ascii());
        }
        assert_eq!((decoded(b"+/+/"), base64(b'=')), (decoded(b"-_-_"), None));
    }
}
