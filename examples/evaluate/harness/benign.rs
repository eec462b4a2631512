//! Traffic that looks like an attack and is none.

use wherefrom::addr::Addr;
use wherefrom::decode::flags::{ACK, PSH};

use super::case::{ATTACK, Case, Scene};
use super::frames::{End, Icmp, Ip, MILLI, Random, SECOND, Tcp};
use super::world::{PAGE, SHORT, START, World, conversation, host, lookup, own, round_trip, stack, vain};

type Make = fn(&mut Scene, &World, &mut Random);

/// All negatives: whatever is reported is false.
pub fn cases() -> Vec<Case> {
    let all: [(&str, Make); 23] = [
        ("flash crowd", |scene, world, random| crowd(scene, world, random, 400, 0)),
        ("flash crowd on a server that gives in", |scene, world, random| crowd(scene, world, random, 400, 15)),
        ("resolver of home", resolver),
        ("hosts of home ask a public resolver", public_resolver),
        ("resolver abroad asks home's name server", asked),
        ("crawler", crawler),
        ("monitor by connections", monitor),
        ("monitor by ping", pinger),
        ("NAT gateway abroad", gateway),
        ("NAT gateway at home", own_gateway),
        ("peer to peer at home", peers),
        ("stale address of a peer", stale_peer),
        ("upload over one connection", upload),
        ("capture begins in mid-transfer", mid_transfer),
        ("QUIC download", |scene, world, random| quic(scene, world, random, true)),
        ("QUIC download begins before the capture", |scene, world, random| quic(scene, world, random, false)),
        ("telephone calls", calls),
        ("time server at home", time_server),
        ("client of a dead server", dead_server),
        ("name server answers with much", |scene, world, random| answers_with_much(scene, world, random, true)),
        ("table walked over SNMP", |scene, world, random| answers_with_much(scene, world, random, false)),
        ("traceroute", traceroute),
        ("server keeps its clients alive", keepalives),
    ];
    all.into_iter()
        .map(|(name, make)| {
            Case::new(format!("benign {name}"), move |world, random| {
                let mut scene = Scene::begin(world, random, 60);
                make(&mut scene, world, random);
                scene
            })
        })
        .collect()
}

/// One resolver asks home's name server much and is told much, or a manager abroad walks a table.
fn answers_with_much(scene: &mut Scene, world: &World, random: &mut Random, names: bool) {
    let asker = world.abroad(random);
    for n in 0..9000u64 {
        let at = ATTACK + n * 2 * MILLI;
        let (client, server) = ((asker, if names { random.unprivileged() } else { 40_000 }), (host(54), if names { 53 } else { 161 }));
        let (question, mut answer) = if names {
            let question = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x03www\x07example\x02cn\0\0\x01\0\x01".to_vec();
            (question.clone(), [&[0x12, 0x34, 0x84, 0], &question[4..]].concat())
        } else {
            (b"\x30\x26\x02\x01\x01\x04\x06public\xa5\x19".to_vec(), b"\x30\x82\x01\xa0\x02\x01\x01\x04\x06public\xa2\x82\x01\x91".to_vec())
        };
        answer.resize(if names { 900 } else { 420 }, 7);
        scene.trace.udp(at, client, server, stack(asker, random), &question);
        scene.trace.udp(at + 300_000, server, client, own(random), &answer);
    }
}

/// Three probes for each hop, each to a port of its own; those that come as far arrive with little left.
fn traceroute(scene: &mut Scene, world: &World, random: &mut Random) {
    for run in 0..4u64 {
        let source = world.abroad(random);
        for n in 0..60u64 {
            let at = ATTACK + run * 2 * SECOND + n * 30 * MILLI;
            let ip = Ip { ttl: 1 + (n / 3) as u8, ..stack(source, random) };
            scene.trace.udp(at, (source, 40_000 + n as u16), (host(60 + run as u32), 33_434 + n as u16), ip, &[0x40; 32]);
            scene.trace.unreachable(at + 300_000, host(60 + run as u32), 63, 3);
        }
    }
}

/// Connections from before the capture, of which only the server's probes are seen.
fn keepalives(scene: &mut Scene, world: &World, random: &mut Random) {
    for n in 0..400u64 {
        let client = (world.abroad(random), random.port());
        for probe in 0..3u64 {
            let at = ATTACK + n * 20 * MILLI + probe * 15 * SECOND;
            let tcp = Tcp { flags: ACK, seq: 999, ack: 5000 + n as u32, window: 501, ..Tcp::default() };
            scene.trace.tcp(at, (host(61), 5222), client, own(random), tcp);
        }
    }
}

fn crowd(scene: &mut Scene, world: &World, random: &mut Random, per_s: u64, unanswered_percent: u64) {
    for _ in 0..per_s * 15 {
        let at = ATTACK + random.below(15 * SECOND);
        let (client, server) = ((world.abroad(random), random.port()), (host(10), 443));
        if random.chance(unanswered_percent) {
            vain(&mut scene.trace, random, at, client, server, false);
        } else {
            conversation(&mut scene.trace, random, at, client, server, SHORT);
        }
    }
}

fn resolver(scene: &mut Scene, world: &World, random: &mut Random) {
    let servers: Vec<Addr> = (0..1500).map(|_| world.abroad(random)).collect();
    for _ in 0..20_000 {
        let at = ATTACK + random.below(25 * SECOND);
        let server = servers[random.below(1500) as usize];
        let answered = !random.chance(6);
        let client = (host(53), random.unprivileged());
        lookup(&mut scene.trace, random, at, client, (server, 53), answered);
    }
}

/// Three hundred hosts ask one resolver abroad.
fn public_resolver(scene: &mut Scene, world: &World, random: &mut Random) {
    let resolver = world.abroad(random);
    for _ in 0..6000 {
        let at = ATTACK + random.below(30 * SECOND);
        let client = (host(2000 + random.below(300) as u32), random.unprivileged());
        lookup(&mut scene.trace, random, at, client, (resolver, 53), true);
    }
}

fn asked(scene: &mut Scene, world: &World, random: &mut Random) {
    let resolvers: Vec<Addr> = (0..40).map(|_| world.abroad(random)).collect();
    for _ in 0..30_000 {
        let at = ATTACK + random.below(20 * SECOND);
        let resolver = resolvers[random.below(40) as usize];
        let client = (resolver, random.unprivileged());
        lookup(&mut scene.trace, random, at, client, (host(54), 53), true);
    }
}

fn crawler(scene: &mut Scene, world: &World, random: &mut Random) {
    let source = world.abroad(random);
    for n in 0..600u64 {
        let (client, server) = ((source, random.port()), (host(200 + n as u32 % 300), 443));
        let at = ATTACK + n * 50 * MILLI;
        // A few sites of yesterday are gone today.
        if n % 300 < 12 {
            vain(&mut scene.trace, random, at, client, server, n % 2 == 0);
        } else {
            conversation(&mut scene.trace, random, at, client, server, PAGE);
        }
    }
}

fn monitor(scene: &mut Scene, world: &World, random: &mut Random) {
    let source = world.abroad(random);
    for n in 0..400u64 {
        let at = START + SECOND + n * 140 * MILLI;
        let (client, server) = ((source, random.port()), (host(400 + n as u32 % 100), 22));
        // Two of the hundred are down.
        if n % 100 < 2 {
            vain(&mut scene.trace, random, at, client, server, false);
        } else {
            conversation(&mut scene.trace, random, at, client, server, SHORT);
        }
    }
}

fn pinger(scene: &mut Scene, world: &World, random: &mut Random) {
    let source = world.abroad(random);
    for n in 0..3000u64 {
        let (at, target) = (ATTACK + n * 10 * MILLI, host(400 + n as u32 % 100));
        let header = stack(source, random);
        scene.trace.icmp(at, source, target, header, Icmp { kind: (8, 0), rest: n as u32, payload: &[0x5a; 56] });
        if n % 100 >= 2 {
            let header = own(random);
            scene.trace.icmp(at + 300_000, target, source, header, Icmp { kind: (0, 0), rest: n as u32, payload: &[0x5a; 56] });
        }
    }
}

fn gateway(scene: &mut Scene, world: &World, random: &mut Random) {
    let source = world.abroad(random);
    for _ in 0..4000 {
        let at = ATTACK + random.below(25 * SECOND);
        let port = [443, 443, 80, 993, 22][random.below(5) as usize];
        let (client, server) = ((source, random.unprivileged()), (host(random.below(60) as u32), port));
        if random.chance(4) {
            vain(&mut scene.trace, random, at, client, server, false);
        } else {
            conversation(&mut scene.trace, random, at, client, server, SHORT);
        }
    }
}

fn own_gateway(scene: &mut Scene, world: &World, random: &mut Random) {
    let servers: Vec<Addr> = (0..800).map(|_| world.abroad(random)).collect();
    for _ in 0..4000 {
        let at = ATTACK + random.below(25 * SECOND);
        let server = (servers[random.below(800) as usize], 443);
        let (client, refused) = ((host(2), random.port()), random.chance(50));
        if random.chance(3) {
            vain(&mut scene.trace, random, at, client, server, refused);
        } else {
            conversation(&mut scene.trace, random, at, client, server, PAGE);
        }
    }
}

/// Half of the peers that a table of nodes names are gone.
fn peers(scene: &mut Scene, world: &World, random: &mut Random) {
    let own_end: End = (host(77), 51_413);
    for _ in 0..1500 {
        let at = ATTACK + random.below(25 * SECOND);
        let peer = (world.abroad(random), random.unprivileged());
        let ask = b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe";
        let (mine, theirs) = (own(random), stack(peer.0, random));
        match random.below(4) {
            0 => {
                scene.trace.udp(at, peer, own_end, theirs, ask);
                scene.trace.udp(at + 300_000, own_end, peer, mine, b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:aa1:y1:re");
            }
            1 => scene.trace.udp(at, own_end, peer, mine, ask),
            2 => {
                scene.trace.udp(at, own_end, peer, mine, ask);
                scene.trace.udp(at + round_trip(peer.0), peer, own_end, theirs, b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:aa1:y1:re");
            }
            _ => {
                let client = (host(77), random.port());
                conversation(&mut scene.trace, random, at, client, peer, SHORT);
            }
        }
    }
}

/// Peers abroad try an address whose holder has left: each a few times, one port, never answered.
fn stale_peer(scene: &mut Scene, world: &World, random: &mut Random) {
    for _ in 0..600 {
        let at = ATTACK + random.below(25 * SECOND);
        let peer = (world.abroad(random), random.unprivileged());
        if random.chance(50) {
            vain(&mut scene.trace, random, at, peer, (host(78), 51_413), false);
        } else {
            let header = stack(peer.0, random);
            scene.trace.udp(at, peer, (host(78), 51_413), header, b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe");
        }
    }
}

/// Segments of one connection towards home, acknowledged every second one.
fn transfer(scene: &mut Scene, random: &mut Random, client: End, server: End, segments: u64) {
    let (header, answer) = (stack(client.0, random), own(random));
    let mut seq = random.next() as u32;
    let ack = random.next() as u32;
    let payload = [0x70; 1200];
    for n in 0..segments {
        let at = ATTACK + n * 10 * SECOND / segments;
        scene.trace.tcp(at, client, server, header, Tcp { flags: ACK | PSH, seq, ack, window: 502, payload: &payload, ..Tcp::default() });
        seq = seq.wrapping_add(1200);
        if n % 2 == 1 {
            scene.trace.tcp(at + 100_000, server, client, answer, Tcp { flags: ACK, seq: ack, ack: seq, window: 4000, ..Tcp::default() });
        }
    }
}

fn upload(scene: &mut Scene, world: &World, random: &mut Random) {
    let (client, server) = ((world.abroad(random), random.port()), (host(30), 443));
    let talk = super::world::Talk { rounds: 12_000, question: 1200, answer: 0 };
    conversation(&mut scene.trace, random, ATTACK, client, server, talk);
}

fn mid_transfer(scene: &mut Scene, world: &World, random: &mut Random) {
    for _ in 0..4 {
        let (client, server) = ((world.abroad(random), random.port()), (host(30), 443));
        transfer(scene, random, client, server, 6000);
    }
}

fn quic(scene: &mut Scene, world: &World, random: &mut Random, from_start: bool) {
    let edge = (world.abroad(random), 443);
    let client = (host(1234), random.port());
    let (theirs, mine) = (stack(edge.0, random), own(random));
    for n in 0..25_000u64 {
        let at = ATTACK + n * 400_000;
        if from_start && n == 0 || n % 10 == 9 {
            scene.trace.udp(at, client, edge, mine, &[0x41; 80]);
        }
        // A short header: the fixed bit, and what is under header protection.
        let mut packet = [0x52; 1200];
        packet[0] = 0x40 | random.below(32) as u8;
        scene.trace.udp(at + 50_000, edge, client, theirs, &packet);
    }
}

/// Sixty calls of fifty datagrams a second each way through one gateway.
fn calls(scene: &mut Scene, world: &World, random: &mut Random) {
    for call in 0..60u16 {
        let (far, near) = ((world.abroad(random), 20_000 + call * 2), (host(40), 30_000 + call * 2));
        let (theirs, mine) = (stack(far.0, random), own(random));
        for n in 0..600u64 {
            let at = ATTACK + n * 20 * MILLI + u64::from(call) * 300_000;
            scene.trace.udp(at, far, near, theirs, &[0x80; 172]);
            scene.trace.udp(at + 7 * MILLI, near, far, mine, &[0x80; 172]);
        }
    }
}

fn time_server(scene: &mut Scene, world: &World, random: &mut Random) {
    for _ in 0..15_000 {
        let at = ATTACK + random.below(15 * SECOND);
        let (client, server) = ((world.abroad(random), random.port()), (host(123), 123));
        let (theirs, mine) = (stack(client.0, random), Ip { ttl: 63, id: 0, dont_fragment: true });
        scene.trace.udp(at, client, server, theirs, &[0x23; 48]);
        scene.trace.udp(at + 300_000, server, client, mine, &[0x24; 48]);
    }
}

fn dead_server(scene: &mut Scene, world: &World, random: &mut Random) {
    let client = world.abroad(random);
    for n in 0..60u64 {
        let from = (client, random.port());
        vain(&mut scene.trace, random, START + n * 600 * MILLI, from, (host(91), 8443), false);
    }
}
