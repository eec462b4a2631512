//! Scripts put on a server: as a file in a form, by PUT, in a request's body, or by a command or a program that writes them.

use memchr::memmem;

use super::asked::{Asked, Declared, Place, Room};
use super::encoding::{base64, has, has_any, is_word, percent, scanned};
use super::name::{Treatment, judge, last_part};
use super::script::{self, Content, Hold};
use super::usage::Sure;
use crate::protocol::digits;

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
/// Words of prose from which on a text talks about code, and is none.
const PROSE_WORDS: usize = 8;
/// Bytes of a file's name at most (Linux, `NAME_MAX`), with folders before it.
const PATH_BYTES_MAX: usize = 512;
/// Bytes of a script in a query at most.
const SCRIPT_BYTES_MAX: usize = 4096;
/// Base64 of a script has at least so many characters.
const BASE64_MIN: usize = 24;

/// Finds a script that the request puts on the server.
pub fn find(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let method = asked.request.method;
    if method == b"MOVE" || method == b"COPY" {
        return moved(asked);
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
        // What is packed in it is not looked at.
        Treatment::Archive => None,
        // A picture that holds a shell waits for something that includes it.
        Treatment::Plain => {
            let found = script::judge_any(content, &mut room.code);
            (found.dressed && found.hold == Hold::Runs).then_some(Sure::Suspect)
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

/// A file that is made a script by its new name (RFC 4918 sections 9.8 and 9.9).
fn moved(asked: &Asked<'_>) -> Option<Upload> {
    let target = super::asked::split(asked.request.field("Destination")?).0;
    let becomes_script = matches!(judge(target).treatment, Treatment::Script(_)) && asked.script.is_none();
    (becomes_script && asked.stranger).then(|| Upload { sure: Sure::Certain, name: last_part(target).to_vec() })
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

/// What writes a file, in the languages that exploits bring, in lower case.
const WRITERS: [&[u8]; 22] = [
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
    b"filename",
    b"file_name",
    b"filepath",
    b"file_path",
];

/// A command or a program in the request that writes a script.
fn written(asked: &Asked<'_>, room: &mut Room) -> Option<Upload> {
    let mut text = std::mem::take(&mut room.text);
    let bodies = [(asked.request.target, true), (asked.body, asked.declared == Declared::Form)];
    let mut found = bodies.into_iter().find_map(|(raw, plus)| {
        if raw.is_empty() || asked.declared == Declared::Parts && !plus {
            return None;
        }
        percent(raw, plus, &mut text);
        if has(&text, b"\\\"") {
            unescape_quotes(&mut text);
        }
        writes(&text, room)
    });
    if found.is_none() {
        let fields = asked.request.fields.iter().filter(|field| memchr::memchr2(b'<', b'>', field.value).is_some());
        found = fields.take(64).find_map(|field| writes(scanned(field.value), room));
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

fn writes(text: &[u8], room: &mut Room) -> Option<Upload> {
    let name = script_name(text)?;
    let lower = text.to_ascii_lowercase();
    // Spring's class loader, led to write its access log as a page (CVE-2022-22965).
    if has(&lower, b"class.module.classloader") && has(&lower, b"suffix=.jsp") {
        return Some(Upload { sure: Sure::Certain, name: name.to_vec() });
    }
    let redirected = redirects(text);
    if redirected.is_none() && !has_any(&lower, &WRITERS) || is_prose(text) {
        return None;
    }
    let runs = script::judge_any(text, &mut room.code).hold == Hold::Runs || encoded_script(text, room);
    runs.then(|| Upload { sure: Sure::Certain, name: redirected.unwrap_or(name).to_vec() })
}

/// Extensions of scripts that exploits write, in lower case.
const WRITTEN: [&[u8]; 9] = [b".php", b".phtml", b".jsp", b".jspx", b".asp", b".aspx", b".ashx", b".cfm", b".php5"];

/// The last name of a script in a text.
fn script_name(text: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    for at in memchr::memchr_iter(b'.', text) {
        let end = at + 1 + text[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
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

/// Whether a text holds a script that runs what it is told in base64, or in SQL's hexadecimal digits (`0x3c3f…`, MySQL 8.0 reference manual, 11.1.4).
fn encoded_script(text: &[u8], room: &mut Room) -> bool {
    let in_hexadecimal = memmem::find_iter(text, b"0x3").take(8).any(|at| {
        let runs = text[at + 2..].chunks_exact(2).map_while(digits::byte);
        room.plain.clear();
        room.plain.extend(runs.take(SCRIPT_BYTES_MAX));
        script::judge_any(&room.plain, &mut room.code).hold == Hold::Runs
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

/// Whether a text is written for people: words in a row, between spaces.
fn is_prose(text: &[u8]) -> bool {
    let words = text.split(|byte| matches!(byte, b' ' | b'\n')).filter(|word| {
        let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).or_else(|| word.strip_suffix(b":")).unwrap_or(word);
        word.len() >= 2
            && word.iter().all(u8::is_ascii_lowercase)
            && !matches!(word, b"echo" | b"if" | b"else" | b"new" | b"return" | b"cmd" | b"page" | b"import" | b"var" | b"function")
    });
    words.count() >= PROSE_WORDS
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sent, form, get, multipart, post, request};
    use super::*;

    fn found(sent: &Sent<'_>) -> Option<(Sure, String)> {
        let request = sent.request();
        find(&Asked::new(&request), &mut Room::default()).map(|upload| (upload.sure, String::from_utf8_lossy(&upload.name).into_owned()))
    }

    fn certain(sent: &Sent<'_>, name: &str) {
        assert_eq!(found(sent), Some((Sure::Certain, name.to_string())));
    }

    fn file<'a>(name: &'a str, kind: &'a str, content: &'a str) -> Sent<'a> {
        multipart("/upload.php", &[("file", Some(name), kind, content.as_bytes())])
    }

    const SHELL: &str = "<?php @eval($_POST['pass']);?>";

    #[test]
    fn files_that_the_server_will_run() {
        certain(&file("up.php", "text/plain", SHELL), "up.php");
        certain(&file("a.php.jpg", "image/jpeg", SHELL), "a.php.jpg");
        certain(&file("a.asp;.jpg", "image/jpeg", "<%eval request(\"x\")%>"), "a.asp;.jpg");
        certain(&file("new.php", "image/gif", "GIF89a;\n<?php echo 1;?>"), "new.php");
        certain(
            &file("x.phtml", "application/octet-stream", "<html><?php if($_POST['c']) echo shell_exec($_POST['c']);?></html>"),
            "x.phtml",
        );
        certain(&file("n.php", "application/octet-stream", "<?php @$p = $_POST['k']; echo 'lab'; ?>"), "n.php");
        certain(&file(".htaccess", "text/plain", "AddType application/x-httpd-php .png"), ".htaccess");
        certain(
            &file("..\\..\\x.aspx", "image/png", "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"pass\"],\"unsafe\");%>"),
            "x.aspx",
        );
    }

    #[test]
    fn files_by_other_methods() {
        certain(&request("PUT", "/up/m.jsp", b"<%@ page import=\"java.io.*\" %><% out.println(\"lab\"); %>"), "m.jsp");
        certain(&request("PUT", "/x.jsp/", b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>"), "");
        certain(&request("MOVE", "/up/x.txt", b"").with("Destination", "http://h/up/x.asp;.jpg"), "x.asp;.jpg");
        certain(&post("/upload?name=a.php", "application/octet-stream", SHELL.as_bytes()), "a.php");
        certain(&post("/upload", "text/plain", SHELL.as_bytes()).with("X-File-Name", "b.php"), "b.php");
        certain(&form("/save", "filename=c.php&content=%3C%3Fphp+eval(%24_POST%5Bx%5D)%3B%3F%3E"), "c.php");
        certain(&form("/save", "filename=c.php&content=PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8%2B"), "c.php");
        certain(
            &post(
                "/api",
                "application/json",
                b"{\"name\":\"d.php\",\"data\":\"data:image/png;base64,PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8+\"}",
            ),
            "d.php",
        );
        certain(&multipart("/up", &[("name", None, "", b"e.php"), ("file", Some("a.jpg"), "image/jpeg", SHELL.as_bytes())]), "e.php");
    }

    #[test]
    fn files_that_exploits_write() {
        certain(
            &get(
                "/index.php?s=index/think/app/invokefunction&function=call_user_func_array&vars[0]=file_put_contents&vars[1][]=f.php&vars[1][]=%3C%3Fphp%20eval(%24_POST[1])%3B",
            ),
            "f.php",
        );
        certain(&get("/cgi-bin/x?a=;echo%20'%3C%3Fphp%20eval(%24_POST[1])%3B%3F%3E'%20%3E%20/var/www/g.php"), "g.php");
        certain(&form("/x", "cmd=echo+PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8%2B|base64+-d>h.php"), "h.php");
        certain(
            &post("/vendor/phpunit/eval-stdin.php", "text/html", b"<?php file_put_contents('i.php', '<?php eval($_POST[1]);'); ?>"),
            "i.php",
        );
        certain(
            &form(
                "/",
                "class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25%7Bc2%7Di&class.module.classLoader.resources.context.parent.pipeline.first.suffix=.jsp",
            ),
            ".jsp",
        );
        certain(&post("/wls-wsat/CoordinatorPortType", "text/xml", b"<void class=\"java.io.PrintWriter\"><string>servers/j.jsp</string><string><![CDATA[<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>]]></string></void>"), "j.jsp");
    }

    #[test]
    fn files_in_other_dress() {
        certain(&file("k.php", "text/plain", "PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8+"), "k.php");
        certain(&file("k.php\n", "text/plain", SHELL), "k.php\n");
        let hexadecimal = "-1+union+select+0x3c3f7068702073797374656d28245f4745545b2263225d293b3f3e+into+dumpfile+'/var/www/c.php'";
        certain(&get(&format!("/x.php?id={hexadecimal}")), "c.php");
        certain(&get("/x.php?id=1'+union+select+'%3C%3Fphp+eval(%24_POST%5B1%5D)%3B%3F%3E'+into+outfile+'/var/www/l.php'"), "l.php");
        certain(&post("/soap", "text/xml", b"<upload><filename>m.jsp</filename><data>PCVSdW50aW1lLmdldFJ1bnRpbWUoKS5leGVjKHJlcXVlc3QuZ2V0UGFyYW1ldGVyKCJjIikpOyU+</data></upload>"), "m.jsp");
    }

    #[test]
    fn what_is_handed_out_or_talks_about_code_is_none() {
        for sent in [
            file("photo.png", "image/png", "\u{89}PNG picture"),
            file("question.txt", "text/plain", "How do I use <?php echo $_POST['name']; ?> in a page? And what does eval do?"),
            file("lesson.txt", "text/plain", SHELL),
            file("readme.php.txt", "text/plain", SHELL),
            multipart("/post.php", &[("text", None, "", b"how to write <?php in a blog")]),
            form(
                "/post.php",
                "text=A+webshell+is+a+file+such+as+shell.php+that+holds+%3C%3Fphp+eval(%24_POST%5Bx%5D)%3B+and+is+written+with+file_put_contents+by+whoever+breaks+in",
            ),
            form("/search.php", "q=file_put_contents+shell.php"),
            post("/api/files", "application/json", b"{\"name\":\"photo.jpg\",\"data\":\"/9j/4AAQSkZJRgABAQAAAQABAAD\"}"),
            get("/index.php?page=shell.php&id=3"),
            request("PUT", "/files/a.txt", b"text"),
            request("PUT", "/api/x.php", b"{\"json\":true}"),
        ] {
            assert_eq!(found(&sent), None);
        }
    }

    #[test]
    fn whoever_says_who_they_are_may_bring_scripts() {
        let theme = "<?php get_header(); if (isset($_GET['page'])) { echo esc_html($_GET['page']); } ?>";
        assert_eq!(found(&file("theme.php", "application/octet-stream", theme).with("Cookie", "wordpress_logged_in=1")), None);
        assert_eq!(found(&request("PUT", "/dav/page.jsp", b"<%= new java.util.Date() %>").with("Authorization", "Basic eDp5")), None);
        // But not what runs whatever it is told.
        certain(&file("theme.php", "application/octet-stream", SHELL).with("Cookie", "a=1"), "theme.php");
    }

    #[test]
    fn a_shell_in_a_picture_is_suspect() {
        let sent = file("a.gif", "image/gif", "GIF89a<?php eval($_POST[1]);?>");
        assert_eq!(found(&sent), Some((Sure::Suspect, "a.gif".to_string())));
    }
}
