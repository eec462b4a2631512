//! The fields of a line of values that a sign separates: commas, and where a comma stands in numbers, semicolons or tabs.

use std::borrow::Cow;

/// What separates fields.
pub(super) const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Splits a line at its separators. Fields may be in quotes, within which a separator is none and two quotes are one; blanks around fields are nothing.
pub(super) fn fields(line: &[u8], separator: u8) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let blanks = text.iter().take_while(|&&byte| byte.is_ascii_whitespace() && byte != separator).count();
        let text = &text[blanks..];
        let (field, after) = match text {
            [b'"', inside @ ..] => quoted(inside, separator),
            _ => {
                let end = memchr::memchr(separator, text).unwrap_or(text.len());
                (Cow::Borrowed(text[..end].trim_ascii_end()), &text[end..])
            }
        };
        rest = after.split_first().map(|(_, after)| after);
        Some(field)
    })
}

/// What stands before the closing quote, and the rest of the line from the separator on. What stands between is nothing.
fn quoted(inside: &[u8], separator: u8) -> (Cow<'_, [u8]>, &[u8]) {
    let mut field = Cow::Borrowed(&b""[..]);
    let mut from = 0;
    loop {
        let end = memchr::memchr(b'"', &inside[from..]).map_or(inside.len(), |end| from + end);
        let piece = &inside[from..end];
        if field.is_empty() {
            field = piece.into();
        } else {
            field.to_mut().extend_from_slice(piece);
        }
        if inside.get(end + 1) == Some(&b'"') {
            field.to_mut().push(b'"');
            from = end + 2;
            continue;
        }
        let after = inside.get(end + 1..).unwrap_or_default();
        // Nearly always it is the next byte.
        let end = if after.first() == Some(&separator) { 0 } else { memchr::memchr(separator, after).unwrap_or(after.len()) };
        return (field, &after[end..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Vec<String> {
        fields(line.as_bytes(), b',').map(|field| String::from_utf8_lossy(&field).into_owned()).collect()
    }

    #[test]
    fn other_separators_are_ones_too() {
        for (line, separator) in [("a, 1;\"b;c\";;d", b';'), ("a, 1\t\"b;c\"\t\td", b'\t')] {
            let split: Vec<_> = fields(line.as_bytes(), separator).map(|field| String::from_utf8_lossy(&field).into_owned()).collect();
            assert_eq!(split, ["a, 1", "b;c", "", "d"], "{line}");
        }
    }

    #[test]
    fn fields_are_split_and_unquoted() {
        for (line, expected) in [
            ("a,b", &["a", "b"][..]),
            (" a , b ", &["a", "b"]),
            ("\"a\", \"b,c\",\"\"", &["a", "b,c", ""]),
            ("\"a \"\"b\"\"\",c", &["a \"b\"", "c"]),
            ("\"\"\"\"", &["\""]),
            ("a,,", &["a", "", ""]),
            ("\"open", &["open"]),
            ("\"a\"x,b", &["a", "b"]),
            ("", &[""]),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_split(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b' '), any::<u8>()], 0..60)) {
            prop_assert!(fields(&bytes, b',').count() > 0);
        }

        #[test]
        fn what_was_quoted_comes_back(texts in prop::collection::vec("[a-z\", ]{0,8}", 1..6)) {
            let line = texts.iter().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(split(&line), texts);
        }
    }
}
