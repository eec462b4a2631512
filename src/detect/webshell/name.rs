//! How a web server will treat a file of this name: run it, obey it, or hand it out.

use super::encoding::percent;

/// The language in which a server runs a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    Php,
    Java,
    Asp,
    ColdFusion,
    /// Perl and other programs behind the Common Gateway Interface.
    Cgi,
    /// Server side includes.
    Includes,
}

/// What a server does with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// Runs it.
    Script(Language),
    /// Obeys it: a folder's settings.
    Settings,
    /// Unpacks it and runs what is in it.
    Archive,
    /// Hands it out.
    Plain,
}

/// What a name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    pub treatment: Treatment,
    /// It is made to look like something else than it is: nobody names a file so by chance.
    pub disguised: bool,
}

const PLAIN: Name = Name { treatment: Treatment::Plain, disguised: false };

/// Parts of a path that are looked at.
const PARTS_MAX: usize = 32;
/// Bytes of a name's last part that are looked at.
const NAME_BYTES: usize = 255;

/// Extensions that a server runs, in lower case: those of PHP (and what Apache and its packagers map to it), of Java server pages, of IIS, of
/// ColdFusion and of CGI. `phps` shows the source and is none.
fn language(extension: &[u8]) -> Option<Language> {
    Some(match extension {
        b"php" | b"php2" | b"php3" | b"php4" | b"php5" | b"php6" | b"php7" | b"php8" | b"pht" | b"phtm" | b"phtml" | b"phar" | b"pgif"
        | b"inc" | b"hphp" | b"ctp" | b"module" => Language::Php,
        b"jsp" | b"jspx" | b"jspf" | b"jspa" | b"jsw" | b"jsv" | b"jhtml" | b"wss" => Language::Java,
        b"asp" | b"aspx" | b"asa" | b"asax" | b"ascx" | b"ashx" | b"asmx" | b"cer" | b"cdx" | b"aspq" | b"cshtml" | b"vbhtml" | b"soap"
        | b"svc" | b"rem" | b"htr" | b"idc" => Language::Asp,
        b"cfm" | b"cfml" | b"cfc" | b"dbm" => Language::ColdFusion,
        b"cgi" | b"pl" => Language::Cgi,
        b"shtml" | b"shtm" | b"stm" => Language::Includes,
        _ => return None,
    })
}

/// Last extensions that are added to a script so that it is *not* run: to show it, to keep it, to ship it, or as long as not all of it has come.
const HANDED_OUT: [&[u8]; 27] = [
    b"txt",
    b"md",
    b"html",
    b"htm",
    b"bak",
    b"old",
    b"orig",
    b"log",
    b"diff",
    b"patch",
    b"dist",
    b"example",
    b"sample",
    b"zip",
    b"gz",
    b"tpl",
    b"twig",
    b"css",
    b"js",
    b"map",
    b"tmp",
    b"temp",
    b"swp",
    b"part",
    b"filepart",
    b"new",
    b"save",
];

/// Whether letters are of both cases.
fn mixed_case(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase)
}

/// Judges a file name or a path, as sent.
pub fn judge(name: &[u8]) -> Name {
    let name = name.get(name.len().saturating_sub(NAME_BYTES)..).unwrap_or(name);
    if !name.contains(&b'%') {
        return judge_decoded(name);
    }
    let mut decoded = Vec::with_capacity(name.len());
    percent(name, false, &mut decoded);
    judge_decoded(&decoded)
}

fn judge_decoded(name: &[u8]) -> Name {
    let mut disguised = false;
    // Tomcat stored `x.jsp/` as `x.jsp` (CVE-2017-12615), and a path's last `.` is the folder itself.
    let trimmed = trim_end(name, |byte| byte == b'/');
    let trimmed = trimmed.strip_suffix(b"/.").map_or(trimmed, |folder| trim_end(folder, |byte| byte == b'/'));
    if trimmed.len() < name.len() {
        if !matches!(by_extension(last_part(trimmed)).treatment, Treatment::Script(_)) {
            return PLAIN;
        }
        disguised = true;
    }
    let mut part = last_part(trimmed);
    // What stands behind a null byte is not stored.
    if let Some(at) = memchr::memchr(0, part) {
        let stored = by_extension(&part[..at]);
        return Name { disguised: true, ..stored };
    }
    // Windows drops trailing dots and spaces, and `::$DATA` names the file itself (MS-FSCC section 2.1.5).
    if let Some(at) = memchr::memmem::find(part, b"::$") {
        (part, disguised) = (&part[..at], true);
    }
    // Apache 2.4.29 and before ran `x.php\n` (CVE-2017-15715).
    let stripped = trim_end(part, |byte| byte == b'.' || byte <= b' ');
    if stripped.len() < part.len() && by_extension(stripped).treatment != Treatment::Plain {
        (part, disguised) = (stripped, true);
    }
    // IIS 6 reads `x.asp;.jpg` as `x.asp` (CVE-2009-4444). In a path `;` begins parameters (RFC 3986 section 3.3).
    if let Some(at) = memchr::memchr(b';', part) {
        let (before, behind) = (by_extension(&part[..at]), by_extension(&part[at + 1..]));
        if matches!(before.treatment, Treatment::Script(_)) {
            let extended = memchr::memchr(b'.', &part[at + 1..]).is_some() && behind.treatment == Treatment::Plain;
            return Name { disguised: before.disguised || disguised || extended, ..before };
        }
    }
    let found = by_extension(part);
    Name { disguised: found.disguised || disguised && found.treatment != Treatment::Plain, ..found }
}

fn trim_end(bytes: &[u8], drop: impl Fn(u8) -> bool) -> &[u8] {
    let kept = bytes.iter().rposition(|&byte| !drop(byte)).map_or(0, |at| at + 1);
    &bytes[..kept]
}

/// The part of a path behind the last separator.
pub fn last_part(path: &[u8]) -> &[u8] {
    let at = path.iter().rposition(|&byte| matches!(byte, b'/' | b'\\')).map_or(0, |at| at + 1);
    &path[at..]
}

fn by_extension(part: &[u8]) -> Name {
    let mut buffer = [0; NAME_BYTES];
    let Some(lower) = buffer.get_mut(..part.len()) else {
        return PLAIN;
    };
    lower.copy_from_slice(part);
    lower.make_ascii_lowercase();
    let lower = &*lower;
    if matches!(lower, b".htaccess" | b".user.ini" | b"web.config" | b"php.ini") {
        return Name { treatment: Treatment::Settings, disguised: false };
    }
    let Some(last) = lower.rsplit(|&byte| byte == b'.').next().filter(|last| last.len() < lower.len()) else {
        return PLAIN;
    };
    if let Some(language) = language(last) {
        let disguised = mixed_case(&part[part.len() - last.len()..]);
        return Name { treatment: Treatment::Script(language), disguised };
    }
    if matches!(last, b"war" | b"ear") {
        return Name { treatment: Treatment::Archive, disguised: false };
    }
    // Apache runs `x.php.jpg` where a handler is set by AddHandler: any of a file's extensions counts (mod_mime, "Files with Multiple
    // Extensions"). Those that many names have for other reasons don't.
    let mut inner = lower.split(|&byte| byte == b'.').skip(1).filter(|extension| !matches!(*extension, b"inc" | b"module" | b"pl"));
    match inner.find_map(language) {
        Some(language) if !HANDED_OUT.contains(&last) => Name { treatment: Treatment::Script(language), disguised: true },
        _ => PLAIN,
    }
}

/// Bytes of the longest extension that a server runs.
const EXTENSION_BYTES_MAX: usize = 6;

/// Whether a part of a path can be a script at all: a cheap look that says no to nearly all that browsers fetch. No disguise works without
/// one of the signs that are looked for first; without them only an extension decides.
fn may_be_script(path: &[u8]) -> bool {
    path.iter().enumerate().any(|(at, &byte)| match byte {
        b'.' => runs(&path[at + 1..]),
        _ => byte <= b' ' || matches!(byte, b'%' | b':' | b';' | b'\\'),
    })
}

/// Whether the extension that stands before these bytes' next full stop or slash is one that a server runs.
fn runs(bytes: &[u8]) -> bool {
    let mut lower = [0; EXTENSION_BYTES_MAX];
    for (place, &byte) in bytes.iter().enumerate() {
        match lower.get_mut(place) {
            _ if matches!(byte, b'.' | b'/') => return language(&lower[..place]).is_some(),
            Some(letter) => *letter = byte.to_ascii_lowercase(),
            None => return false,
        }
    }
    language(&lower[..bytes.len()]).is_some()
}

/// Whether a path leads to a script: the part that the server looks up, without the query.
pub fn is_script(path: &[u8]) -> Option<Language> {
    if !may_be_script(path) {
        return is_program(path).then_some(Language::Cgi);
    }
    // `x.php/more` runs `x.php` (RFC 3875 section 4.1.5, PATH_INFO): any part can be the script.
    path.split(|&byte| byte == b'/').take(PARTS_MAX).find_map(|part| {
        let part = part.get(part.len().saturating_sub(NAME_BYTES)..).unwrap_or_default();
        match judge(part).treatment {
            Treatment::Script(language) => Some(language),
            _ => None,
        }
    })
}

/// Whether a path leads to a program of another language where servers run whatever lies there.
fn is_program(path: &[u8]) -> bool {
    const FOLDER: &[u8] = b"/cgi-bin/";
    const ENDS: [&[u8]; 4] = [b".py", b".sh", b".rb", b".lua"];
    path.starts_with(FOLDER) && ENDS.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cheap_look_says_no_to_no_script(
            parts in proptest::collection::vec("[a-z]{0,3}|[.]|/|%2e|%|;|::\\$DATA|[\\x00-\\xff]|php5?|PhP|jsp|cshtml|inc|txt|[.]asp|[.]module", 0..10),
        ) {
            let path = parts.concat().into_bytes();
            let judged = path.split(|&byte| byte == b'/').any(|part| matches!(judge(part).treatment, Treatment::Script(_)));
            prop_assert!(!judged || may_be_script(&path), "{}", path.escape_ascii());
        }
    }

    #[test]
    fn what_a_server_runs_is_a_script() {
        for (name, language) in [
            ("news.php", Language::Php),
            ("a/b/SHELL.PHP", Language::Php),
            ("x.php5", Language::Php),
            ("x.phtml", Language::Php),
            ("x.jspx", Language::Java),
            ("x.ashx", Language::Asp),
            ("C:\\www\\x.asp", Language::Asp),
            ("x.cfm", Language::ColdFusion),
            ("x.cgi", Language::Cgi),
        ] {
            assert_eq!(judge(name.as_bytes()), Name { treatment: Treatment::Script(language), disguised: false }, "{name}");
        }
    }

    #[test]
    fn disguises_are_seen_through() {
        for name in [
            "x.php.jpg",
            "x.asp;.jpg",
            "x.asp;1.gif",
            "x.php%00.png",
            "x.php\0.png",
            "x.php.",
            "x.php%20",
            "x.php%0a",
            "x.aspx::$DATA",
            "x.jsp/",
            "x.php/.",
            "x.pHp",
            "x.php.xyz",
        ] {
            let found = judge(name.as_bytes());
            assert!(matches!(found.treatment, Treatment::Script(_)) && found.disguised, "{name}: {found:?}");
        }
    }

    #[test]
    fn what_is_handed_out_is_plain() {
        for name in [
            "photo.jpg",
            "x.php.txt",
            "x.php.bak",
            "x.php.tmp",
            "x.php.filepart",
            "README",
            ".php5rc",
            "php",
            "x.phps",
            "archive.tar.gz",
            "jquery.min.js",
            "a.b;c",
            "",
            "/",
            "x.jpg/",
        ] {
            assert_eq!(judge(name.as_bytes()), PLAIN, "{name}");
        }
        assert_eq!(judge(b"up/.htaccess").treatment, Treatment::Settings);
        assert_eq!(judge(b"app.war").treatment, Treatment::Archive);
    }

    #[test]
    fn session_parameters_and_trailing_parts_hide_no_script() {
        assert_eq!(judge(b"x.jsp;jsessionid=0A1B"), Name { treatment: Treatment::Script(Language::Java), disguised: false });
        assert_eq!(is_script(b"/index.php/blog/2024"), Some(Language::Php));
        assert_eq!(is_script(b"/a/b/"), None);
        assert_eq!(is_script(b"/up/x.asp;.jpg"), Some(Language::Asp));
    }
}
