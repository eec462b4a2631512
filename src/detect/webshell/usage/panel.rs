//! Shells with pages of their own: WSO, c99, r57, b374k and others, by what their pages ask and say.

use memchr::memmem;

use super::super::encoding::{has, has_any, percent};
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Use};

/// Actions of WSO (also called FilesMan), as its pages send them in `a`.
const WSO_ACTIONS: [&[u8]; 14] = [
    b"FilesMan",
    b"SafeMode",
    b"Console",
    b"Sql",
    b"Php",
    b"StringTools",
    b"Bruteforce",
    b"Network",
    b"SelfRemove",
    b"SecInfo",
    b"FilesTools",
    b"Logout",
    b"Infect",
    b"RC",
];
/// The other parameters of its pages.
const WSO_PARAMETERS: [&[u8]; 5] = [b"c", b"p1", b"p2", b"p3", b"charset"];
/// Parameters of Alfa's pages.
const ALFA_PARAMETERS: [&[u8]; 5] = [b"a", b"c", b"alfa1", b"alfa2", b"alfa3"];
/// Actions of c99 and its many descendants, in `act`.
const C99_ACTIONS: [&[u8]; 14] = [
    b"ls",
    b"f",
    b"cmd",
    b"eval",
    b"upload",
    b"sql",
    b"ftpquickbrute",
    b"processes",
    b"selfremove",
    b"tools",
    b"security",
    b"encoder",
    b"bind",
    b"fsbuff",
];

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, _room: &mut Room) -> Option<Use> {
    asked.script?;
    by_page(answer).or_else(|| by_request(asked)).or_else(|| p0wny(asked, answer))
}

/// By what stands in the page: titles, and names that nothing else has.
fn by_page(answer: &Answer<'_>) -> Option<Use> {
    if !answer.status.is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    let page = answer.body;
    let title = title(page).unwrap_or_default().to_ascii_lowercase();
    let title = title.trim_ascii();
    // WSO's title ends in its version: `host - WSO 2.5`.
    let wso = memmem::rfind(title, b"wso ").is_some_and(|at| {
        let apart = at == 0 || title[..at].ends_with(b" - ");
        let version = &title[at + 4..];
        apart && version.len() > 1 && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
    });
    // A title that says more is about a shell, and not its own.
    let own = title.split(u8::is_ascii_whitespace).filter(|word| word.len() > 1).count() <= OWN_WORDS_MAX;
    let named = |names: &[&[u8]]| own && has_any(title, names);
    let shell = if wso || has_any(page, &[b"value='FilesMan'", b"value=\"FilesMan\"", b"name=a value=FilesMan"]) {
        Shell::Wso
    } else if named(&[b"c99shell", b"c99 shell", b"c99madshell"]) || has_any(page, &[b"!C99Shell v.", b"c99_buff_prepare"]) {
        Shell::C99
    } else if named(&[b"r57shell", b"r57 shell"]) || has(page, b"r57shell.php") && has(page, b"safe_mode") {
        Shell::R57
    } else if named(&[b"b374k"]) || has(page, b"content='b374k") {
        Shell::B374k
    } else if has(title, b"~ alfa team shell - v")
        || named(&[b"fx29sh"])
        || has(page, b"0x5a455553.github.io/MARIJUANA")
        || OTHERS.contains(&title)
        || BEGINNINGS.iter().any(|known| title.starts_with(known)) && has(page, b"<form")
    {
        Shell::Unknown
    } else {
        return None;
    };
    Some(Use::of_pages(shell))
}

/// Words of a shell's own title, at most: a host, a name, a version.
const OWN_WORDS_MAX: usize = 4;

/// Titles of other shells' pages, whole and in lower case.
const OTHERS: [&[u8]; 12] = [
    b"aspxspy",
    b"jspspy private codz by - ninty",
    b"jspspy codz by - ninty",
    b"p0wny@shell:~#",
    b"indoxploit",
    b"mini shell",
    b"alfa team shell ~ v4.1-tesla",
    b"gecko [ webshell ]",
    b"priv8 uploader",
    b"0byt3m1n1 shell",
    b"marijuana - shell",
    b"gel4y mini shell",
];

/// What titles begin with that end in a version.
const BEGINNINGS: [&[u8]; 3] = [b"~ alfa team shell-v", b"phpspy ver", b"aspxspy ver"];

fn title(page: &[u8]) -> Option<&[u8]> {
    let at = page.windows(7).position(|window| window.eq_ignore_ascii_case(b"<title>"))? + 7;
    let rest = &page[at..];
    Some(&rest[..memchr::memchr(b'<', rest)?])
}

/// p0wny's page asks by itself: `?feature=shell`, the command and its folder, and is told both in JSON (flozz/p0wny-shell, `shell.php`).
fn p0wny(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let asks = asked.parameter(b"feature") == Some(b"shell") && asked.has_parameter(b"cmd") && asked.has_parameter(b"cwd");
    let told = has(answer.body, b"\"stdout\"") && has(answer.body, b"\"cwd\"");
    (asks && told).then(|| Use::of_pages(Shell::Unknown))
}

/// By what is asked, where the page does not say.
fn by_request(asked: &Asked<'_>) -> Option<Use> {
    let action = asked.parameter(b"a").unwrap_or_default();
    if WSO_ACTIONS.contains(&action) && WSO_PARAMETERS.iter().all(|name| asked.has_parameter(name)) {
        return Some(Use::of_pages(Shell::Wso));
    }
    // Alfa's pages ask as WSO's do, under names of their own.
    if ALFA_PARAMETERS.iter().all(|name| asked.has_parameter(name)) {
        return Some(Use::of_pages(Shell::Unknown));
    }
    let field = |name: &str| asked.request.field(name).unwrap_or_default();
    if has(field("Cookie"), b"c99shcook") {
        return Some(Use::of_pages(Shell::C99));
    }
    if field("Cookie").split(|&byte| byte == b';').any(|cookie| cookie.trim_ascii_start().starts_with(b"b374k=")) {
        return Some(Use::of_pages(Shell::B374k));
    }
    let act = asked.parameter(b"act").unwrap_or_default();
    let mut folder = Vec::new();
    percent(asked.parameter(b"d").unwrap_or_default(), true, &mut folder);
    let is_folder = matches!(folder.as_slice(), [b'/', ..] | [b'A'..=b'Z' | b'a'..=b'z', b':', b'/' | b'\\', ..]);
    if C99_ACTIONS.contains(&act) && is_folder {
        return Some(Use::of_pages(Shell::C99));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, form, get};
    use super::super::found_by;
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> Option<Shell> {
        found_by(find, sent, answer).map(|found| found.shell)
    }

    #[test]
    fn pages_name_their_shell() {
        assert_eq!(found(&get("/x.php"), "<html><title>www.example.cn - WSO 2.5</title>"), Some(Shell::Wso));
        assert_eq!(found(&get("/x.php"), "<b>--[ !C99Shell v. 1.0 ]--</b>"), Some(Shell::C99));
        assert_eq!(found(&get("/x.php?act=ls&d=%2F"), "<TITLE>host - c99madshell</TITLE>"), Some(Shell::C99));
        assert_eq!(found(&get("/x.php?act=ls&d=%2Fvar%2Fwww&sort=0a"), "<html>"), Some(Shell::C99));
        assert_eq!(found(&get("/x.php"), "<title>WSO 4.2.5</title>"), Some(Shell::Wso));
        assert_eq!(found(&get("/x.php"), "<title>www.example.cn - c99shell</title>"), Some(Shell::C99));
        assert_eq!(found(&get("/x.php"), "<head><title>r57shell 1.31</title>"), Some(Shell::R57));
        assert_eq!(found(&get("/x.php"), "<title>b374k 3.2.3</title>"), Some(Shell::B374k));
        assert_eq!(found(&get("/x.php"), "<title>p0wny@shell:~#</title>"), Some(Shell::Unknown));
        let alfa = "<title>..:: www.example.cn ~ ALFA TEaM Shell - v4.1-Tesla ::..</title>";
        assert_eq!(found(&get("/x.php"), alfa), Some(Shell::Unknown));
        assert_eq!(found(&get("/x.php"), "<title>Gel4y Mini Shell</title>"), Some(Shell::Unknown));
        assert_eq!(found(&get("/x.php"), "<title>Marijuana</title>"), None);
    }

    #[test]
    fn requests_name_their_shell() {
        assert_eq!(found(&form("/x.php", "a=Console&c=%2Fvar&p1=id&p2=&p3=&charset=UTF-8"), "x"), Some(Shell::Wso));
        assert_eq!(found(&get("/x.php").with("Cookie", "a=1; b374k=5f4dcc"), "x"), Some(Shell::B374k));
    }

    #[test]
    fn pages_about_shells_are_none() {
        assert_eq!(found(&get("/blog.php?p=7"), "<title>How to remove the C99 shell and WSO 2.5</title> r57shell"), None);
        assert_eq!(found(&get("/wso.php"), "<title>Company - WSO limited</title>"), None);
        assert_eq!(found(&form("/x.php", "a=Console&c=1&charset=UTF-8"), "x"), None);
        assert_eq!(found(&get("/x.php?act=ls"), "list"), None);
        assert_eq!(found(&get("/x.php?act=ls&d=2026-11-23"), "list"), None);
        assert_eq!(found(&get("/x"), "<title>host - WSO 2.5</title>"), None);
    }
}
