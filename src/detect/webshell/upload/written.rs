//! Scripts that exploits write: commands, programs and statements that a request brings for the server to run.

use memchr::memmem;

use super::super::asked::{Asked, Declared, Room};
use super::super::encoding::{has, has_any, is_word, percent, scanned};
use super::super::name::last_part;
use super::super::script::{self, Hold};
use super::super::usage::Sure;
use super::prose::is_prose;
use super::{BASE64_MIN, PATH_BYTES_MAX, Upload, is_script_path, is_shell};
use crate::protocol::digits;

/// Bytes of a script in a query at most.
const SCRIPT_BYTES_MAX: usize = 4096;

/// What writes a file, in the languages that exploits bring, in lower case.
const WRITERS: [&[u8]; 24] = [
    b"file_put_contents",
    b"fwrite(",
    b"fputs(",
    b"fopen(",
    b"fileoutputstream",
    b"filewriter",
    b"printwriter",
    b"writealltext",
    b"streamwriter",
    b"savetofile",
    b"createtextfile",
    b"set-content",
    b"out-file",
    b"randomaccessfile",
    b"files.write",
    b"certutil",
    b"into outfile",
    b"into dumpfile",
    b"| tee ",
    b"|tee ",
    b"filename",
    b"file_name",
    b"filepath",
    b"file_path",
];

/// A command or a program in the request that writes a script.
pub fn written(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let mut text = std::mem::take(&mut room.text);
    let bodies = [(asked.request.target, true), (asked.body, asked.declared == Declared::Form)];
    let mut found = bodies.into_iter().find_map(|(raw, plus)| {
        // Parts are looked at one by one. Some exploits declare them and send something else.
        if raw.is_empty() || asked.declared == Declared::Parts && !plus && !asked.request.parts.is_empty() {
            return None;
        }
        percent(raw, plus, &mut text);
        if has(&text, b"\\\"") {
            unescape_quotes(&mut text);
        }
        writes(&text, asked.stranger, room)
    });
    if found.is_none() {
        let fields = asked.request.fields.iter().filter(|field| memchr::memchr2(b'<', b'>', field.value).is_some());
        found = fields.take(64).find_map(|field| writes(scanned(field.value), asked.stranger, room));
    }
    room.text = text;
    found
}

/// Undoes what escapes quotes within a string of JSON (RFC 8259 section 7).
fn unescape_quotes(text: &mut Vec<u8>) {
    let mut kept = 0;
    for at in 0..text.len() {
        if !(text[at] == b'\\' && text.get(at + 1) == Some(&b'"')) {
            text[kept] = text[at];
            kept += 1;
        }
    }
    text.truncate(kept);
}

/// A script that a text writes, as a command, a program or a statement of SQL. `stranger` if nobody vouches for whoever sends it.
pub fn writes(text: &[u8], stranger: bool, room: &mut Room) -> Option<Upload> {
    let name = script_name(text)?;
    let lower = text.to_ascii_lowercase();
    let certain = |name: &[u8]| Some(Upload { sure: Sure::Certain, name: name.to_vec() });
    // Spring's class loader, led to write its access log as a page (CVE-2022-22965).
    if has(&lower, b"class.module.classloader") && has(&lower, b"suffix=.jsp") {
        return certain(name);
    }
    if let Some(name) = logs(text, &lower) {
        return certain(name);
    }
    let fetched = fetches(text, &lower);
    let redirected = redirects(text);
    if fetched.is_none() && redirected.is_none() && !has_any(&lower, &WRITERS) || is_prose(text) {
        return None;
    }
    // Nobody exports rows as a script: what is in it need not run yet.
    let least = if has_any(&lower, &SQL_WRITERS) { Hold::Code } else { Hold::Runs };
    if script::judge_any(text, &mut room.code).hold >= least || encoded_script(text, least, room) {
        return certain(redirected.unwrap_or(name));
    }
    // What it holds comes from elsewhere. Those who are vouched for may install programs so.
    let sure = if stranger { Sure::Certain } else { Sure::Suspect };
    fetched.map(|name| Upload { sure, name: name.to_vec() })
}

/// What writes rows into a file of the server's (MySQL 8.0 reference manual, 15.2.13.1), in lower case.
const SQL_WRITERS: [&[u8]; 2] = [b"into outfile", b"into dumpfile"];

/// Variables of MySQL that name a log file (MySQL 8.0 reference manual, 7.1.8), in lower case.
const LOG_FILES: [&[u8]; 2] = [b"general_log_file", b"slow_query_log_file"];

/// The script as which a database is told to write its log: then whatever is asked of it stands in there.
fn logs<'a>(text: &'a [u8], lower: &[u8]) -> Option<&'a [u8]> {
    LOG_FILES.iter().find_map(|variable| {
        let rest = text[memmem::find(lower, variable)? + variable.len()..].trim_ascii_start();
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let rest = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\""))?;
        let path = &rest[..memchr::memchr2(b'\'', b'"', rest)?];
        is_script_path(path).then(|| last_part(path))
    })
}

/// What fetches a file, in commands and programs, in lower case.
const FETCHERS: [&[u8]; 11] = [
    b"wget ",
    b"curl ",
    b"certutil",
    b"bitsadmin",
    b"downloadfile(",
    b"invoke-webrequest",
    b"iwr ",
    b"file_get_contents('http",
    b"file_get_contents(\"http",
    b"copy('http",
    b"copy(\"http",
];

/// The script as which something that is fetched is stored: `wget http://… -O /var/www/x.php`.
fn fetches<'a>(text: &'a [u8], lower: &[u8]) -> Option<&'a [u8]> {
    if !has(lower, b"://") || !has_any(lower, &FETCHERS) {
        return None;
    }
    let of_path = |byte: &u8| is_word(*byte) || matches!(byte, b'/' | b'\\' | b'.' | b'-' | b':' | b'~' | b'$' | b'?' | b'=' | b'&' | b'%');
    let mut words = text.split(|byte| !of_path(byte)).filter(|word| !has(word, b"//"));
    words.find(|word| word.contains(&b'.') && is_script_path(word)).map(last_part)
}

/// Extensions of scripts that exploits write, in lower case.
const WRITTEN: [&[u8]; 9] = [b".php", b".phtml", b".jsp", b".jspx", b".asp", b".aspx", b".ashx", b".cfm", b".php5"];

/// The last name of a script in a text.
fn script_name(text: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    for at in memchr::memchr_iter(b'.', text) {
        let mut end = at + 1 + text[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        // A letter of Java's own begins the next string, before its length (Java object serialization specification, TC_STRING).
        if text[at..end].ends_with(b"t") && text.get(end) == Some(&0) {
            end -= 1;
        }
        if WRITTEN.iter().any(|extension| text[at..end].eq_ignore_ascii_case(extension)) {
            let first = at.saturating_sub(PATH_BYTES_MAX);
            let start = text[first..at]
                .iter()
                .rposition(|&byte| !(is_word(byte) || matches!(byte, b'-' | b'.')))
                .map_or(first, |at| first + at + 1);
            found = Some(&text[start..end]);
        }
    }
    found
}

/// The script into which a shell's output is led: `> /var/www/x.php`.
fn redirects(text: &[u8]) -> Option<&[u8]> {
    memchr::memchr_iter(b'>', text).find_map(|at| {
        let rest = text[at + 1..].trim_ascii_start();
        let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
        let len = rest
            .iter()
            .take(PATH_BYTES_MAX)
            .take_while(|&&byte| is_word(byte) || matches!(byte, b'/' | b'\\' | b'.' | b'-' | b':' | b'~' | b'$'))
            .count();
        let path = &rest[..len];
        (len > 0 && is_script_path(path)).then(|| last_part(path))
    })
}

/// Whether a text holds a script with so much of a hold in base64 (there one that runs what it is told), or in SQL's hexadecimal digits (`0x3c3f…`, MySQL 8.0 reference manual, 11.1.4).
fn encoded_script(text: &[u8], least: Hold, room: &mut Room) -> bool {
    let in_hexadecimal = memmem::find_iter(text, b"0x3").take(8).any(|at| {
        let runs = text[at + 2..].chunks_exact(2).map_while(digits::byte);
        room.plain.clear();
        room.plain.extend(runs.take(SCRIPT_BYTES_MAX));
        script::judge_any(&room.plain, &mut room.code).hold >= least
    });
    if in_hexadecimal {
        return true;
    }
    // Base64 of `<?` and `<%`.
    [&b"PD9"[..], b"PD8", b"PCV", b"PCU"].iter().any(|start| {
        memmem::find_iter(text, start).take(8).any(|at| {
            let len = text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
            len >= BASE64_MIN && is_shell(&text[at..at + len], room)
        })
    })
}
