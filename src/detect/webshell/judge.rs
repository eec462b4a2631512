//! What one exchange says about a webshell.

use super::answer::{Answer, Outcome};
use super::asked::{Asked, Room};
use super::probe::{Known, known};
use super::shell::Shell;
use super::usage::{self, Sure};
use super::{upload, usage::Use};
use crate::protocol::carried::Exchange;

/// How far somebody got with a webshell; the last is the farthest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Looked for one.
    Probe,
    /// Put one there.
    Upload,
    /// Used one.
    Use,
}

impl Stage {
    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Probe => "probe",
            Stage::Upload => "upload",
            Stage::Use => "use",
        }
    }
}

/// What one exchange says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub stage: Stage,
    pub shell: Shell,
    pub sure: Sure,
    /// It succeeded, as far as the answer tells.
    pub taken: bool,
    /// What must be the same in another answer for a likely one to be certain.
    pub repeats: Option<u64>,
    /// The command of a use whose output says little.
    pub reported: Option<&'static [u8]>,
    /// A probe by name alone: how much the name says.
    pub known: Known,
    /// The name of an uploaded file, as sent; empty for the others.
    pub file_name: Vec<u8>,
}

impl Finding {
    pub(super) fn new(stage: Stage, shell: Shell, sure: Sure, taken: bool) -> Self {
        Finding { stage, shell, sure, taken, repeats: None, reported: None, known: Known::No, file_name: Vec::new() }
    }
}

/// Judges an exchange. `room` is room to work in, kept from one to the next.
pub fn judge(exchange: &Exchange<'_>, room: &mut Room) -> Option<Finding> {
    let asked = Asked::new(exchange.request);
    let answer = Answer::new(exchange);
    let uploaded = upload::find(&asked, room);
    if let Some(upload) = uploaded.as_ref().filter(|upload| upload.sure == Sure::Certain) {
        return Some(Finding {
            file_name: upload.name.clone(),
            ..Finding::new(Stage::Upload, Shell::Unknown, Sure::Certain, answer.taken())
        });
    }
    if let Some(found) = usage::find(&asked, &answer, room) {
        return used(&found, &answer);
    }
    if let Some(upload) = uploaded {
        return Some(Finding { file_name: upload.name, ..Finding::new(Stage::Upload, Shell::Unknown, upload.sure, answer.taken()) });
    }
    let known = known(asked.path);
    let looked = matches!(asked.request.method, b"GET" | b"HEAD" | b"POST");
    // Where a page comes back, the name says something only if hardly anything else is called so.
    let counts = known == Known::Telling || !matches!(answer.outcome, Outcome::Page | Outcome::Output);
    (known > Known::No && looked && counts).then(|| Finding { known, ..Finding::new(Stage::Probe, Shell::Unknown, Sure::Likely, false) })
}

/// A use, by what the answer makes of it.
fn used(found: &Use, answer: &Answer<'_>) -> Option<Finding> {
    let (stage, taken) = match answer.outcome {
        Outcome::Output => (Stage::Use, true),
        Outcome::Page => (if found.page { Stage::Use } else { Stage::Probe }, found.page),
        // The tool asked, and there was no shell.
        Outcome::Missing => (Stage::Probe, false),
        Outcome::Refused | Outcome::Silent => (Stage::Use, false),
    };
    (taken || found.sure == Sure::Certain).then(|| Finding {
        repeats: found.repeats,
        reported: found.reported,
        ..Finding::new(stage, found.shell, found.sure, taken)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{exchanged, form, get, multipart};
    use super::*;

    const CHOPPER: &str = "x=%40eval(base64_decode($_POST[z0]));&z0=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwiMCIpOw%3D%3D";

    fn found(sent: &super::super::testing::Sent<'_>, answer: Option<(u16, &str)>) -> Option<(Stage, Shell, bool)> {
        exchanged(sent, answer, |exchange| judge(exchange, &mut Room::default()).map(|found| (found.stage, found.shell, found.taken)))
    }

    #[test]
    fn the_answer_decides_between_use_and_attempt() {
        let sent = form("/a.php", CHOPPER);
        assert_eq!(found(&sent, Some((200, "->|ok|<-"))), Some((Stage::Use, Shell::ChinaChopper, true)));
        assert_eq!(found(&sent, Some((404, "<html>"))), Some((Stage::Probe, Shell::ChinaChopper, false)));
        assert_eq!(found(&sent, Some((200, "<html>soft 404</html>"))), Some((Stage::Probe, Shell::ChinaChopper, false)));
        assert_eq!(found(&sent, Some((403, "no"))), Some((Stage::Use, Shell::ChinaChopper, false)));
        assert_eq!(found(&sent, None), Some((Stage::Use, Shell::ChinaChopper, false)));
    }

    #[test]
    fn status_and_notice_decide_whether_an_upload_was_taken() {
        let sent = multipart("/up", &[("f", Some("x.php"), "text/plain", b"<?php eval($_POST[1]);")]);
        for (answer, taken) in
            [(Some((200, "")), true), (Some((302, "")), true), (Some((403, "")), false), (Some((500, "")), false), (None, false)]
                .into_iter()
                .chain([(Some((200, r#"{"success":false}"#)), false), (Some((200, r#"{"success":true}"#)), true)])
        {
            assert_eq!(found(&sent, answer), Some((Stage::Upload, Shell::Unknown, taken)));
        }
    }

    #[test]
    fn names_are_probes_where_nothing_is() {
        assert_eq!(found(&get("/shell.php"), Some((404, ""))), Some((Stage::Probe, Shell::Unknown, false)));
        assert_eq!(found(&get("/1.php"), Some((404, ""))), Some((Stage::Probe, Shell::Unknown, false)));
        assert_eq!(found(&get("/1.php"), Some((200, "<html>"))), None);
        assert_eq!(found(&get("/index.php?page=shell.php"), Some((404, ""))), None);
    }

    #[test]
    fn panels_answer_with_pages() {
        let sent = form("/u/3.php", "a=FilesMan&c=%2F&p1=&p2=&p3=&charset=UTF-8");
        assert_eq!(found(&sent, Some((200, "<html><title>h - WSO 2.5</title>"))), Some((Stage::Use, Shell::Wso, true)));
        assert_eq!(found(&sent, Some((404, "<html>"))), Some((Stage::Probe, Shell::Wso, false)));
        assert_eq!(
            found(&get("/u/3.php?c=id"), Some((200, "<html><pre>uid=33(w) gid=33(w)</pre>"))),
            Some((Stage::Use, Shell::Unknown, true))
        );
    }
}
