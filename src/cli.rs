//! Flags as typed, with help text and units; does nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Says where attacks come from: replays captures or listens on a mirror port, and counts attacks per source country.
#[derive(Parser, Debug)]
#[command(name = "wherefrom", version, long_version = LONG_VERSION, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nContains NRO statistics data (CC BY 4.0), nro.net; geofeed, whois and ASN data by the ip-location-db project (CC0 1.0)."
);

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Replay capture files: pcap and pcapng, plain or under gzip or zstd; `-` for standard input; whole folders
    Read(Box<ReadArgs>),
    /// Listen on an interface
    Live(Box<LiveArgs>),
    /// Print the evidence behind one event: values, thresholds, and the packets that decided
    Explain(Box<ExplainArgs>),
    /// Say what the attribution makes of addresses, and from which database
    Geo(GeoArgs),
    /// Show lists of indicators, and what they know of a value
    Indicators(IndicatorsArgs),
    /// Print the settings in force, and where each comes from
    Config(ConfigArgs),
    /// List every body that captures carry, one JSON object a line: to compare with another dissector
    #[command(hide = true)]
    Bodies(BodiesArgs),
    /// Print a completion script for a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What every run takes.
#[derive(Args, Debug, Default, Clone)]
pub struct CommonArgs {
    /// A home network, as CIDR; `!CIDR` takes a part out again. Repeatable. Default: private and local ranges
    #[arg(long, value_name = "CIDR")]
    pub home: Vec<String>,
    /// A file of home networks, one a line
    #[arg(long, value_name = "FILE")]
    pub home_file: Vec<PathBuf>,
    /// Home addresses that nobody uses, as CIDR; `!CIDR` takes a part out again. Whoever touches three is a scanner. Repeatable
    #[arg(long, value_name = "CIDR")]
    pub dark: Vec<String>,
    /// Every address of this country (ISO 3166-1 alpha-2) is home
    #[arg(long, value_name = "CC")]
    pub home_country: Option<String>,
    /// A geo database instead of the one that comes with the program: MMDB, or CSV of ranges
    #[arg(long, value_name = "FILE")]
    pub geo_db: Option<PathBuf>,
    /// A list of research scanners instead of the one that comes with the program; their scans and probes are marked `benign`
    #[arg(long, value_name = "FILE")]
    pub benign: Option<PathBuf>,
    /// Sectors of home's networks: lines of network, sector, site; or TOML with `[[site]]` tables
    #[arg(long, value_name = "FILE")]
    pub sectors: Option<PathBuf>,
    /// Remote hosts that may speak to home's equipment, counted as `ics_peer`: lines of network, name, and what they may reach (nothing: all
    /// of home); or TOML with `[[peer]]` tables
    #[arg(long, value_name = "FILE")]
    pub peers: Option<PathBuf>,
    /// A list of addresses that are never a controller (resolvers, delivery networks, sinkholes) instead of the one that comes with the program
    #[arg(long, value_name = "FILE")]
    pub known_good: Option<PathBuf>,
    /// A configuration file. Default: wherefrom.toml in the current folder, if there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, such as flood.udp_per_s=2000; `wherefrom config` lists them. Repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// What every run over traffic takes.
#[derive(Args, Debug, Default, Clone)]
pub struct RunArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// Length of a window, in seconds. Default: 60
    #[arg(long, value_name = "SECONDS")]
    pub window: Option<u32>,
    /// Workers, of which each is one thread's at a time. Default: one for each core. The answer does not depend on it
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// The sensor's name in records. Default: wherefrom
    #[arg(long, value_name = "NAME")]
    pub sensor: Option<String>,
    /// Only frames that match this expression in libpcap's language (pcap-filter(7))
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// A list of indicators (addresses, networks, names, URLs, digests) in any form that is known, or a folder of lists. Repeatable
    #[arg(long, value_name = "LIST")]
    pub indicators: Vec<PathBuf>,
    /// All records as NDJSON on standard output, also on a terminal
    #[arg(long)]
    pub json: bool,
    /// A folder for run.json, counts.csv, events.ndjson and capture.ndjson
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// A file for event records
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// A file for count rows: CSV, or NDJSON if it is named so
    #[arg(long, value_name = "FILE")]
    pub counts: Option<PathBuf>,
    /// A file for capture records
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// A file for the inventory of home hosts that answered an industrial protocol: CSV, or NDJSON if it is named so
    #[arg(long, value_name = "FILE")]
    pub assets: Option<PathBuf>,
    /// Give events of malware, controllers' protocols and webshells an excerpt of what identified them, escaped: up to 256 bytes of each side,
    /// which may hold what is private
    #[arg(long)]
    pub keep_evidence: bool,
    /// A folder for malware, suspects, programs and scripts that were delivered: malicious files, by SHA-256, mode 0400, within the settings
    /// `samples.*`
    #[arg(long, value_name = "DIR")]
    pub save_samples: Option<PathBuf>,
    /// A file of YARA rules that delivered programs and scripts are scanned with, as far as the settings `samples.*` keep them whole. Repeatable; for
    /// a program that was built with the feature `yara`
    #[arg(long, value_name = "FILE")]
    pub yara: Vec<PathBuf>,
}

#[derive(Args, Debug, Clone)]
pub struct ReadArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// Stop after so many frames
    #[arg(long, value_name = "FRAMES")]
    pub limit: Option<u64>,
    /// Capture files and folders, read in the order of time; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Takes what the run took that found the event, so that the replay is the same; where its records went makes no difference.
#[derive(Args, Debug, Clone)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// Stop after so many frames
    #[arg(long, value_name = "FRAMES")]
    pub limit: Option<u64>,
    /// The event, by the `event.id` of its record
    #[arg(value_name = "EVENT-ID")]
    pub id: String,
    /// Capture files and folders
    #[arg(required = true, value_name = "CAPTURE")]
    pub files: Vec<PathBuf>,
}

#[derive(Args, Debug, Clone)]
pub struct LiveArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// Do not ask the interface for frames that are not addressed to this machine
    #[arg(long)]
    pub no_promiscuous: bool,
    /// Most bytes captured of a frame
    #[arg(long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snap: u32,
    /// Size of the kernel's ring, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub ring: u32,
    /// The interface
    pub interface: String,
}

#[derive(Args, Debug, Clone)]
pub struct GeoArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Addresses
    #[arg(required = true, value_name = "ADDRESS")]
    pub addresses: Vec<String>,
}

#[derive(Args, Debug, Clone)]
pub struct BodiesArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// Capture files and folders
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Args, Debug, Clone)]
pub struct IndicatorsArgs {
    #[command(subcommand)]
    pub command: IndicatorsCommand,
}

#[derive(Subcommand, Debug, Clone)]
pub enum IndicatorsCommand {
    /// Read lists, and say of each its form, size and age, and what in it was not understood or is not matched against
    Check {
        #[command(flatten)]
        common: CommonArgs,
        /// Lists, and folders of lists
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Say which lists have a value: an address, a network, a name, a URL or a digest
    Lookup {
        #[command(flatten)]
        common: CommonArgs,
        /// A list of indicators, or a folder of lists. Repeatable
        #[arg(long, value_name = "LIST")]
        indicators: Vec<PathBuf>,
        /// Values
        #[arg(required = true, value_name = "VALUE")]
        values: Vec<String>,
    },
}

#[derive(Args, Debug, Clone)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub common: CommonArgs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
