//! Text that is written for people, and may quote code.

use memchr::memmem;

/// Words of prose from which on a text talks about code, and is none.
const PROSE_WORDS: usize = 8;

/// Whether a text is written for people: words in a row, between spaces, outside of code.
pub fn is_prose(text: &[u8]) -> bool {
    let mut words = 0;
    let mut rest = text;
    while words < PROSE_WORDS {
        let opens = memchr::memchr_iter(b'<', rest).find(|&at| matches!(rest.get(at + 1), Some(b'?' | b'%')));
        words += words_of(&rest[..opens.unwrap_or(rest.len())]);
        let Some(code) = opens.map(|at| &rest[at..]) else { break };
        let close: &[u8] = if code[1] == b'?' { b"?>" } else { b"%>" };
        match memmem::find(code, close) {
            Some(at) => rest = &code[at + close.len()..],
            // Never closed: the last statement is the end of it.
            None => {
                let end = code.iter().rposition(|byte| matches!(byte, b';' | b'}')).map_or(code.len(), |at| at + 1);
                words += words_of(&code[end..]);
                break;
            }
        }
    }
    words >= PROSE_WORDS
}

fn words_of(text: &[u8]) -> usize {
    let words = text.split(|byte| matches!(byte, b' ' | b'\n')).filter(|word| {
        let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).or_else(|| word.strip_suffix(b":")).unwrap_or(word);
        word.len() >= 2
            && word.iter().all(u8::is_ascii_lowercase)
            && !matches!(word, b"echo" | b"if" | b"else" | b"new" | b"return" | b"cmd" | b"page" | b"import" | b"var" | b"function")
    });
    words.count()
}

#[cfg(test)]
mod tests {
    use super::is_prose;

    #[test]
    fn words_of_a_program_are_none() {
        assert!(!is_prose(b"<%@ page import=\"java.io.*\"%><% while ( disr != null ) { out disr in dis null while one two three } %>"));
        assert!(!is_prose(b"<?php while one two three four five six seven eight nine;"));
        assert!(is_prose(b"this is how you would write such a shell: <?php eval($_POST[1]);"));
        assert!(is_prose(b"<?php eval($_POST[1]); is what you would find there and how it is done"));
        assert!(!is_prose(b"") && !is_prose(b"<") && !is_prose(b"<?") && !is_prose(b"<%"));
    }
}
