//! Scripts put on a server: as a file in a form, by PUT, in a request's body, or by a command or a program that writes them.

mod archive;
mod prose;
#[cfg(test)]
mod tests;
mod written;

use memchr::memmem;

use super::asked::{Asked, Declared, Place, Room};
use super::encoding::{base64, scanned};
use super::name::{Treatment, judge, last_part};
use super::script::{self, Content, Hold};
use super::usage::Sure;
use crate::protocol::carried::Body;
use prose::is_prose;
use written::written;

pub use written::writes;

/// A script that is put on a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub sure: Sure,
    /// The name that it is given, as sent.
    pub name: Vec<u8>,
}

/// Bytes of a script that is a webshell by its length alone, if a stranger brings it and it reads the request: one-line shells have fewer than 200.
const SHORT_BYTES: u64 = 512;
/// The same of a script that takes files from the request or hides what it does.
const OPENER_BYTES: u64 = 8 * 1024;
/// Bytes of a file's name at most (Linux, `NAME_MAX`), with folders before it.
const PATH_BYTES_MAX: usize = 512;
/// Base64 of a script has at least so many characters.
const BASE64_MIN: usize = 24;

/// Finds a script that the request puts on the server.
pub fn find(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let method = asked.request.method;
    if method == b"MOVE" || method == b"COPY" {
        return moved(asked);
    }
    if let Some(upload) = packed(asked, room) {
        return Some(upload);
    }
    if method == b"PUT"
        && let Some(sure) = direct(asked, asked.path, asked.body, b"", room)
    {
        return Some(Upload { sure, name: last_part(asked.path).to_vec() });
    }
    let by_part = asked.request.parts.iter().filter_map(|part| {
        let name = part.file_name?;
        let sure = direct(asked, name, part.body.head, part.content_type, room)?;
        Some(Upload { sure, name: last_part(name).to_vec() })
    });
    let by_part = by_part.max_by_key(|upload| upload.sure);
    if by_part.as_ref().is_some_and(|upload| upload.sure == Sure::Certain) {
        return by_part;
    }
    paired(asked, room).or_else(|| written(asked, room)).or(by_part)
}

/// A file whose name and content are both given.
fn direct(asked: &Asked<'_>, name: &[u8], content: &[u8], kind: &[u8], room: &mut Room) -> Option<Sure> {
    let judged = judge(name);
    match judged.treatment {
        Treatment::Script(language) => {
            let mut found = script::judge(language, content, &mut room.code);
            if found.hold == Hold::None && base64(content.trim_ascii(), &mut room.more) {
                // Parts can be sent in base64 (RFC 2045 section 6.8), and some services take nothing else.
                found = script::judge(language, &room.more, &mut room.code);
            }
            let content = found;
            scripted(asked, &content, judged.disguised || kind.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case(b"image/")))
        }
        Treatment::Settings => script::opens_folder(content, &mut room.code).then_some(Sure::Certain),
        // See `packed`.
        Treatment::Archive => None,
        // A picture that holds a shell waits for something that includes it.
        Treatment::Plain => {
            // So does a text that is a shell, where files can be given another name later.
            let found = script::judge_any(content, &mut room.code);
            let by_put = asked.request.method == b"PUT" && matches!(content.trim_ascii_start(), [b'<', b'?' | b'%', ..]);
            ((found.dressed && !archive::is_archive(content) || by_put) && found.hold == Hold::Runs).then_some(Sure::Suspect)
        }
    }
}

/// A content that the server will run.
fn scripted(asked: &Asked<'_>, content: &Content, disguised: bool) -> Option<Sure> {
    let disguised = disguised || content.dressed;
    let by_put = asked.request.method == b"PUT";
    match content.hold {
        Hold::None => None,
        Hold::Runs => Some(Sure::Certain),
        _ if disguised => Some(Sure::Certain),
        // Who deploys by PUT says who they are.
        _ if by_put && asked.stranger => Some(Sure::Certain),
        Hold::Opens if content.code_bytes <= OPENER_BYTES => Some(if asked.stranger { Sure::Certain } else { Sure::Suspect }),
        Hold::Opens => None,
        Hold::Reads if asked.stranger && content.code_bytes <= SHORT_BYTES => Some(Sure::Certain),
        Hold::Code if asked.stranger && content.code_bytes <= SHORT_BYTES => Some(Sure::Suspect),
        Hold::Reads | Hold::Code => None,
    }
}

/// Words in a request's target that say that the server unpacks what it gets, in lower case.
const UNPACKERS: [&[u8]; 9] = [b"deploy", b"manager", b"plugin", b"theme", b"module", b"extension", b"install", b"unzip", b"restore"];

/// An archive with a shell in it that the server will unpack: by its name, or by what the request is for.
fn packed(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let unpacked = || {
        let target = asked.request.target.to_ascii_lowercase();
        UNPACKERS.iter().any(|word| memmem::find(&target, word).is_some())
    };
    let whole = |body: &Body<'_>| body.complete && body.bytes == body.head.len() as u64;
    let named = |name: &[u8]| judge(name).treatment == Treatment::Archive;
    let files = asked.request.parts.iter().filter_map(|part| Some((part.file_name?, part.body)));
    let all = std::iter::once((asked.path, asked.request.body)).filter(|_| asked.declared != Declared::Parts).chain(files);
    all.filter(|(_, body)| archive::is_archive(body.head) && whole(body)).find_map(|(name, body)| {
        let name = archive::shell_in(body.head, room).filter(|_| named(name) || unpacked())?;
        Some(Upload { sure: Sure::Certain, name })
    })
}

/// A file that is made a script by its new name (RFC 4918 sections 9.8 and 9.9).
fn moved(asked: &Asked<'_>) -> Option<Upload> {
    let name = renamed(asked)?;
    asked.stranger.then_some(Upload { sure: Sure::Certain, name })
}

/// The name of a script that MOVE or COPY makes of something that was none.
pub fn renamed(asked: &Asked<'_>) -> Option<Vec<u8>> {
    let target = super::asked::split(asked.request.field("Destination")?).0;
    let becomes_script = matches!(judge(target).treatment, Treatment::Script(_)) && asked.script.is_none();
    (matches!(asked.request.method, b"MOVE" | b"COPY") && becomes_script).then(|| last_part(target).to_vec())
}

/// A name in one place of the request and a script that runs what it is told in another.
fn paired(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let mut name = named_by_field(asked);
    let mut runs = false;
    let _: Option<()> = asked.find(room, |parameter, room| {
        if parameter.place == Place::Cookie {
            return None;
        }
        if name.is_none() && is_script_path(parameter.value) {
            name = Some(last_part(parameter.value).to_vec());
        }
        runs |= is_shell(parameter.value, room);
        None
    });
    for part in asked.request.parts {
        let content = scanned(part.body.head);
        runs |= part.file_name.is_some() && is_shell(content, room);
        if let Some(file_name) = part.file_name.filter(|name| matches!(judge(name).treatment, Treatment::Script(_))) {
            name.get_or_insert_with(|| last_part(file_name).to_vec());
        }
    }
    runs |= asked.declared != Declared::Form && asked.declared != Declared::Parts && is_shell(asked.body, room);
    match (name, runs) {
        (Some(name), true) => Some(Upload { sure: Sure::Certain, name }),
        _ => None,
    }
}

/// The name that a header field gives a file.
fn named_by_field(asked: &Asked<'_>) -> Option<Vec<u8>> {
    ["X-File-Name", "X-Filename", "Slug", "Content-Disposition"].iter().find_map(|field| {
        let value = asked.request.field(field)?;
        let value = memmem::find(value, b"filename=").map_or(value, |at| &value[at + 9..]);
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = &value[..memchr::memchr2(b'"', b';', value).unwrap_or(value.len())];
        matches!(judge(value).treatment, Treatment::Script(_)).then(|| last_part(value).to_vec())
    })
}

/// A value that is nothing but the path of a script.
fn is_script_path(value: &[u8]) -> bool {
    value.len() <= PATH_BYTES_MAX
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'\\' | b'.' | b'_' | b'-' | b':' | b'%' | b'~' | b';' | 0))
        && matches!(judge(value).treatment, Treatment::Script(_))
}

/// A value that begins as a script does, perhaps in base64 or behind a picture's first bytes, and that runs what it is told.
fn is_shell(value: &[u8], room: &mut Room) -> bool {
    let start = value.trim_ascii_start();
    if start.starts_with(b"<") {
        // A page that quotes a script is written for people.
        let is_code = [&b"<?"[..], b"<%", b"<jsp:", b"<script", b"<SCRIPT"].iter().any(|tag| start.starts_with(tag));
        if !is_code && is_prose(start) {
            return false;
        }
        return script::judge_any(start, &mut room.code).hold == Hold::Runs;
    }
    // `data:image/png;base64,…` (RFC 2397).
    let encoded = memmem::find(start.get(..64).unwrap_or(start), b"base64,").map_or(start, |at| &start[at + 7..]);
    if encoded.len() >= BASE64_MIN && base64(encoded.trim_ascii(), &mut room.more) {
        let plain = std::mem::take(&mut room.more);
        let found = script::judge_any(&plain, &mut room.code);
        room.more = plain;
        return found.hold == Hold::Runs;
    }
    let found = script::judge_any(start, &mut room.code);
    found.dressed && found.hold == Hold::Runs
}
