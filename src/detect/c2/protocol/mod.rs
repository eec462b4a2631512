//! Protocols of controllers in clear text, told by what both sides say: one family a file.
//!
//! A family is certain where both sides keep to it. What only one side says, or what ordinary programs say too, makes a suspect. The bot is
//! whoever called, in all of them.

mod darkcomet;
mod gafgyt;
mod gh0st;
mod irc;
mod mirai;
mod njrat;
pub mod shell;
#[cfg(test)]
mod tests;
mod xorddos;

/// What the first bytes of both sides are in a family's eyes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// Not this family's.
    No,
    /// It may become so.
    Perhaps,
    /// It looks like it, and may be something else.
    Suspect,
    /// Both sides keep to it.
    Certain,
}

/// The first bytes of both sides, as far as they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    pub client: &'a [u8],
    pub server: &'a [u8],
    /// The server's port.
    pub port: u16,
}

type Judge = fn(&Heads<'_>) -> Verdict;

/// Names as they stand in records, and how a dialogue is judged.
const FAMILIES: [(&str, Judge); 8] = [
    ("mirai", mirai::judge),
    ("gafgyt", gafgyt::judge),
    ("gh0st", gh0st::judge),
    ("njrat", njrat::judge),
    ("irc-bot", irc::judge),
    ("darkcomet", darkcomet::judge),
    ("reverse-shell", shell::judge),
    ("xorddos", xorddos::judge),
];

/// The family that a dialogue keeps to best, and how well.
pub fn judge(heads: &Heads<'_>) -> (Verdict, &'static str) {
    let mut best = (Verdict::No, "");
    for (name, judge) in FAMILIES {
        let verdict = judge(heads);
        if verdict > best.0 {
            best = (verdict, name);
        }
    }
    best
}

/// Whole lines of a text, without their ends. A last line without an end is not whole.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = text.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    text[..whole].split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}
