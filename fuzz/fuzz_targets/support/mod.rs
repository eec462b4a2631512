//! What the targets of lists have in common.

use wherefrom::indicators::Indicators;
use wherefrom::settings::indicator as Settings;

/// Reads a list, and asks it for what came in.
pub fn ask(bytes: Vec<u8>) {
    let Ok(known) = Indicators::from_bytes("list", &bytes, &Settings::default()) else { return };
    let _ = known.lists().first().expect("what is read without an error is a list").to_string();
    for word in String::from_utf8_lossy(&bytes).split(['\n', ',', '"', '\'']) {
        let _ = known.describe(word);
        let _ = known.domain(word.as_bytes(), 0);
        let _ = known.url(word.as_bytes(), 0);
    }
}
