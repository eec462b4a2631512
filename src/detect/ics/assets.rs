//! The passive inventory: home hosts that answered an industrial protocol.

use std::collections::BTreeMap;

use crate::addr::Addr;
use crate::attribute::{Country, Direction};
use crate::conclude::{Asset, Conclusions};
use crate::decode::Transport;

use super::contact::{Contact, Key, Sector};
use super::link::is_group;

/// An asset is one service of one host.
type Service = (Addr, Transport, u16, &'static str);

/// What is known of home's equipment so far.
#[derive(Default)]
pub struct Assets {
    known: BTreeMap<Service, Asset>,
}

impl Assets {
    /// Takes note of a contact that has ended.
    pub fn note(&mut self, key: &Key, contact: &Contact, out: &mut Conclusions<'_>) {
        // A group is no host: what came back to it was sent by nobody in particular.
        let to_group = key.transport == Transport::Link && is_group(key.server);
        if !contact.answered || to_group || !matches!(contact.course.direction, Direction::Inbound | Direction::Internal) {
            return;
        }
        let service = (key.server, key.transport, key.port, contact.protocol);
        let known = self.known.len() as u64;
        if known >= out.settings.ics.assets && !self.known.contains_key(&service) {
            *out.evicted += 1;
            return;
        }
        let asset = self.known.entry(service).or_insert_with(|| {
            let sector = Sector::of(key.server, contact.index, out);
            Asset {
                addr: key.server,
                transport: super::contact::transport_name(key.transport),
                port: key.port,
                protocol: contact.protocol,
                sector: sector.name.into_owned(),
                guess: sector.guess,
                site: sector.site,
                disclosed: BTreeMap::new(),
                first_ns: u64::MAX,
                last_ns: 0,
                contacts: 0,
                internal: 0,
                countries: BTreeMap::new(),
            }
        });
        for (field, text) in &contact.disclosed {
            // The first word stands: what a device says of itself does not change with who asks.
            asset.disclosed.entry(field).or_insert_with(|| text.clone());
        }
        asset.first_ns = asset.first_ns.min(contact.answers_ns.0);
        asset.last_ns = asset.last_ns.max(contact.answers_ns.1);
        asset.contacts += 1;
        if contact.course.direction == Direction::Internal {
            asset.internal += 1;
        } else {
            let country: Country = contact.course.country;
            *asset.countries.entry(country).or_default() += 1;
        }
    }

    /// The input ends: the inventory goes to whoever wants it, in the order of addresses.
    pub fn hand_over(&mut self, out: &mut Conclusions<'_>) {
        out.assets.extend(std::mem::take(&mut self.known).into_values());
    }
}
