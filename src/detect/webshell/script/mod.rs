//! What a file's content would do if a server ran it: whether it is a script, and whether it gives whoever asks a hold on the server.

mod php;

use super::encoding::{compact, has, has_any, scanned};
use super::name::Language;

/// How much a script gives away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hold {
    /// No code at all.
    None,
    /// Code that does nothing with the request.
    Code,
    /// Code that reads the request.
    Reads,
    /// Code that takes files from the request, or runs what is hidden in it.
    Opens,
    /// Code that runs what the request says.
    Runs,
}

/// What is known of a content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    pub hold: Hold,
    /// It begins as a picture or a document does, so that a check of the first bytes lets it pass.
    pub dressed: bool,
    /// Bytes from the first sign of code on.
    pub code_bytes: u64,
}

const NOTHING: Content = Content { hold: Hold::None, dressed: false, code_bytes: 0 };

/// First bytes of pictures and documents: GIF, PNG, JPEG, BMP, PDF, ZIP.
const DRESSES: [&[u8]; 6] = [b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BM", b"%PDF-", b"PK\x03\x04"];

/// Signs of code in a language, in lower case.
fn tags(language: Language) -> &'static [&'static [u8]] {
    match language {
        Language::Php => &[
            b"<?php",
            b"<?=",
            b"<? ",
            b"<?\n",
            b"<?\r",
            b"<?\t",
            b"<?@",
            b"<?eval",
            b"<?$",
            b"<script language=\"php\"",
            b"<script language='php'",
            b"<script language=php",
        ],
        Language::Java => &[b"<%", b"<jsp:", b"${"],
        Language::Asp => &[
            b"<%",
            b"runat=\"server\"",
            b"runat='server'",
            b"runat=server",
            b"@webhandler",
            b"@ webhandler",
            b"@ webservice",
            b"@webservice",
        ],
        Language::ColdFusion => &[b"<cf"],
        Language::Cgi => &[b"#!/"],
        Language::Includes => &[b"<!--#"],
    }
}

/// Judges content that a server would run as `language`. `buffer` is room to work in.
pub fn judge(language: Language, content: &[u8], buffer: &mut Vec<u8>) -> Content {
    // UTF-16 (RFC 2781) of a script in ASCII has a zero for every other byte.
    if matches!(content, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && content.iter().filter(|&&byte| byte == 0).count() * 3 > content.len() {
        let narrow: Vec<u8> = content[2..].iter().copied().filter(|&byte| byte != 0).collect();
        return judge(language, &narrow, buffer);
    }
    // Code may stand behind a whole picture: what is looked at begins at its first sign.
    let Some(at) = tags(language).iter().filter_map(|tag| find_lower(content, tag)).min() else { return NOTHING };
    let code = &content[at..];
    let dressed = DRESSES.iter().any(|dress| content.starts_with(dress));
    compact(code, buffer);
    let hold = match language {
        Language::Php => php::hold(buffer),
        Language::Java => java(buffer),
        Language::Asp => asp(buffer),
        Language::ColdFusion => cold_fusion(buffer),
        Language::Cgi => cgi(buffer),
        Language::Includes => includes(buffer),
    };
    Content { hold, dressed, code_bytes: code.len() as u64 }
}

/// Judges content whose name says nothing: the languages that mark their code unmistakably.
pub fn judge_any(content: &[u8], buffer: &mut Vec<u8>) -> Content {
    let content = scanned(content);
    if memchr::memchr(b'<', content).is_none() {
        return NOTHING;
    }
    [Language::Php, Language::Java, Language::Asp]
        .into_iter()
        .map(|language| judge(language, content, buffer))
        .max_by_key(|found| found.hold)
        .unwrap_or(NOTHING)
}

/// The first place of `needle`, which is in lower case, whatever the case of `haystack`.
fn find_lower(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    memchr::memchr_iter(first, haystack)
        .find(|&at| haystack.get(at..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle)))
}

fn java(code: &[u8]) -> Hold {
    const SOURCES: [&[u8]; 8] =
        [b"getparameter", b"getheader", b"getreader(", b"getinputstream(", b"getcookies", b"getquerystring", b"param.", b"parameter>"];
    const SINKS: [&[u8]; 11] = [
        b"getruntime(",
        b".exec(",
        b"processbuilder",
        b"processimpl",
        b"defineclass",
        b"scriptengine",
        b"urlclassloader",
        b"extends classloader",
        b"getmethod(\"",
        b"elprocessor",
        b"forname(request",
    ];
    let reads = has_any(code, &SOURCES);
    // An expression language's `${` alone is no code (it stands in every stylesheet's and script's template).
    let is_code = has(code, b"<%") || has(code, b"<jsp:");
    match (reads, has_any(code, &SINKS)) {
        (true, true) => Hold::Runs,
        _ if !is_code => Hold::None,
        (true, false) if has(code, b"fileoutputstream") => Hold::Opens,
        (true, false) => Hold::Reads,
        // A class loader or a shell without a word of the request: the rest is hidden.
        (false, true) if has_any(code, &[b"defineclass", b"runtime.getruntime("]) => Hold::Opens,
        (false, _) => Hold::Code,
    }
}

fn asp(code: &[u8]) -> Hold {
    const SINKS: [&[u8]; 16] = [
        b"eval(",
        b"eval request",
        b"execute(",
        b"execute request",
        b"executeglobal",
        b"executestatement",
        b"wscript.shell",
        b"shell.application",
        b"diagnostics.process",
        b"processstartinfo",
        b"process.start",
        b"assembly.load",
        b"reflection.assembly",
        b"createinstance(",
        b"codedomprovider",
        b"csharpcodeprovider",
    ];
    const HIDERS: [&[u8]; 4] = [b"chr(", b"strreverse(", b"frombase64string", b"replace("];
    // `<%` also stands in templates of other languages; none of these asks `request`.
    let reads = has(code, b"request");
    match (reads, has_any(code, &SINKS)) {
        (true, true) => Hold::Runs,
        (true, false) => Hold::Reads,
        (false, true) if has_any(code, &HIDERS) && has_any(code, &[b"execute", b"eval"]) => Hold::Opens,
        _ => Hold::Code,
    }
}

fn cold_fusion(code: &[u8]) -> Hold {
    let reads = has_any(code, &[b"form.", b"url.", b"cgi."]);
    match (reads, has_any(code, &[b"<cfexecute", b"evaluate(", b"<cffile", b"createobject("])) {
        (true, true) => Hold::Runs,
        (true, false) => Hold::Reads,
        _ => Hold::Code,
    }
}

fn cgi(code: &[u8]) -> Hold {
    let reads = has_any(code, &[b"param(", b"query_string", b"<stdin>", b"content_length", b"fieldstorage", b"readparse"]);
    match (reads, has_any(code, &[b"system(", b"exec(", b"`", b"open(", b"eval", b"popen(", b"qx/", b"qx("])) {
        (true, true) => Hold::Runs,
        (true, false) => Hold::Reads,
        _ => Hold::Code,
    }
}

fn includes(code: &[u8]) -> Hold {
    if has(code, b"#exec") { Hold::Runs } else { Hold::Code }
}

/// Whether a folder's settings make a server run what it would hand out (Apache mod_mime and core, PHP manual "auto_prepend_file", IIS
/// `handlers`).
pub fn opens_folder(settings: &[u8], buffer: &mut Vec<u8>) -> bool {
    compact(settings, buffer);
    has_any(
        buffer,
        &[
            b"x-httpd-php",
            b"php-script",
            b"auto_prepend_file",
            b"auto_append_file",
            b"php5-script",
            b"x-httpd-cgi",
            b"cgi-script",
            b"scriptprocessor=",
            b"proxy:fcgi",
            b"proxy:unix",
        ],
    ) || has(buffer, b"addhandler") && has(buffer, b"php")
        || has(buffer, b"sethandler") && has(buffer, b"php")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(language: Language, code: &str) -> Hold {
        judge(language, code.as_bytes(), &mut Vec::new()).hold
    }

    #[test]
    fn other_languages_that_run_what_the_request_says() {
        for (language, code) in [
            (Language::Java, "<%Runtime.getRuntime().exec(request.getParameter(\"i\"));%>"),
            (Language::Java, "<% \\u0052\\u0075\\u006etime.getRuntime().\\u0065xec(request.getParameter(\"c\")); %>"),
            (
                Language::Java,
                "<%!class U extends ClassLoader{U(ClassLoader c){super(c);}public Class g(byte[] b){return super.defineClass(b,0,b.length);}}%><% new U(x).g(d(request.getReader().readLine())) %>",
            ),
            (Language::Java, "<jsp:scriptlet>new ProcessBuilder(request.getParameter(\"a\")).start();</jsp:scriptlet>"),
            (Language::Asp, "<%eval request(\"pass\")%>"),
            (Language::Asp, "<%execute(request(\"a\"))%>"),
            (Language::Asp, "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"pass\"],\"unsafe\");%>"),
            (Language::Asp, "<script runat=\"server\">void Page_Load(){System.Diagnostics.Process.Start(Request[\"c\"]);}</script>"),
            (Language::ColdFusion, "<cfexecute name=\"cmd.exe\" arguments=\"/c #url.c#\"></cfexecute>"),
            (Language::Cgi, "#!/usr/bin/perl\nuse CGI; print system(param('c'));"),
            (Language::Includes, "<!--#exec cmd=\"id\" -->"),
        ] {
            assert_eq!(hold(language, code), Hold::Runs, "{code}");
        }
    }

    #[test]
    fn other_languages_that_do_not() {
        assert_eq!(hold(Language::Java, "<%@ page import=\"java.io.*\" %><% out.println(\"lab\"); %>"), Hold::Code);
        assert_eq!(hold(Language::Java, "<%= request.getParameter(\"name\") %>"), Hold::Reads);
        assert_eq!(hold(Language::Java, "let a = `${b}`;"), Hold::None);
        assert_eq!(hold(Language::Asp, "<% Response.Write(Now()) %>"), Hold::Code);
        assert_eq!(hold(Language::Asp, "<%= Request.QueryString(\"q\") %>"), Hold::Reads);
    }

    #[test]
    fn a_picture_in_front_is_a_dress() {
        let found = judge(Language::Php, b"GIF89a;\n<?php @eval(base64_decode($_POST['z0']));?>", &mut Vec::new());
        assert_eq!((found.hold, found.dressed), (Hold::Runs, true));
        assert!(!judge(Language::Php, b"<?php eval($_POST[1]);", &mut Vec::new()).dressed);
    }

    #[test]
    fn wide_characters_hide_nothing() {
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(b"<%eval request(\"x\")%>".iter().flat_map(|&byte| [byte, 0])).collect();
        assert_eq!(judge(Language::Asp, &wide, &mut Vec::new()).hold, Hold::Runs);
    }

    #[test]
    fn settings_that_open_a_folder() {
        let opens = |text: &str| opens_folder(text.as_bytes(), &mut Vec::new());
        assert!(opens("AddType application/x-httpd-php .jpg"));
        assert!(opens("<FilesMatch \"x\">\nSetHandler application/x-httpd-php\n</FilesMatch>"));
        assert!(opens("auto_prepend_file=logo.gif"));
        assert!(!opens("RewriteEngine On\nRewriteRule ^index\\.php$ - [L]"));
    }
}
