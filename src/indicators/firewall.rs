//! What firewalls load: `ipset save` (ipset(8)) and `iptables-save` (iptables(8)). Sets of nftables stand in `nftables`.
//!
//! A firewall has rules for its own good too: what is let through, what is narrowed to a service, and whole ranges of private addresses that must
//! not come in from outside. None of those names anybody bad.

use super::collect::{Collector, Facts};
use super::value::Value;

/// Words in the name of a set or a chain that make it one of what is let through.
const ALLOWING: [&str; 6] = ["white", "allow", "permit", "trust", "accept", "good"];
/// Words that turn the others round.
const DENYING: [&str; 4] = ["untrust", "distrust", "disallow", "not"];
/// What iptables does to what it turns away.
const TURNING_AWAY: [&[u8]; 5] = [b"DROP", b"REJECT", b"TARPIT", b"LOGDROP", b"blackhole"];

/// Whether the name of a set says that what is in it is let through.
pub(super) fn allows(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |word: &&str| name.windows(word.len()).any(|part| part == word.as_bytes());
    ALLOWING.iter().any(has) && !DENYING.iter().any(has)
}

pub(super) fn is_ipset(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"ipset ").unwrap_or(line);
    (line.starts_with(b"create ") && line.windows(6).any(|part| part == b" hash:"))
        || line.starts_with(b"add ") && !line.starts_with(b"add element ")
}

/// Reads a line of `ipset save`.
pub(super) fn ipset(line: &[u8], number: u32, into: &mut Collector<'_>) {
    let mut words =
        line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty() && *word != b"ipset" && *word != b"-exist" && *word != b"-!");
    let (command, name, member) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match command {
        b"create" | b"flush" | b"destroy" | b"swap" | b"-N" | b"COMMIT" => return,
        b"add" | b"-A" => {}
        _ => return into.refuse(number, "no command of ipset", line),
    }
    if allows(name) {
        return into.unsupported(number, "a set of what is let through", line);
    }
    if words.any(|word| word == b"nomatch") {
        return into.unsupported(number, "an exception", line);
    }
    let mut parts = member.split(|&byte| byte == b',');
    let address = parts.next().unwrap_or_default();
    // `tcp:443`, `443`
    let port = parts.next().map(|port| port.rsplit(|&byte| byte == b':').next().unwrap_or(port));
    let port = match port.map(|port| str::from_utf8(port).ok().and_then(|digits| digits.parse::<u16>().ok())) {
        Some(None) => return into.unsupported(number, "a member of more than an address and a port", line),
        port => port.flatten(),
    };
    if parts.next().is_some() {
        return into.unsupported(number, "a member of more than an address and a port", line);
    }
    into.take_addresses(address, &Facts { port, ..Facts::default() }, number, line);
}

pub(super) fn is_iptables(line: &[u8]) -> bool {
    matches!(line, b"*filter" | b"*raw" | b"*mangle" | b"*nat")
        || line.starts_with(b"-A ")
        || line.starts_with(b"iptables ")
        || line.starts_with(b"ip6tables ")
}

/// Reads a line of `iptables-save`: a rule that turns everything from or to an address away.
pub(super) fn iptables(line: &[u8], number: u32, into: &mut Collector<'_>) {
    if matches!(line, [b'*' | b':', ..] | b"COMMIT") {
        return;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (mut address, mut turned_away) = (None, false);
    while let Some(word) = words.next() {
        match word {
            b"iptables" | b"ip6tables" => {}
            // A chain, an interface, a protocol, and what a match is called do not matter.
            b"-A" | b"-I" | b"-p" | b"-i" | b"-o" | b"-m" | b"-t" | b"-w" | b"--reject-with" => _ = words.next(),
            b"--comment" => {
                let first = words.next().unwrap_or_default();
                if first.starts_with(b"\"") && !(first.len() > 1 && first.ends_with(b"\"")) {
                    words.by_ref().find(|word| word.ends_with(b"\""));
                }
            }
            b"-s" | b"-d" | b"--source" | b"--destination" if address.is_none() => address = words.next(),
            b"-j" | b"--jump" => turned_away = words.next().is_some_and(|target| TURNING_AWAY.contains(&target)),
            _ => return into.unsupported(number, "a rule of more than an address", line),
        }
    }
    match address {
        Some(address) if turned_away => into.take(Value::address_or_network(address), &Facts::default(), number, line),
        _ => into.unsupported(number, "a rule that turns nobody away", line),
    }
}
