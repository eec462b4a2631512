//! Requests that are begun and never finished, by as many clients as can be: memory has a ceiling.

use std::io::{BufWriter, Read};
use std::process::{Command, Stdio};

use serde_json::Value;
use wherefrom::decode::flags::{ACK, PSH, SYN};
use wherefrom::source::{Frame, LinkType, PcapWriter};

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
/// Event time between two frames: 250,000 frames a second.
const STEP_NS: u64 = 4_000;
/// Most memory of the whole process, in MiB.
const MEMORY_MIB_MAX: u64 = 256;

/// An Ethernet frame with a TCP segment between a client of this number and the one server, from the client or to it.
fn frame(client: u32, by_client: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let (client, server) = ((0xcb00_0000 | client, 1024 + (client % 60_000) as u16), (0x0a00_0007_u32, 80_u16));
    let (from, to) = if by_client { (client, server) } else { (server, client) };
    let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    bytes.extend((40 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 7, 0, 0, 50, 6, 0, 0]);
    bytes.extend([from.0.to_be_bytes(), to.0.to_be_bytes()].concat());
    bytes.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    bytes.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    bytes.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// The highest memory of a process so far, in MiB; nothing once it has ended.
fn peak_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
}

/// Sends the program so many handshakes, each with half a request behind it, and says how much memory it took.
fn memory_with(requests: u32) -> u64 {
    let mut program = Command::new(env!("CARGO_BIN_EXE_wherefrom"))
        .args(["read", "--json", "--workers", "2", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = program.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = Vec::new();
        stdout.read_to_end(&mut said).unwrap();
        said
    });
    let mut out = PcapWriter::new(BufWriter::new(program.stdin.take().unwrap()), LinkType::ETHERNET).unwrap();
    let half = b"GET /a/page?with=some&text=in HTTP/1.1\r\nHost: www.site.example\r\nUser-Agent: slow\r\nX-More: ";
    let mut now_ns = START_NS;
    for client in 0..requests {
        for bytes in [
            frame(client, true, SYN, 7, 0, b""),
            frame(client, false, SYN | ACK, 90, 8, b""),
            frame(client, true, ACK, 8, 91, b""),
            frame(client, true, PSH | ACK, 8, 91, half),
        ] {
            let wire_bytes = bytes.len() as u32;
            out.write(&Frame { time_ns: now_ns, wire_bytes, link: LinkType::ETHERNET, interface: 0, bytes: &bytes }).unwrap();
            now_ns += STEP_NS;
        }
    }
    drop(out.finish().unwrap());
    // The program reads on from the pipe and concludes: its peak is looked at until it ends.
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        peak = peak.max(peak_mib(program.id()).unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(program.wait().unwrap().success());
    let said = String::from_utf8(reading.join().unwrap()).unwrap();
    let captures = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|record| record["record"] == "capture");
    assert_eq!(captures.map(|record| record["decoded"].as_u64().unwrap()).sum::<u64>(), 4 * u64::from(requests));
    peak
}

#[test]
fn a_million_half_finished_requests_take_little_memory() {
    let peak = memory_with(1_000_000);
    println!("peak memory: {peak} MiB");
    assert!(peak > 0 && peak <= MEMORY_MIB_MAX, "{peak} MiB");
}
