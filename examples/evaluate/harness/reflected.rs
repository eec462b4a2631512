//! What innocent third parties send to home: amplification by reflectors, and backscatter of victims elsewhere.

use wherefrom::addr::Addr;
use wherefrom::decode::flags::{ACK, RST, SYN};

use super::case::{ATTACK, Case, Expected, Scene};
use super::frames::{Random, SECOND, STACK, Tcp};
use super::world::{REPEATS, Service, World, host, is_home, own, refuse, service, stack};

/// A protocol's name, its port, how an answer begins, and how long it is.
type Answered = (&'static str, u16, &'static [u8], usize);

/// Reflector protocols with the port they answer from and the beginning of an answer, after the protocols' specifications and the
/// advisory TA14-017A.
const ANSWERS: &[Answered] = &[
    ("dns", 53, b"\x12\x34\x81\x80\0\x01\0\x14\0\0\0\x01\x07example\x03com\0\0\xff\0\x01", 1400),
    ("ntp", 123, b"\xd7\x00\x03\x2a\0\x06\0\x48", 440),
    ("snmp", 161, b"\x30\x82\x04\x10\x02\x01\x01\x04\x06public\xa2\x82\x04\x01\x02\x04", 1044),
    ("netbios", 137, b"\x12\x34\x84\0\0\0\0\x01\0\0\0\0\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01", 193),
    ("ssdp", 1900, b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\nUSN: uuid:", 310),
    ("chargen", 19, b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n", 74),
    ("qotd", 17, b"\"My spelling is wobbly. It's good spelling but it wobbles.\"\r\n A. A. Milne, and so on and on and on\r\n", 96),
    ("bittorrent", 6881, b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes208:", 290),
    ("quake", 27_960, b"\xff\xff\xff\xffstatusResponse\n\\sv_hostname\\arena", 900),
    ("steam", 27_015, b"\xff\xff\xff\xff\x49\x11arena\0", 160),
    ("mdns", 5353, b"\0\0\x84\0\0\0\0\x05\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0", 340),
    ("rip", 520, b"\x02\x01\0\0\0\x02\0\0\x0a\x01\0\0", 504),
    ("portmap", 111, b"\x12\x34\x56\x78\0\0\0\x01\0\0\0\0\0\0\0\0", 486),
    ("cldap", 389, b"\x30\x84\0\0\x0b\xd7\x02\x01\x07\x64\x84\0\0\x0b\xce\x04\0", 1400),
    ("tftp", 69, b"\0\x03\0\x01", 516),
    ("memcached", 11_211, b"\0\0\0\0\0\x01\0\0STAT pid 21357\r\nSTAT uptime 41557034\r\n", 1400),
    ("ws-discovery", 3702, b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP-ENV:Envelope ", 900),
    ("ard", 3283, b"\0\x01\x03\xea\0\x01\0\0", 1006),
    ("coap", 5683, b"\x60\x45\x12\x34\xc0\x21\x02\xff</.well-known/core>,</sensor>", 420),
    ("mssql", 1434, b"\x05\xb0\x01ServerName;DB01;InstanceName;MSSQLSERVER;IsClustered;No;", 436),
    ("openvpn", 1194, b"\x40\x11\x22\x33\x44\x55\x66\x77\x88\x01\0\0\0\0", 54),
    ("dvr", 37_810, b"\x20\0\0\0DHIP\0\0\0\0\0\0\0\0{\"method\":\"client.notifyDevInfo\"", 800),
    ("plex", 32_414, b"HTTP/1.0 200 OK\r\nContent-Type: plex/media-server\r\n", 280),
    ("slp", 427, b"\x02\x02\0\x03\x20\0\0\0\0\0\x12\x34\0\x02en\0\0", 800),
    ("stun", 3478, b"\x01\x01\0\x44\x21\x12\xa4\x42aaaaaaaaaaaa\0\x20\0\x08", 88),
    ("sip", 5060, b"SIP/2.0 400 Missing Via\r\nServer: gate\r\nContent-Length: 0\r\n", 300),
    ("ipmi", 623, b"\x06\0\xff\x07\0\0\0\0\0\0\0\0\0\x10\x81\x1c\x63\x20\0\x38\0", 30),
    ("ubiquiti", 10_001, b"\x01\0\0\x90\x02\0\x0a\x04\x18\xd6\xc7\xaa\xbb\xcc", 148),
    ("xdmcp", 177, b"\0\x01\0\x05\0\x20\0\0\0\x07desktop", 58),
    ("jenkins", 33_848, b"<hudson><version>2.204.1</version><url>", 240),
    ("lantronix", 30_718, b"\0\0\0\xf9\0\x01\x02\x03", 124),
    ("rdp", 3389, b"\0\0\0\0\x04\x40\0\x05", 1260),
    ("tp240", 10_074, b"call 1 of 1 in progress, 16 statistics\r\n", 40),
];

struct Reflection {
    answer: &'static Answered,
    reflectors: usize,
    rate: u64,
    fragments: bool,
}

fn amplification(reflection: &Reflection, world: &World, random: &mut Random) -> Scene {
    let (seconds, target) = (10, host(20));
    let mut scene = Scene::begin(world, random, 20 + seconds + 15);
    let &(protocol, port, mark, bytes) = reflection.answer;
    scene.attack(Expected::new("amplification").on(target).with("protocol", protocol));
    let reflectors: Vec<Addr> = (0..reflection.reflectors).map(|_| world.abroad(random)).collect();
    let mut payload = mark.to_vec();
    // What follows the mark is text where the mark is, and binary elsewhere.
    payload.extend(
        (payload.len()..bytes).map(|n| if matches!(protocol, "chargen" | "qotd") { b'a' + (n % 26) as u8 } else { (n * 37) as u8 }),
    );
    // Where the attacker's forged requests come from decides the victim's port: a web server's, or any.
    let to_port = if random.chance(50) { 80 } else { random.port() };
    for n in 0..reflection.rate * seconds {
        let at = ATTACK + n * (SECOND / reflection.rate) + random.below(SECOND / reflection.rate);
        let source = reflectors[random.below(reflectors.len() as u64) as usize];
        let (from, to, ip) = ((source, port), (target, to_port), stack(source, random));
        if reflection.fragments {
            scene.trace.udp_fragmented(at, from, to, ip, &payload[..1400 / 8 * 8]);
        } else {
            scene.trace.udp(at, from, to, ip, &payload);
        }
        if n % 40 == 0 {
            let attack = std::mem::take(&mut scene.trace.attack);
            scene.trace.unreachable(at + 200_000, target, 63, 3);
            scene.trace.attack = attack;
        }
    }
    scene
}

/// Servers of home are asked under the victim's address, and answer it.
fn by_home(answer: &'static Answered, one_port: bool, world: &World, random: &mut Random) -> Scene {
    let (seconds, rate, reflectors) = (10, 300, 3);
    let mut scene = Scene::begin(world, random, 20 + seconds + 15);
    let &(protocol, port, mark, bytes) = answer;
    let target = world.abroad(random);
    scene.attack(Expected::new("amplification").on(target).with("protocol", protocol));
    let mut payload = mark.to_vec();
    payload.extend((payload.len()..bytes).map(|n| (n * 37) as u8));
    for n in 0..rate * seconds {
        let at = ATTACK + n * (SECOND / rate);
        let victim = (target, if one_port { 80 } else { random.port() });
        let server = (host(30 + (n % reflectors) as u32), port);
        // The forger's packets come another way than the victim's would.
        let attack = std::mem::take(&mut scene.trace.attack);
        let question = if protocol == "dns" {
            &b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xff\0\x01"[..]
        } else {
            b"\x17\0\x03\x2a\0\0\0\0"
        };
        scene.trace.udp(at, victim, server, stack(target, random), question);
        scene.trace.attack = attack;
        scene.trace.udp(at + 300_000, server, victim, own(random), &payload);
    }
    scene
}

/// What a victim abroad answers to forged packets.
#[derive(Clone, Copy, Debug)]
enum Answer {
    SynAck,
    Rst,
    Unreachable,
}

fn backscatter(answer: Answer, packets: u64, seconds: u64, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 20 + seconds + 30);
    let victim = world.abroad(random);
    scene.attack(Expected::new("backscatter").of(victim));
    for _ in 0..packets {
        let at = ATTACK + random.below(seconds * SECOND);
        let (forged, port) = (host(random.next() as u32), random.unprivileged());
        let (from, to) = ((victim, 443), (forged, port));
        let ip = stack(victim, random);
        let seq = random.next() as u32;
        scene.trace.attack = 1;
        match answer {
            Answer::SynAck => {
                let tcp = Tcp { flags: SYN | ACK, seq, ack: random.next() as u32, window: 64_240, options: STACK, ..Tcp::default() };
                let lives = service(forged, port) != Service::Silent;
                scene.trace.tcp(at, from, to, ip, tcp);
                if lives {
                    scene.trace.attack = 0;
                    refuse(&mut scene.trace, random, at + 300_000, to, from, seq);
                } else {
                    for after in &REPEATS[..3] {
                        scene.trace.tcp(at + after * SECOND, from, to, ip, tcp);
                    }
                }
            }
            Answer::Rst => {
                scene.trace.tcp(at, from, to, ip, Tcp { flags: RST | ACK, ack: random.next() as u32, ..Tcp::default() });
            }
            Answer::Unreachable => {
                // The quoted packet never passed here: it is made, quoted, and taken out again.
                let (frames, bytes) = (scene.trace.frames.len(), scene.trace.bytes.len());
                let header = own(random);
                scene.trace.udp(at, to, from, header, b"flood flood flood");
                scene.trace.unreachable(at, victim, ip.ttl, 3);
                let mut error = scene.trace.frames[frames + 1];
                let kept = scene.trace.bytes[error.at..].to_vec();
                scene.trace.bytes.truncate(bytes);
                scene.trace.frames.truncate(frames);
                error.at = bytes;
                scene.trace.bytes.extend(kept);
                scene.trace.frames.push(error);
            }
        }
    }
    debug_assert!(!is_home(victim));
    scene
}

/// All cases of amplification and backscatter.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut reflect = |answer: &'static Answered, reflectors, rate, fragments| {
        let &(protocol, ..) = answer;
        let name = format!("amplification {protocol} {reflectors} reflectors {rate}/s{}", if fragments { " fragmented" } else { "" });
        let reflection = Reflection { answer, reflectors, rate, fragments };
        cases.push(Case::new(name, move |world, random| amplification(&reflection, world, random)));
    };
    for answer in ANSWERS {
        reflect(answer, 200, 1000, false);
    }
    for (reflectors, rate) in [(10, 150), (12, 3000), (2000, 6000)] {
        reflect(&ANSWERS[1], reflectors, rate, false);
        reflect(&ANSWERS[0], reflectors, rate, false);
    }
    reflect(&ANSWERS[0], 300, 800, true);
    for (answer, one_port) in [(&ANSWERS[0], false), (&ANSWERS[0], true), (&ANSWERS[1], false), (&ANSWERS[1], true), (&ANSWERS[15], true)] {
        let name = format!("amplification {} by home, {}", answer.0, if one_port { "one port" } else { "many ports" });
        cases.push(Case::new(name, move |world, random| by_home(answer, one_port, world, random)));
    }
    for answer in [Answer::SynAck, Answer::Rst, Answer::Unreachable] {
        for (packets, seconds) in [(40, 30), (300, 60), (4000, 60)] {
            let name = format!("backscatter {answer:?} {packets} in {seconds} s");
            cases.push(Case::new(name, move |world, random| backscatter(answer, packets, seconds, world, random)));
        }
    }
    cases
}
