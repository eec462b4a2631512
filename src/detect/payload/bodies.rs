//! Every body that a capture carries, listed: to compare the readers with another dissector, and to see what was delivered.

use crate::attribute::Home;
use crate::decode;
use crate::protocol::carried::{Delivery, Ends};
use crate::source::{Input, Polled, SourceError};

use super::listener::Listener;
use super::survey::Survey;
use super::tally::Readings;

/// One body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub time_ns: u64,
    pub sender: String,
    pub receiver: String,
    /// With whatever is not printable escaped.
    pub url: String,
    pub file_name: String,
    /// The response's status; 0 for other carriers and without a response.
    pub status: u16,
    pub bytes: u64,
    pub sha256: Option<[u8; 32]>,
    pub complete: bool,
    pub ambiguous: bool,
}

/// Wants every body.
struct All;

impl Listener for All {
    type Tally = Vec<Listed>;

    fn wants_body(&mut self, _ends: &Ends, _first: &[u8]) -> bool {
        true
    }

    fn delivered(&mut self, tally: &mut Vec<Listed>, ends: &Ends, delivery: &Delivery<'_>) {
        let (client, server) = (format!("{}:{}", ends.client, ends.client_port), format!("{}:{}", ends.server, ends.server_port));
        let (sender, receiver) = if delivery.by_client { (client, server) } else { (server, client) };
        tally.push(Listed {
            time_ns: ends.start_ns,
            sender,
            receiver,
            url: delivery.url.escape_ascii().to_string(),
            file_name: delivery.file_name.escape_ascii().to_string(),
            status: delivery.exchange.and_then(|exchange| exchange.response).map_or(0, |response| response.status),
            bytes: delivery.body.bytes,
            sha256: delivery.body.sha256,
            complete: delivery.body.complete,
            ambiguous: delivery.exchange.is_some_and(|exchange| exchange.ambiguous),
        });
    }
}

/// Lists the bodies of an input in the order of time, and says how reading went.
///
/// # Errors
/// The source's.
pub fn list(mut input: Input, home: Home) -> Result<(Vec<Listed>, Readings), SourceError> {
    let mut survey = Survey::new(home, || All);
    loop {
        match input.poll()? {
            Polled::Frame(frame) => {
                if let Ok(header) = decode::decode(frame.link, frame.bytes, frame.wire_bytes) {
                    let at = usize::from(header.payload_offset);
                    let payload = frame.bytes.get(at..at + usize::from(header.payload_bytes)).unwrap_or_default();
                    survey.packet(&header, payload, frame.time_ns, frame.wire_bytes);
                }
            }
            Polled::Idle => {}
            Polled::End => break,
        }
    }
    let (mut listed, readings) = survey.finish();
    listed.sort();
    Ok((listed, readings))
}
