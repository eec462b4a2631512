//! What one source's dealings with one webshell add up to.

use serde::Serialize;

use super::judge::{Finding, Stage};
use super::probe::Known;
use super::record::Record;
use super::shell::Shell;
use super::usage::Sure;
use crate::conclude::{Course, EventId, Evidence, Excerpt};

/// What the dealings are, in the order of what is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    Suspect,
    Attempt,
    Webshell,
}

impl Class {
    /// The `kind` of the record contract.
    pub const fn kind(self) -> &'static str {
        match self {
            Class::Suspect => "webshell_suspect",
            Class::Attempt => "webshell_attempt",
            Class::Webshell => "webshell",
        }
    }
}

/// What ECS has no name for.
#[derive(Clone, Debug, Serialize)]
pub struct WebshellDetail {
    /// The farthest that the source got.
    pub stage: &'static str,
    pub shell: &'static str,
    /// The request's path, without the query. What is not printable ASCII stands as `%XX`.
    pub path: String,
    /// The status of the answer to the farthest request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<u16>,
    pub requests: u64,
    /// Distinct paths that were looked for, where the stage is `probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<u64>,
    /// The name that an uploaded file was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    #[serde(skip)]
    pub evidence: Option<Excerpt>,
}

/// Names that one source looked for on one server and that are told apart. More says nothing more.
const NAMES_MAX: usize = 64;

/// One source's dealings with one webshell, or its search for any on one server.
pub struct Dealing {
    pub id: EventId,
    pub course: Course,
    pub port: u16,
    pub protocol: &'static str,
    pub requests: u64,
    /// It has an event of its own.
    pub written: bool,
    stage: Stage,
    shell: Shell,
    /// Whether the farthest request was taken, and its answer.
    taken: bool,
    status: u16,
    certain: bool,
    certain_taken: bool,
    likely: u64,
    likely_taken: bool,
    repeats: Option<u64>,
    /// A command that was run and whose output said little, and whether there was another.
    reported: Option<&'static [u8]>,
    reported_another: bool,
    /// Hashes of paths looked for by name.
    names: Vec<u64>,
    telling: usize,
    path: String,
    file_name: Option<String>,
    evidence: Option<Box<Evidence>>,
}

impl Dealing {
    pub fn new(record: &Record, path: String) -> Self {
        let (id, course) = begin(record, &path);
        Dealing {
            id,
            course,
            port: record.port,
            protocol: record.protocol,
            requests: 0,
            written: false,
            stage: record.finding.stage,
            shell: Shell::Unknown,
            taken: false,
            status: 0,
            certain: false,
            certain_taken: false,
            likely: 0,
            likely_taken: false,
            repeats: None,
            reported: None,
            reported_another: false,
            names: Vec::new(),
            telling: 0,
            path,
            file_name: None,
            evidence: None,
        }
    }

    /// What it is so far.
    pub fn class(&self) -> Class {
        let repeated = self.likely >= 2;
        if self.certain_taken || repeated && self.likely_taken || self.reported_another {
            Class::Webshell
        } else if self.certain || repeated {
            Class::Attempt
        } else {
            Class::Suspect
        }
    }

    /// What it will be with one more record.
    pub fn class_with(&self, finding: &Finding) -> Class {
        let certain = finding.sure == Sure::Certain;
        let likely = self.likely + u64::from(self.adds_up(finding));
        let taken = certain && finding.taken || likely >= 2 && (self.likely_taken || finding.taken);
        let sure = certain || likely >= 2;
        let class = if taken || self.is_another(finding) {
            Class::Webshell
        } else if sure {
            Class::Attempt
        } else {
            Class::Suspect
        };
        class.max(self.class())
    }

    /// Whether a finding is of another command than one before, where both outputs say little: no page has several.
    fn is_another(&self, finding: &Finding) -> bool {
        matches!((self.reported, finding.reported), (Some(before), Some(now)) if before != now)
    }

    /// Whether a likely finding is of the kind of those before.
    fn adds_up(&self, finding: &Finding) -> bool {
        finding.sure == Sure::Likely && finding.known == Known::No && (self.likely == 0 || finding.repeats == self.repeats)
    }

    /// A new event: what it was is reported, and it has become more.
    pub fn begin_anew(&mut self, record: &Record) {
        (self.id, self.course) = begin(record, &self.path);
        self.written = false;
    }

    /// Adds an exchange. `name` is a keyed hash of the path, and says whether it was new.
    pub fn add(&mut self, record: &Record, name: u64, now_s: u32) -> bool {
        let finding = &record.finding;
        self.course.add(now_s, record.start_ns, record.packets, record.bytes, record.attribution);
        self.course.add(now_s, record.end_ns, 0, 0, record.attribution);
        self.requests += 1;
        if self.requests == 1 || (finding.stage, finding.taken) > (self.stage, self.taken) {
            (self.stage, self.taken, self.status) = (finding.stage, finding.taken, record.status);
            self.evidence.clone_from(&record.evidence);
        }
        if finding.shell != Shell::Unknown && (self.shell == Shell::Unknown || finding.sure == Sure::Certain && !self.certain) {
            self.shell = finding.shell;
        }
        if self.adds_up(finding) {
            self.likely += 1;
            self.likely_taken |= finding.taken;
            self.repeats = finding.repeats;
        }
        self.reported_another |= self.is_another(finding);
        self.reported = self.reported.or(finding.reported);
        self.certain |= finding.sure == Sure::Certain;
        self.certain_taken |= finding.sure == Sure::Certain && finding.taken;
        if !finding.file_name.is_empty() && self.file_name.is_none() {
            self.file_name = Some(printable(&finding.file_name));
        }
        let is_new = finding.stage == Stage::Probe && self.names.len() < NAMES_MAX && !self.names.contains(&name);
        if is_new {
            self.names.push(name);
            self.telling += usize::from(finding.known == Known::Telling);
        }
        is_new
    }

    /// Distinct names looked for, and how many of them tell.
    pub fn names(&self) -> (usize, usize) {
        (self.names.len(), self.telling)
    }

    /// It was done with a tool: no number of names is needed.
    pub fn by_tool(&self) -> bool {
        self.certain
    }

    pub fn detail(&self) -> WebshellDetail {
        WebshellDetail {
            stage: self.stage.name(),
            shell: self.shell.name(),
            path: self.path.clone(),
            answered: (self.status != 0).then_some(self.status),
            requests: self.requests,
            paths: (self.stage == Stage::Probe).then_some(self.names.len() as u64),
            file_name: self.file_name.clone(),
            evidence: self.evidence.as_deref().map(Evidence::excerpt),
        }
    }
}

fn begin(record: &Record, path: &str) -> (EventId, Course) {
    let id = EventId::of("webshell", record.client, record.server, record.start_ns, path);
    (id, Course::new(record.start_ns, record.country, record.direction, record.attribution))
}

/// A text that an attacker chose, without anything that could write into a terminal, a log or a page.
pub fn printable(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'&') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_more_than_text() {
        assert_eq!(printable(b"/up/a.php"), "/up/a.php");
        assert_eq!(printable(b"/\x1b[2J<a>\n\"\xff"), "/%1B[2J%3Ca%3E%0A%22%FF");
    }
}
