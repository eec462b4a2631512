//! XorDDoS: what a bot says of itself is mostly zeros, under exclusive or with a key that never changes, so that the key stands there twice in a row
//! (Akamai, "Threat Advisory: XOR DDoS", 2015, its rule for Snort: within bytes 32 to 96 of a bot's segment). Orders come under the same key; how they
//! are laid out is not published, so a controller is certain where zeros of its own show the key.

use super::{Heads, Verdict};
use crate::detect::malware::kind::contains;

/// The key, twice.
const KEY_TWICE: &[u8; 2 * KEY_BYTES] = b"BB2FA36AAA9541F0BB2FA36AAA9541F0";
const KEY_BYTES: usize = 16;
/// Bytes of the bot's segment in which it stands.
const WITHIN: std::ops::Range<usize> = 32..96;
/// Zeros of an order that are enough to know the key by: as many bytes come by chance once in 2^60.
const ZEROS_MIN: usize = 8;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let within = heads.client.get(WITHIN.start..WITHIN.end.min(heads.client.len()));
    if !within.is_some_and(|within| contains(within, KEY_TWICE)) {
        return Verdict::No;
    }
    let ordered = KEY_TWICE.windows(ZEROS_MIN).take(KEY_BYTES).any(|part| contains(heads.server, part));
    if ordered { Verdict::Certain } else { Verdict::Suspect }
}
