//! What a body is, whether a request or a session carries a dropper, and what two sides of a dialogue speak.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::detect::c2::protocol::{self, Heads};
use wherefrom::detect::malware::{dropper, kind};
use wherefrom::protocol::carried::{Body, Field, Request};

fuzz_target!(|input: (&[u8], &[u8], u64)| {
    let (first, second, bytes) = input;
    kind::identify(first, bytes);
    dropper::of_typed(first);
    if let Some(to) = dropper::spoken_to(first) {
        dropper::of_typed(&dropper::text(to, first, second));
    }
    let fields = [Field { name: b"User-Agent", value: second }];
    let body = Body { head: second, bytes: second.len() as u64, ..Body::default() };
    dropper::of_request(&Request { method: b"POST", target: first, fields: &fields, body, ..Request::default() });
    protocol::judge(&Heads { client: first, server: second, port: 4444 });
});
