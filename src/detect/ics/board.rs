//! Contacts of one source with one target's industrial service in one protocol: they begin, reach an intent, and end by silence.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::conclude::{Aim, Conclusions, Silence, State};
use crate::keyed::Keyed;

use super::assets::Assets;
use super::contact::{Contact, Key};
use super::contacts::Contacts;
use super::memory::{IcsTally, Record, Text, Told};
use super::protocol::Intent;
use super::sweep::Sweeps;

/// Records ahead of the one at work whose contact is looked for, and half as far ahead it is brought into the cache.
const AHEAD: usize = 32;

/// Bare contacts under way, and whose they are.
#[derive(Default)]
struct Bare {
    /// How many, per source.
    by_source: HashMap<Addr, u64, FixedState>,
    /// How many, per target.
    by_target: HashMap<Addr, u64, FixedState>,
    /// Sources whose touches are a sweep's, for as long as they have any under way.
    swept: HashSet<Addr, FixedState>,
    /// Of these, the ones that have an event for it.
    told: HashSet<Addr, FixedState>,
    /// Targets that were under flood while bare contacts with them were under way.
    flooded: HashSet<Addr, FixedState>,
}

impl Bare {
    fn one_less(&mut self, key: &Key) {
        for (counts, addr) in [(&mut self.by_source, key.client), (&mut self.by_target, key.server)] {
            if let Some(count) = counts.get_mut(&addr) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&addr);
                }
            }
        }
        if !self.by_target.contains_key(&key.server) {
            self.flooded.remove(&key.server);
        }
        if !self.by_source.contains_key(&key.client) {
            self.swept.remove(&key.client);
            self.told.remove(&key.client);
        }
    }

    /// Whether a contact gets an event of its own, given what it must come up to. One touch stands for a sweep; the others are counted in its
    /// rows, and are part of the scan's event.
    fn written(&mut self, cut: (Intent, u64), key: &Key, contact: &Contact) -> bool {
        if contact.rank() < cut {
            return false;
        }
        let touch = key.protocol.is_empty() && !contact.completed;
        !touch || contact.written || !self.swept.contains(&key.client) || self.told.insert(key.client)
    }
}

/// The reporter's side.
pub struct IcsBoard {
    /// What a contact must come up to for an event of its own in this window.
    cut: (Intent, u64),
    contacts: Contacts,
    /// How many contacts are under way.
    under_way: u64,
    bare: Bare,
    sweeps: Sweeps,
    silence: Silence,
    assets: Assets,
}

impl IcsBoard {
    pub fn new(keyed: Keyed) -> Self {
        IcsBoard {
            cut: Default::default(),
            contacts: Contacts::new(keyed),
            under_way: 0,
            bare: Bare::default(),
            sweeps: Sweeps::default(),
            silence: Silence::default(),
            assets: Assets::default(),
        }
    }

    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut IcsTally, out: &mut Conclusions<'_>) {
        *out.evicted += tally.evicted;
        self.expire(now_s, out);
        // The hashes of the records from the one at work on; what they lead to comes into the cache meanwhile.
        let mut hashes = [0; AHEAD];
        let mut ahead = tally.records.iter();
        let mut next = |contacts: &Contacts| {
            let record = ahead.next()?;
            let hash = contacts.hash(record.client, record.server, record.transport, record.port);
            contacts.touch(hash);
            Some(hash)
        };
        for hash in &mut hashes {
            *hash = next(&self.contacts).unwrap_or_default();
        }
        for (number, record) in tally.records.iter().enumerate() {
            let hash = hashes[number % AHEAD];
            hashes[number % AHEAD] = next(&self.contacts).unwrap_or_default();
            self.contacts.touch_line(hashes[(number + AHEAD / 2) % AHEAD]);
            let (from, to) = record.disclosures;
            let texts = tally.texts.get(from as usize..to as usize).unwrap_or_default();
            self.take(now_s, record, hash, texts, out);
        }
        self.sweeps.count(out);
        self.heed(out);
    }

    /// What touches a host under flood is the flood's, and a port scan's touches are the scan's: each with what came before it was known.
    fn heed(&mut self, out: &Conclusions<'_>) {
        for &victim in out.flooded.keys() {
            if self.bare.by_target.contains_key(&victim) {
                self.bare.flooded.insert(victim);
            }
        }
        for &site in out.port_scanners.iter() {
            if self.bare.by_source.contains_key(&site) {
                self.bare.swept.insert(site);
                self.bare.told.insert(site);
            }
        }
    }

    fn take(&mut self, now_s: u32, record: &Record, hash: u64, texts: &[Text], out: &mut Conclusions<'_>) {
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
        let mut taken_over = None;
        if let Some(line) = self.contacts.line(hash, &key) {
            if let Some(contact) = line.get_mut(key.protocol) {
                return contact.take(record, texts, now_s, out);
            }
            if !spoken && line.speaks() {
                // Another connection of a contact that already speaks.
                return;
            }
            taken_over = if spoken { line.take("", |_| true) } else { None };
            if taken_over.is_some() {
                // The contact turns out to speak: it goes on under its protocol.
                self.bare.one_less(&key);
            } else if let Some(claimed) = record.claimed() {
                // The contact that another protocol claimed by a connection alone, which several begin alike: it was the one's that speaks now.
                taken_over = line.take(claimed, Contact::only_connected);
            }
        }
        if taken_over.is_none() {
            if self.under_way >= out.settings.ics.contacts {
                *out.evicted += 1;
                return;
            }
            if matches!(record.told, Told::Refused | Told::Misfit) || !spoken && !self.begins(record, out) {
                return;
            }
            self.under_way += 1;
        }
        let mut contact = taken_over.unwrap_or_else(|| {
            out.aims.note(record.client, record.contacts, Aim::Contact);
            Contact::new(record)
        });
        (contact.protocol, contact.index, contact.speaks) = (record.protocol, record.index, spoken);
        contact.take(record, texts, now_s, out);
        self.contacts.put(hash, &key, contact);
    }

    /// Whether a bare contact gets a place of its own. A sweep is a scan, and its touches are the scan's; a completed connection is a contact
    /// with a device all the same. So are many sources that touch one device: a flood, and its packets are the flood's.
    fn begins(&mut self, record: &Record, out: &mut Conclusions<'_>) -> bool {
        let limits = &out.settings.ics;
        let most = if record.told == Told::Completed { limits.bare_per_source } else { limits.touches_per_source };
        let swept_from = limits.touches_per_source;
        let by_source = self.bare.by_source.get(&record.client).copied().unwrap_or_default();
        let too_many = by_source >= most || {
            let at_target = self.bare.by_target.get(&record.server).copied().unwrap_or_default();
            record.told == Told::Contact && at_target >= limits.touches_per_target
        };
        if too_many {
            if record.first {
                self.sweeps.add(record, out);
            }
            return false;
        }
        let bare = self.bare.by_source.entry(record.client).or_default();
        *bare += 1;
        if *bare >= swept_from {
            self.bare.swept.insert(record.client);
        }
        *self.bare.by_target.entry(record.server).or_default() += 1;
        true
    }

    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        if !self.silence.is_due(now_s) {
            return;
        }
        out.aims.forget(now_s, out.settings.scan.memory_s as u32);
        let quiet_s = out.settings.ics.quiet_s as u32;
        for key in self.contacts.keys(|contact| now_s.saturating_sub(contact.course.last_s) > quiet_s) {
            if let Some(contact) = self.contacts.remove(&key) {
                self.end(key, contact, out);
            }
        }
    }

    fn end(&mut self, key: Key, mut contact: Contact, out: &mut Conclusions<'_>) {
        self.under_way -= 1;
        let written = self.bare.written(self.cut, &key, &contact);
        let flooded = self.bare.flooded.contains(&key.server);
        if key.protocol.is_empty() {
            self.bare.one_less(&key);
        }
        self.assets.note(&key, &contact, out);
        if contact.counts(&key, flooded) {
            contact.report(&key, State::Ended, written, out);
        }
    }

    /// Intent and packets from which on a contact gets an event of its own, where there are more than a window writes: the deepest first,
    /// then the largest.
    fn worth_writing(&self, out: &Conclusions<'_>) -> (Intent, u64) {
        let limit = out.settings.output.events_per_window as usize;
        if self.under_way as usize <= limit {
            return (Intent::Connect, 0);
        }
        let mut ranks: Vec<(Intent, u64)> = self.contacts.iter().map(Contact::rank).collect();
        let (_, &mut cut, _) = ranks.select_nth_unstable_by(limit, |a, b| b.cmp(a));
        cut
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.heed(out);
        self.cut = self.worth_writing(out);
        for key in self.contacts.keys(|contact| contact.course.has_grown()) {
            let Some(contact) = self.contacts.get_mut(&key) else { continue };
            let flooded = self.bare.flooded.contains(&key.server);
            if contact.counts(&key, flooded) {
                let written = self.bare.written(self.cut, &key, contact);
                contact.report(&key, State::Ongoing, written, out);
            }
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        self.heed(out);
        self.cut = self.worth_writing(out);
        out.events.reserve(self.under_way.min(out.settings.output.events_per_window) as usize);
        for (key, contact) in self.contacts.take_all() {
            self.end(key, contact, out);
        }
        self.assets.hand_over(out);
    }
}
