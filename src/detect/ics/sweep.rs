//! Touches of sweeps and floods, which have no contact of their own: counted by source over a slice, then added to the rows at once.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Ended, RowKey, Share};

use super::contact::{Sector, kind};
use super::memory::Record;
use super::protocol::Intent;

/// What the touches of one source have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Alike {
    client: Addr,
    kind: &'static str,
    country: Country,
    direction: Direction,
    attribution: Attribution,
    /// The protocol's place in the table.
    index: u8,
}

/// The touches of one source.
struct Sweep {
    alike: Alike,
    touches: u64,
    packets: u64,
    bytes: u64,
    servers: Vec<Addr>,
    /// The most first contacts that its lane told.
    contacts: u16,
    /// Touches whose sector is the protocol's usual one.
    guessed: u64,
}

/// The touches of a slice.
#[derive(Default)]
pub struct Sweeps {
    sweeps: Vec<Sweep>,
    /// The place of each source's last one.
    places: HashMap<Addr, u32, FixedState>,
}

impl Sweeps {
    /// Counts one touch.
    pub fn add(&mut self, record: &Record, out: &mut Conclusions<'_>) {
        let alike = Alike {
            client: record.client,
            kind: kind(record.client, record.server, out).0,
            country: record.client_country,
            direction: record.direction,
            attribution: record.attribution,
            index: record.index,
        };
        let place = self.places.entry(record.client).or_insert(u32::MAX);
        if self.sweeps.get(*place as usize).is_none_or(|sweep| sweep.alike != alike) {
            *place = self.sweeps.len() as u32;
            self.sweeps.push(Sweep { alike, touches: 0, packets: 0, bytes: 0, servers: Vec::new(), contacts: 0, guessed: 0 });
        }
        let sweep = &mut self.sweeps[*place as usize];
        sweep.touches += 1;
        sweep.packets += u64::from(record.packets);
        sweep.bytes += u64::from(record.bytes);
        sweep.contacts = sweep.contacts.max(record.contacts);
        sweep.servers.push(record.server);
        if out.sectors.of(record.server).is_some() {
            let sector = Sector::of(record.server, record.index, out);
            ended(&alike, sector, 1, out);
        } else {
            sweep.guessed += 1;
        }
    }

    /// The slice ends: adds the touches to the rows.
    pub fn count(&mut self, out: &mut Conclusions<'_>) {
        self.places.clear();
        for sweep in self.sweeps.drain(..) {
            let Alike { client, kind, country, direction, attribution, index } = sweep.alike;
            let key = RowKey { kind, direction, country, attribution, benign: out.benign.scanner(client).is_some() };
            let share = Share { started: true, packets: sweep.packets, bytes: sweep.bytes };
            out.rows.events(key, sweep.touches, share, [client], sweep.servers);
            out.aims.contacts(client, sweep.contacts, sweep.touches);
            if sweep.guessed > 0 {
                ended(&sweep.alike, Sector::usual(index), sweep.guessed, out);
            }
            *out.unwritten += sweep.touches;
        }
    }
}

fn ended(alike: &Alike, sector: Sector, touches: u64, out: &mut Conclusions<'_>) {
    let intent = Intent::Connect.name();
    out.rows.ended(Ended { kind: alike.kind, direction: alike.direction, sector: sector.name, guess: sector.guess, intent }, touches);
}
