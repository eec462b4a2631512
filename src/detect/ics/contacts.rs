//! The contacts under way, by who contacts which service. Nearly always one source has one contact with one service; a service that speaks
//! several protocols has several, and they stand together.

use crate::addr::Addr;
use crate::decode::Transport;
use crate::huge;
use crate::keyed::Keyed;
use crate::tally::Places;

use super::contact::{Contact, Key};

/// One source's contacts with one service.
pub struct Line {
    client: Addr,
    server: Addr,
    port: u16,
    transport: Transport,
    first: Option<Contact>,
    more: Vec<Contact>,
}

impl Line {
    fn is_of(&self, key: &Key) -> bool {
        self.client == key.client && self.server == key.server && self.port == key.port && self.transport == key.transport
    }

    fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.first.iter().chain(&self.more)
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.is_empty()
    }

    fn key(&self, contact: &Contact) -> Key {
        let &Line { client, server, transport, port, .. } = self;
        Key { client, server, transport, port, protocol: contact.spoken() }
    }

    /// The contact in a protocol; the bare one under the empty name.
    pub fn get_mut(&mut self, protocol: &'static str) -> Option<&mut Contact> {
        self.first.iter_mut().chain(&mut self.more).find(|contact| contact.spoken() == protocol)
    }

    /// Takes a contact out. The line stays, even without any.
    pub fn take(&mut self, protocol: &'static str, which: impl Fn(&Contact) -> bool) -> Option<Contact> {
        if let Some(contact) = self.first.take_if(|first| first.spoken() == protocol && which(first)) {
            self.first = self.more.pop();
            return Some(contact);
        }
        let at = self.more.iter().position(|contact| contact.spoken() == protocol && which(contact))?;
        Some(self.more.swap_remove(at))
    }

    /// Takes its contacts out, in the order of their keys.
    fn take_all(&mut self) -> impl Iterator<Item = (Key, Contact)> + use<> {
        let mut more = std::mem::take(&mut self.more);
        if !more.is_empty() {
            more.extend(self.first.take());
            more.sort_unstable_by_key(Contact::spoken);
        }
        let &mut Line { client, server, transport, port, .. } = self;
        let contacts = self.first.take().into_iter().chain(more);
        contacts.map(move |contact| (Key { client, server, transport, port, protocol: contact.spoken() }, contact))
    }

    /// Whether one of its contacts has spoken.
    pub fn speaks(&self) -> bool {
        self.iter().any(|contact| !contact.spoken().is_empty())
    }

    /// Adds a contact; none in its protocol is there.
    pub fn put(&mut self, contact: Contact) {
        match self.first {
            None => self.first = Some(contact),
            Some(_) => self.more.push(contact),
        }
    }
}

/// All contacts under way.
pub struct Contacts {
    keyed: Keyed,
    places: Places,
    lines: Vec<Line>,
}

impl Contacts {
    pub fn new(keyed: Keyed) -> Self {
        Contacts { keyed, places: Places::default(), lines: Vec::new() }
    }

    /// Of who contacts which service.
    #[inline]
    pub fn hash(&self, client: Addr, server: Addr, transport: Transport, port: u16) -> u64 {
        self.keyed.pair(client, server, u64::from(port) << 8 | transport as u64)
    }

    /// Brings what leads to a line into the cache.
    #[inline]
    pub fn touch(&self, hash: u64) {
        self.places.touch(hash);
    }

    /// Brings the line into the cache; what leads to it is there.
    #[inline]
    pub fn touch_line(&self, hash: u64) {
        if let Some(line) = self.places.guess(hash).and_then(|place| self.lines.get(place)) {
            huge::prefetch_whole(line);
        }
    }

    /// The contacts of a source with a service, if there are any.
    #[inline]
    pub fn line(&mut self, hash: u64, key: &Key) -> Option<&mut Line> {
        let place = self.places.find(hash, |place| self.lines[place].is_of(key))?;
        self.lines.get_mut(place)
    }

    /// Adds a contact with a service.
    pub fn put(&mut self, hash: u64, key: &Key, contact: Contact) {
        if let Some(line) = self.line(hash, key) {
            return line.put(contact);
        }
        self.places.insert(hash, self.lines.len());
        let &Key { client, server, transport, port, .. } = key;
        self.lines.push(Line { client, server, transport, port, first: Some(contact), more: Vec::new() });
    }

    /// Takes a contact out for good.
    pub fn remove(&mut self, key: &Key) -> Option<Contact> {
        let hash = self.hash(key.client, key.server, key.transport, key.port);
        let place = self.places.find(hash, |place| self.lines[place].is_of(key))?;
        let contact = self.lines[place].take(key.protocol, |_| true);
        if self.lines[place].is_empty() {
            self.places.remove(hash, place);
            self.lines.swap_remove(place);
            if let Some(moved) = self.lines.get(place) {
                let hash = self.hash(moved.client, moved.server, moved.transport, moved.port);
                self.places.moved(hash, self.lines.len(), place);
            }
        }
        contact
    }

    /// Takes every contact out, in the order of their keys.
    pub fn take_all(&mut self) -> impl Iterator<Item = (Key, Contact)> + use<> {
        self.places = Places::default();
        let mut lines = std::mem::take(&mut self.lines);
        // Lines are several cache lines long, and there may be tens of thousands: their keys are sorted apart.
        let mut order: Vec<_> =
            (0usize..).zip(&lines).map(|(place, line)| (line.client, line.server, line.transport, line.port, place)).collect();
        order.sort_unstable();
        order.into_iter().flat_map(move |(.., place)| lines[place].take_all())
    }

    /// Every contact.
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.lines.iter().flat_map(Line::iter)
    }

    /// The keys of the contacts of which this holds, in their order.
    pub fn keys(&self, which: impl Fn(&Contact) -> bool) -> Vec<Key> {
        let mut keys: Vec<Key> =
            self.lines.iter().flat_map(|line| line.iter().filter(|contact| which(contact)).map(|contact| line.key(contact))).collect();
        keys.sort_unstable();
        keys
    }

    /// A contact by its key.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Contact> {
        let hash = self.hash(key.client, key.server, key.transport, key.port);
        self.line(hash, key)?.get_mut(key.protocol)
    }
}
