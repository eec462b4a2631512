//! What a server says of an upload beside its status: many that store nothing answer 200 all the same, and say in the body that they would not.

use memchr::memmem;

use super::quoted::quoted;

/// The longest body that is taken for a notice: a page that is longer says more than one thing.
const NOTICE_BYTES_MAX: usize = 4096;
/// Members of a JSON object that say by `true` or `false`, or by a word, how it went.
const VERDICTS: [&[u8]; 7] = [b"success", b"ok", b"uploaded", b"succeeded", b"status", b"state", b"result"];
/// Those of them of which 0 says that it failed: of the others it says as often that nothing went wrong.
const COUNTS: [&[u8]; 4] = [b"success", b"ok", b"uploaded", b"succeeded"];
/// Members that say by being there, with something in them, that it failed.
const ERRORS: [&[u8]; 5] = [b"error", b"errors", b"err", b"error_message", b"errormessage"];
/// Words of a verdict that say so, and that say the contrary.
const FAILED: [&[u8]; 8] = [b"error", b"err", b"fail", b"failed", b"failure", b"false", b"rejected", b"denied"];
const WENT_WELL: [&[u8]; 5] = [b"ok", b"success", b"succeeded", b"true", b"done"];
/// What notices of a refusal say, in lower case.
const REFUSALS: [&str; 20] = [
    "not allowed",
    "not permitted",
    "not uploaded",
    "not supported",
    "not accepted",
    "not an image",
    "not a valid",
    "unsupported file",
    "unsupported media",
    "invalid file",
    "invalid extension",
    "invalid type",
    "invalid image",
    "illegal file",
    "illegal extension",
    "disallowed",
    "upload failed",
    "failed to upload",
    "file rejected",
    "upload rejected",
];
/// What notices of a success say, in lower case. A page with both keeps a hint of what it takes beside its form.
const SUCCESSES: [&str; 6] = ["success", "been uploaded", "was uploaded", "uploaded to", "been saved", "saved as"];

/// Whether the whole body of an answer says that the server did not take what was sent.
pub fn refuses(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    if text.is_empty() || text.len() > NOTICE_BYTES_MAX {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with(b"{")
        && let Some(failed) = verdict(&lower)
    {
        return failed;
    }
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| memmem::find(&lower, phrase.as_bytes()).is_some());
    says(&REFUSALS) && !says(&SUCCESSES)
}

/// What the members of a JSON object say, and those inside of it: whether it failed, by the first that tells.
fn verdict(object: &[u8]) -> Option<bool> {
    let mut rest = object;
    while let Some((name, value)) = member(rest) {
        let said = first(value);
        if VERDICTS.contains(&name) {
            match said {
                Some(First::Text(word) | First::Word(word)) if FAILED.contains(&word) => return Some(true),
                Some(First::Text(word) | First::Word(word)) if WENT_WELL.contains(&word) => return Some(false),
                Some(First::Word(word)) if COUNTS.contains(&name) && is_number(word) => return Some(word == b"0"),
                _ => {}
            }
        } else if ERRORS.contains(&name) {
            match said {
                None | Some(First::Text(b"") | First::Word(b"null" | b"false")) => {}
                // Its meaning is the server's own.
                Some(First::Word(word)) if is_number(word) => {}
                Some(_) => return Some(true),
            }
        }
        rest = value;
    }
    None
}

fn is_number(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_digit)
}

/// The next member's name, and the text from its value on.
fn member(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = text;
    loop {
        let (name, behind) = quoted(rest)?;
        match behind.trim_ascii_start() {
            [b':', value @ ..] => return Some((name, value.trim_ascii_start())),
            _ => rest = behind,
        }
    }
}

/// How a value begins.
#[derive(Clone, Copy)]
enum First<'a> {
    Text(&'a [u8]),
    /// A number, `true`, `false`, `null`.
    Word(&'a [u8]),
    /// An object or an array that is not empty.
    More,
}

/// How a value begins; `None` where it is empty.
fn first(value: &[u8]) -> Option<First<'_>> {
    match value {
        [b'"', ..] => {
            let (text, _) = quoted(value)?;
            // One that is cut off says nothing.
            (value.get(1 + text.len()) == Some(&b'"')).then_some(First::Text(text))
        }
        [b'{' | b'[', inner @ ..] => (!matches!(inner.trim_ascii_start(), [b'}' | b']', ..] | [])).then_some(First::More),
        _ => {
            let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
            (end > 0).then(|| First::Word(&value[..end]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_of_a_refusal() {
        for body in [
            r#"{"success":false,"error":"File type not allowed"}"#,
            r#"{ "ok" : false }"#,
            r#"{"status":"error","message":"bad"}"#,
            r#"{"uploaded":0,"error":{"message":"Invalid."}}"#,
            r#"{"success":0}"#,
            r#"{"files":[{"name":"a.php","error":"ext"}]}"#,
            r#"{"error":"no"}"#,
            r#"{"errors":["ext"]}"#,
            r#"{"code":1,"msg":"Invalid extension"}"#,
            "Sorry, only JPG, JPEG, PNG files are allowed. Sorry, your file was not uploaded.",
            "<html><body><p>Error: this file type is not permitted.</p></body></html>",
        ] {
            assert!(refuses(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn what_says_nothing_or_the_contrary() {
        for body in [
            "",
            "ok",
            "saved",
            "{}",
            r#"{"success":true,"error":""}"#,
            r#"{"error":0,"url":"/up/a.php"}"#,
            r#"{"error":null,"path":"/up/a.php"}"#,
            r#"{"errors":[],"id":7}"#,
            r#"{"status":0,"url":"/up/a.php"}"#,
            r#"{"success":1,"error":"none"}"#,
            r#"{"status":"ok","message":"php is not allowed in names"}"#,
            r#"{"name":"error","size":3}"#,
            r#"{"status":200,"data":{"url":"/up/a.php"}}"#,
            r#"{"a":"\"error\":true"}"#,
            "<form>Executables are not allowed</form> The file has been uploaded.",
            "{\"",
            "{\"error\":\"",
            "{\"error\"",
        ] {
            assert!(!refuses(body.as_bytes()), "{body}");
        }
        assert!(!refuses(&[b"not allowed ".as_slice(), &[b'x'; NOTICE_BYTES_MAX]].concat()));
    }
}
