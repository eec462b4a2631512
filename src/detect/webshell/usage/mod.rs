//! Use of a webshell, by the tool that drives it: one file a family.

mod command;
mod enciphered;
mod evaluated;
mod neo;
mod output;
mod panel;
mod proved;
mod tunnel;
mod weevely;

use super::answer::{Answer, Outcome};
use super::asked::{Asked, Room};
use super::shell::Shell;

/// How sure one exchange makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sure {
    /// It behaves like a webshell. Other things may, too.
    Suspect,
    /// It has a tool's form. Twice the same makes it certain.
    Likely,
    /// Nothing else looks like this.
    Certain,
}

/// A webshell in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Use {
    pub shell: Shell,
    pub sure: Sure,
    /// A page for people fits: the answer shows it, or the shell has pages.
    pub page: bool,
    /// The command that was run, where its output says little: another one says more.
    pub reported: Option<&'static [u8]>,
    /// What repeats from one answer of the same shell to the next, if anything does.
    pub repeats: Option<u64>,
}

impl Use {
    fn new(shell: Shell, sure: Sure) -> Self {
        Use { shell, sure, page: false, reported: None, repeats: None }
    }

    /// Of a shell that answers with pages.
    fn of_pages(shell: Shell) -> Self {
        Use { page: true, ..Use::new(shell, Sure::Certain) }
    }
}

/// Finds one family's tool in an exchange.
type Family = fn(&Asked<'_>, &Answer<'_>, &mut Room) -> Option<Use>;

/// What a family finds in a request and in the answer to it, in tests.
#[cfg(test)]
fn found_by(family: Family, sent: &super::testing::Sent<'_>, answer: &str) -> Option<Use> {
    super::testing::exchanged(sent, Some((200, answer)), |exchange| {
        family(&Asked::new(exchange.request), &Answer::new(exchange), &mut Room::default())
    })
}

/// Finds the tool that drives a webshell in an exchange.
pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, room: &mut Room) -> Option<Use> {
    let families: [Family; 8] =
        [evaluated::find, enciphered::find, panel::find, tunnel::find, neo::find, weevely::find, command::find, proved::find];
    // The first that is certain, or else the surest: looks alone may be another family's.
    let mut best: Option<Use> = None;
    for family in families {
        if let Some(found) = family(asked, answer, room).filter(|found| best.is_none_or(|best| found.sure > best.sure)) {
            best = Some(found);
            if found.sure == Sure::Certain {
                break;
            }
        }
    }
    best.or_else(|| framed(asked, answer))
}

/// The output stands between marks that no page has, whatever asked for it.
fn framed(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Use> {
    let sent_something = !asked.body.is_empty() || !asked.query.is_empty();
    let is_framed = answer.outcome == Outcome::Output && answer.is_framed();
    (asked.script.is_some() && is_framed && sent_something).then(|| Use::new(Shell::ChinaChopper, Sure::Certain))
}
