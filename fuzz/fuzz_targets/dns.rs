//! DNS messages: every name ends, and none is longer than names are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::dns::{Data, Message, NAME_BYTES_MAX, Name, RECORDS_MAX, TEXT_BYTES_MAX, frame, strings};

fn look(name: Name<'_>) {
    let mut room = [0; TEXT_BYTES_MAX];
    assert!(name.labels().map(|label| label.len() + 1).sum::<usize>() < NAME_BYTES_MAX);
    assert_eq!(name.write(&mut room).is_some(), name.wire_bytes().is_some());
}

fuzz_target!(|bytes: &[u8]| {
    let _ = frame(bytes);
    let Some(message) = Message::read(bytes) else { return };
    if let Some(question) = message.question() {
        look(question.name);
    }
    let mut records = 0;
    for record in message.answers() {
        records += 1;
        look(record.name);
        match record.data {
            Data::Name(name) | Data::Mx(_, name) => look(name),
            Data::Text(text) => assert!(strings(text).map(|string| string.len() + 1).sum::<usize>() <= text.len()),
            Data::A(_) | Data::Aaaa(_) | Data::Other(_) => {}
        }
    }
    assert!(records <= RECORDS_MAX);
});
