//! Contacts of one source with one target's industrial service in one protocol: they begin, reach an intent, and end by silence.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::conclude::{Aim, Conclusions, Ended, RowKey, Share, Silence, State};

use super::assets::Assets;
use super::contact::{Contact, Key, Sector, kind};
use super::memory::{IcsTally, Record, Text, Told};
use super::protocol::Intent;

/// Counts one touch of a sweep or a flood, which has no contact of its own.
fn count_touch(record: &Record, out: &mut Conclusions<'_>) {
    let (kind, _) = kind(record.client, record.server, out);
    let key = RowKey {
        kind,
        direction: record.direction,
        country: record.client_country,
        attribution: record.attribution,
        benign: out.benign.scanner(record.client).is_some(),
    };
    let share = Share { started: true, packets: record.packets.into(), bytes: record.bytes.into() };
    out.rows.event(key, share, [record.client], [record.server]);
    out.aims.note(record.client, record.contacts, Aim::Contact);
    let sector = Sector::of(record.server, record.index, out);
    let intent = Intent::Connect.name();
    out.rows.ended(Ended { kind, direction: record.direction, sector: sector.name, guess: sector.guess, intent });
    *out.unwritten += 1;
}

/// The reporter's side.
#[derive(Default)]
pub struct IcsBoard {
    /// What a contact must come up to for an event of its own in this window.
    cut: (Intent, u64),
    contacts: HashMap<Key, Contact, FixedState>,
    /// Protocols spoken in contacts under way, by the contact without its protocol.
    spoken: HashMap<Key, u32, FixedState>,
    /// Bare contacts under way per source.
    bare: HashMap<Addr, u64, FixedState>,
    /// Sources whose touches are a sweep's, for as long as they have any under way.
    swept: HashSet<Addr, FixedState>,
    /// Of these, the ones that have an event for it.
    told: HashSet<Addr, FixedState>,
    /// Targets that were under flood while bare contacts with them were under way.
    flooded: HashSet<Addr, FixedState>,
    /// Bare contacts under way per target.
    touched: HashMap<Addr, u64, FixedState>,
    silence: Silence,
    assets: Assets,
}

impl IcsBoard {
    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut IcsTally, out: &mut Conclusions<'_>) {
        *out.evicted += tally.evicted;
        self.expire(now_s, out);
        for record in tally.records.iter() {
            let (from, to) = record.disclosures;
            let texts = tally.texts.get(from as usize..to as usize).unwrap_or_default();
            self.take(now_s, record, texts, out);
        }
        self.heed(out);
    }

    /// What touches a host under flood is the flood's, and a port scan's touches are the scan's: each with what came before it was known.
    fn heed(&mut self, out: &Conclusions<'_>) {
        for &victim in out.flooded.iter() {
            if self.touched.contains_key(&victim) {
                self.flooded.insert(victim);
            }
        }
        for &site in out.port_scanners.iter() {
            if self.bare.contains_key(&site) {
                self.swept.insert(site);
                self.told.insert(site);
            }
        }
    }

    fn take(&mut self, now_s: u32, record: &Record, texts: &[Text], out: &mut Conclusions<'_>) {
        let spoken = matches!(record.told, Told::Request | Told::Answer);
        let key = Key {
            client: record.client,
            server: record.server,
            transport: record.transport,
            port: record.port,
            protocol: if spoken { record.protocol } else { "" },
        };
        if record.first {
            *out.evicted += out.aims.first_contact(record.client, record.contacts, now_s);
        }
        if let Some(contact) = self.contacts.get_mut(&key) {
            return contact.take(record, texts, now_s, out);
        }
        let bare_key = Key { protocol: "", ..key };
        let mut taken_over = if spoken { self.contacts.remove(&bare_key) } else { None };
        if taken_over.is_some() {
            // The contact turns out to speak: it goes on under its protocol.
            self.one_bare_less(&bare_key);
        } else if let Some(claimed) = record.claimed() {
            taken_over = self.claimed_by(Key { protocol: claimed, ..key });
        }
        if taken_over.is_some() {
            // It is counted already.
        } else if !spoken && self.spoken.contains_key(&key) {
            // Another connection of a contact that already speaks.
            return;
        } else if self.contacts.len() as u64 >= out.settings.ics.contacts {
            *out.evicted += 1;
            return;
        } else if matches!(record.told, Told::Refused | Told::Misfit) {
            return;
        } else if !spoken {
            // A sweep is a scan, and its touches are the scan's; a completed connection is a contact with a device all the same. So are
            // many sources that touch one device: a flood, and its packets are the flood's.
            let most = if record.told == Told::Completed { out.settings.ics.bare_per_source } else { out.settings.ics.touches_per_source };
            let by_source = self.bare.get(&record.client).copied().unwrap_or_default();
            let at_target = self.touched.get(&record.server).copied().unwrap_or_default();
            if by_source >= most || record.told == Told::Contact && at_target >= out.settings.ics.touches_per_target {
                if record.first {
                    count_touch(record, out);
                }
                return;
            }
            let bare = self.bare.entry(record.client).or_default();
            *bare += 1;
            if *bare >= out.settings.ics.touches_per_source {
                self.swept.insert(record.client);
            }
            *self.touched.entry(record.server).or_default() += 1;
        }
        if spoken {
            *self.spoken.entry(bare_key).or_default() += 1;
        }
        let mut contact = taken_over.unwrap_or_else(|| {
            out.aims.note(record.client, record.contacts, Aim::Contact);
            Contact::new(record)
        });
        (contact.protocol, contact.index) = (record.protocol, record.index);
        contact.take(record, texts, now_s, out);
        self.contacts.insert(key, contact);
    }

    /// The contact that another protocol claimed by a connection alone, which several begin alike: it was the one's that speaks now.
    fn claimed_by(&mut self, key: Key) -> Option<Contact> {
        if !self.contacts.get(&key).is_some_and(Contact::only_connected) {
            return None;
        }
        self.spoke_less(&Key { protocol: "", ..key });
        self.contacts.remove(&key)
    }

    fn spoke_less(&mut self, bare_key: &Key) {
        if let Some(count) = self.spoken.get_mut(bare_key) {
            *count -= 1;
            if *count == 0 {
                self.spoken.remove(bare_key);
            }
        }
    }

    fn one_bare_less(&mut self, key: &Key) {
        for (counts, addr) in [(&mut self.bare, key.client), (&mut self.touched, key.server)] {
            if let Some(count) = counts.get_mut(&addr) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&addr);
                }
            }
        }
        if !self.touched.contains_key(&key.server) {
            self.flooded.remove(&key.server);
        }
        if !self.bare.contains_key(&key.client) {
            self.swept.remove(&key.client);
            self.told.remove(&key.client);
        }
    }

    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        if !self.silence.is_due(now_s) {
            return;
        }
        out.aims.forget(now_s, out.settings.scan.memory_s as u32);
        let quiet_s = out.settings.ics.quiet_s as u32;
        let ended = |contact: &Contact| now_s.saturating_sub(contact.course.last_s) > quiet_s;
        let mut keys: Vec<Key> = self.contacts.iter().filter(|(_, contact)| ended(contact)).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        for key in keys {
            self.end(key, out);
        }
    }

    fn end(&mut self, key: Key, out: &mut Conclusions<'_>) {
        let Some(mut contact) = self.contacts.remove(&key) else { return };
        let written = self.written(&key, &contact);
        let flooded = self.flooded.contains(&key.server);
        if key.protocol.is_empty() {
            self.one_bare_less(&key);
        } else {
            self.spoke_less(&Key { protocol: "", ..key });
        }
        self.assets.note(&key, &contact, out);
        if contact.counts(&key, flooded) {
            contact.report(&key, State::Ended, written, out);
        }
    }

    /// Whether a contact gets an event of its own. One touch stands for a sweep; the others are counted in its rows, and are part of the
    /// scan's event.
    fn written(&mut self, key: &Key, contact: &Contact) -> bool {
        if contact.rank() < self.cut {
            return false;
        }
        let touch = key.protocol.is_empty() && !contact.completed;
        !touch || contact.written || !self.swept.contains(&key.client) || self.told.insert(key.client)
    }

    /// Intent and packets from which on a contact gets an event of its own, where there are more than a window writes: the deepest first,
    /// then the largest.
    fn worth_writing(&self, out: &Conclusions<'_>) -> (Intent, u64) {
        let limit = out.settings.output.events_per_window as usize;
        if self.contacts.len() <= limit {
            return (Intent::Connect, 0);
        }
        let mut ranks: Vec<(Intent, u64)> = self.contacts.values().map(Contact::rank).collect();
        let (_, &mut cut, _) = ranks.select_nth_unstable_by(limit, |a, b| b.cmp(a));
        cut
    }

    fn keys_in_order(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.contacts.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.heed(out);
        self.cut = self.worth_writing(out);
        for key in self.keys_in_order() {
            let Some(mut contact) = self.contacts.remove(&key) else { continue };
            let flooded = self.flooded.contains(&key.server);
            if contact.course.has_grown() && contact.counts(&key, flooded) {
                let written = self.written(&key, &contact);
                contact.report(&key, State::Ongoing, written, out);
            }
            self.contacts.insert(key, contact);
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        self.heed(out);
        self.cut = self.worth_writing(out);
        for key in self.keys_in_order() {
            self.end(key, out);
        }
        self.assets.hand_over(out);
    }
}
