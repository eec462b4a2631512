//! Industrial protocols: one file each, one line in the table.

mod assets;
mod ber;
mod board;
mod cip;
mod contact;
mod contacts;
mod crc;
mod fields;
mod functions;
mod link;
mod lookup;
mod memory;
pub mod protocol;
mod stray;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;
mod text;
#[cfg(test)]
mod tools;
mod tpkt;
mod umas;

pub use board::IcsBoard;
pub use contact::IcsDetail;
pub use lookup::Lookup;
pub use memory::{IcsMemory, IcsTally};

macro_rules! protocols {
    ($($module:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every protocol, in the order in which they are tried.
        pub static PROTOCOLS: &[&protocol::Protocol] = &[$(&$module::PROTOCOL),+];
    };
}

protocols! {
    modbus,
    s7comm,
    s7comm_plus,
    mms,
    iec104,
    dnp3,
    enip,
    cip_io,
    cspv4,
    bacnet,
    opcua,
    fins,
    hart_ip,
    ge_srtp,
    egd,
    melsec,
    melsoft,
    pcworx,
    proconos,
    codesys_v2,
    codesys_v3,
    crimson,
    fox,
    coap,
    mqtt,
    tristation,
    knxnet_ip,
    c37_118,
    ads,
    profinet,
    ethercat,
    atg,
    roc,
    hse,
    moxa,
    lantronix,
    ether_s_bus,
    dlms,
    wdb_rpc,
    bsap,
    c12_22,
    genisys,
    lontalk,
}

pub mod goose;
pub mod profinet_dcp;
pub mod sv;

/// Protocols that stand directly in an Ethernet frame, by Ethertype. Never routed: they are seen inside a network only.
pub static LINK_PROTOCOLS: &[(u16, &protocol::Protocol)] = &[
    (goose::ETHERTYPE, &goose::PROTOCOL),
    (sv::ETHERTYPE, &sv::PROTOCOL),
    (profinet_dcp::ETHERTYPE, &profinet_dcp::PROTOCOL),
    (ethercat::ETHERTYPE, &ethercat::PROTOCOL),
];

/// The protocol at a place in the table, or behind it among those of Ethernet frames.
fn protocol_at(index: u8) -> Option<&'static protocol::Protocol> {
    let index = usize::from(index);
    PROTOCOLS.get(index).copied().or_else(|| LINK_PROTOCOLS.get(index.checked_sub(PROTOCOLS.len())?).map(|(_, protocol)| *protocol))
}

#[cfg(test)]
mod tests {
    use super::protocol::{Context, Sender, Starts, Strength, Verdict};
    use super::testing::{Random, contexts};
    use super::{LINK_PROTOCOLS, PROTOCOLS};
    use crate::decode::Transport;

    /// Random payloads given to every protocol.
    const PAYLOADS: usize = 200_000;
    /// Their lengths are below this.
    const PAYLOAD_BYTES_MAX: usize = 300;
    /// Lengths of the payloads that only strong protocols get: every signature but the longest decides within.
    const STRONG_BYTES_MAX: usize = 80;

    #[test]
    fn random_bytes_never_panic_and_never_are_a_strong_protocol() {
        let contexts: Vec<Context> = contexts().collect();
        let mut random = Random(0x5eed_0000_0000_0001);
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        for _ in 0..PAYLOADS {
            let bytes = &mut payload[..random.below(PAYLOAD_BYTES_MAX)];
            random.fill(bytes);
            let context = contexts[random.below(contexts.len())];
            for protocol in PROTOCOLS.iter().copied().chain(LINK_PROTOCOLS.iter().map(|(_, protocol)| *protocol)) {
                // A conversation in which a protocol was recognised before, and its port, are evidence: chance has neither.
                let fresh = Context { on_port: false, memory: 0, ..context };
                let verdict = (protocol.parse)(bytes, &fresh);
                let is_strong = protocol.strength == Strength::Anywhere;
                assert!(!is_strong || !matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {bytes:02x?}", protocol.name);
                (protocol.parse)(bytes, &context);
            }
        }
    }

    /// Gives so many random payloads, half of which begin like some strong protocol, to what the first bytes choose, as on a foreign port.
    fn no_strong_protocol_in(payloads: usize, seed: u64) {
        let lookup = super::Lookup::new();
        let starts: Vec<&[u8]> =
            PROTOCOLS.iter().filter(|p| p.strength == Strength::Anywhere).flat_map(|p| p.starts.bytes().iter().copied()).collect();
        let mut random = Random(seed);
        let mut payload = [0; STRONG_BYTES_MAX];
        let udp = Context {
            transport: Transport::Udp,
            on_port: false,
            sender: Sender::Unknown,
            whole: true,
            cut: false,
            fresh: false,
            memory: 0,
        };
        let tcp = Context { transport: Transport::Tcp, whole: false, ..udp };
        for round in 0..payloads {
            let bytes = &mut payload[..random.below(STRONG_BYTES_MAX)];
            random.fill(bytes);
            if round % 2 == 0 {
                let start = starts[random.below(starts.len())];
                let common = start.len().min(bytes.len());
                bytes[..common].copy_from_slice(&start[..common]);
            }
            for index in lookup.strong(bytes).iter().filter(|&index| PROTOCOLS[index].strength == Strength::Anywhere) {
                for context in [&udp, &tcp] {
                    let verdict = (PROTOCOLS[index].parse)(bytes, context);
                    assert!(!matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {bytes:02x?}", PROTOCOLS[index].name);
                }
            }
        }
    }

    #[test]
    fn chance_is_no_strong_protocol() {
        no_strong_protocol_in(10_000_000, 0x5eed_0000_0000_0002);
    }

    #[test]
    #[ignore = "takes minutes: cargo test --release --lib -- --ignored chance"]
    fn much_chance_is_no_strong_protocol() {
        no_strong_protocol_in(100_000_000, 0x5eed_0000_0000_0003);
    }

    #[test]
    fn one_name_is_one_protocol_and_ports_are_given_where_they_matter() {
        for (at, protocol) in PROTOCOLS.iter().enumerate() {
            // EtherNet/IP and its I/O connections are one protocol on two ports.
            let twin = |other: &&&super::protocol::Protocol| {
                other.name == protocol.name && other.ports.iter().any(|port| protocol.ports.contains(port))
            };
            assert!(PROTOCOLS[..at].iter().find(twin).is_none(), "{} stands twice", protocol.name);
            assert!(!protocol.ports.is_empty() || protocol.strength == Strength::Anywhere, "{} has no port", protocol.name);
            let strong = matches!(protocol.strength, Strength::Anywhere | Strength::AnywhereTwice);
            assert_eq!(strong, !matches!(protocol.starts, Starts::Unused), "{} is looked for where it may stand", protocol.name);
        }
    }

    #[test]
    fn no_bytes_are_no_message() {
        for protocol in PROTOCOLS {
            for context in contexts() {
                assert!(!matches!((protocol.parse)(&[], &context), Verdict::Message(_)), "{}", protocol.name);
            }
        }
    }
}
