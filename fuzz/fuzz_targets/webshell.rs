//! The judgement on an exchange of HTTP. The same exchange is judged alike whatever was judged before it, and a file's name is what was sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::detect::webshell::{Room, judge};
use wherefrom::protocol::carried::{Body, Exchange, Field, Part, Request, Response};

const METHODS: [&[u8]; 6] = [b"GET", b"POST", b"PUT", b"HEAD", b"MOVE", b"PATCH"];
const TYPES: [&[u8]; 6] = [
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=b",
    b"application/octet-stream",
    b"application/json",
    b"text/xml",
    b"",
];
/// Divides the input into target, body, answer, a field's value and a file's name.
const DIVIDER: u8 = 0;

fn body(head: &[u8]) -> Body<'_> {
    Body { head, bytes: head.len() as u64, complete: true, ..Body::default() }
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (choice, status, bytes) = input;
    let mut pieces = bytes.split(|&byte| byte == DIVIDER);
    let mut piece = || pieces.next().unwrap_or_default();
    let (target, content, answer, value, file_name) = (piece(), piece(), piece(), piece(), piece());
    let choice = usize::from(choice);
    let fields = [
        Field { name: b"Content-Type", value: TYPES[choice / METHODS.len() % TYPES.len()] },
        Field { name: b"Cookie", value },
        Field { name: b"Destination", value },
        Field { name: b"X-File-Name", value },
    ];
    let parts =
        [Part { name: b"file", file_name: (!file_name.is_empty()).then_some(file_name), content_type: b"image/gif", body: body(content) }];
    let in_parts = choice / METHODS.len() % TYPES.len() == 1;
    let request = Request {
        method: METHODS[choice % METHODS.len()],
        target,
        host: b"www.example.cn",
        fields: &fields[..choice % (fields.len() + 1)],
        body: if in_parts { Body::default() } else { body(content) },
        parts: if in_parts { &parts } else { &[] },
    };
    let response = Response { status: u16::from(status) * 3, fields: &[], body: body(answer) };
    let exchange = Exchange { request: &request, response: (status > 0).then_some(&response), ambiguous: false };
    let mut room = Room::default();
    let first = judge(&exchange, &mut room);
    assert_eq!(first, judge(&exchange, &mut room), "the room is only room");
});
