//! What is in force: flags and `wherefrom.toml` together, checked once. Past this, nobody checks again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::attribute::{
    Benign, BenignError, Country, Database, DatabaseError, Home, HomeEntry, HomeError, ListError, Listed, Lists, Minimum, Peers, Sectors,
};
use crate::cli::{CommonArgs, RunArgs};
use crate::dispatch::{Door, ENTRIES_MAX, Entries, mac};
use crate::indicators::{IndicatorError, Indicators, KnownGood, KnownGoodError, Rules, RulesError};
use crate::report::{GeoRecord, ListRecord, RunRecord};
use crate::settings::{self, SettingError, Settings};

/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "wherefrom.toml";
/// Length of a window, in seconds, unless told otherwise.
const WINDOW_S: u32 = 60;
/// Longest window: a day.
const WINDOW_S_MAX: u32 = 86_400;
/// The highest VLAN identifier that is not reserved (IEEE 802.1Q table 9-2).
const VLAN_MAX: u16 = 4094;
/// The sensor's name unless told otherwise.
const SENSOR: &str = "wherefrom";

/// What is wrong with the configuration: wrong usage, exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {cause}", path = .path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error("{path}: {cause}", path = .path.display())]
    Toml { path: PathBuf, cause: Box<toml::de::Error> },
    #[error("{0}")]
    Setting(#[from] SettingError),
    #[error("--set takes NAME=VALUE, such as flood.udp_per_s=2000, not {0:?}")]
    Set(String),
    #[error("{0}")]
    Home(#[from] HomeError),
    #[error("dark: {0}")]
    Dark(Box<HomeError>),
    #[error("dark: {0} is not home; only unused addresses of home can be dark")]
    DarkAbroad(String),
    #[error("entry {0:?} takes one of vlan = 1 to {VLAN_MAX}, interface = \"NAME\", mac = \"02:00:5e:00:53:01\"")]
    Entry(String),
    #[error("points of entry can have {ENTRIES_MAX} names at most, not {0}")]
    Entries(usize),
    #[error("{0:?} is not a country; codes are those of ISO 3166-1 alpha-2, such as CN")]
    Country(String),
    #[error("{0}")]
    Database(#[from] DatabaseError),
    #[error("{0}")]
    Benign(#[from] BenignError),
    #[error("{0}")]
    Indicators(#[from] IndicatorError),
    #[error("{0}")]
    List(#[from] ListError),
    #[error("{0}")]
    Rules(#[from] RulesError),
    #[error("{0}")]
    KnownGood(#[from] KnownGoodError),
    #[error("a window has from 1 to {WINDOW_S_MAX} seconds, not {0}")]
    Window(u32),
    #[error("the number of workers is from 1 to {max}, not {0}", max = crate::dispatch::LANES)]
    Workers(usize),
}

/// The file, as it is written.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "kebab-case")]
struct File {
    sensor: Option<String>,
    #[serde(default)]
    home: Vec<String>,
    #[serde(default)]
    home_file: Vec<PathBuf>,
    home_country: Option<String>,
    #[serde(default)]
    dark: Vec<String>,
    #[serde(default)]
    entry: Vec<EntryText>,
    geo_db: Option<PathBuf>,
    benign: Option<PathBuf>,
    known_good: Option<PathBuf>,
    #[serde(default)]
    indicators: Vec<PathBuf>,
    sectors: Option<PathBuf>,
    peers: Option<PathBuf>,
    window: Option<u32>,
    workers: Option<usize>,
    #[serde(flatten)]
    groups: toml::Table,
}

/// A point of entry, as it is written: a name, and one thing that it is told by.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
struct EntryText {
    name: String,
    vlan: Option<u16>,
    interface: Option<String>,
    mac: Option<String>,
}

impl EntryText {
    fn door(&self) -> Result<Door, ConfigError> {
        match (self.vlan, &self.interface, &self.mac) {
            (Some(vlan @ 1..=VLAN_MAX), None, None) => Some(Door::Vlan(vlan)),
            (None, Some(interface), None) => Some(Door::Interface(interface.clone())),
            (None, None, Some(text)) => mac(text).map(Door::Mac),
            _ => None,
        }
        .ok_or_else(|| ConfigError::Entry(self.name.escape_default().to_string()))
    }
}

/// What every command works with.
pub struct Config {
    pub settings: Settings,
    pub home: Home,
    pub home_country: Option<Country>,
    /// Home addresses that nobody uses.
    pub dark: Option<Arc<Home>>,
    /// Points of entry that have names.
    pub doors: Vec<(String, Door)>,
    pub database: Arc<Database>,
    pub lists: Lists,
    pub indicators: Arc<Indicators>,
    /// Events have an excerpt of what identified the attack.
    pub keep_evidence: bool,
    /// The configuration file in force.
    pub file: Option<PathBuf>,
    pub sensor: String,
    pub window_s: u32,
    pub workers: usize,
}

/// Cores that this process may use, at least one.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Config {
    /// Reads the file, applies the flags, and builds what they name.
    ///
    /// # Errors
    /// Whatever is wrong, with its place and the way out.
    pub fn new(common: &CommonArgs, run: Option<&RunArgs>) -> Result<Self, ConfigError> {
        let (path, file) = read_file(common.config.as_deref())?;
        let mut settings = Settings::default();
        if let Some(path) = &path {
            from_file(&mut settings, &file.groups, path)?;
        }
        for text in &common.set {
            let (name, value) = text.split_once('=').ok_or_else(|| ConfigError::Set(text.escape_default().to_string()))?;
            settings.set(name, value, "--set")?;
        }
        let database = match common.geo_db.as_ref().or(file.geo_db.as_ref()) {
            Some(path) => Database::open(path, Minimum::PLAUSIBLE)?,
            None => Database::embedded(),
        };
        let database = Arc::new(database);
        let benign = match common.benign.as_ref().or(file.benign.as_ref()) {
            Some(path) => Benign::open(path)?,
            None => Benign::embedded(),
        };
        let sectors =
            common.sectors.as_ref().or(file.sectors.as_ref()).map_or_else(|| Ok(Sectors::default()), |path| Listed::open(path))?;
        let peers = common.peers.as_ref().or(file.peers.as_ref()).map_or_else(|| Ok(Peers::default()), |path| Listed::open(path))?;
        let lists = Lists { benign, sectors, peers };
        let code = common.home_country.as_ref().or(file.home_country.as_ref());
        let home_country = code
            .map(|code| {
                Country::from_code(code)
                    .filter(|&country| country != Country::NONE)
                    .ok_or_else(|| ConfigError::Country(code.escape_default().to_string()))
            })
            .transpose()?;
        let home = home(common, &file, home_country, &database)?;
        let dark = dark(common, &file, &home)?;
        let doors = file.entry.iter().map(|entry| Ok((entry.name.clone(), entry.door()?))).collect::<Result<Vec<_>, ConfigError>>()?;
        let names = doors.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len();
        if names > ENTRIES_MAX {
            return Err(ConfigError::Entries(names));
        }
        let window_s = run.and_then(|run| run.window).or(file.window).unwrap_or(WINDOW_S);
        if !(1..=WINDOW_S_MAX).contains(&window_s) {
            return Err(ConfigError::Window(window_s));
        }
        // One for each core: the threads, which are as many, then always find something to do.
        let workers = run.and_then(|run| run.workers).or(file.workers).unwrap_or(cores().min(crate::dispatch::LANES));
        if !(1..=crate::dispatch::LANES).contains(&workers) {
            return Err(ConfigError::Workers(workers));
        }
        let sensor = run.and_then(|run| run.sensor.clone()).or(file.sensor).unwrap_or_else(|| SENSOR.into());
        let indicators = match run {
            Some(run) => {
                let files = if run.indicators.is_empty() { &file.indicators } else { &run.indicators };
                let known_good = match common.known_good.as_ref().or(file.known_good.as_ref()) {
                    Some(path) => KnownGood::open(path)?,
                    None => KnownGood::embedded(),
                };
                let indicators = Indicators::load(files, &settings.indicator, known_good)?;
                if run.yara.is_empty() { indicators } else { indicators.with_rules(Rules::open(&run.yara)?) }
            }
            None => Indicators::none(),
        };
        let indicators = Arc::new(indicators);
        let keep_evidence = run.is_some_and(|run| run.keep_evidence);
        Ok(Config {
            settings,
            home,
            home_country,
            dark,
            doors,
            database,
            lists,
            indicators,
            keep_evidence,
            file: path,
            sensor,
            window_s,
            workers,
        })
    }

    /// The record that heads every output.
    pub fn run_record(&self, run: &RunArgs, input: Vec<String>, limit: Option<u64>) -> RunRecord {
        let known_good = self.indicators.known_good();
        RunRecord {
            record: "run",
            sensor: self.sensor.clone(),
            version: env!("CARGO_PKG_VERSION"),
            input,
            home: self.home.entries().iter().map(ToString::to_string).collect(),
            home_country: self.home_country.map(Country::code),
            dark: self.dark.iter().flat_map(|dark| dark.entries()).map(ToString::to_string).collect(),
            entries: self.doors.iter().map(|(name, door)| format!("{name}: {door}")).collect(),
            window_s: self.window_s,
            filter: run.filter.clone(),
            limit,
            workers: self.workers,
            settings: settings::ALL.iter().map(|setting| (setting.name, self.settings.value(setting))).collect(),
            geo: GeoRecord {
                name: self.database.name.clone(),
                build_date: self.database.build_date.clone(),
                sha256: self.database.sha256.clone(),
            },
            lists: self
                .lists
                .named()
                .map(|(kind, name, entries, sha256)| ListRecord::of_networks(kind, name, None, entries, sha256))
                .chain([ListRecord::of_networks(
                    "known-good",
                    &known_good.name,
                    known_good.date.clone(),
                    known_good.len(),
                    &known_good.sha256,
                )])
                .chain(self.indicators.lists().iter().map(ListRecord::new))
                .chain(self.indicators.rules().into_iter().flat_map(Rules::files).map(ListRecord::of_rules))
                .collect(),
        }
    }

    /// The points of entry, if any have names.
    pub fn entries(&self) -> Option<Arc<Entries>> {
        if self.doors.is_empty() { None } else { Some(Arc::new(Entries::new(self.doors.clone()))) }
    }

    /// Every setting with its value and origin, as a configuration file.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        match &self.file {
            Some(path) => text += &format!("# from {}\n", path.display()),
            None => text += "# no configuration file\n",
        }
        let home: Vec<String> = self.home.entries().iter().map(|entry| format!("{:?}", entry.to_string())).collect();
        text +=
            &format!("sensor = {:?}\nwindow = {}\nworkers = {}\nhome = [{}]\n", self.sensor, self.window_s, self.workers, home.join(", "));
        if let Some(dark) = &self.dark {
            let dark: Vec<String> = dark.entries().iter().map(|entry| format!("{:?}", entry.to_string())).collect();
            text += &format!("dark = [{}]\n", dark.join(", "));
        }
        if let Some(country) = self.home_country {
            text += &format!("home-country = {:?}\n", country.code());
        }
        let mut group = "";
        for setting in settings::ALL {
            let (of, name) = setting.name.split_once('.').unwrap_or(("", setting.name));
            if of != group {
                group = of;
                text += &format!("\n[{group}]\n");
            }
            text += &format!("#{}\n", setting.doc);
            let value = self.settings.value(setting);
            text +=
                &format!("{name} = {value}  # {}, {} to {}; {}\n", setting.unit, setting.min, setting.max, self.settings.origin(setting));
        }
        for (name, door) in &self.doors {
            let told_by = match door {
                Door::Vlan(vlan) => format!("vlan = {vlan}"),
                Door::Interface(interface) => format!("interface = {interface:?}"),
                Door::Mac(mac) => format!("mac = \"{}\"", mac.map(|byte| format!("{byte:02x}")).join(":")),
            };
            text += &format!("\n[[entry]]\nname = {name:?}\n{told_by}\n");
        }
        text
    }
}

fn read_file(named: Option<&Path>) -> Result<(Option<PathBuf>, File), ConfigError> {
    let default = Path::new(DEFAULT_FILE);
    let Some(path) = named.or_else(|| default.exists().then_some(default)) else { return Ok((None, File::default())) };
    let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::File { path: path.into(), cause })?;
    let file = toml::from_str(&text).map_err(|cause| ConfigError::Toml { path: path.into(), cause: Box::new(cause) })?;
    Ok((Some(path.into()), file))
}

fn from_file(settings: &mut Settings, groups: &toml::Table, path: &Path) -> Result<(), ConfigError> {
    let origin = path.display().to_string();
    for (group, table) in groups {
        let Some(table) = table.as_table() else {
            return Err(settings.set(group, &table.to_string(), &origin).err().map_or_else(|| ConfigError::Set(group.clone()), Into::into));
        };
        for (name, value) in table {
            settings.set(&format!("{group}.{name}"), &value.to_string(), &origin)?;
        }
    }
    Ok(())
}

fn home(common: &CommonArgs, file: &File, country: Option<Country>, database: &Arc<Database>) -> Result<Home, ConfigError> {
    let texts = if common.home.is_empty() { &file.home } else { &common.home };
    let mut entries = texts.iter().map(|text| text.parse::<HomeEntry>()).collect::<Result<Vec<_>, _>>()?;
    let files = if common.home_file.is_empty() { &file.home_file } else { &common.home_file };
    for path in files {
        entries.extend(HomeEntry::read_file(path)?);
    }
    Ok(match country {
        Some(country) => Home::new(entries)?.with_country(country, database.table.clone()),
        None if entries.is_empty() => Home::private(),
        None => Home::new(entries)?,
    })
}

/// The unused addresses, all of which must be home.
fn dark(common: &CommonArgs, file: &File, home: &Home) -> Result<Option<Arc<Home>>, ConfigError> {
    let texts = if common.dark.is_empty() { &file.dark } else { &common.dark };
    let entries = texts
        .iter()
        .map(|text| text.parse::<HomeEntry>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|wrong| ConfigError::Dark(Box::new(wrong)))?;
    if let Some(abroad) = entries.iter().find(|entry| entry.inside && !home.contains(entry.network.first())) {
        return Err(ConfigError::DarkAbroad(abroad.to_string()));
    }
    let dark = if entries.is_empty() { None } else { Some(Home::new(entries).map_err(|wrong| ConfigError::Dark(Box::new(wrong)))?) };
    Ok(dark.map(Arc::new))
}
