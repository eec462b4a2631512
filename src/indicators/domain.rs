//! Names in one form, and what a listed name stands for.
//!
//! A list that has `evil.example` means the whole domain: whoever holds it makes the names below it. One that has `files.host.example` means that
//! host and what is below it. One that has a public suffix, such as `co.uk` or `github.io`, cannot mean what others hold
//! below it: it matches only itself. Whether a name is a public suffix is what <https://publicsuffix.org> says.

use super::punycode;

/// Most bytes of a name (RFC 1035 section 3.1), without the dot at its end, and of a label.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A name in lower case, without the dot at its end.
pub(super) struct Name {
    bytes: [u8; NAME_BYTES_MAX],
    len: usize,
}

impl Name {
    /// Nothing if it is no name: too long, with empty labels, or with bytes that stand in no name. Underscores do.
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        let mut name = Name { bytes: [0; NAME_BYTES_MAX], len: text.len() };
        let bytes = name.bytes.get_mut(..text.len())?;
        let mut label = 0;
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = from.to_ascii_lowercase();
            label = match from {
                b'.' if label == 0 => return None,
                b'.' => 0,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if label < LABEL_BYTES_MAX => label + 1,
                _ => return None,
            };
        }
        (label > 0).then_some(name)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Where the name above this one begins in it, if there is one.
pub(super) fn parent(name: &[u8]) -> Option<usize> {
    name.iter().position(|&byte| byte == b'.').map(|dot| dot + 1)
}

/// A name as a list has it: perhaps with `*.` or a dot before it, perhaps in another script. Nothing if it is none: a listed name has a dot within.
pub(super) fn listed(text: &[u8]) -> Option<Name> {
    let text = text.strip_prefix(b"*.").or(text.strip_prefix(b".")).unwrap_or(text);
    let name = in_ascii(text)?;
    let last = name.bytes().rsplit(|&byte| byte == b'.').next()?;
    let dotted = name.bytes().contains(&b'.');
    // An address with a wrong part is no name: no top-level domain is a number (RFC 3696 section 2).
    (dotted && !last.iter().all(u8::is_ascii_digit)).then_some(name)
}

/// A name, perhaps in another script.
pub(super) fn in_ascii(text: &[u8]) -> Option<Name> {
    if text.is_ascii() { Name::new(text) } else { Name::new(&to_ascii(str::from_utf8(text).ok()?)?) }
}

/// Other scripts' labels in punycode; also the full stops of East Asian writing (RFC 3490 section 3.1).
fn to_ascii(text: &str) -> Option<Vec<u8>> {
    // Longer text gives no name; encoding takes the square of its length.
    if text.len() > 4 * NAME_BYTES_MAX {
        return None;
    }
    let mut out = Vec::new();
    for (place, label) in text.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        if label.is_ascii() {
            out.extend_from_slice(label.as_bytes());
        } else {
            punycode::encode(label, &mut out)?;
        }
    }
    Some(out)
}

/// Whether a listed name stands for the names below it too: not if it is a public suffix.
pub(super) fn stands_for_subdomains(name: &Name) -> bool {
    let bytes = name.bytes();
    psl::suffix(bytes).is_none_or(|suffix| suffix.as_bytes().len() < bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(name: Option<Name>) -> Option<String> {
        name.map(|name| String::from_utf8(name.bytes().to_vec()).unwrap())
    }

    #[test]
    fn names_get_one_form() {
        for (from, expected) in [
            ("KZ8F2Q0X.EXAMPLE.NET.", Some("kz8f2q0x.example.net")),
            ("*.evil.example", Some("evil.example")),
            (".evil.example", Some("evil.example")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("例え。jp", Some("xn--r8jz45g.jp")),
            ("_dmarc.a-b.example", Some("_dmarc.a-b.example")),
            ("*evil.example", None),
            ("localhost", None),
            ("1.2.3.400", None),
            ("a..b", None),
            ("", None),
            (".", None),
            ("a b.example", None),
            ("evil.example/path", None),
        ] {
            assert_eq!(text(listed(from.as_bytes())).as_deref(), expected, "{from}");
        }
    }

    #[test]
    fn length_is_bounded() {
        let label = "a".repeat(63);
        let longest = [label.as_str(), &label, &label, &label[..61]].join(".");
        assert_eq!(longest.len(), NAME_BYTES_MAX);
        assert!(Name::new(longest.as_bytes()).is_some());
        assert!(Name::new(format!("{longest}a").as_bytes()).is_none());
        assert!(Name::new(format!("{label}a.example").as_bytes()).is_none());
    }

    #[test]
    fn a_parent_has_a_label_less() {
        assert_eq!((parent(b"a.bc.example"), parent(b"bc.example"), parent(b"example")), (Some(2), Some(3), None));
    }

    #[test]
    fn a_public_suffix_stands_for_itself_alone() {
        for (name, expected) in [
            ("evil.com", true),
            ("www.evil.com", true),
            ("co.uk", false),
            ("evil.co.uk", true),
            ("github.io", false),
            ("evil.github.io", true),
            ("evil.unheard-of", true),
        ] {
            assert_eq!(stands_for_subdomains(&Name::new(name.as_bytes()).unwrap()), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_none(text in "\\PC{0,80}") {
            if let Some(name) = listed(text.as_bytes()) {
                prop_assert!(stands_for_subdomains(&name) || parent(name.bytes()).is_some());
                prop_assert!(Name::new(name.bytes()).is_some());
            }
        }
    }
}
