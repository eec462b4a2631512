//! Which protocols a payload may be: by port, and for strong signatures by first byte. One look-up, no chain of tries.

use crate::decode::Transport;

use super::PROTOCOLS;
use super::protocol::Strength;

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

/// The look-up tables, made once at start.
pub struct Lookup {
    tcp: Box<[u8]>,
    udp: Box<[u8]>,
    /// The sets of protocols that share a port; 0 is the empty set.
    sets: Vec<Candidates>,
    strong: [Candidates; 256],
}

impl Lookup {
    pub fn new() -> Self {
        let mut lookup = Lookup::none();
        for (index, protocol) in PROTOCOLS.iter().enumerate() {
            for port in protocol.ports {
                let table = if port.transport == Transport::Udp { &mut lookup.udp } else { &mut lookup.tcp };
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
            if matches!(protocol.strength, Strength::Anywhere | Strength::AnywhereTwice) {
                for byte in 0..=u8::MAX {
                    if protocol.starts.is_empty() || protocol.starts.iter().any(|start| start.first() == Some(&byte)) {
                        let strong = &mut lookup.strong[usize::from(byte)];
                        *strong = strong.union(Candidates::only(index));
                    }
                }
            }
        }
        lookup
    }

    /// A look-up that finds nothing: what is left is the cost of looking.
    pub fn none() -> Self {
        Lookup { tcp: vec![0; PORTS].into(), udp: vec![0; PORTS].into(), sets: vec![Candidates(0)], strong: [Candidates(0); 256] }
    }

    /// The protocols of a service port.
    #[inline]
    pub fn on_port(&self, transport: Transport, port: u16) -> Candidates {
        let table = match transport {
            Transport::Tcp => &self.tcp,
            Transport::Udp => &self.udp,
            _ => return Candidates(0),
        };
        self.sets[usize::from(table[usize::from(port)])]
    }

    /// The protocols that may stand on any port and whose messages begin like this payload.
    #[inline]
    pub fn strong(&self, payload: &[u8]) -> Candidates {
        let Some(&first) = payload.first() else { return Candidates(0) };
        let by_first = self.strong[usize::from(first)];
        if by_first.is_empty() {
            return by_first;
        }
        let mut set = Candidates(0);
        for index in by_first.iter() {
            let starts = PROTOCOLS[index].starts;
            let fits = |start: &&[u8]| payload.starts_with(start) || start.starts_with(payload);
            if starts.is_empty() || starts.iter().any(fits) {
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
    }
}
