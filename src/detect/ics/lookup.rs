//! Which protocols a payload may be: by port, and for strong signatures by first byte. One look-up, no chain of tries.

use crate::decode::Transport;

use super::PROTOCOLS;
use super::protocol::{Look, Starts, Strength};

/// A set of protocols, by their place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Candidates(u64);

impl Candidates {
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One protocol alone.
    pub fn only(index: usize) -> Self {
        Candidates(1 << index)
    }

    pub fn union(self, other: Self) -> Self {
        Candidates(self.0 | other.0)
    }

    /// The places in the table, in its order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let index = rest.trailing_zeros() as usize;
            (rest != 0).then(|| {
                rest &= rest - 1;
                index
            })
        })
    }
}

const PORTS: usize = 1 << 16;
/// Ports of which a bit says whether they are industrial, in one word.
const WORD: usize = u64::BITS as usize;
/// Industrial ports that other services use as much: a touch of these says nothing of industry: MQTT, streaming, remote shells,
/// device discovery, and registered or ephemeral ports of others (IANA's registry of service names). What speaks on them is recognised all
/// the same.
const SHARED_PORTS: [u16; 13] = [1200, 1217, 1234, 1502, 1883, 2222, 2455, 4000, 5006, 5007, 5050, 8001, 10001];

/// Whether a port is anybody's: 8 KiB, which stay in the first-level cache. Nearly every port is nobody's.
struct Known(Box<[u64]>);

impl Known {
    fn none() -> Self {
        Known(vec![0; PORTS / WORD].into())
    }

    fn add(&mut self, port: u16) {
        self.0[usize::from(port) / WORD] |= 1 << (usize::from(port) % WORD);
    }

    #[inline]
    fn has(&self, port: u16) -> bool {
        self.0[usize::from(port) / WORD] >> (usize::from(port) % WORD) & 1 != 0
    }
}

/// The look-up tables, made once at start.
pub struct Lookup {
    known_tcp: Known,
    known_udp: Known,
    tcp: Box<[u8]>,
    udp: Box<[u8]>,
    /// The sets of protocols that share a port; 0 is the empty set.
    sets: Vec<Candidates>,
    /// By TCP port: the place of the protocol whose service it is, and one; 0 for none, and for ports that others use as much.
    services: Box<[u8]>,
    /// Those that may stand on any port, by their first byte.
    strong: [Candidates; 256],
    /// Those that may stand on any port and begin with any byte: their place, and what to look at instead.
    looks: Vec<(usize, Look)>,
    /// Whether what home's things ask of services abroad counts as contacts.
    pub things_abroad: bool,
}

impl Lookup {
    pub fn new() -> Self {
        let mut lookup = Lookup::none();
        for (index, protocol) in PROTOCOLS.iter().enumerate() {
            for port in protocol.ports {
                let (known, table) = match port.transport {
                    Transport::Udp => (&mut lookup.known_udp, &mut lookup.udp),
                    _ => (&mut lookup.known_tcp, &mut lookup.tcp),
                };
                known.add(port.number);
                let service = &mut lookup.services[usize::from(port.number)];
                if port.transport == Transport::Tcp && *service == 0 && !SHARED_PORTS.contains(&port.number) {
                    *service = index as u8 + 1;
                }
                let slot = &mut table[usize::from(port.number)];
                let set = lookup.sets[usize::from(*slot)].union(Candidates::only(index));
                *slot = match lookup.sets.iter().position(|&known| known == set) {
                    Some(place) => place as u8,
                    None => {
                        lookup.sets.push(set);
                        (lookup.sets.len() - 1) as u8
                    }
                };
            }
            if !matches!(protocol.strength, Strength::Anywhere | Strength::AnywhereTwice) {
                continue;
            }
            match protocol.starts {
                Starts::Unused => {}
                Starts::Like(look) => lookup.looks.push((index, look)),
                Starts::Bytes(starts) => {
                    for &first in starts.iter().filter_map(|start| start.first()) {
                        let strong = &mut lookup.strong[usize::from(first)];
                        *strong = strong.union(Candidates::only(index));
                    }
                }
            }
        }
        lookup
    }

    /// A look-up that finds nothing: what is left is the cost of looking.
    pub fn none() -> Self {
        let table = || vec![0; PORTS].into();
        Lookup {
            known_tcp: Known::none(),
            known_udp: Known::none(),
            tcp: table(),
            udp: table(),
            sets: vec![Candidates(0)],
            services: table(),
            strong: [Candidates(0); 256],
            looks: Vec::new(),
            things_abroad: true,
        }
    }

    /// The protocol whose service a TCP port is, by its place in the table. None for ports that others use as much.
    #[inline]
    pub fn service(&self, port: u16) -> Option<usize> {
        if !self.known_tcp.has(port) {
            return None;
        }
        usize::from(self.services[usize::from(port)]).checked_sub(1)
    }

    /// The protocols of a service port.
    #[inline]
    pub fn on_port(&self, transport: Transport, port: u16) -> Candidates {
        let (known, table) = match transport {
            Transport::Tcp => (&self.known_tcp, &self.tcp),
            Transport::Udp => (&self.known_udp, &self.udp),
            _ => return Candidates(0),
        };
        if !known.has(port) {
            return Candidates(0);
        }
        self.sets[usize::from(table[usize::from(port)])]
    }

    /// The protocols that may stand on any port and whose messages begin like this payload.
    #[inline]
    pub fn strong(&self, payload: &[u8]) -> Candidates {
        let Some(&first) = payload.first() else { return Candidates(0) };
        let mut set = Candidates(0);
        for index in self.strong[usize::from(first)].iter() {
            let fits = |start: &&[u8]| payload.starts_with(start) || start.starts_with(payload);
            if PROTOCOLS[index].starts.bytes().iter().any(fits) {
                set = set.union(Candidates::only(index));
            }
        }
        for &(index, look) in &self.looks {
            if look(payload) {
                set = set.union(Candidates::only(index));
            }
        }
        set
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Lookup::new()
    }
}

const _: () = assert!(PROTOCOLS.len() <= 64, "a set of protocols is 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_found_on_its_ports() {
        let lookup = Lookup::new();
        for (index, protocol) in PROTOCOLS.iter().enumerate() {
            for port in protocol.ports {
                assert!(lookup.on_port(port.transport, port.number).iter().any(|found| found == index), "{}", protocol.name);
            }
        }
        assert!(lookup.on_port(Transport::Tcp, 80).is_empty());
        assert!(Lookup::none().on_port(Transport::Tcp, 502).is_empty() && Lookup::none().strong(b"FINS").is_empty());
        assert_eq!(lookup.service(502).map(|index| PROTOCOLS[index].name), Some("modbus"));
        assert_eq!((lookup.service(1883), lookup.service(80), Lookup::none().service(502)), (None, None, None));
    }
}
