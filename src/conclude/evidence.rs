//! What identified an attack, in the attacker's own bytes: only where somebody asks for it, bounded, and escaped before anybody sees it.

use serde::Serialize;

/// Bytes of each side that an event has at most, before they are escaped.
pub const EVIDENCE_BYTES: usize = 256;

/// Bytes of both sides, as sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    client: Vec<u8>,
    server: Vec<u8>,
}

/// The same for a record: what is no printable ASCII is escaped, and so is the backslash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Excerpt {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

impl Evidence {
    /// Of what each side sent, cut.
    pub fn new(client: &[u8], server: &[u8]) -> Self {
        let cut = |bytes: &[u8]| bytes.get(..EVIDENCE_BYTES).unwrap_or(bytes).to_vec();
        Evidence { client: cut(client), server: cut(server) }
    }

    /// For a record.
    pub fn excerpt(&self) -> Excerpt {
        let shown = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.escape_ascii().to_string());
        Excerpt { client: shown(&self.client), server: shown(&self.server) }
    }
}

/// As much of a text as evidence holds, with what matters in its middle.
pub fn around(text: &[u8], at: usize) -> &[u8] {
    let from = at.saturating_sub(EVIDENCE_BYTES / 2).min(text.len().saturating_sub(EVIDENCE_BYTES));
    &text[from..text.len().min(from + EVIDENCE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_bounded_and_escaped() {
        let evidence = Evidence::new(&[0x1b; 5000], "a\"\\\u{202e}".as_bytes());
        let excerpt = evidence.excerpt();
        assert_eq!(excerpt.client.unwrap(), "\\x1b".repeat(EVIDENCE_BYTES));
        assert_eq!(excerpt.server.unwrap(), "a\\\"\\\\\\xe2\\x80\\xae");
        assert_eq!(Evidence::default().excerpt(), Excerpt { client: None, server: None });
    }

    #[test]
    fn what_matters_is_in_the_middle() {
        let text: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
        assert_eq!(around(&text, 0), &text[..256]);
        assert_eq!(around(&text, 400), &text[272..528]);
        assert_eq!(around(&text, 767), &text[512..]);
        assert_eq!(around(b"short", 3), b"short");
    }
}
