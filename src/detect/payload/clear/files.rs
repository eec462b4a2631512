//! Files that come on a connection of their own (FTP) or in numbered datagrams (TFTP).

use crate::addr::Addr;
use crate::conclude::SLICE_NS;
use crate::protocol::carried::{Carrier, Delivery, Ends};
use crate::protocol::ftp;
use crate::protocol::tftp::{Block, Packet, Transfer};

use super::super::expected::Expected;
use super::super::listener::Listener;
use super::super::reader::Talk;
use super::super::web::intake::Intake;
use super::super::web::{Goes, Room};

/// Ports that a URL does not name.
const FTP_PORT: u16 = 21;
const TFTP_PORT: u16 = 69;
/// Longest URL of a file.
const URL_BYTES_MAX: usize = 1024;

/// A file on its way.
#[derive(Debug)]
pub struct File {
    intake: Intake,
    carrier: Carrier,
    by_client: bool,
    url: Vec<u8>,
    file_name: Vec<u8>,
    content_type: Vec<u8>,
}

impl File {
    /// Of a URL: its name is what stands behind the last slash.
    fn of_url<L: Listener>(room: &mut Room<'_, L>, carrier: Carrier, by_client: bool, url: Vec<u8>) -> Self {
        let file_name = url.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
        File { url, ..File::named(room, carrier, by_client, file_name, Vec::new()) }
    }

    pub fn named<L: Listener>(
        room: &mut Room<'_, L>,
        carrier: Carrier,
        by_client: bool,
        file_name: Vec<u8>,
        content_type: Vec<u8>,
    ) -> Self {
        let intake = Intake::new(&[None, None], false, &mut room.around());
        File { intake, carrier, by_client, url: Vec::new(), file_name, content_type }
    }

    pub fn take<L: Listener>(&mut self, room: &mut Room<'_, L>, bytes: &[u8]) {
        self.intake.take(bytes, &mut room.around(), |_, _| ());
    }

    pub fn miss(&mut self) {
        self.intake.miss();
    }

    /// It is over, seen to its end or not: whoever wants it is told.
    pub fn end<L: Listener>(&mut self, room: &mut Room<'_, L>, complete: bool) {
        self.intake.end(complete, &mut room.around(), |_, _| ());
        if self.intake.is_wanted() {
            room.scratch.clear();
            room.blocks.copy(self.intake.head(), room.scratch);
            let delivery = Delivery {
                carrier: self.carrier,
                by_client: self.by_client,
                url: &self.url,
                file_name: &self.file_name,
                content_type: &self.content_type,
                exchange: None,
                body: self.intake.body(room.scratch, true),
            };
            room.listener.delivered(room.tally, room.ends, &delivery);
        }
        let around = room.around();
        self.intake.give_back(around.blocks, around.tools);
    }
}

/// The URL of a file at a server.
fn url(scheme: &str, server: Addr, port: u16, usual: u16, path: &[u8]) -> Vec<u8> {
    let addr = if server.is_v4() { server.to_string() } else { format!("[{server}]") };
    let port = if port == usual { String::new() } else { format!(":{port}") };
    let slash = if path.starts_with(b"/") { "" } else { "/" };
    let mut url = format!("{scheme}://{addr}{port}{slash}").into_bytes();
    url.extend_from_slice(path);
    url.truncate(URL_BYTES_MAX);
    url
}

fn now_s(ends: &Ends) -> u32 {
    (ends.now_ns / SLICE_NS) as u32
}

/// FTP's control connection.
#[derive(Debug, Default)]
pub struct Control {
    reader: ftp::Control,
}

impl Control {
    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        let (ends, announced) = (room.ends, &mut *room.announced);
        self.reader.push(by_client, bytes, |event| match event {
            // The address that is named may be one behind a gateway: data comes between the same two hosts.
            ftp::Event::Listens(place) => {
                let (listener, peer) = if place.at_client { (ends.client, ends.server) } else { (ends.server, ends.client) };
                announced.add(Expected {
                    carrier: Carrier::Ftp,
                    control: ends.conversation,
                    listener,
                    port: place.port,
                    peer,
                    at_client: place.at_client,
                    by_client: false,
                    url: Vec::new(),
                    since_s: now_s(ends),
                });
            }
            ftp::Event::File { by_client, path } => {
                if let Some(expected) = announced.last_of(ends.conversation) {
                    expected.by_client = by_client;
                    expected.url = url("ftp", ends.server, ends.server_port, FTP_PORT, path);
                }
            }
            ftp::Event::Listing => {
                if let Some(expected) = announced.last_of(ends.conversation) {
                    expected.url.clear();
                }
            }
        });
        Goes::On
    }

    pub fn missing(&mut self, by_client: bool) {
        self.reader.missing(by_client);
    }
}

/// FTP's data connection.
#[derive(Debug)]
pub struct Stored {
    pub client_low: bool,
    /// Nothing, if what comes is a listing.
    file: Option<File>,
}

impl Stored {
    /// If the connection was announced.
    pub fn decide<L: Listener>(room: &mut Room<'_, L>, talk: &Talk) -> Option<Self> {
        let (opener, called) = (&talk.sides[usize::from(talk.opener_low)], &talk.sides[usize::from(!talk.opener_low)]);
        let expected = room.announced.take(called.addr, called.port, opener.addr, Carrier::Ftp, talk.since_s)?;
        let client_low = if expected.at_client { !talk.opener_low } else { talk.opener_low };
        let file = (!expected.url.is_empty()).then(|| File::of_url(room, Carrier::Ftp, expected.by_client, expected.url));
        Some(Stored { client_low, file })
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        match &mut self.file {
            Some(file) if file.by_client == by_client => file.take(room, bytes),
            Some(_) => {}
            None => return Goes::Over,
        }
        Goes::On
    }

    pub fn missing(&mut self) {
        if let Some(file) = &mut self.file {
            file.miss();
        }
    }

    /// A file ends with its connection (RFC 959 section 3.4.1).
    pub fn end<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) -> Goes {
        match self.file.take_if(|file| file.by_client == by_client) {
            Some(mut file) => {
                file.end(room, true);
                Goes::Over
            }
            None => Goes::On,
        }
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        if let Some(mut file) = self.file.take() {
            file.end(room, false);
        }
    }
}

/// TFTP: the conversation of the request, or the one in which the server answers from a port of its own (RFC 1350 section 4).
#[derive(Debug)]
pub struct Datagrams {
    pub client_low: bool,
    by_client: bool,
    transfer: Transfer,
    /// Nothing once it is over.
    file: Option<File>,
}

impl Datagrams {
    /// If a request stands in the datagram, or answers to one.
    pub fn decide<L: Listener>(room: &mut Room<'_, L>, talk: &Talk, low: bool, datagram: &[u8]) -> Option<Self> {
        let (sender, receiver) = (&talk.sides[usize::from(low)], &talk.sides[usize::from(!low)]);
        let packet = Packet::read(datagram)?;
        if let Packet::Request { write, file, .. } = packet {
            let url = url("tftp", receiver.addr, receiver.port, TFTP_PORT, file);
            room.announced.add(Expected {
                carrier: Carrier::Tftp,
                control: talk.conversation,
                listener: sender.addr,
                port: sender.port,
                peer: receiver.addr,
                at_client: true,
                by_client: write,
                url: url.clone(),
                since_s: talk.since_s,
            });
            return Some(Datagrams::new(room, low, write, url));
        }
        let expected = room.announced.take(receiver.addr, receiver.port, sender.addr, Carrier::Tftp, talk.since_s)?;
        Some(Datagrams::new(room, !low, expected.by_client, expected.url))
    }

    fn new<L: Listener>(room: &mut Room<'_, L>, client_low: bool, by_client: bool, url: Vec<u8>) -> Self {
        Datagrams { client_low, by_client, transfer: Transfer::new(), file: Some(File::of_url(room, Carrier::Tftp, by_client, url)) }
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, datagram: &[u8]) -> Goes {
        let Some(file) = &mut self.file else { return Goes::Over };
        match Packet::read(datagram) {
            Some(Packet::Options { block_bytes }) => self.transfer.agree(block_bytes),
            Some(Packet::Data { block, bytes }) if by_client == self.by_client => match self.transfer.take(block, bytes) {
                Block::Next(bytes) => file.take(room, bytes),
                Block::Last(bytes) => {
                    file.take(room, bytes);
                    file.end(room, true);
                    self.file = None;
                    return Goes::Over;
                }
                Block::Ahead(bytes) => {
                    file.miss();
                    file.take(room, bytes);
                }
                Block::Repeated => {}
            },
            Some(Packet::Error) => return Goes::Over,
            _ => {}
        }
        Goes::On
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        if let Some(mut file) = self.file.take() {
            file.end(room, false);
        }
    }
}
