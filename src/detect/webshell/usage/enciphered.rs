//! Tools that encipher what they send: Behinder, whose body is one enciphered text, and Godzilla, whose parameter holds one.

use super::super::answer::Outcome;
use super::super::cipher::{Plain, decipher, is_known_affix, is_masked_gzip, is_masked_text};
use super::super::encoding::{base64, is_random, parameters, scanned};
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
    asked.script?;
    if !asked.is_post() {
        return negotiated(asked, answer);
    }
    by_body(asked, answer, room)
        .or_else(|| by_parameter(asked, room))
        .or_else(|| by_affix(asked, answer))
        .or_else(|| by_looks(asked, answer, room))
}

fn certain(shell: Shell) -> Option<Use> {
    Some(Use::new(shell, Sure::Certain))
}

/// The whole body is enciphered under a key that is known, or needs none.
fn by_body(asked: &Asked<'_>, _answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let body = asked.body.trim_ascii();
    if body.len() < BLOCK_BYTES as usize || asked.declared == Declared::Parts {
        return None;
    }
    if let Some(plain) = room.unbase64(body) {
        return match decipher(plain) {
            Some(Plain::Gzip) => certain(Shell::Godzilla),
            Some(_) => certain(Shell::Behinder),
            None if is_masked_gzip(plain) => certain(Shell::Godzilla),
            None if is_masked_text(plain) => certain(Shell::Behinder),
            None => None,
        };
    }
    if asked.declared == Declared::Other && matches!(body.first(), Some(b'{' | b'[' | b'<')) || body.starts_with(b"\x89PNG") {
        // Behinder 4 wraps what it sends into JSON, or a picture.
        let longest =
            body.split(|&byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))).max_by_key(|run| run.len())?;
        let plain = room.unbase64(longest).filter(|plain| plain.len() >= 2 * BLOCK_BYTES as usize)?;
        return decipher(plain).and_then(|_| certain(Shell::Behinder));
    }
    // Godzilla's raw variants and Behinder's for ASP.NET send the bytes themselves.
    match decipher(body) {
        Some(Plain::Gzip) => certain(Shell::Godzilla),
        Some(_) => certain(Shell::Behinder),
        None if is_masked_gzip(body) || is_masked_text(body) => certain(Shell::Godzilla),
        None => None,
    }
}

/// A parameter's value is.
fn by_parameter(asked: &Asked<'_>, room: &mut Room) -> Option<Use> {
    asked.find(room, |&Parameter { place, value, .. }, room| {
        if !matches!(place, Place::Form | Place::Part) || value.len() < VALUE_BYTES_MIN {
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
    // Programs in a browser say where they come from, and services who they are.
    let said = ["Origin", "X-Requested-With", "Authorization", "Sec-Fetch-Mode", "X-API-Key"]
        .iter()
        .any(|name| asked.request.field(name).is_some());
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
        _ => Sure::Suspect,
    };
    Some(Use::new(Shell::Behinder, sure).unknown_if_suspect())
}

/// Behinder 2 first asks for a key: `?pass=123`, and the answer is 16 hexadecimal digits.
fn negotiated(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let output = answer.body.trim_ascii();
    let is_key = answer.outcome == Outcome::Output
        && answer.whole
        && output.len() == 16
        && output.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut asked_for = parameters(asked.query);
    let is_number = matches!((asked_for.next(), asked_for.next()), (Some((_, value)), None) if (1..=4).contains(&value.len()) && value.iter().all(u8::is_ascii_digit));
    (is_key && is_number && asked.request.method == b"GET").then(|| Use::new(Shell::Behinder, Sure::Likely))
}

impl Use {
    /// Looks alone do not name a family.
    fn unknown_if_suspect(self) -> Self {
        if self.sure == Sure::Suspect { Use { shell: Shell::Unknown, ..self } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, exchanged, form, get, post};
    use super::*;
    use crate::detect::ics::testing::Random;

    fn found(sent: &Sent<'_>, answer: &str) -> Option<(Shell, Sure)> {
        exchanged(sent, Some((200, answer)), |exchange| {
            find(&Asked::new(exchange.request), &Answer::new(exchange), &mut Room::default()).map(|found| (found.shell, found.sure))
        })
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
        assert_eq!(found(&form("/api/a", BEHINDER), "mAUYLzmq"), None);
    }

    #[test]
    fn behinder_under_any_key() {
        let (sent, back) = (random_text(1440, 5), random_text(480, 9));
        assert_eq!(found(&form("/a.php", &sent), &back), Some((Shell::Behinder, Sure::Likely)));
        assert_eq!(found(&form("/a.php", &sent), "->|ok|<-"), Some((Shell::Behinder, Sure::Certain)));
        let accept = "text/html,application/signed-exchange;v=b3;q=0.9";
        assert_eq!(found(&form("/a.php", &sent).with("Accept", accept), &back), Some((Shell::Behinder, Sure::Certain)));
        assert_eq!(found(&get("/a.php?pass=645"), "0a1b2c3d4e5f6071"), Some((Shell::Behinder, Sure::Likely)));
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
        assert_eq!(found(&get("/a.php"), "21cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc"), None);
    }
}
