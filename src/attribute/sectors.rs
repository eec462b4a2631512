//! Which sector a home network belongs to, and which site it is, by a list of the user's.

use serde::Deserialize;

use super::listed::{Listed, Said};

/// Longest name of a sector or site, in bytes: they stand in every event.
const NAME_BYTES_MAX: usize = 64;

/// A part of home: its sector and its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// `energy`, `water`, …: as the list calls it.
    pub sector: String,
    /// The site's own name, if the list gives one.
    pub name: Option<String>,
}

/// A list of home networks by sector: lines of network, sector, site; or TOML with `[[site]]` tables of `networks`, `sector` and `name`.
pub type Sectors = Listed<Site>;

/// The list as TOML.
#[derive(Deserialize)]
pub struct File {
    #[serde(default)]
    site: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    networks: Vec<String>,
    sector: String,
    name: Option<String>,
}

/// Names stand in records and on terminals: text without control characters, and not without end.
pub(super) fn checked(what: &str, text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("a {what} has 1 to {NAME_BYTES_MAX} bytes of plain text, not '{}'", super::excerpt(text.as_bytes())));
    }
    Ok(text.into())
}

fn site(sector: &str, name: Option<&str>) -> Result<Site, String> {
    let name = name.filter(|name| !name.is_empty()).map(|name| checked("site name", name)).transpose()?;
    Ok(Site { sector: checked("sector", sector)?, name })
}

impl Said for Site {
    const COLUMNS: &'static [&'static str] = &["sector", "site"];
    type File = File;

    fn from_fields(fields: &[&str]) -> Result<Self, String> {
        match fields {
            [sector] => site(sector, None),
            [sector, name] => site(sector, Some(name)),
            _ => Err(format!("a line has a network, a sector and a site, not {} fields", fields.len() + 1)),
        }
    }

    fn from_file(file: File) -> Vec<(Vec<String>, Result<Self, String>)> {
        file.site.into_iter().map(|entry| (entry.networks, site(&entry.sector, entry.name.as_deref()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed::tests::read;
    use super::*;

    #[test]
    fn both_forms_name_sector_and_site() {
        let expected = Site { sector: "energy".into(), name: Some("North".into()) };
        let csv = read::<Site>("s.csv", "network,sector,site\n10.0.0.0/8,energy,North\n10.2.0.0/16,water\n").unwrap();
        let toml = read::<Site>("s.toml", "[[site]]\nnetworks = [\"10.0.0.0/8\"]\nsector = \"energy\"\nname = \"North\"\n").unwrap();
        for list in [&csv, &toml] {
            assert_eq!(list.of("10.0.0.1".parse().unwrap()), Some(&expected));
        }
        assert_eq!(csv.of("10.2.0.1".parse().unwrap()).unwrap().name, None);
    }

    #[test]
    fn names_that_could_write_into_a_terminal_are_refused() {
        for line in ["10.0.0.0/8,\x1b[2J", "10.0.0.0/8,", "10.0.0.0/8,a,b,c", "10.0.0.0/8"] {
            assert!(read::<Site>("s.csv", line).is_err(), "{line:?}");
        }
    }
}
