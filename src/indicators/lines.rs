//! Lists of lines: columns with names, or a form that the first line tells, or a value a line.

use std::borrow::Cow;
use std::io;

use super::blocks::{self, Block, Reading};
use super::collect::Collector;
use super::columns::{Role, Shape, role};
use super::entry::Usage;
use super::fields::{SEPARATORS, fields};
use super::input::Input;
use super::list::Format;
use super::named::Named;
use super::nftables::{self, Ruleset};
use super::time::seconds;
use super::zone::{self, Zone};
use super::{adblock, dnsmasq, firewall, ids, plain, reputation};

/// Most columns that are looked at.
const COLUMNS_MAX: usize = 64;
/// Most words of a comment that is the list's title.
const TITLE_WORDS_MAX: usize = 6;

/// Reads lines to the end of the input.
pub(super) fn read(input: &mut Input<'_>, into: &mut Collector<'_>) -> io::Result<()> {
    blocks::read(input, into, Lines::default())
}

/// What lines before say of those that come.
#[derive(Default)]
pub(super) struct Lines {
    heading: Heading,
    columns: Option<Columns>,
    /// A line came that is no comment.
    begun: bool,
    zone: Option<Zone>,
    ruleset: Option<Ruleset>,
}

impl Reading for Lines {
    fn line(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        if let Some(zone) = &mut self.zone {
            return zone.line(line, number, into);
        }
        let line = line.trim_ascii();
        if let Some(ruleset) = &mut self.ruleset {
            return ruleset.line(line, number, into);
        }
        if let Some(comment) = comment(line) {
            return self.heading.comment(comment, into);
        }
        // Excel has the separator in a line of its own.
        if line.is_empty() || !self.begun && line.starts_with(b"sep=") {
            return;
        }
        if !std::mem::replace(&mut self.begun, true) && self.first(line, number, into) {
            return;
        }
        if self.heading.allows {
            return into.unsupported(number, "a list of what is good", line);
        }
        self.row(line, number, into);
    }

    fn stands_alone(&self, into: &mut Collector<'_>) -> bool {
        let by_rows_before = self.zone.is_some() || self.ruleset.is_some();
        let by_categories = matches!(into.list().format, Format::Categories | Format::Reputation);
        self.begun && !by_rows_before && !by_categories && !self.heading.allows
    }

    fn alone(&self) -> impl Fn(&Block, &mut Collector<'_>) -> bool + Sync {
        |block, into| block.each(into, |line, number, into| self.row_alone(line, number, into))
    }

    fn finish(self, into: &mut Collector<'_>) {
        if let Some(ruleset) = self.ruleset {
            ruleset.finish(into);
        }
    }
}

impl Lines {
    /// The first line that is no comment. Whether it is done with.
    fn first(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) -> bool {
        // The header may be this line, or the last comment before it.
        let header = Columns::of(line);
        let is_header = header.is_some();
        self.columns = header.or(self.heading.columns.take());
        into.list().format = self.columns.as_ref().map_or(self.heading.publisher, |columns| columns.shape.format());
        if is_header || self.columns.is_none() && role(line).is_some() {
            // A column by itself is a list as it is; its name is no value.
            return true;
        }
        if self.columns.is_none() {
            into.list().format = known_by_first(line).unwrap_or(self.heading.publisher);
        }
        match into.list().format {
            Format::Rpz => self.zone.insert(Zone::default()).line(line, number, into),
            Format::Nftables => self.ruleset.insert(Ruleset::default()).line(line, number, into),
            _ => {}
        }
        self.zone.is_some() || self.ruleset.is_some()
    }

    fn row(&self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        match (&self.columns, into.list().format) {
            (Some(columns), _) => columns.row(line, number, into),
            (None, Format::Categories) => match reputation::category(line) {
                Some((category, name)) => _ = into.categories.insert(category, name),
                None => into.refuse(number, "no number and name of a category", line),
            },
            (None, Format::Reputation) => reputation::entry(line, number, into),
            (None, Format::Adblock) => adblock::line(line, number, into),
            (None, Format::Dnsmasq) => dnsmasq::dnsmasq(line, number, into),
            (None, Format::Unbound) => dnsmasq::unbound(line, number, into),
            (None, Format::Ipset) => firewall::ipset(line, number, into),
            (None, Format::Iptables) => firewall::iptables(line, number, into),
            (None, Format::Suricata) => ids::line(line, number, into),
            (None, _) => plain::line(line, number, &self.heading, into),
        }
    }

    /// A row by itself. Whether it is one: a comment may say something of the rows behind it.
    fn row_alone(&self, line: &[u8], number: u32, into: &mut Collector<'_>) -> bool {
        let line = line.trim_ascii();
        if let Some(comment) = comment(line) {
            let mut heading = self.heading.said();
            heading.comment(comment, into);
            return heading.said() == self.heading.said();
        }
        if !line.is_empty() {
            self.row(line, number, into);
        }
        true
    }
}

fn comment(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'#', comment @ ..] | [b';', comment @ ..] | [b'/', b'/', comment @ ..] => Some(comment),
        _ => None,
    }
}

/// Whether a line is of a form.
type Knows = fn(&[u8]) -> bool;

/// Forms that the first line tells.
fn known_by_first(line: &[u8]) -> Option<Format> {
    let forms: [(Format, Knows); 10] = [
        (Format::Categories, |line| reputation::category(line).is_some()),
        (Format::Reputation, reputation::is_entry),
        (Format::Adblock, adblock::is_line),
        (Format::Dnsmasq, dnsmasq::is_dnsmasq),
        (Format::Unbound, dnsmasq::is_unbound),
        (Format::Ipset, firewall::is_ipset),
        (Format::Iptables, firewall::is_iptables),
        (Format::Nftables, nftables::is_line),
        (Format::Suricata, ids::is_line),
        (Format::Rpz, zone::is_line),
    ];
    let known = forms.into_iter().find(|(_, knows)| knows(line)).map(|(format, _)| format);
    known.or_else(|| plain::is_hosts(line).then_some(Format::Hosts))
}

/// What the comments at the head of a list say.
#[derive(PartialEq, Eq)]
pub(super) struct Heading {
    pub publisher: Format,
    columns: Option<Columns>,
    /// A digest of 16 bytes is a client's fingerprint; one of 20 bytes a certificate's.
    pub ja3: bool,
    pub certificates: bool,
    /// It is a list of what is good.
    allows: bool,
}

impl Default for Heading {
    fn default() -> Self {
        Heading { publisher: Format::Plain, columns: None, ja3: false, certificates: false, allows: false }
    }
}

impl Heading {
    /// What it says of the rows. That there are columns counts before the first.
    fn said(&self) -> Self {
        let &Heading { publisher, columns: _, ja3, certificates, allows } = self;
        Heading { publisher, columns: None, ja3, certificates, allows }
    }

    fn comment(&mut self, comment: &[u8], into: &mut Collector<'_>) {
        let comment = comment.trim_ascii();
        // Zeek's logs begin so.
        if let Some(columns) = Columns::of(comment.strip_prefix(b"fields\t").unwrap_or(comment)) {
            self.columns = Some(columns);
            return;
        }
        let find = |word: &str| comment.windows(word.len()).position(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        for word in
            ["last updated:", "last modified:", "last-modified:", "generated on:", "generated:", "updated:", "file date  :", "date:"]
        {
            if let Some(at) = find(word) {
                let rest = comment[at + word.len()..].trim_ascii();
                let dated = seconds(rest).or_else(|| [19, 10].into_iter().find_map(|bytes| seconds(rest.get(..bytes)?)));
                let list = into.list();
                list.written_s = list.written_s.or(dated);
            }
        }
        let publishers = [
            ("Feodo Tracker", Format::Feodo),
            ("URLhaus", Format::Urlhaus),
            ("ThreatFox", Format::Threatfox),
            ("MalwareBazaar", Format::MalwareBazaar),
            ("SSLBL", Format::Sslbl),
            ("SSL Blacklist", Format::Sslbl),
        ];
        if self.publisher == Format::Plain
            && let Some((_, format)) = publishers.into_iter().find(|(name, _)| find(name).is_some())
        {
            self.publisher = format;
        }
        // A title of few words: a list that leaves out what is on one says more.
        let is_title = comment.split(u8::is_ascii_whitespace).count() <= TITLE_WORDS_MAX;
        let bad = ["black", "block", "malware", "malicious", "bad", "without", "exclud", "remov", "filter", "not ", "no "];
        if is_title && ["whitelist", "white list", "allowlist", "allow list"].into_iter().any(|word| find(word).is_some()) {
            self.allows |= !bad.into_iter().any(|word| find(word).is_some());
        }
        self.ja3 |= find("ja3").is_some();
        self.certificates |= find("certificate").is_some();
    }

    /// What a list of bare values by this publisher is about.
    pub fn usage(&self) -> Usage {
        match self.publisher {
            Format::Feodo | Format::Sslbl => Usage::Controller,
            Format::Urlhaus => Usage::Delivery,
            Format::MalwareBazaar => Usage::Sample,
            _ => Usage::Unspecified,
        }
    }
}

/// By column: what it holds.
#[derive(PartialEq, Eq)]
struct Columns {
    separator: u8,
    roles: Vec<Option<Role>>,
    shape: Shape,
}

impl Columns {
    /// If the line is a header: names of columns, a value's among them.
    fn of(line: &[u8]) -> Option<Self> {
        SEPARATORS.into_iter().find_map(|separator| {
            let mut shape = Shape::default();
            let named = |name: Cow<'_, [u8]>| {
                let name = name.strip_prefix(b"'").and_then(|name| name.strip_suffix(b"'")).unwrap_or(&name);
                role(name).inspect(|&role| shape.add(role, name))
            };
            let roles: Vec<_> = fields(line, separator).take(COLUMNS_MAX).map(named).collect();
            shape.is_list().then_some(Columns { separator, roles, shape })
        })
    }

    fn row(&self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let split = self.roles.iter().zip(fields(line, self.separator));
        let texts: Vec<_> = split.filter_map(|(role, text)| Some(((*role)?, text))).collect();
        let mut named = Named::new();
        for (role, text) in &texts {
            named.set(*role, text.strip_prefix(b"'").and_then(|text| text.strip_suffix(b"'")).unwrap_or(text));
        }
        named.collect(into, number, line);
    }
}
