//! Two attacks at a time, and an attack among traffic that only looks like one: each must be told as if it were alone.

use super::case::{Case, Scene};
use super::frames::Random;
use super::world::World;
use super::{benign, floods, reflected, scans};

/// Cases by name. The second begins with the first, and its victim may be the same.
const PAIRS: [[&str; 2]; 14] = [
    // Different methods on one victim.
    ["syn forged Hping 1000/s port 80 Open", "udp 0 B forged Hping 2000/s port 80 Closed"],
    ["icmp 56 B 50-hosts Raw 500/s port 80 Open", "ack forged Hping 1500/s port 80 Closed"],
    ["udp 1400 B 80-hosts Raw 5000/s port 443 Silent", "syn 60-hosts Raw 800/s port 80 Open"],
    ["fragment forged Hping 3000/s port 80 Open", "icmp 56 B 1-hosts Hping 500/s port 80 Open"],
    // Different victims.
    ["amplification dns 200 reflectors 1000/s", "syn forged-48-v6 Raw 600/s port 80 Open"],
    ["amplification ntp 200 reflectors 1000/s", "fragment 70-hosts Raw 6000/s port 80 Silent"],
    // A scan beside a flood.
    ["scan horizontal Masscan 500 hosts 1 ports 50/s", "udp 64 B 80-hosts Raw 5000/s port random Silent"],
    ["scan horizontal Connect 24 hosts 1 ports 1/s", "syn forged Hping 20000/s port 80 Open"],
    ["scan distributed Mirai 400 sources 3 each", "amplification memcached 200 reflectors 1000/s"],
    // Scans beside each other, and beside the answers of somebody's victim.
    ["scan horizontal Zmap41 500 hosts 1 ports 50/s", "scan vertical Nmap 100 ports 5/s filtered"],
    ["scan horizontal Udp 500 hosts 1 ports 50/s", "backscatter SynAck 300 in 60 s"],
    // Among innocents.
    ["benign flash crowd", "syn 100-hosts Raw 200/s port 80 Open"],
    ["benign peer to peer at home", "scan horizontal Mirai 60 hosts 10 ports 2/s"],
    ["benign QUIC download", "udp 512 B 1-hosts Hping 2000/s port 53 Closed"],
];

/// The case of this name.
fn named(name: &str) -> Case {
    let mut all = [floods::cases(), reflected::cases(), scans::cases(), benign::cases()].into_iter().flatten();
    all.find(|case| case.name == name).unwrap_or_else(|| panic!("no case is named {name}"))
}

/// All mixtures.
pub fn cases() -> Vec<Case> {
    PAIRS
        .into_iter()
        .map(|names| {
            // A name that does not exist shows at once, not when its turn comes.
            names.iter().for_each(|name| drop(named(name)));
            let make = move |world: &World, _: &mut Random| {
                let [first, second] = names.map(|name| named(name).scene(world));
                mixed(first, second)
            };
            Case::new(names.join(" and "), make)
        })
        .collect()
}

/// Both scenes at once.
fn mixed(mut first: Scene, second: Scene) -> Scene {
    let (bytes, attacks) = (first.trace.bytes.len(), first.expected.len() as u8);
    first.trace.bytes.extend(second.trace.bytes);
    for mut frame in second.trace.frames {
        frame.at += bytes;
        frame.attack += if frame.attack > 0 { attacks } else { 0 };
        first.trace.frames.push(frame);
    }
    first.expected.extend(second.expected);
    if first.allowed.is_empty() {
        first.allowed = second.allowed;
    }
    first
}
