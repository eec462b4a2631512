//! Synthetic traffic for tests and benchmarks: the same options give the same frames, on any machine.

mod dialogue;
mod endpoint;
mod random;

use std::io;
use std::path::Path;

use self::dialogue::{Dialogue, MODBUS, Script, WEB};
use self::endpoint::{Endpoint, Segment};
use self::random::Random;
use super::writer::PcapWriter;
use super::{Frame, LinkType};
use crate::decode::flags;

/// Conversations of one part that go on at a time.
const DIALOGUES: usize = 256;

/// One kind of traffic. Numbers of hosts from 1 to 16,777,216.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traffic {
    /// TCP conversations, from handshake to FIN, of foreign clients with home web servers.
    Conversations { clients: u32, servers: u32 },
    /// Bare SYNs to one home host's port 80, from so many foreign addresses of each family, which never answer.
    SynFlood { sources: u32 },
    /// SYNs of each foreign scanner to one port of home hosts, one after another.
    Scan { scanners: u32, targets: u32, port: u16 },
    /// Foreign hosts that ask home controllers for their identification by Modbus, and are answered.
    IcsProbes { probers: u32, devices: u32 },
    /// Questions of home clients to a foreign resolver, and answers.
    Dns { clients: u32 },
}

/// What to make.
#[derive(Clone, Debug)]
pub struct SyntheticOptions {
    pub seed: u64,
    /// Frames in all.
    pub frames: u64,
    /// Time of the first frame, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// Frames per second of event time; 0 is taken as 1.
    pub frames_per_second: u64,
    /// How many of a hundred conversations, questions or lone packets are IPv6.
    pub ipv6_percent: u32,
    /// Kinds of traffic, and each one's share of the frames.
    pub mixture: Vec<(Traffic, u32)>,
}

impl Default for SyntheticOptions {
    /// A border on an ordinary day: mostly conversations, some names looked up, a little scanning, hardly any industrial probing.
    fn default() -> Self {
        SyntheticOptions {
            seed: 1,
            frames: 1_000_000,
            start_ns: 1_777_593_600_000_000_000, // 2026-05-01T00:00:00Z
            frames_per_second: 100_000,
            ipv6_percent: 10,
            mixture: vec![
                (Traffic::Conversations { clients: 10_000, servers: 100 }, 850),
                (Traffic::Dns { clients: 1000 }, 100),
                (Traffic::Scan { scanners: 20, targets: 65_536, port: 23 }, 45),
                (Traffic::IcsProbes { probers: 10, devices: 50 }, 5),
            ],
        }
    }
}

/// A source that makes its frames up.
pub struct Synthetic {
    options: SyntheticOptions,
    random: Random,
    parts: Vec<Part>,
    shares: u32,
    made: u64,
    frame: Vec<u8>,
}

struct Part {
    traffic: Traffic,
    seed: u64,
    share: u32,
    /// Frames that this part has made.
    turn: u64,
    dialogues: Vec<Dialogue>,
}

impl Synthetic {
    pub fn new(options: SyntheticOptions) -> Self {
        let parts: Vec<Part> = options
            .mixture
            .iter()
            .map(|&(traffic, share)| Part { traffic, seed: options.seed, share, turn: 0, dialogues: Vec::new() })
            .collect();
        let shares = parts.iter().fold(0u32, |sum, part| sum.saturating_add(part.share));
        let random = Random::seeded(options.seed);
        Synthetic { options, random, parts, shares, made: 0, frame: Vec::with_capacity(2048) }
    }

    /// The next frame; nothing after the last, or if no traffic has a share.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if self.made == self.options.frames {
            return None;
        }
        let mut drawn = self.random.below(self.shares);
        let part = self.parts.iter_mut().find(|part| {
            let chosen = drawn < part.share;
            drawn = drawn.saturating_sub(part.share);
            chosen
        })?;
        self.frame.clear();
        part.make(&mut self.random, self.options.ipv6_percent, &mut self.frame);
        let since_start = u128::from(self.made) * 1_000_000_000 / u128::from(self.options.frames_per_second.max(1));
        self.made += 1;
        Some(Frame {
            time_ns: self.options.start_ns.saturating_add(u64::try_from(since_start).unwrap_or(u64::MAX)),
            wire_bytes: self.frame.len() as u32,
            link: LinkType::ETHERNET,
            interface: 0,
            bytes: &self.frame,
        })
    }

    /// Writes all frames that are left to a pcap file; returns how many.
    pub fn write_pcap(mut self, path: &Path) -> io::Result<u64> {
        let mut writer = PcapWriter::create(path, LinkType::ETHERNET)?;
        let before = self.made;
        while let Some(frame) = self.next_frame() {
            writer.write(&frame)?;
        }
        writer.finish()?;
        Ok(self.made - before)
    }
}

impl Part {
    /// Appends one Ethernet frame.
    fn make(&mut self, random: &mut Random, ipv6_percent: u32, frame: &mut Vec<u8>) {
        let turn = self.turn;
        self.turn += 1;
        let v6 = random.below(100) < ipv6_percent;
        match self.traffic {
            Traffic::Conversations { clients, servers } => self.converse(random, v6, &WEB, clients, servers, frame),
            Traffic::IcsProbes { probers, devices } => self.converse(random, v6, &MODBUS, probers, devices, frame),
            Traffic::SynFlood { sources } => {
                let source = Endpoint::foreign(random.below(sources), random.next() as u16 | 1024, v6);
                syn(source, Endpoint::home(1, 80, v6), random.next() as u32, frame);
            }
            Traffic::Scan { scanners, targets, port } => {
                let (scanner, step) = (turn % u64::from(scanners.max(1)), turn / u64::from(scanners.max(1)));
                let source = Endpoint::foreign(scanner as u32, 40_000 + (scanner % 20_000) as u16, v6);
                let target = Endpoint::home((step % u64::from(targets.max(1))) as u32, port, v6);
                syn(source, target, random.next() as u32, frame);
            }
            Traffic::Dns { clients } => {
                // Question and answer are two turns of the same client: all about it follows from the exchange.
                let exchange = turn / 2;
                let mut of_exchange = Random::seeded(self.seed ^ exchange);
                let v6 = of_exchange.below(100) < ipv6_percent;
                let client = Endpoint::home(of_exchange.below(clients), of_exchange.next() as u16 | 1024, v6);
                let resolver = Endpoint::foreign(0, 53, v6);
                if turn.is_multiple_of(2) {
                    client.datagram(resolver, &identified(QUESTION, exchange), frame);
                } else {
                    resolver.datagram(client, &identified(ANSWER, exchange), frame);
                }
            }
        }
    }

    /// One step of one of the part's conversations; a new one takes the place of each that ended.
    fn converse(&mut self, random: &mut Random, v6: bool, script: &'static Script, clients: u32, servers: u32, frame: &mut Vec<u8>) {
        let begin = |random: &mut Random| {
            let client = Endpoint::foreign(random.below(clients), random.next() as u16 | 1024, v6);
            let server = Endpoint::home(random.below(servers), script.port, v6);
            Dialogue::new(client, server, script, random.next())
        };
        let chosen = random.below(DIALOGUES as u32) as usize;
        if chosen >= self.dialogues.len() {
            let new = begin(random);
            self.dialogues.push(new);
        }
        let last = self.dialogues.len().saturating_sub(1);
        if let Some(dialogue) = self.dialogues.get_mut(chosen.min(last)) {
            if dialogue.ended() {
                *dialogue = begin(random);
            }
            dialogue.step(frame);
        }
    }
}

fn syn(from: Endpoint, to: Endpoint, seq: u32, frame: &mut Vec<u8>) {
    from.segment(to, Segment { seq, ack: 0, flags: flags::SYN, payload: b"" }, frame);
}

/// The address of `www.example.com`, asked and answered (RFC 1035 section 4); the first two bytes are the exchange's.
const QUESTION: [u8; 33] = *b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
const ANSWER: [u8; 49] =
    *b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xc6\x33\x64\x07";

/// The message with the identifier of its exchange.
fn identified<const BYTES: usize>(mut message: [u8; BYTES], exchange: u64) -> [u8; BYTES] {
    for (byte, id) in message.iter_mut().zip((exchange as u16).to_be_bytes()) {
        *byte = id;
    }
    message
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::IpAddr;

    use etherparse::{NetHeaders, PacketHeaders};

    use super::*;
    use crate::source::{Files, FilesOptions};

    fn made(mixture: Vec<(Traffic, u32)>, frames: u64) -> Vec<Vec<u8>> {
        let mut source = Synthetic::new(SyntheticOptions { frames, mixture, ..SyntheticOptions::default() });
        let mut made = Vec::new();
        while let Some(frame) = source.next_frame() {
            made.push(frame.bytes.to_vec());
        }
        made
    }

    /// Source address, source port, target port of each TCP frame with the given flags.
    fn tcp(frames: &[Vec<u8>], syn: bool, ack: bool) -> Vec<(IpAddr, u16, u16)> {
        let parsed = frames.iter().map(|frame| PacketHeaders::from_ethernet_slice(frame).unwrap());
        parsed
            .filter_map(|packet| {
                let address = match packet.net.unwrap() {
                    NetHeaders::Ipv4(ip, _) => IpAddr::from(ip.source),
                    NetHeaders::Ipv6(ip, _) => IpAddr::from(ip.source),
                    NetHeaders::Arp(_) => return None,
                };
                let tcp = packet.transport.unwrap().tcp()?;
                (tcp.syn == syn && tcp.ack == ack).then_some((address, tcp.source_port, tcp.destination_port))
            })
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_frames() {
        let mixture = SyntheticOptions::default().mixture;
        assert_eq!(made(mixture.clone(), 2000), made(mixture, 2000));
    }

    #[test]
    fn times_are_even() {
        let mut source = Synthetic::new(SyntheticOptions { frames: 4, start_ns: 10, frames_per_second: 3, ..SyntheticOptions::default() });
        let mut times = Vec::new();
        while let Some(frame) = source.next_frame() {
            times.push(frame.time_ns);
        }
        assert_eq!(times, [10, 333_333_343, 666_666_676, 1_000_000_010]);
    }

    #[test]
    fn conversations_open_and_close() {
        let frames = made(vec![(Traffic::Conversations { clients: 50, servers: 5 }, 1)], 10_000);
        let (opened, answered) = (tcp(&frames, true, false).len(), tcp(&frames, true, true).len());
        assert!(opened > 900 && opened - answered <= DIALOGUES, "{opened} opened, {answered} answered");
    }

    #[test]
    fn a_flood_has_as_many_sources_as_told() {
        let frames = made(vec![(Traffic::SynFlood { sources: 300 }, 1)], 10_000);
        let sources: HashSet<IpAddr> = tcp(&frames, true, false).iter().map(|(address, ..)| *address).collect();
        assert!((300..=600).contains(&sources.len()), "{} addresses of both families", sources.len());
    }

    #[test]
    fn a_scan_goes_from_host_to_host() {
        let frames = made(vec![(Traffic::Scan { scanners: 2, targets: 100, port: 23 }, 1)], 200);
        assert_eq!(tcp(&frames, true, false).iter().filter(|(.., port)| *port == 23).count(), 200);
    }

    #[test]
    fn a_written_capture_reads_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("synthetic.pcap");
        let options = SyntheticOptions { frames: 500, ..SyntheticOptions::default() };
        assert_eq!(Synthetic::new(options.clone()).write_pcap(&path).unwrap(), 500);
        let mut source = Synthetic::new(options);
        let mut files = Files::open(&[path], &FilesOptions::default()).unwrap();
        while let Some(read) = files.next_frame().unwrap() {
            let made = source.next_frame().unwrap();
            assert_eq!((read.time_ns, read.bytes), (made.time_ns, made.bytes));
        }
        assert!(source.next_frame().is_none());
    }
}
