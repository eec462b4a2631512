//! Names under which people leave webshells, and look for those that others left.

use super::encoding::percent;
use super::name::{Treatment, judge, last_part};

/// Stems of names that say what the file is, in lower case: alone, or with digits, signs or letters around them.
const TELLING: [&[u8]; 76] = [
    b"shell",
    b"c99",
    b"r57",
    b"wso",
    b"b374k",
    b"alfa",
    b"backdoor",
    b"webadmin",
    b"filesman",
    b"indoxploit",
    b"priv8",
    b"p0wny",
    b"marijuana",
    b"mini",
    b"uploader",
    b"adminer",
    b"cmd",
    b"bypass",
    b"wp_filemanager",
    b"file-manager",
    b"webroot",
    b"0byte",
    b"leaf",
    b"anonymousfox",
    b"foxwso",
    b"chosen",
    b"godzilla",
    b"behinder",
    b"antsword",
    b"chopper",
    b"caidao",
    b"regeorg",
    b"tunnel",
    b"aspxspy",
    b"jspspy",
    b"phpspy",
    b"webshell",
    b"xleet",
    b"foxauto",
    b"alfanew",
    b"lufix",
    b"gecko",
    b"sym404",
    b"sym403",
    b"3xp",
    b"dhkm",
    b"antichat",
    b"locus7",
    b"php-backdoor",
    b"simple-backdoor",
    b"cmdjsp",
    b"cmdasp",
    b"perlcmd",
    b"ru24",
    b"zaco",
    b"nstview",
    b"predator",
    b"upfile",
    b"uploadfile",
    b"up_load",
    b"upload_file",
    b"tinyfilemanager",
    b"moonlight",
    b"ayyildiz",
    b"safe0ver",
    b"rootshell",
    b"aspydrv",
    b"htmlshell",
    b"laudanum",
    b"nishang",
    b"jfolder",
    b"wpshell",
    b"defau1t",
    b"wp-conflg",
    b"wp-sigunq",
    b"spy",
];
/// Stems that must be all there is, but for digits: too short or too ordinary to tell within another word.
const WHOLE: [&[u8]; 56] = [
    b"upl",
    b"upload",
    b"xxx",
    b"gel",
    b"ans",
    b"rip",
    b"test",
    b"user",
    b"log",
    b"sql",
    b"info",
    b"doc",
    b"lock",
    b"lock360",
    b"radio",
    b"about",
    b"makeasmtp",
    b"moon",
    b"plugins",
    b"content",
    b"dropdown",
    b"css",
    b"install",
    b"wp-info",
    b"wp-2019",
    b"wp-22",
    b"wp-admin",
    b"wp-login2",
    b"autoload_classmap",
    b"class",
    b"classwithtostring",
    b"function",
    b"admin-ajax2",
    b"manager",
    b"byp",
    b"inputs",
    b"themes",
    b"simple",
    b"fox",
    b"ice",
    b"job",
    b"hack",
    b"guige",
    b"customize",
    b"filemanager",
    b"tmp",
    b"kindex",
    b"wp-load1",
    b"leafmail",
    b"l33t",
    b"owl",
    b"mar",
    b"lol",
    b"pwn",
    b"own",
    b"hax",
];

/// Letters of a name that are too few to say what it is for.
const SHORT_BYTES: usize = 2;

/// How much a path's name says that somebody looks for a webshell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Known {
    No,
    /// Webshells are often called so, and other files now and then.
    Common,
    /// Files are hardly called so for another reason.
    Telling,
}

/// Judges a path without its query, as sent.
pub fn known(path: &[u8]) -> Known {
    if !path.contains(&b'.') || !matches!(judge(path).treatment, Treatment::Script(_)) {
        return Known::No;
    }
    let mut lower = Vec::with_capacity(path.len().min(256));
    percent(path.get(..256).unwrap_or(path), false, &mut lower);
    lower.make_ascii_lowercase();
    let name = last_part(&lower);
    let stem = &name[..memchr::memchr(b'.', name).unwrap_or(name.len())];
    let bare = stem.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(&stem[..0], |at| &stem[..=at]);
    let telling = |known: &&[u8]| {
        memchr::memmem::find(stem, known).is_some_and(|at| {
            // `cmd` in `cmdlist` and `mini` in `administration` are other words.
            let before = at.checked_sub(1).map(|at| stem[at]);
            let behind = stem.get(at + known.len());
            let ends = !before.is_some_and(|byte| byte.is_ascii_alphabetic()) && !behind.is_some_and(|byte| byte.is_ascii_alphabetic());
            ends || known.len() >= 5
        })
    };
    if TELLING.iter().any(telling) {
        Known::Telling
    } else if bare.len() <= SHORT_BYTES || WHOLE.contains(&bare) || WHOLE.contains(&stem) {
        // `1.php`, `404.php`, `up.php`, `x2.php`.
        Known::Common
    } else {
        Known::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shells_are_known() {
        for path in [
            "/shell.php",
            "/c99.php",
            "/wp-content/uploads/WSO2.5.php",
            "/r57.php",
            "/b374k.php",
            "/alfa.php",
            "/cmd.jsp",
            "/webshell.aspx",
            "/uploader.php",
            "/adminer1.php",
            "/wp-content/plugins/hellopress/wp_filemanager.php",
            "/alfacgiapi/perl.alfa.php",
            "/shell20211028.php",
            "/my-shell_v2.asp",
        ] {
            let expected = if path.contains("perl") { Known::No } else { Known::Telling };
            assert_eq!(known(path.as_bytes()), expected, "{path}");
        }
        for path in ["/1.php", "/up.php", "/x.php", "/wp-admin/css/a.php", "/404.php", "/ok.php", "/.well-known/moon2.php", "/%78.php"] {
            assert_eq!(known(path.as_bytes()), Known::Common, "{path}");
        }
    }

    #[test]
    fn ordinary_names_are_not() {
        for path in [
            "/index.php",
            "/old-page.php",
            "/app/view.php",
            "/wp-login.php",
            "/xmlrpc.php",
            "/shell.html",
            "/administration.php",
            "/cmdlist.php",
            "/index.php/shell",
            "/",
            "",
            "/a",
            "/search.php",
            "/product.php",
            "/contact.aspx",
            "/wp-cron.php",
        ] {
            assert_eq!(known(path.as_bytes()), Known::No, "{path}");
        }
    }
}
