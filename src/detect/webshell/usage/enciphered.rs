//! Tools that encipher what they send: Behinder, whose body is one enciphered text, and Godzilla, whose parameter holds one.

use super::super::answer::Outcome;
use super::super::cipher::{GODZILLAS, Plain, decipher, decipher_under, is_known_affix, is_masked_gzip, is_masked_text, opened_by};
use super::super::encoding::{base64, is_random, parameters, percent, scanned};
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};
use crate::detect::webshell::asked::{Declared, Parameter, Place};

/// Characters of an enciphered value at least: one block of AES in base64.
const VALUE_BYTES_MIN: usize = 22;
/// Bytes of a block of AES.
const BLOCK_BYTES: u64 = 16;
/// Bytes of an enciphered body from which on its looks say something.
const LOOKS_BYTES_MIN: usize = 128;

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    if asked.script.is_none() {
        return in_memory(asked, answer, room);
    }
    if !asked.is_post() {
        return negotiated(asked, answer, room);
    }
    by_body(asked, room).or_else(|| by_parameter(asked, room)).or_else(|| by_affix(asked, answer)).or_else(|| by_looks(asked, answer, room))
}

fn certain(shell: Shell) -> Option<Use> {
    Some(Use::new(shell, Sure::Certain))
}

/// Parameters of a form that are opened where no script is asked for: the tools send one.
const PARAMETERS_IN_MEMORY: usize = 4;

/// A shell that was put into the server's memory answers wherever it likes: then a key that is known is proof, and so is what an answer to
/// something enciphered is enclosed by.
fn in_memory(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let body = asked.body.trim_ascii();
    if !asked.is_post() || body.len() < VALUE_BYTES_MIN || !matches!(asked.declared, Declared::Form | Declared::Bytes) {
        return None;
    }
    let opened = |cipher: &[u8], otherwise: Shell| match decipher(cipher)? {
        Plain::Gzip => certain(Shell::Godzilla),
        _ => certain(otherwise),
    };
    if let Some(plain) = room.unbase64(without_magic(body)) {
        return opened(plain, Shell::Behinder);
    }
    let mut value = std::mem::take(&mut room.text);
    let found = parameters(asked.form()).take(PARAMETERS_IN_MEMORY).filter(|(_, raw)| raw.len() >= VALUE_BYTES_MIN).find_map(|(_, raw)| {
        percent(raw, false, &mut value);
        room.unbase64(&value).and_then(|plain| opened(plain, Shell::Godzilla))
    });
    let is_coded = |(_, raw): (&[u8], &[u8])| {
        percent(raw, false, &mut value);
        raw.len() >= VALUE_BYTES_MIN && room.unbase64(&value).is_some()
    };
    let coded = found.is_none() && parameters(asked.form()).take(PARAMETERS_IN_MEMORY).any(is_coded);
    room.text = value;
    found.or_else(|| if coded { by_affix(asked, answer) } else { None })
}

/// The whole body is enciphered under a key that is known, or needs none.
fn by_body(asked: &Asked<'_>, room: &mut Room) -> Option<Use> {
    let body = asked.body.trim_ascii();
    if body.len() < BLOCK_BYTES as usize || asked.declared == Declared::Parts {
        return None;
    }
    let agreed = room.agreed;
    if let Some(plain) = room.unbase64(without_magic(body)) {
        if decipher_under(&agreed, plain).is_some() {
            return certain(Shell::Behinder);
        }
        return match decipher(plain) {
            Some(Plain::Gzip) => certain(Shell::Godzilla),
            Some(_) => certain(Shell::Behinder),
            None if is_masked_gzip(plain) => certain(Shell::Godzilla),
            None if is_masked_text(plain) => certain(Shell::Behinder),
            None => None,
        };
    }
    if asked.declared == Declared::Other && matches!(body.first(), Some(b'{' | b'[' | b'<')) || body.starts_with(b"\x89PNG") {
        return wrapped(body, room).then_some(Use::new(Shell::Behinder, Sure::Certain));
    }
    if decipher_under(&agreed, body).is_some() {
        return certain(Shell::Behinder);
    }
    // Godzilla's raw variants and Behinder's for ASP.NET send the bytes themselves.
    match opened_by(body) {
        Some((Plain::Gzip, _) | (_, GODZILLAS)) => certain(Shell::Godzilla),
        Some(_) => certain(Shell::Behinder),
        None if is_masked_gzip(body) || is_masked_text(body) => certain(Shell::Godzilla),
        None => None,
    }
}

/// Bytes that Behinder 4's `aes_with_magic` puts behind its base64, at most: the key's first byte, modulo 16.
const MAGIC_BYTES_MAX: usize = 15;

/// A body without a few bytes behind its base64.
fn without_magic(body: &[u8]) -> &[u8] {
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let letters = body.iter().position(|byte| !of_base64(byte)).unwrap_or(body.len());
    let padding = body[letters..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    let whole = letters + padding;
    // Letters of the magic may be base64's, too: whole fours are what counts, unless all of it is base64 without padding.
    let len = if padding == 0 && (whole < body.len() || whole % 4 == 1) { whole - whole % 4 } else { whole };
    if len >= 2 * VALUE_BYTES_MIN && body.len() - len <= MAGIC_BYTES_MAX + 3 { &body[..len] } else { body }
}

/// The end of a PNG: the last chunk's name and its check sum (W3C, PNG, section 11.2.5).
const PNG_END: &[u8] = b"IEND\xae\x42\x60\x82";

/// Whether Behinder 4 has wrapped what it sends into JSON (`default_json`, in base64 whose plus and slash are brackets) or put it behind a picture
/// (`default_image`).
fn wrapped(body: &[u8], room: &mut Room) -> bool {
    let least = 2 * BLOCK_BYTES as usize;
    let behind = memchr::memmem::find(body, PNG_END).map(|at| &body[at + PNG_END.len()..]);
    if behind.is_some_and(|cipher| cipher.len() >= least && decipher(cipher).is_some()) {
        return true;
    }
    let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'<' | b'>');
    let Some(longest) = body.split(|&byte| !of_base64(byte)).max_by_key(|run| run.len()) else { return false };
    let usual: Vec<u8> = longest
        .iter()
        .map(|byte| match byte {
            b'<' => b'+',
            b'>' => b'/',
            other => *other,
        })
        .collect();
    room.unbase64(&usual).is_some_and(|plain| plain.len() >= least && decipher(plain).is_some())
}

/// A parameter's value is.
fn by_parameter(asked: &Asked<'_>, room: &mut Room) -> Option<Use> {
    asked.find(room, |&Parameter { place, value, .. }, room| {
        if !matches!(place, Place::Form | Place::Part | Place::Xml) || value.len() < VALUE_BYTES_MIN {
            return None;
        }
        let plain = room.unbase64(value)?;
        (decipher(plain).is_some() || is_masked_gzip(plain) || is_masked_text(plain)).then(|| Use::new(Shell::Godzilla, Sure::Certain))
    })
}

/// The answer has the form of Godzilla's.
fn by_affix(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let affix = answer.affix()?;
    let value = |(name, value): (&[u8], &[u8])| (!value.is_empty()).then(|| is_known_affix(name, affix));
    let known = parameters(asked.form()).filter_map(value).try_fold(None, |_, known| if known { Err(()) } else { Ok(Some(())) });
    match known {
        Err(()) => certain(Shell::Godzilla),
        // A parameter came with it, or a body without one.
        Ok(Some(())) => Some(Use { repeats: Some(affix), ..Use::new(Shell::Godzilla, Sure::Likely) }),
        Ok(None) => None,
    }
}

/// Under a key that nobody knows: base64 of whole blocks, declared as a form that it is not, to a script, and what comes back is of the kind.
fn by_looks(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let body = asked.body.trim_ascii();
    if body.len() < LOOKS_BYTES_MIN || !matches!(asked.declared, Declared::Form | Declared::Bytes) || answer.outcome != Outcome::Output {
        return None;
    }
    let whole = asked.request.body.complete && asked.request.body.bytes == asked.body.len() as u64;
    let is_text = room.unbase64(body).is_some();
    let cipher = if is_text { &room.plain[..] } else { body };
    if !is_random(cipher) || whole && !(cipher.len() as u64).is_multiple_of(BLOCK_BYTES) {
        return None;
    }
    let said = asked.says_who();
    let answered_alike = {
        let output = scanned(answer.body).trim_ascii();
        let mut plain = Vec::new();
        let back = if base64(output, &mut plain) { &plain[..] } else { output };
        is_random(back)
    };
    // A page's headers on a request that no page makes: Behinder's client sends those of a browser that opens one.
    let as_navigation = asked.field_has("Accept", b"signed-exchange") && asked.request.field("Upgrade-Insecure-Requests").is_none();
    let as_form = asked.declared == Declared::Form && is_text;
    let sure = match (as_form, answered_alike || answer.is_framed()) {
        _ if said => Sure::Suspect,
        (true, _) if answer.is_framed() => Sure::Certain,
        (_, true) if as_navigation => Sure::Certain,
        (true, true) => Sure::Likely,
        // Tests of speed and telemetry send chance to scripts, too, and are answered with a word.
        (false, false) => return None,
        _ => Sure::Suspect,
    };
    Some(Use::new(Shell::Behinder, sure).unknown_if_suspect())
}

/// Behinder 2 first asks for a key: `?pass=123`, and the answer is 16 hexadecimal digits, kept in a session. By itself that may be any
/// service's token; what is then enciphered under it is Behinder's.
fn negotiated(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let output: [u8; 16] = answer.body.trim_ascii().try_into().ok()?;
    let is_key = answer.outcome == Outcome::Output && answer.whole && output.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut asked_for = parameters(asked.query);
    let is_number = matches!((asked_for.next(), asked_for.next()), (Some((_, value)), None) if (1..=4).contains(&value.len()) && value.iter().all(u8::is_ascii_digit));
    if !(is_key && is_number && asked.request.method == b"GET") {
        return None;
    }
    room.agree(output);
    let in_session = answer.response.is_some_and(|response| response.field("Set-Cookie").is_some());
    in_session.then(|| Use::new(Shell::Behinder, Sure::Suspect))
}

impl Use {
    /// Looks alone do not name a family.
    fn unknown_if_suspect(self) -> Self {
        if self.sure == Sure::Suspect { Use { shell: Shell::Unknown, ..self } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get, post};
    use super::super::found_by;
    use super::*;
    use crate::detect::ics::testing::Random;

    fn found(sent: &Sent<'_>, answer: &str) -> Option<(Shell, Sure)> {
        found_by(find, sent, answer).map(|found| (found.shell, found.sure))
    }

    /// Base64 of so many bytes at random.
    fn random_text(bytes: usize, seed: u64) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut random = Random(seed);
        (0..bytes.div_ceil(3) * 4).map(|_| char::from(DIGITS[random.below(64)])).collect()
    }

    const BEHINDER: &str = "3Mn1yNMtoZViV5wotQHPJm7cRWHP6PMjLILVEpbUrN5WygKtUlR1wc6m8iE0QldY";

    #[test]
    fn behinder_under_a_known_key() {
        assert_eq!(found(&form("/a.php", BEHINDER), "mAUYLzmq"), Some((Shell::Behinder, Sure::Certain)));
        let json = format!("{{\"id\":\"1\",\"body\":{{\"user\":\"{BEHINDER}\"}}}}");
        assert_eq!(found(&post("/a.php", "application/json", json.as_bytes()), ""), Some((Shell::Behinder, Sure::Certain)));
        // A shell in the server's memory has no file.
        assert_eq!(found(&form("/api/a", BEHINDER), "mAUYLzmq"), Some((Shell::Behinder, Sure::Certain)));
        let parameter = form("/", "pass=fL1tMGI4YTljMf5%2FH%2F2pfJJ9qX0HWgBZAxl8Hxw1YctaFDUjYjhh");
        assert_eq!(found(&parameter, ""), Some((Shell::Godzilla, Sure::Certain)));
        assert_eq!(found(&form("/api/a", &random_text(1440, 5)), "ok"), None);
        assert_eq!(found(&form("/api/a", &format!("token={}&q=1", random_text(48, 3))), "ok"), None);
    }

    #[test]
    fn behinder_under_any_key() {
        let (sent, back) = (random_text(1440, 5), random_text(480, 9));
        assert_eq!(found(&form("/a.php", &sent), &back), Some((Shell::Behinder, Sure::Likely)));
        assert_eq!(found(&form("/a.php", &sent), "->|ok|<-"), Some((Shell::Behinder, Sure::Certain)));
        let accept = "text/html,application/signed-exchange;v=b3;q=0.9";
        assert_eq!(found(&form("/a.php", &sent).with("Accept", accept), &back), Some((Shell::Behinder, Sure::Certain)));
    }

    #[test]
    fn services_with_enciphered_bodies_are_at_most_suspect() {
        let (sent, back) = (random_text(1440, 5), random_text(480, 9));
        assert_eq!(found(&form("/a.php", &sent).with("Origin", "https://app.example"), &back), Some((Shell::Unknown, Sure::Suspect)));
        assert_eq!(found(&post("/a.php", "text/plain", sent.as_bytes()), &back), None);
        assert_eq!(found(&post("/api/collect", "application/octet-stream", sent.as_bytes()), &back), None);
        assert_eq!(found(&form("/a.php", &sent), "<html>no results</html>"), None);
        assert_eq!(found(&form("/a.php", "data=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ%3D"), "ok"), None);
        assert_eq!(found(&get("/a.php?id=7"), "0a1b2c3d4e5f60710"), None);
    }

    #[test]
    fn godzilla_by_parameter_and_by_answer() {
        let sent = form("/a.php", "pass=fL1tMGI4YTljMf5%2FH%2F2pfJJ9qX0HWgBZAxl8Hxw1YctaFDUjYjhh");
        assert_eq!(found(&sent, ""), Some((Shell::Godzilla, Sure::Certain)));
        let other_key = form("/a.php", "pass=AAAA&x=1");
        assert_eq!(
            found(&other_key, "11cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc"),
            Some((Shell::Godzilla, Sure::Certain))
        );
        assert_eq!(
            found(&other_key, "21cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc"),
            Some((Shell::Godzilla, Sure::Likely))
        );
        // In memory, too, if what was sent may be enciphered.
        let answer = "21cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc";
        let in_memory = form("/api/a", "p=QUJDREVGR0hJSktMTU5PUFFSUw%3D%3D");
        assert_eq!(found(&in_memory, answer), Some((Shell::Godzilla, Sure::Likely)));
        assert_eq!(found(&form("/api/a", "p=AAAA&x=1"), answer), None);
        // Bytes as they are, under Godzilla's key.
        let raw = super::super::super::testing::request("POST", "/a.php", b"|\xbdm0b8a9c1\xfe\x7f\x1f\xfd\xa9|\x92}\xa9}\x07Z\0Y");
        assert_eq!(found(&raw, "").map(|found| found.0), Some(Shell::Godzilla));
        assert_eq!(found(&get("/a.php"), "21cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc"), None);
    }
}
