//! Are a flood's sources forged? The signs, their values, and what follows. Reserved sources are those of CAIDA's filter `rfc5735` (corsaro3,
//! `libcorsaro3_filtering.c`); the first octet's spread is that of uniform draws; the others follow from how stacks and forgers send. The
//! thresholds are chosen, to lie between what forgers give and what real hosts give, as far as it was measured or can be computed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::evidence::{Evidence, Source};
use super::method::Method;

/// What the evidence says of the sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Spoofed,
    Genuine,
    Unclear,
}

/// One sign with its value in thousandths, and what it speaks for.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Sign {
    pub name: &'static str,
    /// A share or an entropy, as named.
    pub value: f64,
    pub threshold: f64,
    /// Whether the sign speaks for forged sources.
    pub forged: bool,
}

/// Verdict, how many of the signs agree with it, and the signs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Spoofing {
    pub verdict: Verdict,
    /// Agreeing signs over evaluated ones, 0 to 1.
    pub confidence: f64,
    pub signs: Vec<Sign>,
}

/// Distinct sources from which on forging at random can be told from a few hosts.
const SOURCES_MIN: u64 = 20;
/// Share of sources with a single packet: forged at random it goes to 1, real stacks repeat. Measured: forgers 0.9999 and 1.0, bots 0, a crowd 0.01.
const SINGLE_SHARE: f64 = 0.90;
/// Share of sources in reserved ranges: 13.8 % of all IPv4 addresses, next to none of real ones.
const RESERVED_SHARE: f64 = 0.02;
/// Share of sources that the database does not know.
const UNKNOWN_SHARE: f64 = 0.05;
/// Entropy of the sources' first octets in bits; uniform over unicast space: 7.79, botnets measured: 3.1.
const OCTET_ENTROPY_BITS: f64 = 6.5;
/// Sources from which on that entropy is worth computing (bias (m - 1) / (2 n ln 2) is under a fifth of a bit).
const OCTET_SOURCES_MIN: u64 = 1024;
/// Distinct TTL values of one tool that draws them at random; real paths give fewer than 60.
const TTL_VALUES: u32 = 100;
/// Share of successive packets whose source ports count up over different sources; by chance 0.8 %.
const SERIAL_SHARE: f64 = 0.20;
/// The same share where nothing else is needed: one counter numbers most packets, whatever addresses stand on them.
const SERIAL_ALONE_SHARE: f64 = 0.50;
/// Resets of SYN+ACKs by hosts that never sent the SYN.
const DISOWNED_SHARE: f64 = 0.05;
/// Share of sources that completed handshakes in a flood of real hosts' leftovers; a forger completes none.
const COMPLETE_SHARE: f64 = 0.01;
/// Share of SYNs that repeat an earlier one, as real stacks do when they get no answer.
const AGAIN_SHARE: f64 = 0.05;

/// Sources in one /24 from which on it is crowded: half of its addresses. Infected hosts are a few of a network's; who may forge within his own
/// network only, since its provider filters by prefix (BCP 38), draws from all of it.
const CROWD_MIN: f64 = 128.0;
/// The same of a sample: so many in one network of 2^24 are there for a reason.
const CROWD_SAMPLED_MIN: f64 = 8.0;
/// Share of the sources in crowded networks.
const CROWDED_SHARE: f64 = 0.90;

/// Distinct sources from which on the law of random draws can be told from chance.
const DRAWS_SOURCES_MIN: u64 = 200;
/// Mean packets per source up to which that law shows: beyond it next to no source is left with a single packet, whoever sends.
const DRAWS_MEAN_MAX: f64 = 3.0;
/// How far the share of single-packet sources may be from that law.
const DRAWS_TOLERANCE: f64 = 0.06;

/// Whether packets fall on sources as random draws from a block of addresses do. The number of packets of each address is then Poisson
/// distributed: with m packets per source seen, lambda / (1 - e^-lambda) = m, and the share of sources with one packet is
/// lambda e^-lambda / (1 - e^-lambda). Real hosts repeat by their own clocks and are far from that law.
fn random_draws(packets: u64, sources: u64, single: f64) -> bool {
    if sources == 0 {
        return false;
    }
    let mean = packets as f64 / sources as f64;
    if !(1.0..=DRAWS_MEAN_MAX).contains(&mean) {
        return false;
    }
    let (mut low, mut high) = (1e-6, 2.0 * DRAWS_MEAN_MAX);
    for _ in 0..40 {
        let lambda = (low + high) / 2.0;
        if lambda / (1.0 - f64::exp(-lambda)) < mean { low = lambda } else { high = lambda }
    }
    let expected = low * f64::exp(-low) / (1.0 - f64::exp(-low));
    (expected - single).abs() <= DRAWS_TOLERANCE
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Judges a flood's sources.
pub fn judge(evidence: &Evidence, method: Method) -> Spoofing {
    let handshakes = method == Method::Syn;
    // Of a packet and its copy one was sent.
    let doubled = evidence.is_doubled();
    let sent = |source: &Source| source.packets - if doubled { u64::from(source.copies) } else { 0 };
    // Clients that were served beside the flood are none of its sources.
    let attackers: Vec<_> = evidence.attackers().filter(|source| !handshakes || sent(source) > u64::from(source.complete)).collect();
    let sampled = attackers.len() as u64;
    let (sources, _) = evidence.sources();
    // Where a source sends without a pause, most of its packets may be taken for copies.
    let single = attackers.iter().filter(|source| source.packets <= 2 && sent(source) == 1).count() as u64;
    let copies = if doubled { evidence.packets / 2 } else { 0 };
    // Copies of SYNs are not among those that repeat none.
    let (recorded, again) = match handshakes {
        true => (evidence.recorded, evidence.again.saturating_sub(copies)),
        false => (evidence.recorded - (evidence.recorded / 2).min(copies), evidence.again),
    };
    let reserved = attackers.iter().filter(|source| source.attribution == crate::attribute::Attribution::Reserved).count() as u64;
    let unknown = attackers.iter().filter(|source| source.attribution == crate::attribute::Attribution::Unknown).count() as u64;
    let complete = attackers.iter().filter(|source| source.complete > 0).count() as u64;

    let mut signs = vec![
        sign("single_packet_sources", share(single, sampled), SINGLE_SHARE),
        sign("reserved_sources", share(reserved, sampled), RESERVED_SHARE),
        sign("unknown_sources", share(unknown, sampled), UNKNOWN_SHARE),
        sign("serial_source_ports", share(evidence.serial, recorded), SERIAL_SHARE),
        sign("ttl_values", f64::from(evidence.ttl_values()), f64::from(TTL_VALUES)),
    ];
    if sources >= OCTET_SOURCES_MIN {
        signs.push(sign("octet_entropy_bits", octet_entropy_bits(evidence), OCTET_ENTROPY_BITS));
    }
    // Reflectors are real, and content networks' stand close together.
    let draws_networks = !matches!(method, Method::SynAck | Method::Rst | Method::Reflection(_));
    if draws_networks {
        signs.push(sign("crowded_networks", crowded_share(evidence, &attackers), CROWDED_SHARE));
    }
    if handshakes {
        signs.push(sign("disowned", share(evidence.disowned, recorded), DISOWNED_SHARE));
        let completed = share(complete, sampled);
        signs.push(Sign {
            name: "completed_sources",
            value: rounded(completed),
            threshold: COMPLETE_SHARE,
            forged: completed < COMPLETE_SHARE,
        });
        let again = share(again, evidence.packets - copies);
        signs.push(Sign { name: "retransmitted", value: rounded(again), threshold: AGAIN_SHARE, forged: again < AGAIN_SHARE });
    }
    let draws = random_draws(recorded, sources, share(single, sampled));
    signs.push(Sign { name: "random_draws", value: f64::from(u8::from(draws)), threshold: 1.0, forged: draws });
    let positive = |name: &str| signs.iter().any(|sign| sign.name == name && sign.forged);
    let supported = ["reserved_sources", "unknown_sources", "serial_source_ports", "ttl_values", "octet_entropy_bits", "disowned"]
        .iter()
        .any(|name| positive(name));
    let several = share(sampled - single, sampled) >= 0.5;
    let silent = !handshakes || share(complete, sampled) < COMPLETE_SHARE && share(again, evidence.packets - copies) < AGAIN_SHARE;
    let by_singles = positive("single_packet_sources")
        && (complete == 0 || share(complete, sampled) < COMPLETE_SHARE)
        && (supported || sources >= DRAWS_SOURCES_MIN);
    let one_counter = share(evidence.serial, recorded) >= SERIAL_ALONE_SHARE;
    let verdict = if sources < SOURCES_MIN {
        // A few addresses that send much: nobody forges so few, and framing one address is rare.
        Verdict::Genuine
    } else if by_singles || (draws || one_counter) && silent && sources >= DRAWS_SOURCES_MIN || positive("crowded_networks") && silent {
        Verdict::Spoofed
    } else if several {
        Verdict::Genuine
    } else {
        Verdict::Unclear
    };
    let agreeing = signs.iter().filter(|sign| sign.forged == (verdict == Verdict::Spoofed)).count();
    let confidence = if verdict == Verdict::Unclear { 0.5 } else { rounded(share(agreeing as u64, signs.len() as u64)) };
    Spoofing { verdict, confidence, signs }
}

/// Share of the sources that stand in a /24 with many others.
fn crowded_share(evidence: &Evidence, attackers: &[&Source]) -> f64 {
    let networks = || attackers.iter().filter_map(|source| source.addr.as_v4()).map(|bits| bits >> 8);
    let mut hosts: BTreeMap<u32, u64> = BTreeMap::new();
    networks().for_each(|network| *hosts.entry(network).or_default() += 1);
    let sampled = evidence.threshold as f64 / u64::MAX as f64;
    let crowd = (CROWD_MIN * sampled).max(CROWD_SAMPLED_MIN);
    let crowded: u64 = hosts.values().filter(|&&hosts| hosts as f64 >= crowd).sum();
    share(crowded, attackers.len() as u64)
}

fn sign(name: &'static str, value: f64, threshold: f64) -> Sign {
    Sign { name, value: rounded(value), threshold, forged: value >= threshold }
}

/// Three digits are what a reader can use, and they are the same on every machine.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Entropy of the first octet over the sampled sources, with the Miller-Madow correction.
fn octet_entropy_bits(evidence: &Evidence) -> f64 {
    let mut counts = [0u64; 256];
    for source in evidence.attackers() {
        let octet = match source.addr.as_v4() {
            Some(bits) => bits >> 24,
            // The third and fourth byte of an IPv6 address tell the networks of the registries apart (RFC 4291: 2000::/3).
            None => (source.addr.0 >> 96) as u32 & 0xff,
        };
        counts[octet as usize] += 1;
    }
    let n: u64 = counts.iter().sum();
    if n == 0 {
        return 0.0;
    }
    let mut cells = 0u64;
    let mut bits = 0.0;
    for &count in counts.iter().filter(|&&count| count > 0) {
        cells += 1;
        let p = count as f64 / n as f64;
        bits -= p * p.log2();
    }
    bits + (cells - 1) as f64 / (2.0 * n as f64 * std::f64::consts::LN_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;
    use crate::attribute::{Attribution, Country, Direction};
    use crate::detect::flood::method::Act;
    use crate::detect::flood::record::Record;
    use crate::keyed::Keyed;

    /// Gaps of a second's thousandth between packets of these sources, each of which is shown so many times.
    fn flood(sources: impl Iterator<Item = u32>, copies: u64) -> Evidence {
        let (keyed, mut evidence) = (Keyed::fixed(), Evidence::default());
        for (n, source) in (0u64..).zip(sources) {
            for copy in 0..copies {
                let source = Addr::v4(source);
                evidence.add(&Record {
                    victim: Addr::v4(0xca70_0a05),
                    source,
                    time_ns: n * 1_000_000 + copy * 20_000,
                    source_hash: keyed.addr(source),
                    bytes: 60,
                    port: 443,
                    method: Method::Syn,
                    act: if copy == 0 { Act::Attack } else { Act::Again },
                    ttl: 52,
                    country: Country::NONE,
                    attribution: Attribution::Plausible,
                    direction: Direction::Inbound,
                    entry: 0,
                    signs: 0,
                });
            }
        }
        evidence
    }

    /// A number that looks drawn.
    fn drawn(n: u32) -> u32 {
        n.wrapping_add(1).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b)
    }

    #[test]
    fn who_fills_half_a_network_has_forged_it() {
        let network = |hosts: u32| (0..8000).map(move |n| 0xb9dc_6500 + drawn(n) % hosts);
        let verdict = |evidence: &Evidence, method| judge(evidence, method).verdict;
        assert_eq!(verdict(&flood(network(254), 1), Method::Syn), Verdict::Spoofed);
        assert_eq!(verdict(&flood(network(254), 1), Method::SynAck), Verdict::Genuine, "answers of a content network");
        assert_eq!(verdict(&flood(network(60), 1), Method::Syn), Verdict::Genuine, "some hosts of a network");
        // So many that only some are in the sample, all over the world: no two of a network.
        assert_eq!(crowded(&flood((0..100_000).map(drawn), 1)), 0.0);
        assert!(crowded(&flood((0..100_000).map(|n| 0xb9dc_0000 + drawn(n) % 65_536), 1)) > 0.9);
    }

    fn crowded(evidence: &Evidence) -> f64 {
        let mut evidence = evidence.clone();
        evidence.trim();
        crowded_share(&evidence, &evidence.attackers().collect::<Vec<_>>())
    }

    #[test]
    fn packets_shown_twice_are_judged_as_those_that_were_sent() {
        for copies in [1, 2] {
            let forged = judge(&flood((0..5000).map(drawn), copies), Method::Syn);
            let real = judge(&flood((0..5000).map(|n| drawn(n % 200)), copies), Method::Syn);
            assert_eq!((forged.verdict, real.verdict), (Verdict::Spoofed, Verdict::Genuine), "{copies}");
            let repeated = |spoofing: &Spoofing| spoofing.signs.iter().find(|sign| sign.name == "retransmitted").map(|sign| sign.value);
            assert_eq!((repeated(&forged), repeated(&real)), (Some(0.0), Some(0.0)), "{copies}");
        }
    }
}
