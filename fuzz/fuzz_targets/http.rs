//! HTTP's heads, framing and chunks, a body's parts, and its content codings: no panic, and what comes in pieces is what comes at once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::http::chunked::{Chunked, Step};
use wherefrom::protocol::http::coding::{self, Coding, Inflater, OUT_BYTES_MAX};
use wherefrom::protocol::http::framing::Facts;
use wherefrom::protocol::http::head::{self, EndFinder};
use wherefrom::protocol::http::multipart::{self, Event, Multipart};

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

fn heads(bytes: &[u8], cut: usize) {
    let whole = head::end(bytes);
    let mut finder = EndFinder::default();
    let in_pieces = finder.find(&bytes[..cut]).or_else(|| finder.find(&bytes[cut..]).map(|at| cut + at));
    assert_eq!(whole, in_pieces);
    let mut facts = Facts::default();
    head::request(bytes, |name, value| facts.take(name, value));
    facts.of_request();
    let mut facts = Facts::default();
    if let Some(line) = head::response(bytes, |name, value| facts.take(name, value)) {
        facts.of_response(line.status, line.modern, false, false);
    }
}

fn chunks(pieces: [&[u8]; 2]) -> Vec<u8> {
    let (mut chunked, mut data) = (Chunked::default(), Vec::new());
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            match chunked.step(rest) {
                Step::Data { at, bytes } => {
                    data.extend_from_slice(&rest[at..at + bytes]);
                    rest = &rest[at + bytes..];
                }
                Step::More => break,
                Step::End { .. } | Step::Broken { .. } => return data,
            }
        }
    }
    data
}

fn parts(pieces: [&[u8]; 2]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut reader, mut parts) = (Multipart::new(b"B"), Vec::<(Vec<u8>, Vec<u8>)>::new());
    for piece in pieces {
        reader.feed(piece, |event| match event {
            Event::Head(head) => parts.push((head.to_vec(), Vec::new())),
            Event::Data(data) => parts.last_mut().expect("data stands behind a head").1.extend_from_slice(data),
            Event::End => {}
        });
    }
    parts
}

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (choice, cut, bytes) = input;
    let cut = usize::from(cut).min(bytes.len());
    let pieces = [&bytes[..cut], &bytes[cut..]];
    heads(bytes, cut);
    assert_eq!(chunks([bytes, b""]), chunks(pieces));
    assert_eq!(parts([bytes, b""]), parts(pieces));
    multipart::split(bytes, b"B");
    let coding = CODINGS[usize::from(choice) % CODINGS.len()];
    let mut out = 0;
    let _ = coding::undo_whole(coding, bytes, |piece| out += piece.len() as u64);
    if !coding.is_whole() {
        let mut inflater = Inflater::default();
        inflater.begin(coding);
        let mut came = 0;
        let _ = pieces.iter().try_for_each(|piece| inflater.feed(piece, |piece| came += piece.len() as u64));
        assert!(came <= OUT_BYTES_MAX + (1 << 16));
    }
    assert!(out <= OUT_BYTES_MAX + (1 << 16));
});
