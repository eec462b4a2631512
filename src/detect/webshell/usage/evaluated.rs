//! Tools that send code for a one-line shell to evaluate: China Chopper, AntSword, Godzilla's variants for them, and others of the kind.

use memchr::memmem;

use super::super::encoding::{base64, has, has_any, is_ascii_text, is_text, percent};
use super::super::name::Language;
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};
use crate::detect::webshell::asked::Place;

/// What code begins with that is sent to be evaluated, in lower case, behind what silences errors.
const BEGINNINGS: [&[u8]; 15] = [
    b"eval",
    b"assert",
    b"execute",
    b"ini_set",
    b"set_time_limit",
    b"error_reporting",
    b"response.",
    b"var ",
    b"on error",
    b"if(",
    b"$",
    b"header",
    b"try",
    b"load(",
    b"importpackage(",
];
/// Bytes of a value that could be code at all.
const CODE_BYTES_MIN: usize = 12;
/// Calls of `chr` that spell code letter by letter: AntSword's encoders chr and chr16 have one for each byte.
const SPELLED_MIN: usize = 10;
/// Charsets that China Chopper lets its user choose, in lower case.
const CHARSETS: [&[u8]; 9] = [b"gb2312", b"gbk", b"gb18030", b"utf-8", b"utf8", b"big5", b"iso-8859-1", b"euc-kr", b"euc-jp"];

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    asked.script?;
    // AntSword named itself until version 2.0.
    if asked.field_has("User-Agent", b"antsword/v") && asked.is_post() {
        return Some(Use::new(Shell::AntSword, Sure::Certain));
    }
    if asked.body.is_empty() && asked.query.len() < CODE_BYTES_MIN {
        return None;
    }
    let found = asked.find(room, |parameter, room| {
        if parameter.place == Place::Cookie || parameter.value.len() < CODE_BYTES_MIN {
            return None;
        }
        if begins(parameter.value) {
            return classify(room.compacted(parameter.value), parameter.name, asked, answer);
        }
        // A shell that decodes for itself is sent base64 alone.
        let plain = room.unbase64(parameter.value)?;
        if plain.starts_with(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0]) && asked.script == Some(Language::Java)
            || plain.starts_with(b"MZ\x90\0\x03\0") && asked.script == Some(Language::Asp)
        {
            return Some(Use::new(Shell::AntSword, Sure::Certain));
        }
        if !is_text(plain) || !begins(plain) {
            return None;
        }
        let plain = std::mem::take(&mut room.plain);
        let found = classify(room.compacted(&plain), parameter.name, asked, answer);
        room.plain = plain;
        found
    });
    found.or_else(|| lettered(asked, answer))
}

/// Whether a value begins as code does.
fn begins(value: &[u8]) -> bool {
    let skipped = value.iter().take_while(|&&byte| byte <= b' ' || matches!(byte, b'@' | b';')).count();
    let code = &value[skipped..];
    BEGINNINGS.iter().any(|beginning| code.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)))
}

/// Whose code it is, laid out by [`super::super::encoding::compact`].
fn classify(code: &[u8], name: &[u8], asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let certain = |shell| Some(Use::new(shell, Sure::Certain));
    let framed = has(code, b"->|") || answer.is_framed();
    let chopper_or_sword = if framed { Shell::ChinaChopper } else { Shell::AntSword };
    let evaluates = has_any(code, &[b"eval(", b"assert(", b"execute(", b"executeglobal(", b"eval ", b"execute "]);
    if evaluates && has(code, b"strrev(urldecode(") {
        return certain(Shell::Godzilla);
    }
    if has(code, b"asoutput(") && has(code, b"asenc(") {
        return certain(Shell::AntSword);
    }
    if evaluates && let Some(other) = referred(code).filter(|other| asked.has_parameter(other)) {
        return certain(match other {
            [b'z', digits @ ..] if digits.len() == 1 && digits[0].is_ascii_digit() => Shell::ChinaChopper,
            _ if is_drawn(other) || has(code, b"str_rot13(") => Shell::AntSword,
            // AntSword may draw its names from a list of words; what it sends says whose it is.
            _ if asked.parameter(other).is_some_and(is_antswords) => Shell::AntSword,
            _ => Shell::Unknown,
        });
    }
    if evaluates && memmem::find_iter(code, b"chr(").count() >= SPELLED_MIN {
        return certain(Shell::AntSword);
    }
    if evaluates && has(code, b"system.text.encoding") && has(code, b"frombase64string(") {
        return certain(chopper_or_sword);
    }
    // `eval` of JScript .NET runs with all rights only if it is told so ("eval Method", JScript .NET reference).
    if asked.script == Some(Language::Asp) && has(code, b"eval(") && has(code, b",\"unsafe\")") {
        return certain(chopper_or_sword);
    }
    // AntSword's programs for Java's own interpreter of JavaScript.
    if asked.script == Some(Language::Java) && has(code, b"importpackage(packages.java") {
        return certain(Shell::AntSword);
    }
    if evaluates && has(code, b"on error resume next") {
        return certain(chopper_or_sword);
    }
    let prepares = code.starts_with(b"ini_set(") || code.starts_with(b"set_time_limit(") || code.starts_with(b"error_reporting(");
    if prepares && (has(code, b"set_time_limit(") || has_any(code, &[b"display_errors", b"echo", b"print", b"die("])) && has(code, b";") {
        // AntSword sends its code plainly, China Chopper in `z0`; the latter's is of the days of PHP 5.
        let chopper = has(code, b"set_magic_quotes_runtime") || name.eq_ignore_ascii_case(b"z0");
        return certain(if chopper { Shell::ChinaChopper } else { Shell::AntSword });
    }
    None
}

/// The parameter that code takes its code from: `$_POST[z0]`, `$_REQUEST['k1']`, `Request.Item["z1"]`.
fn referred(code: &[u8]) -> Option<&[u8]> {
    [&b"$_post["[..], b"$_get[", b"$_request[", b"request.item[", b"request.form[", b"request.form(", b"request[", b"request("]
        .iter()
        .find_map(|source| {
            let rest = &code[memmem::find(code, source)? + source.len()..];
            let rest = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\"")).unwrap_or(rest);
            let len = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
            (len > 0).then(|| &rest[..len])
        })
}

/// Whether a parameter's name is drawn as AntSword draws them: a letter and the hexadecimal fraction of a random number, `_0x…` before that.
fn is_drawn(name: &[u8]) -> bool {
    let digits = match name {
        [b'_', b'0', b'x', digits @ ..] => return digits.iter().all(u8::is_ascii_hexdigit),
        [first, digits @ ..] if first.is_ascii_lowercase() => digits,
        _ => return false,
    };
    digits.len() >= 4 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a parameter's value, as sent, is AntSword's program in base64: it names the functions around its output
/// (AntSwordProject/antSword, `source/core/php/index.js`).
fn is_antswords(value: &[u8]) -> bool {
    let (mut coded, mut plain) = (Vec::new(), Vec::new());
    percent(value, true, &mut coded);
    base64(&coded, &mut plain) && has(&plain, b"asoutput(") && has(&plain, b"asenc(")
}

/// China Chopper's pages for Java and its "customize" kind do not evaluate: a letter names the action, `z0` the charset, `z1` and `z2` what
/// it is done to.
fn lettered(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let charset = asked.parameter(b"z0")?;
    let is_charset = is_ascii_text(charset) && CHARSETS.iter().any(|known| charset.eq_ignore_ascii_case(known));
    let has_action = super::super::encoding::parameters(asked.form()).any(|(_, value)| matches!(value, [b'A'..=b'Z']));
    if !is_charset || !has_action {
        return None;
    }
    Some(Use::new(Shell::ChinaChopper, if answer.is_framed() { Sure::Certain } else { Sure::Likely }))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form};
    use super::super::found_by;
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> Option<(Shell, Sure)> {
        found_by(find, sent, answer).map(|found| (found.shell, found.sure))
    }

    const CHOPPER: Option<(Shell, Sure)> = Some((Shell::ChinaChopper, Sure::Certain));
    const SWORD: Option<(Shell, Sure)> = Some((Shell::AntSword, Sure::Certain));

    #[test]
    fn china_chopper_in_every_language() {
        let php = form(
            "/a.php",
            "x=%40eval%01%28base64_decode%28%24_POST%5Bz0%5D%29%29%3B&z0=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwiMCIpO2VjaG8oIi0%2BfCIpOw%3D%3D",
        );
        assert_eq!(found(&php, "->|ok|<-"), CHOPPER);
        let decoding_shell = form("/a.php", "z0=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwiMCIpO2VjaG8oIi0%2BfCIpOw%3D%3D");
        assert_eq!(found(&decoding_shell, "->|ok|<-"), CHOPPER);
        let aspx = form(
            "/a.aspx",
            "p=Response.Write(\"->|\");var err:Exception;try{eval(System.Text.Encoding.GetEncoding(936).GetString(System.Convert.FromBase64String(\"dmFy\")),\"unsafe\");}catch(err){}Response.Write(\"|<-\");",
        );
        assert_eq!(found(&aspx, "->|C:|<-"), CHOPPER);
        let asp = form("/a.asp", "p=Execute(\"Execute(\"\"On+Error+Resume+Next:Response.Write(\"\"\"\"->|\"\"\"\")\"\")\")&z1=x");
        assert_eq!(found(&asp, ""), CHOPPER);
        let jsp = form("/a.jsp", "z9=B&z0=GB2312&z1=%2Fopt%2F");
        assert_eq!(found(&jsp, "->|a|<-"), CHOPPER);
        assert_eq!(found(&jsp, "nothing"), Some((Shell::ChinaChopper, Sure::Likely)));
    }

    #[test]
    fn antsword_with_its_encoders() {
        let base64 = form(
            "/a.php",
            "ant=%40eval%28%40base64_decode%28%24_POST%5B%27k803c0c485f7fb%27%5D%29%29%3B&k803c0c485f7fb=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwgIjAiKTs%3D",
        );
        assert_eq!(found(&base64, "511143/var/wwwe9e4449b1"), SWORD);
        let older = form("/a.php", "k=%40eval(base64_decode($_POST[_0x1a2b]))%3B&_0x1a2b=QGlu");
        assert_eq!(found(&older, ""), SWORD);
        let plain = form(
            "/a.php",
            "k=%40ini_set%28%22display_errors%22%2C+%220%22%29%3B%40set_time_limit%280%29%3Bfunction+asenc(%24out){return+%24out%3B}%3Bfunction+asoutput(){}",
        );
        assert_eq!(found(&plain, ""), SWORD);
        let short = form("/a.php", "k=%40ini_set(chr(34),0)%3B%40set_time_limit(0)%3Becho+chr(49)%3Bdie()%3B&_0x1=pt7T");
        assert_eq!(found(&short, "->|ok|<-"), SWORD);
        let spelled =
            form("/a.php", "k=%40eVAl(ChR(64).ChR(105).ChR(110).ChR(105).ChR(95).ChR(115).ChR(101).ChR(116).ChR(40).ChR(34).ChR(41));");
        assert_eq!(found(&spelled, ""), SWORD);
        let rotated = form("/a.php", "k=%40eval(%40str_rot13($_POST['x1']))%3B&x1=%40vav_frg(1)");
        assert_eq!(found(&rotated, ""), SWORD);
        let of_hexadecimal =
            form("/a.aspx", "k=var+a%3D1;function+HexAsciiConvert(hex:String){};eval(HexAsciiConvert(\"526573\"),\"unsafe\");");
        assert_eq!(found(&of_hexadecimal, ""), SWORD);
        let script =
            "k=try{load(\"nashorn:mozilla_compat.js\");}catch(e){}importPackage(Packages.java.util);importPackage(Packages.java.lang);";
        assert_eq!(found(&form("/a.jsp", script), ""), SWORD);
        let named = form("/a.jsp", "k=A").with("User-Agent", "antSword/v2.0");
        assert_eq!(found(&named, ""), SWORD);
        let class = form("/a.jsp", "ant=yv66vgAAADQBAAAAAAAAAAAAAAAA");
        assert_eq!(found(&class, ""), SWORD);
    }

    #[test]
    fn others_that_evaluate() {
        let godzilla = form("/a.php", "pass=eval%28base64_decode%28strrev%28urldecode%28%27K0QfK0Q%27%29%29%29%29%3B&key=abcd");
        assert_eq!(found(&godzilla, ""), Some((Shell::Godzilla, Sure::Certain)));
        let unknown = form("/a.php", "run=eval(gzinflate(base64_decode($_POST['body'])))%3B&body=xyz");
        assert_eq!(found(&unknown, ""), Some((Shell::Unknown, Sure::Certain)));
    }

    #[test]
    fn talk_about_code_is_none() {
        for sent in [
            form("/search.php", "q=eval+and+base64_decode+in+php&page=2"),
            form("/search.php", "q=%40eval(base64_decode($_POST[z0]))%3B"),
            form("/post.php", "text=Evaluate+the+following%3A+eval($_POST['x'])&title=php"),
            form(
                "/app/login.php",
                "user=li&password=abc123&token=6uln2j1N48TK0L1UcQjnuXYJRvU3ln6sKNXiWQY8WXASZ/pwicY0Ni1OA7MiKsaUl5JdSSRSfhRGJHwN%2BnofaucnJCTig4svpGkpeYG5JdX8XIxiGbZVqvgr",
            ),
            form("/api/run", "x=%40eval(base64_decode($_POST[z0]))%3B&z0=QGlu"),
            form("/a.jsp", "z0=GB2312&page=2"),
            form("/calc.php", "price=$12.50&currency=USD&note=$"),
        ] {
            assert_eq!(found(&sent, "ok"), None);
        }
    }
}
