//! Traffic as of people who browse, beside libpcap's own loop over the same file in the same run: pages and pictures over HTTP, hellos and what
//! follows them of TLS, and questions for names. Only the ratio within one run means anything.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use wherefrom::attribute::{Database, Home};
use wherefrom::decode::flags::{ACK, FIN, PSH, SYN};
use wherefrom::source::{Files, FilesOptions, Frame, Input, LinkType, PcapWriter};

mod support;

/// Visits, of one site by one host each: a name, then a connection in clear text or under TLS.
const VISITS: u32 = 6_000;
/// Of ten connections, so many are under TLS, as of most pages today.
const SECURE_OF_TEN: u32 = 7;
/// Requests of one connection in clear text.
const REQUESTS: u32 = 4;
/// Segments of one connection under TLS behind its hellos.
const RECORDS: u32 = 24;
/// Payload of a full segment: an Ethernet frame's without options.
const SEGMENT_BYTES: usize = 1460;
/// 50,000 frames a second of event time: some 400 Mbit/s.
const STEP_NS: u64 = 20_000;
/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;

type End = (u32, u16);

struct Maker {
    out: PcapWriter<BufWriter<File>>,
    now_ns: u64,
    frames: u64,
    bytes: u64,
    random: u64,
}

/// A connection: both ends and how far each has come.
struct Talk {
    ends: [End; 2],
    seq: [u32; 2],
}

impl Maker {
    fn random(&mut self, below: u32) -> u32 {
        // Knuth's MMIX generator: the same capture every time.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as u32 % below
    }

    fn frame(&mut self, from: End, to: End, protocol: u8, transport: &[&[u8]]) {
        let len = 20 + transport.iter().map(|part| part.len()).sum::<usize>();
        let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
        bytes.extend((len as u16).to_be_bytes());
        bytes.extend([0, 7, 0x40, 0, 60, protocol, 0, 0]);
        bytes.extend([from.0.to_be_bytes(), to.0.to_be_bytes()].concat());
        transport.iter().for_each(|part| bytes.extend(*part));
        let wire_bytes = bytes.len() as u32;
        let frame = Frame { time_ns: self.now_ns, wire_bytes, link: LinkType::ETHERNET, interface: 0, bytes: &bytes };
        self.out.write(&frame).expect("room for the capture");
        self.now_ns += STEP_NS;
        self.frames += 1;
        self.bytes += u64::from(wire_bytes);
    }

    fn datagram(&mut self, from: End, to: End, payload: &[u8]) {
        let header = [from.1.to_be_bytes(), to.1.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0, 0]].concat();
        self.frame(from, to, 17, &[&header, payload]);
    }

    fn segment(&mut self, talk: &mut Talk, by: usize, flags: u8, payload: &[u8]) {
        let (from, to) = (talk.ends[by], talk.ends[1 - by]);
        let mut header = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        header.extend([talk.seq[by].to_be_bytes(), talk.seq[1 - by].to_be_bytes()].concat());
        header.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        self.frame(from, to, 6, &[&header, payload]);
        talk.seq[by] = talk.seq[by].wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
    }

    /// Sends a message, of which every second segment is acknowledged (RFC 9293 section 3.8.6.3).
    fn say(&mut self, talk: &mut Talk, by: usize, message: &[u8]) {
        for (number, part) in message.chunks(SEGMENT_BYTES).enumerate() {
            self.segment(talk, by, PSH | ACK, part);
            if number % 2 == 1 {
                self.segment(talk, 1 - by, ACK, b"");
            }
        }
    }

    fn open(&mut self, client: End, server: End) -> Talk {
        let mut talk = Talk { ends: [client, server], seq: [self.random(1 << 31), self.random(1 << 31)] };
        self.segment(&mut talk, 0, SYN, b"");
        self.segment(&mut talk, 1, SYN | ACK, b"");
        self.segment(&mut talk, 0, ACK, b"");
        talk
    }

    fn close(&mut self, talk: &mut Talk) {
        self.segment(talk, 0, FIN | ACK, b"");
        self.segment(talk, 1, FIN | ACK, b"");
        self.segment(talk, 0, ACK, b"");
    }

    fn name(&mut self, client: u32, host: &str, server: u32) {
        let (asker, resolver) = ((client, 20_000 + self.random(40_000) as u16), (0x0a00_0035, 53));
        let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in host.split('.') {
            question.push(label.len() as u8);
            question.extend(label.bytes());
        }
        question.extend([0, 0, 1, 0, 1]);
        self.datagram(asker, resolver, &question);
        let mut answer = question;
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(server.to_be_bytes());
        self.datagram(resolver, asker, &answer);
    }

    /// A page's text, compressed or not, or a picture, with its fields.
    fn body(&mut self, number: u32) -> Vec<u8> {
        let words = ["the", "network", "of", "a", "country", "and", "what", "its", "people", "read", "</p><p>", "<a href=\"/more\">"];
        let mut text = b"<!doctype html><html><head><title>News</title></head><body><p>".to_vec();
        let bytes = 2_000 + self.random(30_000) as usize;
        let (kind, coding, body) = match number % 4 {
            0 | 1 => {
                while text.len() < bytes {
                    let word = words[self.random(words.len() as u32) as usize];
                    text.extend(word.bytes().chain([b' ']));
                }
                if number.is_multiple_of(4) {
                    ("text/html", "", text)
                } else {
                    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
                    coder.write_all(&text).expect("a vector takes all");
                    ("text/html", "Content-Encoding: gzip\r\n", coder.finish().expect("a vector takes all"))
                }
            }
            2 => ("image/png", "", [&b"\x89PNG\r\n\x1a\n"[..], &self.noise(bytes)].concat()),
            _ => ("image/jpeg", "", [&b"\xff\xd8\xff\xe0\0\x10JFIF"[..], &self.noise(bytes)].concat()),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: {kind}\r\n{coding}Cache-Control: max-age=60\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    }

    fn noise(&mut self, bytes: usize) -> Vec<u8> {
        (0..bytes).map(|_| self.random(256) as u8).collect()
    }

    fn visit(&mut self, number: u32) {
        let client = 0x0a01_0000 | self.random(4000);
        let site = self.random(800);
        let server = 0x9164_0000 | site;
        let host = format!("www.site{site}.example");
        self.name(client, &host, server);
        let port = 20_000 + self.random(40_000) as u16;
        if number % 10 < SECURE_OF_TEN {
            let mut talk = self.open((client, port), (server, 443));
            let hello = hello(&host, &self.noise(32));
            self.say(&mut talk, 0, &hello);
            // A ServerHello with the certificate encrypted behind it (RFC 8446).
            let answer = [&[22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3][..], &self.noise(32), &[0, 0x13, 1, 0]].concat();
            self.say(&mut talk, 1, &answer);
            for _ in 0..RECORDS {
                let record = [&[23, 3, 3, 0x05, 0xaf][..], &self.noise(SEGMENT_BYTES - 5)].concat();
                self.say(&mut talk, 1, &[record.clone(), record].concat());
            }
            self.close(&mut talk);
        } else {
            let mut talk = self.open((client, port), (server, 80));
            for request in 0..REQUESTS {
                let get = format!(
                    "GET /news/{number}/{request}.html?from=start HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) \
                     Gecko/20100101 Firefox/140.0\r\nAccept: text/html,*/*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n"
                );
                self.say(&mut talk, 0, get.as_bytes());
                let body = self.body(number / 10 + request);
                self.say(&mut talk, 1, &body);
            }
            self.close(&mut talk);
        }
    }
}

/// A ClientHello with the extensions that matter.
fn hello(host: &str, random: &[u8]) -> Vec<u8> {
    let len = |bytes: usize| (bytes as u16).to_be_bytes();
    let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &len(body.len()), body].concat();
    let name = [&[0][..], &len(host.len()), host.as_bytes()].concat();
    let extensions = [
        extension(0, &[&len(name.len())[..], &name].concat()),
        extension(10, &[0, 4, 0, 29, 0, 23]),
        extension(13, &[0, 4, 4, 3, 8, 4]),
        extension(16, b"\0\x0c\x02h2\x08http/1.1"),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &[&[0, 36, 0, 29, 0, 32][..], random].concat()),
    ]
    .concat();
    let body = [&[3, 3][..], random, &[0, 0, 6, 0x13, 1, 0x13, 2, 0xc0, 0x2f, 1, 0], &len(extensions.len()), &extensions].concat();
    let handshake = [&[1, 0][..], &len(body.len()), &body].concat();
    [&[22, 3, 1][..], &len(handshake.len()), &handshake].concat()
}

/// The capture, made once, with its frames and bytes; the folder goes with the process.
static CAPTURE: LazyLock<(TempDir, PathBuf, u64, u64)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("web.pcap");
    let out = PcapWriter::create(&path, LinkType::ETHERNET).expect("room for the capture");
    let mut maker = Maker { out, now_ns: START_NS, frames: 0, bytes: 0, random: 7 };
    (0..VISITS).for_each(|number| maker.visit(number));
    let (frames, bytes) = (maker.frames, maker.bytes);
    maker.out.finish().expect("room for the capture");
    (folder, path, frames, bytes)
});

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10)]
fn libpcap_null_loop(bencher: Bencher<'_, '_>) {
    let (_, path, frames, bytes) = &*CAPTURE;
    bencher.counter(ItemsCount::new(*frames)).counter(BytesCount::new(*bytes)).bench_local(|| {
        let mut capture = pcap::Capture::from_file(path).expect("a capture just written");
        while let Ok(packet) = capture.next_packet() {
            black_box(packet.data.len());
        }
    });
}

/// Capture thread, one worker, reporter; with the making of the lanes' memory, which a longer run does not notice.
#[divan::bench(sample_count = 10)]
fn whole(bencher: Bencher<'_, '_>) {
    let (_, path, frames, bytes) = &*CAPTURE;
    let database = DATABASE.clone();
    bencher.counter(ItemsCount::new(*frames)).counter(BytesCount::new(*bytes)).bench_local(|| {
        let files = Files::open(std::slice::from_ref(path), &FilesOptions::default()).expect("a capture just written");
        support::run(Input::Files(Box::new(files)), Home::private(), database.clone(), Vec::new()).expect("a whole capture");
    });
}
