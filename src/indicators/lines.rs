//! Lists of lines: a value a line, or columns with names.

use std::borrow::Cow;
use std::io::{self, Read};

use super::collect::{Collector, Facts};
use super::entry::{Kind, Usage};
use super::fields::{SEPARATORS, fields};
use super::input::{Input, Line};
use super::list::Format;
use super::named::{Named, Role, Shape, role};
use super::reputation;
use super::time::seconds;
use super::value::{NoValue, Value};

/// Most columns that are looked at.
const COLUMNS_MAX: usize = 64;

/// Reads lines to the end of the input.
pub(super) fn read<R: Read>(input: &mut Input<R>, into: &mut Collector<'_>) -> io::Result<()> {
    let mut heading = Heading::default();
    let mut columns: Option<Columns> = None;
    let mut begun = false;
    loop {
        let line = match input.line()? {
            None => return Ok(()),
            Some(Line::Text(line)) => line.trim_ascii().to_vec(),
            Some(Line::TooLong) => {
                into.refuse(input.number(), "a line of more than 65536 bytes", b"");
                continue;
            }
        };
        let number = input.number();
        if let [b'#', comment @ ..] | [b';', comment @ ..] | [b'/', b'/', comment @ ..] = &line[..] {
            heading.comment(comment, into);
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if !std::mem::replace(&mut begun, true) {
            // The header may be the first line, or the last comment before it.
            let header = Columns::of(&line);
            let is_header = header.is_some();
            columns = header.or(heading.columns.take());
            into.list().format = columns.as_ref().map_or(heading.publisher, |columns| columns.shape.format());
            if is_header {
                continue;
            }
            if columns.is_none() && reputation::category(&line).is_some() {
                into.list().format = Format::Categories;
            } else if columns.is_none() && reputation::is_entry(&line) {
                into.list().format = Format::Reputation;
            }
        }
        match (&columns, into.list().format) {
            (Some(columns), _) => columns.row(&line, number, into),
            (None, Format::Categories) => match reputation::category(&line) {
                Some((category, name)) => _ = into.categories.insert(category, name),
                None => into.refuse(number, "no number and name of a category", &line),
            },
            (None, Format::Reputation) => reputation::entry(&line, number, into),
            (None, _) => plain(&line, number, &heading, into),
        }
    }
}

/// What the comments at the head of a list say.
struct Heading {
    publisher: Format,
    columns: Option<Columns>,
    /// A digest of 16 bytes is a client's fingerprint; one of 20 bytes a certificate's.
    ja3: bool,
    certificates: bool,
}

impl Default for Heading {
    fn default() -> Self {
        Heading { publisher: Format::Plain, columns: None, ja3: false, certificates: false }
    }
}

impl Heading {
    fn comment(&mut self, comment: &[u8], into: &mut Collector<'_>) {
        let comment = comment.trim_ascii();
        // Zeek's logs begin so.
        if let Some(columns) = Columns::of(comment.strip_prefix(b"fields\t").unwrap_or(comment)) {
            self.columns = Some(columns);
            return;
        }
        let find = |word: &str| comment.windows(word.len()).position(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        for word in ["last updated:", "last modified:", "generated on:", "date:"] {
            if let Some(at) = find(word) {
                let rest = comment[at + word.len()..].trim_ascii();
                let dated = [19, 10].into_iter().find_map(|bytes| seconds(rest.get(..bytes)?));
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
        self.ja3 |= find("ja3").is_some();
        self.certificates |= find("certificate").is_some();
    }

    /// What a list of bare values by this publisher is about.
    fn usage(&self) -> Usage {
        match self.publisher {
            Format::Feodo | Format::Sslbl => Usage::Controller,
            Format::Urlhaus => Usage::Delivery,
            Format::MalwareBazaar => Usage::Sample,
            _ => Usage::Unspecified,
        }
    }
}

/// By column: what it holds.
struct Columns {
    separator: u8,
    roles: Vec<Option<Role>>,
    shape: Shape,
}

impl Columns {
    /// If the line is a header: names of columns, a value's among them.
    fn of(line: &[u8]) -> Option<Self> {
        SEPARATORS.into_iter().find_map(|separator| {
            let roles: Vec<_> = fields(line, separator).take(COLUMNS_MAX).map(|name| role(&name)).collect();
            let mut shape = Shape::default();
            roles.iter().flatten().for_each(|&role| shape.add(role));
            shape.is_list().then_some(Columns { separator, roles, shape })
        })
    }

    fn row(&self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let mut texts = [const { Cow::Borrowed(&[] as &[u8]) }; COLUMNS_MAX];
        for (to, field) in texts.iter_mut().zip(fields(line, self.separator)) {
            *to = field;
        }
        let mut named = Named::new();
        for (role, text) in self.roles.iter().zip(&texts) {
            if let Some(role) = role {
                named.set(*role, text);
            }
        }
        named.collect(into, number, line);
    }
}

/// One value: the first word of the line, or the first field that is a value. In the form of a hosts file, the name after the address.
fn plain(line: &[u8], number: u32, heading: &Heading, into: &mut Collector<'_>) {
    let facts = Facts { usage: heading.usage(), ..Facts::default() };
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let value = if matches!(first, b"127.0.0.1" | b"0.0.0.0" | b"::1" | b"::") {
        Value::domain(words.next().unwrap_or_default())
    } else if first.contains(&b'"') || first.contains(&b',') && !first.windows(3).any(|three| three == b"://") {
        let dated = |field: &[u8]| seconds(field).is_some();
        let mut found = fields(line, b',').filter(|field| !dated(field)).map(|field| Value::of(&field));
        found.find(Result::is_ok).unwrap_or(Err(NoValue("no field is an address, a name, a URL or a digest")))
    } else {
        // Spamhaus puts a semicolon behind the network.
        Value::of(first.strip_suffix(b";").unwrap_or(first))
    };
    let value = match value {
        Ok(Value::Digest(Kind::Md5, digest)) if heading.ja3 => Ok(Value::Digest(Kind::Ja3, digest)),
        Ok(Value::Digest(Kind::Sha1, digest)) if heading.certificates || heading.publisher == Format::Sslbl => {
            Ok(Value::Digest(Kind::CertificateSha1, digest))
        }
        value => value,
    };
    into.take(value, &facts, number, line);
}
