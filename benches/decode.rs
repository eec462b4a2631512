//! What decoding one frame costs, beside etherparse's general-purpose slicing of the same bytes.

use std::hint::black_box;

use divan::Bencher;
use etherparse::{PacketBuilder, SlicedPacket};
use wherefrom::decode::decode;
use wherefrom::source::LinkType;

/// Frames decoded per iteration: enough that a timer's resolution does not show.
const FRAMES: usize = 1024;

const SHAPES: &[Shape] = &[Shape::Tcp, Shape::Udp, Shape::TaggedTcp, Shape::Tcp6, Shape::Options, Shape::Vxlan];

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// A bare SYN, padded to 60 bytes.
    Tcp,
    Udp,
    TaggedTcp,
    Tcp6,
    /// IPv4 with options: off the fast path.
    Options,
    /// A SYN in an Ethernet frame in VXLAN, where etherparse stops at the outer UDP header.
    Vxlan,
}

fn frame(shape: Shape) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let (source, target) = ([192, 0, 2, 1], [198, 51, 100, 2]);
    let mut bytes = Vec::new();
    match shape {
        Shape::Tcp => ethernet.ipv4(source, target, 64).tcp(40000, 502, 1, 1024).syn().write(&mut bytes, &[]),
        Shape::Udp => ethernet.ipv4(source, target, 64).udp(40000, 53).write(&mut bytes, &[7; 18]),
        Shape::TaggedTcp => ethernet
            .single_vlan(etherparse::VlanId::try_new(7).expect("below 4096"))
            .ipv4(source, target, 64)
            .tcp(40000, 502, 1, 1024)
            .syn()
            .write(&mut bytes, &[]),
        Shape::Tcp6 => ethernet.ipv6([1; 16], [2; 16], 64).tcp(40000, 502, 1, 1024).syn().write(&mut bytes, &[]),
        Shape::Options => {
            let mut header =
                etherparse::Ipv4Header::new(0, 64, etherparse::IpNumber::TCP, source, target).expect("a payload of 0 bytes fits");
            header.options = [1, 1, 1, 0].into();
            ethernet.ip(etherparse::IpHeaders::Ipv4(header, Default::default())).tcp(40000, 502, 1, 1024).syn().write(&mut bytes, &[])
        }
        Shape::Vxlan => {
            let inner = [&[0x08, 0, 0, 0, 0, 0, 1, 0], &frame(Shape::Tcp)[..]].concat();
            ethernet.ipv4(source, target, 64).udp(40000, 4789).write(&mut bytes, &inner)
        }
    }
    .expect("a vector takes all that is written");
    bytes.resize(bytes.len().max(60), 0);
    bytes
}

/// Frames side by side, so that the bytes are read from cache as they are behind a capture. Results are looked at where they stand:
/// moving one costs as much as decoding it.
fn frames(shape: Shape) -> Vec<Vec<u8>> {
    vec![frame(shape); FRAMES]
}

#[divan::bench(args = SHAPES)]
fn ours(bencher: Bencher<'_, '_>, shape: Shape) {
    let frames = frames(shape);
    bencher.counter(divan::counter::ItemsCount::new(FRAMES)).bench_local(|| {
        for bytes in &frames {
            black_box(&decode(LinkType::ETHERNET, black_box(bytes), bytes.len() as u32));
        }
    });
}

#[divan::bench(args = SHAPES)]
fn etherparse_slices(bencher: Bencher<'_, '_>, shape: Shape) {
    let frames = frames(shape);
    bencher.counter(divan::counter::ItemsCount::new(FRAMES)).bench_local(|| {
        for bytes in &frames {
            black_box(&SlicedPacket::from_ethernet(black_box(bytes)));
        }
    });
}

fn main() {
    divan::main();
}
