use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::testing::{Lab, Wants, told};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn response(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

#[test]
fn requests_sent_ahead_get_their_own_responses() {
    let client = [GET, b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"HEAD /c HTTP/1.1\r\n\r\n", GET].concat();
    let server = [
        &response("one")[..],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nfou\r\n1\r\nr\r\n0\r\n\r\n",
    ]
    .concat();
    let expected =
        ["GET x /a -> 200 [3 7692 one]", "POST x /b [3 ba78 abc] -> 204 [0 ]", "HEAD  /c -> 200 [0 ]", "GET x /a -> 200 [4 04ef four]"];
    for bytes in [1, 7, 100, 10_000] {
        assert_eq!(told(Wants::All, &client, &server, bytes), expected, "in segments of {bytes}");
    }
}

#[test]
fn an_exchange_has_the_packets_and_bytes_that_it_took() {
    const HEADERS_BYTES: usize = 54;
    let mut lab = Lab::new(Wants::Sizes);
    let (mut asked, mut answered) = (0, 0);
    for body in ["one", "fourteen"] {
        lab.segment(true, asked, GET, 0);
        asked += GET.len();
        let response = response(body);
        lab.segment(false, answered, &response, 0);
        answered += response.len();
    }
    let sizes = |body: &str| format!("2 packets, {} bytes", 2 * HEADERS_BYTES + GET.len() + response(body).len());
    assert_eq!(lab.finish().0, [sizes("one"), sizes("fourteen")]);
}

#[test]
fn codings_are_undone_and_bombs_are_not() {
    let page = "a page of some length\n".repeat(100);
    let coded = gzip(page.as_bytes());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", coded.len());
    let facts = told(Wants::All, GET, &[head.as_bytes(), &coded].concat(), 50);
    assert!(facts[0].starts_with("GET x /a -> 200 [2200 ") && !facts[0].contains("incomplete"), "{facts:?}");

    let bomb = gzip(&vec![0; 40 << 20]);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let facts = told(Wants::All, GET, &[head.as_bytes(), &bomb].concat(), 1460);
    assert!(facts[0].contains("incomplete"), "{facts:?}");
}

#[test]
fn only_what_is_wanted_is_kept_and_it_knows_its_request() {
    let program = ["MZ", &"x".repeat(3000)].concat();
    let client = [GET, b"GET /b/prog.exe?q HTTP/1.1\r\nHost: x\r\n\r\n", GET].concat();
    let server = [response(&"page".repeat(1000)), response(&program), response("end")].concat();
    for bytes in [9, 700, 100_000] {
        let facts = told(Wants::Programs, &client, &server, bytes);
        assert_eq!(facts.len(), 1, "{facts:?}");
        assert!(facts[0].starts_with("by server http://x/b/prog.exe?q prog.exe [3002 "), "{facts:?}");
    }
}

#[test]
fn uploads_are_told_part_by_part() {
    let body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.exe\"\r\n\r\nMZ\0\r\n--B--\r\n";
    let head = format!("POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n", body.len());
    let client = [head, body.to_string()].concat();
    for bytes in [3, 10_000] {
        let facts = told(Wants::All, client.as_bytes(), &response("ok"), bytes);
        assert!(facts[0].contains(" a=[1 6b86 1] x.exe=[3 ") && facts[0].ends_with(" -> 200 [2 2689 ok]"), "{facts:?}");
        let facts = told(Wants::Programs, client.as_bytes(), &response("ok"), bytes);
        assert!(facts[0].starts_with("by client http://10.0.0.9/up x.exe [3 "), "{facts:?}");
    }
}

#[test]
fn a_hole_costs_the_body_its_hash_and_no_more() {
    let server = [response("0123456789"), response("second")].concat();
    let mut lab = Lab::new(Wants::All);
    lab.segment(true, 0, &[GET, GET].concat(), 0);
    let body_at = server.len() - response("second").len() - 10;
    lab.segment(false, 0, &server[..body_at + 2], 0);
    // Three bytes never come; the rest waits for them until the end of the conversation.
    lab.segment(false, body_at + 5, &server[body_at + 5..], 0);
    let (facts, readings) = lab.finish();
    assert_eq!(facts, ["GET x /a -> 200 [7 incomplete 01]", "GET x /a -> 200 [6 1636 second]"]);
    assert_eq!((readings.gaps, readings.gap_bytes), (1, 3));
}

#[test]
fn a_request_is_remembered_until_its_answer_comes() {
    let asked = [GET, &[b' '; 40]].concat();
    let mut lab = Lab::new(Wants::Programs);
    for _ in 0..3 {
        lab.segment(true, 0, &asked, 0);
    }
    lab.fin(true, 3);
    // Numbers that make no sense, and then an answer.
    lab.segment(false, 1 << 25, b"no HTTP", 0);
    lab.segment(false, 1 << 26, &response("MZ and more"), 0);
    let (facts, readings) = lab.finish();
    assert!(facts.len() == 1 && facts[0].starts_with("by server http://x/a a [11 ") && !facts[0].contains("incomplete"), "{facts:?}");
    assert_eq!((readings.gaps, readings.gap_bytes), (2, 0));
}

#[test]
fn what_passes_unread_may_have_holes() {
    let page = response(&"page".repeat(1000));
    for (from, to) in [(600, 1200), (page.len() - 700, page.len() - 1), (1000, page.len())] {
        let mut lab = Lab::new(Wants::Programs);
        lab.segment(true, 0, GET, 0);
        lab.segment(false, 0, &page[..from], 0);
        for piece in (to..page.len()).step_by(500) {
            lab.segment(false, piece, &page[piece..page.len().min(piece + 500)], 0);
        }
        lab.segment(true, GET.len(), b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n", 0);
        lab.segment(false, page.len(), &response("MZ"), 0);
        let (facts, readings) = lab.finish();
        assert!(facts.len() == 1 && facts[0].starts_with("by server http://x/b b [2 "), "{facts:?}");
        assert_eq!(readings.gap_bytes, (to - from) as u64);
    }
}

#[test]
fn a_frame_that_was_cut_is_a_hole() {
    let server = [response("0123456789"), response("second")].concat();
    let first = response("0123456789").len();
    let mut lab = Lab::new(Wants::All);
    lab.segment(true, 0, &[GET, GET].concat(), 0);
    lab.segment(false, 0, &server[..first - 4], 4);
    lab.segment(false, first, &server[first..], 0);
    let (facts, _) = lab.finish();
    assert_eq!(facts, ["GET x /a -> 200 [6 incomplete 012345]", "GET x /a -> 200 [6 1636 second]"]);
}

#[test]
fn one_side_alone_is_told_as_far_as_it_goes() {
    assert_eq!(told(Wants::All, GET, b"", 100), ["GET x /a -> nothing"]);
    let facts = told(Wants::Programs, b"", &response("MZ alone"), 100);
    assert!(facts[0].starts_with("by server   [8 ") && facts[0].ends_with(" MZ alone]"), "{facts:?}");
}

#[test]
fn until_the_connection_ends() {
    let server = b"HTTP/1.0 200 OK\r\n\r\nall of this";
    assert_eq!(told(Wants::All, GET, server, 10), ["GET x /a -> 200 [11 9f6f all of this]"]);
    let mut lab = Lab::new(Wants::All);
    lab.segment(true, 0, GET, 0);
    lab.segment(false, 0, server, 0);
    assert_eq!(lab.finish().0, ["GET x /a -> 200 [11 incomplete all of this]"]);
}

#[test]
fn a_request_without_a_version_is_answered_by_a_body_alone() {
    let facts = told(Wants::Programs, b"GET /old.exe\r\n", b"MZ and no head", 5);
    assert!(facts[0].starts_with("by server http://10.0.0.9/old.exe old.exe [14 "), "{facts:?}");
}

#[test]
fn a_part_is_no_sample() {
    let server = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-7/20\r\nContent-Length: 3\r\n\r\nMZx";
    let facts = told(Wants::Programs, GET, server, 100);
    assert_eq!(facts, ["by server http://x/a a [3 incomplete MZx]"]);
}

#[test]
fn what_receivers_disagree_on_is_ambiguous() {
    let both = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    assert!(told(Wants::All, GET, both, 100)[0].ends_with("[2 fb8e ab] ambiguous"));
    let huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\nab";
    assert!(told(Wants::All, GET, huge, 100)[0].ends_with(" ambiguous"));
}

#[test]
fn a_million_open_requests_keep_their_bounds() {
    // One conversation, without end: heads, bodies, and what waits behind a hole.
    let mut lab = Lab::new(Wants::All);
    let mut at = 0;
    for _ in 0..2000 {
        lab.segment(true, at, GET, 0);
        at += GET.len();
    }
    lab.segment(true, at, &b"X: y\r\n".repeat(10_000)[..60_000], 0);
    for hole in 1..2000 {
        lab.segment(false, hole * 100, b"behind a hole", 0);
    }
    let (facts, readings) = lab.finish();
    assert_eq!(facts.len(), 2000);
    assert!(readings.gaps > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever the segments, in whatever order within reach, with whatever repetitions: the same is told.
    #[test]
    fn segmentation_changes_nothing(
        client_cuts in proptest::collection::vec(0usize..400, 0..10),
        server_cuts in proptest::collection::vec(0usize..6000, 0..14),
        order in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..12),
    ) {
        let upload = "--B\r\nContent-Disposition: form-data; filename=\"f\"\r\n\r\n<?php\r\n--B--";
        let client = [
            GET,
            format!("POST /b HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n{upload}", upload.len()).as_bytes(),
            GET,
        ].concat();
        let coded = gzip("MZ and more of it ".repeat(200).as_bytes());
        let server = [
            &response(&"text".repeat(400))[..],
            b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00a;q\r\n0123456789\r\n0\r\nT: t\r\n\r\n",
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", coded.len()).as_bytes(),
            &coded,
        ].concat();
        let expected = told(Wants::All, &client, &server, 100_000);
        prop_assert_eq!(expected.len(), 3);
        let mut lab = Lab::new(Wants::All);
        for (by_client, bytes, cuts) in [(true, &client, client_cuts), (false, &server, server_cuts)] {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let mut segments: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
            for (index, repeat) in &order {
                let at = index.index(segments.len());
                if *repeat {
                    // A repetition that begins earlier.
                    let (from, to) = segments[at];
                    segments.insert(at + 1, (from.saturating_sub(9), to));
                } else if at + 1 < segments.len() {
                    segments.swap(at, at + 1);
                }
            }
            for (from, to) in segments {
                lab.segment(by_client, from, &bytes[from..to], 0);
            }
        }
        lab.fin(false, server.len());
        lab.fin(true, client.len());
        let (facts, readings) = lab.finish();
        prop_assert_eq!(facts, expected);
        prop_assert_eq!(readings.gaps, 0);
    }
}
