//! Loaders that fetch a controller's program over HTTP: Metasploit's and Cobalt Strike's stagers ask for a path whose bytes add up to a fixed number
//! (rapid7/metasploit-framework, `lib/rex/payloads/meterpreter/uri_checksum.rb`), and get code that runs where it is loaded. Either alone may be
//! chance; both together make a suspect.

/// What the path's bytes add up to, modulo 256: for Windows, native code, Python, Java; and Cobalt Strike's for 64 bits.
const SUMS: [u8; 5] = [92, 80, 88, 98, 93];
/// Characters of such a path behind its slash.
const PATH_CHARS: std::ops::RangeInclusive<usize> = 4..=255;
/// Bytes of a stage at least (chosen: a stage is a program of tens of thousands).
const STAGE_BYTES_MIN: u64 = 256;

/// Whether a request's target can be a stager's.
pub fn is_asked(target: &[u8]) -> bool {
    let Some(name) = target.strip_prefix(b"/").filter(|name| PATH_CHARS.contains(&name.len())) else { return false };
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.iter().all(of_name) && SUMS.contains(&name.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)))
}

/// Whether a body begins as such code does: with a cleared direction flag and a call or the alignment of the stack, or as a PE file whose DOS header
/// is code, too (metasploit-payloads, `ReflectiveLoader`; `MZARUH` for 64 bits).
pub fn is_stage(head: &[u8], bytes: u64) -> bool {
    let begins = matches!(head, [0xfc, 0xe8, _, _, 0, 0, ..] | [0xfc, 0x48, 0x83, 0xe4, 0xf0, ..])
        || head.starts_with(b"MZARUH")
        || head.starts_with(b"MZ\xe8\0\0\0\0");
    begins && bytes >= STAGE_BYTES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_add_up_and_ordinary_ones_do_not() {
        // 3 · 97 + 57 = 348 = 256 + 92, and one and twelve less for the others.
        assert!(is_asked(b"/aaa9") && is_asked(b"/aab9") && is_asked(b"/aaa-"));
        for path in ["/", "/index.html", "/a/b", "/aaa9?x=1", "aaa9", "/abcd"] {
            assert!(!is_asked(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn stages_begin_with_code() {
        assert!(is_stage(b"\xfc\xe8\x89\0\0\0\x60", 900) && is_stage(b"\xfc\x48\x83\xe4\xf0\xe8", 900) && is_stage(b"MZARUH\x89\xe5", 900));
        assert!(!is_stage(b"MZ\x90\0\x03\0\0\0", 900) && !is_stage(b"\xfc\xe8\x89\0\0\0\x60", 9) && !is_stage(b"<html>", 900));
    }
}
