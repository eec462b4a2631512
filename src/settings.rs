//! Every number that decides something and that a user may want to change: its name, default, unit, meaning and source, in one list.
//!
//! A setting can stand in `wherefrom.toml` (`[flood]` / `syn_unfinished_per_s = 50`) and on the command line (`--set flood.syn_unfinished_per_s=50`).

use std::collections::BTreeMap;

macro_rules! settings {
    ($($group:ident { $($(#[doc = $doc:literal])+ $name:ident = $default:literal $unit:literal, $min:literal ..= $max:literal;)+ })+) => {
        $(
            /// The thresholds of one part of the sensor.
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[allow(non_camel_case_types)]
            pub struct $group { $($(#[doc = $doc])+ pub $name: u64,)+ }

            impl Default for $group {
                fn default() -> Self {
                    $group { $($name: $default,)+ }
                }
            }
        )+

        /// All settings, with their defaults.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Settings { $(pub $group: $group,)+ origins: BTreeMap<&'static str, String> }

        /// Every setting that exists.
        pub static ALL: &[Setting] = &[$($(Setting {
            name: concat!(stringify!($group), ".", stringify!($name)),
            unit: $unit,
            default: $default,
            min: $min,
            max: $max,
            doc: concat!($($doc),+),
            get: |settings| settings.$group.$name,
            put: |settings, value| settings.$group.$name = value,
        },)+)+];
    };
}

/// What is known of one setting.
pub struct Setting {
    /// `group.name`.
    pub name: &'static str,
    pub unit: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
    /// What it decides, and where the default comes from.
    pub doc: &'static str,
    get: fn(&Settings) -> u64,
    put: fn(&mut Settings, u64),
}

/// Why a setting was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    #[error("{origin}: there is no setting {name:?}; `wherefrom config` lists them all{hint}")]
    Unknown { origin: String, name: String, hint: String },
    #[error("{origin}: {name} takes a whole number from {min} to {max} ({unit}), not {value:?}")]
    BadValue { origin: String, name: &'static str, unit: &'static str, min: u64, max: u64, value: String },
}

impl Settings {
    /// Sets one setting by name. `origin` says where the value came from: a file, the command line.
    ///
    /// # Errors
    /// An unknown name, or a value out of range.
    pub fn set(&mut self, name: &str, value: &str, origin: &str) -> Result<(), SettingError> {
        let Some(setting) = ALL.iter().find(|setting| setting.name == name) else {
            let last = name.rsplit('.').next().unwrap_or(name);
            let hint = ALL
                .iter()
                .find(|setting| setting.name.ends_with(last) && !last.is_empty())
                .map(|setting| format!("; did you mean {}?", setting.name))
                .unwrap_or_default();
            return Err(SettingError::Unknown { origin: origin.into(), name: name.escape_default().to_string(), hint });
        };
        let number = value.trim().replace('_', "").parse::<u64>().ok().filter(|n| (setting.min..=setting.max).contains(n));
        let Some(number) = number else {
            return Err(SettingError::BadValue {
                origin: origin.into(),
                name: setting.name,
                unit: setting.unit,
                min: setting.min,
                max: setting.max,
                value: value.escape_default().to_string(),
            });
        };
        (setting.put)(self, number);
        self.origins.insert(setting.name, origin.into());
        Ok(())
    }

    /// The value in force.
    pub fn value(&self, setting: &Setting) -> u64 {
        (setting.get)(self)
    }

    /// Where the value in force came from.
    pub fn origin(&self, setting: &Setting) -> &str {
        self.origins.get(setting.name).map_or("default", String::as_str)
    }
}

settings! {
    flood {
        /// SYNs a second that neither completed nor repeat an earlier one, towards one address and port, from which on a SYN flood can begin. A small server's backlog (128 to 4,096 entries) does not bear much more for long.
        syn_unfinished_per_s = 50 "SYNs/s", 1..=1_000_000_000;
        /// The same over all ports of one address, for floods over random ports: far above what a vertical scan by one source sends.
        syn_any_port_per_s = 5_000 "SYNs/s", 1..=1_000_000_000;
        /// Share of SYNs in the last three slices that must have stayed unfinished; keeps a rush of real clients out.
        syn_unfinished_percent = 80 "%", 1..=100;
        /// CUSUM threshold N over the excess of unfinished SYNs, in units of a server's ordinary completions. Non-parametric CUSUM: Wang, Zhang, Shin, INFOCOM 2002.
        cusum_threshold = 5 "x", 1..=1000;
        /// The least number of completions a second that a server's ordinary traffic is taken for, so that a host without any does not alarm at its first scan.
        cusum_floor_per_s = 20 "SYNs/s", 1..=1_000_000;
        /// Unanswered UDP datagrams a second towards one address.
        udp_per_s = 1_000 "packets/s", 1..=1_000_000_000;
        /// ICMP messages a second towards one address.
        icmp_per_s = 250 "packets/s", 1..=1_000_000_000;
        /// TCP segments a second without a connection (ACK, RST, FIN, SYN+ACK, any other flags) towards one address.
        tcp_per_s = 500 "packets/s", 1..=1_000_000_000;
        /// Unasked answers a second of one reflector protocol towards one address.
        amplification_per_s = 100 "packets/s", 1..=1_000_000_000;
        /// Later fragments a second towards one address, without a datagram flood that they belong to.
        fragment_per_s = 1_000 "packets/s", 1..=1_000_000_000;
        /// Slices in a row over the threshold with which a flood of any method but SYN begins; one with four times the rate is enough.
        slices = 2 "slices", 1..=60;
        /// Seconds within which slices over the threshold count together that do not follow each other: one more of them than of those in a row begins a flood in pulses, which is not over between them.
        pulse_s = 10 "s", 1..=3_600;
        /// Quiet seconds (under half the threshold) that end a flood. Its end is its last packet all the same.
        quiet_s = 3 "s", 1..=3_600;
        /// Distinct reflectors that make amplification of answers without the protocol's mark.
        reflectors = 10 "addresses", 1..=1_000_000;
    }
    scan {
        /// Failed less successful first contacts that make a source a scanner: the threshold random walk with the values of its authors (theta 0.8 and 0.2, alpha 0.01, beta 0.99). Jung and others, IEEE S&P 2004.
        walk = 4 "contacts", 1..=1000;
        /// Distinct targets that a horizontal scan has at least.
        targets = 5 "addresses", 2..=1_000_000;
        /// The same of a home host whose operating system makes the connections, towards hosts abroad: a client tries again what is down, such as old peers, a pool, or mail servers. ncsa/bro-simple-scan asks ten times as much of local hosts as of others.
        client_targets = 25 "addresses", 2..=1_000_000;
        /// Distinct targets on one port that make a scan of connections in which nobody says anything. Zeek's former misc/scan: 25.
        silent_targets = 25 "addresses", 2..=1_000_000;
        /// Distinct ports of one target that make a vertical scan if most are closed. Zeek's former misc/scan: 15.
        ports = 15 "ports", 2..=65_535;
        /// Unused home addresses (`--dark`), with their ports, that make a scanner of whoever touches them. ncsa/bro-simple-scan lowers its threshold at three.
        dark_contacts = 3 "address-port pairs", 1..=1_000_000;
        /// Sources that make a distributed scan if they share one service and divide its targets.
        distributed_sources = 20 "addresses", 2..=1_000_000;
        /// Contacts of them all that it has at least.
        distributed_contacts = 50 "contacts", 2..=1_000_000_000;
        /// Quiet seconds after which contacts no longer belong together.
        distributed_s = 300 "s", 1..=86_400;
        /// Seconds after which an unanswered contact has failed.
        answer_s = 5 "s", 1..=60;
        /// Quiet seconds that end a scan. Durumeric and others, USENIX Security 2014: 480.
        quiet_s = 480 "s", 1..=86_400;
        /// Seconds for which a source that is no scanner yet is remembered. One contact an hour must add up.
        memory_s = 172_800 "s", 60..=2_592_000;
    }
    backscatter {
        /// Unasked answers of one source that make backscatter. CAIDA's RSDoS test: 25.
        packets = 25 "packets", 1..=1_000_000;
        /// Distinct home addresses that they reach.
        addresses = 5 "addresses", 1..=1_000_000;
        /// Distinct home addresses and ports that they reach, for small homes.
        pairs = 20 "address-port pairs", 1..=1_000_000;
        /// Quiet seconds that end it. Moore and others, USENIX Security 2001: 300.
        quiet_s = 300 "s", 1..=86_400;
    }
    ics {
        /// Quiet seconds that end a contact of one source with one target in one protocol.
        quiet_s = 300 "s", 1..=86_400;
        /// Contacts kept at a time; further ones are counted in `evicted`.
        contacts = 65_536 "contacts", 16..=10_000_000;
        /// Whether industrial protocols over IP are looked for: 1 all, 0 none, so that their cost can be measured.
        protocols = 1 "0 or 1", 0..=1;
        /// Whether what home hosts ask of services abroad in MQTT and CoAP counts as contacts: 1 it does, 0 it is things at work.
        things_abroad = 1 "0 or 1", 0..=1;
        /// Services of home hosts kept in the inventory; further ones are counted in `evicted`.
        assets = 65_536 "services", 16..=10_000_000;
        /// Completed connections of one source without a payload that get an event each at a time.
        bare_per_source = 256 "contacts", 1..=1_000_000;
        /// Touches of one source without a completed connection from which on they are a sweep's, which the scan counts.
        touches_per_source = 16 "contacts", 1..=1_000_000;
        /// Touches of one target without a completed connection from which on they are a flood's, which the flood counts.
        touches_per_target = 256 "contacts", 1..=1_000_000;
    }
    indicator {
        /// Days for which a listed address or network holds after it was last seen: they change hands.
        address_days = 30 "days", 1..=36_500;
        /// Days for which a listed name holds after it was last seen.
        domain_days = 90 "days", 1..=36_500;
        /// Days for which a listed URL holds after it was last seen.
        url_days = 90 "days", 1..=36_500;
        /// Days before it was first seen for which a listed address, name or URL holds: lists are late.
        early_days = 7 "days", 0..=36_500;
    }
    webshell {
        /// Quiet seconds that end one source's dealings with one webshell.
        quiet_s = 300 "s", 1..=86_400;
        /// Distinct names of webshells that one source must ask for in vain before it is looking for them; twice as many, if they are names that other files have, too.
        probe_names = 5 "names", 1..=1_000;
        /// Dealings kept at a time; further ones are counted in `evicted`.
        dealings = 65_536 "dealings", 16..=10_000_000;
    }
    malware {
        /// Quiet seconds after which deliveries of a sample to a host, or a source's command lines towards one, no longer belong together.
        quiet_s = 300 "s", 1..=86_400;
        /// Seconds after a dropper's command line in which a program that its target fetches is the more suspect.
        exploit_s = 600 "s", 1..=86_400;
        /// Events kept at a time; further ones are counted in `evicted`.
        events = 65_536 "events", 16..=10_000_000;
    }
    c2 {
        /// Quiet seconds that end a channel: controllers are called once a day at least.
        quiet_s = 86_400 "s", 1..=2_592_000;
        /// Quiet seconds that end a suspicion; a listed name must have led to a contact by then.
        suspect_quiet_s = 3_600 "s", 1..=2_592_000;
        /// Channels kept at a time; further ones are counted in `evicted`.
        channels = 65_536 "channels", 16..=10_000_000;
        /// Score from which on calls as by a clock are a suspect. RITA 5: 70 is low, 90 medium, 100 high.
        beacon_percent = 70 "%", 1..=100;
        /// Distinct domains that do not exist, asked for by one host in an hour, which an algorithm may have made. Maltrail: 20.
        dga_domains = 20 "domains", 1..=1_000_000;
        /// Share of a host's answers which must say that there is no such name: resolvers ask for all kinds of names.
        dga_missing_percent = 50 "%", 1..=100;
        /// Distinct long names below one domain, asked for by one host in an hour, which may carry data. RITA 5: 100.
        tunnel_names = 100 "names", 1..=1_000_000;
        /// Their mean length: a name has 253 bytes at most, and hosts' names are far shorter.
        tunnel_name_bytes = 60 "bytes", 1..=253;
    }
    samples {
        /// Samples that the folder of `--save-samples` may hold; further ones are not saved.
        files = 10_000 "files", 1..=1_000_000_000;
        /// Bytes of them all.
        bytes = 1_073_741_824 "bytes", 1..=1_099_511_627_776;
        /// Bytes of one sample; larger ones are not saved. Mirai's programs have some 100 kB, loaders for Windows a few MB.
        bytes_each = 8_388_608 "bytes", 1..=1_073_741_824;
        /// Bytes of whole bodies under way that each of the 64 lanes keeps at a time, and once more of those that wait to be written; nothing without `--save-samples`.
        lane_bytes = 16_777_216 "bytes", 4_096..=1_073_741_824;
    }
    output {
        /// Events of one kind that are written per window; the gravest first, then the largest; the rest is counted.
        events_per_window = 5_000 "events", 1..=10_000_000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_lie_within_their_ranges() {
        for setting in ALL {
            assert!((setting.min..=setting.max).contains(&setting.default), "{}", setting.name);
            assert_eq!(Settings::default().value(setting), setting.default);
        }
    }

    #[test]
    fn a_value_is_set_and_its_origin_kept() {
        let mut settings = Settings::default();
        settings.set("scan.targets", "7", "--set").unwrap();
        assert_eq!(settings.scan.targets, 7);
        let setting = ALL.iter().find(|s| s.name == "scan.targets").unwrap();
        assert_eq!(settings.origin(setting), "--set");
    }

    #[test]
    fn errors_name_the_setting_and_the_range() {
        let error = Settings::default().set("scan.targets", "one", "--set").unwrap_err().to_string();
        assert!(error.contains("scan.targets") && error.contains("2 to 1000000") && error.contains("one"), "{error}");
        let error = Settings::default().set("targets", "7", "wherefrom.toml").unwrap_err().to_string();
        assert!(error.contains("did you mean scan.targets?"), "{error}");
    }
}
