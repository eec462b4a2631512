//! A shell that a host offers to whoever it called: its prompt goes out, commands come in.

use super::{Heads, Verdict};
use crate::detect::malware::kind::contains;

/// What shells say when they begin.
const PROMPTS: [&[u8]; 6] = [
    b"Microsoft Windows [Version ",
    // Nishang's (samratashok/nishang, `Shells/Invoke-PowerShellTcp.ps1`).
    b"Windows PowerShell running as user ",
    b"bash: no job control in this shell",
    b"sh: no job control in this shell",
    b"bash-",
    b"can't access tty; job control turned off",
];
/// Bytes in which they say it.
const WITHIN: usize = 256;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let start = &heads.client[..heads.client.len().min(WITHIN)];
    let said = PROMPTS
        .iter()
        .any(|prompt| contains(start, prompt) && (*prompt != b"bash-" || start.starts_with(prompt) && contains(start, b"$ ")));
    if said {
        return if heads.server.is_empty() { Verdict::Perhaps } else { Verdict::Suspect };
    }
    if heads.client.is_empty() && heads.server.len() < WITHIN { Verdict::Perhaps } else { Verdict::No }
}
