//! DarkComet: the controller speaks first, twelve upper-case hexadecimal digits; the bot answers in the same manner (Denbow and Hertz,
//! "Pest Control: Taming the RATs", 2012). Digits alone may be something else, so it stays a suspect.

use super::{Heads, Verdict};

/// `IDTYPE` under RC4, in hexadecimal.
const HELLO_BYTES: usize = 12;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let hex = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte));
    if heads.server.is_empty() && heads.client.is_empty() {
        return Verdict::Perhaps;
    }
    let hello = &heads.server[..heads.server.len().min(HELLO_BYTES)];
    if !hex(hello) || !hex(heads.client) || !heads.client.len().is_multiple_of(2) || heads.server.is_empty() {
        return Verdict::No;
    }
    // Letters among the digits: a number alone is none.
    let mixed = hello.iter().any(u8::is_ascii_alphabetic) && heads.client.iter().any(u8::is_ascii_alphabetic);
    if hello.len() == HELLO_BYTES && heads.client.len() >= HELLO_BYTES && mixed { Verdict::Suspect } else { Verdict::Perhaps }
}
