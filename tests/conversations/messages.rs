//! Messages of HTTP as the conversations have them, and what goes into them.

use std::io::Write;

/// A webshell of one line.
pub const SHELL: &[u8] = b"<?php @eval($_POST['cmd']);?>";

/// Base64 as RFC 4648 section 4 has it.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            text.push(if at <= three.len() { char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]) } else { '=' });
        }
    }
    text
}

pub fn percent(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A request: method and target, further fields, each with its line end, and body.
pub fn request(start: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let agent = if fields.contains("User-Agent") { "" } else { "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" };
    [format!("{start} HTTP/1.1\r\nHost: www.example.cn\r\n{agent}{fields}{length}\r\n").as_bytes(), body].concat()
}

pub fn get(target: &str) -> Vec<u8> {
    request(&format!("GET {target}"), "", b"")
}

pub fn form(target: &str, body: &str) -> Vec<u8> {
    request(&format!("POST {target}"), "Content-Type: application/x-www-form-urlencoded\r\n", body.as_bytes())
}

pub fn post(target: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    request(&format!("POST {target}"), &format!("Content-Type: {kind}\r\n"), body)
}

/// A form of one file, with its disposition as it is written.
pub fn upload(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--B\r\nContent-Disposition: {disposition}\r\nContent-Type: image/png\r\n\r\n");
    post("/up.php", "multipart/form-data; boundary=B", &[head.as_bytes(), content, b"\r\n--B--\r\n"].concat())
}

pub fn file(name: &str, content: &[u8]) -> Vec<u8> {
    upload(&format!("form-data; name=\"f\"; filename=\"{name}\""), content)
}

/// The same request in chunks.
pub fn chunked(request: &[u8], bytes: usize) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let from = head.find("Content-Length").unwrap();
    let mut out = [&head.as_bytes()[..from], b"Transfer-Encoding: chunked\r\n\r\n"].concat();
    for chunk in request[end..].chunks(bytes) {
        out.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// The same request with its body under gzip.
pub fn zipped(request: &[u8]) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&request[end..]).unwrap();
    let body = packer.finish().unwrap();
    let from = head.find("Content-Length").unwrap();
    [format!("{}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", &head[..from], body.len()).as_bytes(), &body].concat()
}

pub fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// Bytes that look like chance, always the same.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
