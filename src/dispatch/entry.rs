//! Points of entry: through which door of the network a frame came, where the operator has given the doors names.
//!
//! A flood with forged senders has no country, but the peer, the circuit or the exchange that delivered it is known to whoever looks at the
//! link: an Ethernet sender, a VLAN or an interface, none of which the flood's maker chooses.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use foldhash::fast::FixedState;

use crate::decode::Header;
use crate::source::{Frame, InterfaceNames, LinkType};

/// Points of entry that can have names: [`super::batch::Item::entry`] is a byte, and 0 is none.
pub const ENTRIES_MAX: usize = 255;
/// Identifiers of IEEE 802.1Q have 12 bits.
const VLANS: usize = 1 << 12;

/// What a point of entry is told by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Door {
    /// The outermost VLAN identifier, 1 to 4094.
    Vlan(u16),
    /// An interface's name, live or as a pcapng file has it.
    Interface(String),
    /// The Ethernet address of whoever sent the frame.
    Mac([u8; 6]),
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Door::Vlan(vlan) => write!(f, "vlan {vlan}"),
            Door::Interface(name) => write!(f, "interface {name}"),
            Door::Mac([a, b, c, d, e, g]) => write!(f, "mac {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
        }
    }
}

/// Reads an Ethernet address: six bytes in hexadecimal between colons or dashes.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// The points of entry that have names. Of several that fit a frame, the first in the list is meant; several may share a name.
#[derive(Debug)]
pub struct Entries {
    /// Number n is the n-th name, counted from 1.
    names: Vec<String>,
    vlans: Box<[u8; VLANS]>,
    macs: HashMap<[u8; 6], u8, FixedState>,
    interfaces: Vec<(String, u8)>,
}

impl Entries {
    /// Of names and doors, at most [`ENTRIES_MAX`]; what is beyond is passed over.
    pub fn new(doors: impl IntoIterator<Item = (String, Door)>) -> Self {
        let mut entries = Entries { names: Vec::new(), vlans: Box::new([0; VLANS]), macs: HashMap::default(), interfaces: Vec::new() };
        for (name, door) in doors {
            let number = match entries.names.iter().position(|known| *known == name) {
                Some(place) => place + 1,
                None if entries.names.len() == ENTRIES_MAX => continue,
                None => {
                    entries.names.push(name);
                    entries.names.len()
                }
            } as u8;
            match door {
                Door::Vlan(vlan) => {
                    let of = &mut entries.vlans[usize::from(vlan) % VLANS];
                    *of = if *of == 0 { number } else { *of };
                }
                Door::Mac(mac) => {
                    entries.macs.entry(mac).or_insert(number);
                }
                Door::Interface(name) => entries.interfaces.push((name, number)),
            }
        }
        entries
    }

    /// The name of a number; none of 0.
    pub fn name(&self, number: u8) -> Option<&str> {
        self.names.get(usize::from(number).checked_sub(1)?).map(String::as_str)
    }
}

/// Tells the point of entry of frames: what is named, and which interface has which number in this run.
pub struct Doors {
    entries: Arc<Entries>,
    names: InterfaceNames,
    /// By the interface's number, as far as frames came from there.
    interfaces: Vec<Option<u8>>,
}

impl Doors {
    pub fn new(entries: Arc<Entries>, names: InterfaceNames) -> Self {
        Doors { entries, names, interfaces: Vec::new() }
    }

    /// The number of a frame's point of entry, 0 if it has no name.
    pub fn of(&mut self, frame: &Frame<'_>, header: &Header) -> u8 {
        let vlan = self.entries.vlans[usize::from(header.vlan) % VLANS];
        let mac = if self.entries.macs.is_empty() { None } else { peer(frame).and_then(|mac| self.entries.macs.get(&mac)).copied() };
        let interface = if self.entries.interfaces.is_empty() { 0 } else { self.of_interface(frame.interface) };
        [vlan, mac.unwrap_or_default(), interface].into_iter().filter(|&number| number != 0).min().unwrap_or_default()
    }

    fn of_interface(&mut self, interface: u16) -> u8 {
        let place = usize::from(interface);
        if let Some(&Some(number)) = self.interfaces.get(place) {
            return number;
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = names.get(place).and_then(Option::as_deref);
        let named = self.entries.interfaces.iter().find(|(known, _)| Some(known.as_str()) == name).map_or(0, |&(_, number)| number);
        if self.interfaces.len() <= place {
            self.interfaces.resize(place + 1, None);
        }
        self.interfaces[place] = Some(named);
        named
    }
}

/// The link-layer address of a frame's sender: Ethernet's, or that of Linux's cooked captures (tcpdump.org/linktypes, LINKTYPE_LINUX_SLL and
/// LINKTYPE_LINUX_SLL2).
fn peer(frame: &Frame<'_>) -> Option<[u8; 6]> {
    let at = match frame.link {
        LinkType::ETHERNET => 6,
        LinkType::LINUX_SLL => 6,
        LinkType::LINUX_SLL2 => 12,
        _ => return None,
    };
    frame.bytes.get(at..)?.first_chunk::<6>().copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::addr::Addr;
    use crate::decode::Transport;

    fn number(doors: &mut Doors, interface: u16, peer: u8, vlan: u16) -> u8 {
        let bytes = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, peer, 8, 0];
        let mut header = Header::between(Addr::v4(1), Addr::v4(2), Transport::Tcp);
        header.vlan = vlan;
        doors.of(&Frame { time_ns: 0, wire_bytes: 60, link: LinkType::ETHERNET, interface, bytes: &bytes }, &header)
    }

    #[test]
    fn the_first_that_fits_is_meant_and_several_doors_may_share_a_name() {
        let doors = [
            ("transit".to_string(), Door::Vlan(100)),
            ("exchange".to_string(), Door::Mac([2, 0, 0, 0, 0, 7])),
            ("transit".to_string(), Door::Vlan(101)),
            ("spare".to_string(), Door::Interface("eth1".into())),
        ];
        let names = Arc::new(Mutex::new(vec![Some("eth0".to_string()), Some("eth1".to_string())]));
        let entries = Arc::new(Entries::new(doors));
        let mut doors = Doors::new(entries.clone(), names);
        assert_eq!(number(&mut doors, 0, 1, 0), 0);
        assert_eq!(entries.name(number(&mut doors, 0, 7, 100)), Some("transit"));
        assert_eq!(entries.name(number(&mut doors, 0, 1, 101)), Some("transit"));
        assert_eq!(entries.name(number(&mut doors, 1, 7, 0)), Some("exchange"));
        assert_eq!(entries.name(number(&mut doors, 1, 1, 0)), Some("spare"));
        assert_eq!((entries.name(0), entries.name(4)), (None, None));
        // An interface without a name, seen for the first time and again.
        assert_eq!((number(&mut doors, 9, 1, 0), number(&mut doors, 9, 1, 0)), (0, 0));
    }

    #[test]
    fn addresses_are_read_and_refused() {
        assert_eq!(mac("02:00:5e:00:53:Af"), Some([2, 0, 0x5e, 0, 0x53, 0xaf]));
        assert_eq!(mac("02-00-5e-00-53-af"), Some([2, 0, 0x5e, 0, 0x53, 0xaf]));
        for text in ["", "02:00:5e:00:53", "02:00:5e:00:53:af:00", "2:0:5e:0:53:af", "02:00:5e:00:53:+f"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
