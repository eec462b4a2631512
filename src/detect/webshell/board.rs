//! The reporter's side: one event for one source's dealings with one path of one server, and one for its search on a server.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::dealing::{Class, Dealing, printable};
use super::judge::Stage;
use super::record::{Record, WebshellTally};
use crate::addr::Addr;
use crate::conclude::{Conclusions, Detail, Event, Silence, State};
use crate::detect::Shared;
use crate::keyed::Keyed;

/// Telling names among those looked for, at least, where there are no more than [`crate::settings::Settings`] asks for. Twice as many suffice without.
const TELLING_MIN: usize = 1;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    client: Addr,
    server: Addr,
    /// Absent for a search.
    path: Option<String>,
}

/// What one source looks for on all servers.
#[derive(Default)]
struct Search {
    servers: u64,
    names: usize,
    telling: usize,
    /// It has looked for enough.
    met: bool,
}

/// The reporter's side.
pub struct WebshellBoard {
    keyed: Keyed,
    dealings: HashMap<Key, Dealing, FixedState>,
    searches: HashMap<Addr, Search, FixedState>,
    silence: Silence,
    /// What dealings must come up to for an event of their own in this window.
    cut: (Class, u64),
}

impl WebshellBoard {
    pub fn new(shared: &Shared) -> Self {
        Self::keyed(shared.keyed.clone())
    }

    pub(super) fn keyed(keyed: Keyed) -> Self {
        WebshellBoard {
            keyed,
            dealings: HashMap::default(),
            searches: HashMap::default(),
            silence: Silence::default(),
            cut: (Class::Suspect, 0),
        }
    }

    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut WebshellTally, out: &mut Conclusions<'_>) {
        *out.evicted += tally.evicted;
        if self.silence.is_due(now_s) {
            let quiet_s = out.settings.webshell.quiet_s as u32;
            self.end_all(|dealing| now_s.saturating_sub(dealing.course.last_s) > quiet_s, out);
        }
        for record in tally.records.iter() {
            self.take(now_s, record, tally.text(record.path), out);
        }
    }

    fn take(&mut self, now_s: u32, record: &Record, path: &[u8], out: &mut Conclusions<'_>) {
        let searches = record.finding.stage == Stage::Probe;
        let path_text = printable(path);
        let name = path.iter().fold(self.keyed.words(0, 0), |hash, &byte| self.keyed.words(u128::from(hash), u64::from(byte)));
        let key = Key { client: record.client, server: record.server, path: (!searches).then(|| path_text.clone()) };
        if !self.dealings.contains_key(&key) {
            if self.dealings.len() as u64 >= out.settings.webshell.dealings {
                *out.evicted += 1;
                return;
            }
            if searches {
                self.searches.entry(record.client).or_default().servers += 1;
            }
            self.dealings.insert(key.clone(), Dealing::new(record, path_text));
        }
        let Some(dealing) = self.dealings.get_mut(&key) else { return };
        // What is reported under one kind stays there; from now on it is another's.
        if !searches && dealing.course.started() && dealing.class_with(&record.finding) > dealing.class() {
            report(&key, dealing, dealing.class(), State::Ended, self.cut, out);
            dealing.begin_anew(record);
        }
        let telling = dealing.names().1;
        if dealing.add(record, name, now_s)
            && let Some(search) = self.searches.get_mut(&record.client)
        {
            search.names += 1;
            search.telling += dealing.names().1 - telling;
            search.met |= enough(search.names, search.telling, out);
        }
    }

    /// What dealings are to be reported as, if at all.
    fn class(&self, key: &Key, dealing: &Dealing, out: &Conclusions<'_>) -> Option<Class> {
        if key.path.is_some() {
            return Some(dealing.class());
        }
        let (names, telling) = dealing.names();
        let met = self.searches.get(&key.client).is_some_and(|search| search.met);
        (met || dealing.by_tool() || enough(names, telling, out)).then_some(Class::Attempt)
    }

    fn end_all(&mut self, ended: impl Fn(&Dealing) -> bool, out: &mut Conclusions<'_>) {
        for key in self.keys(|dealing| ended(dealing)) {
            let Some(mut dealing) = self.dealings.remove(&key) else { continue };
            if let Some(class) = self.class(&key, &dealing, out) {
                report(&key, &mut dealing, class, State::Ended, self.cut, out);
            }
            if key.path.is_none()
                && let Some(search) = self.searches.get_mut(&key.client)
            {
                search.servers -= 1;
                if search.servers == 0 {
                    self.searches.remove(&key.client);
                }
            }
        }
    }

    fn keys(&self, wanted: impl Fn(&Dealing) -> bool) -> Vec<Key> {
        let mut keys: Vec<Key> = self.dealings.iter().filter(|(_, dealing)| wanted(dealing)).map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// Class and packets from which on dealings get an event of their own, where there are more than a window writes: the surest first, then
    /// the largest.
    fn worth_writing(&self, out: &Conclusions<'_>) -> (Class, u64) {
        let limit = out.settings.output.events_per_window as usize;
        if self.dealings.len() <= limit {
            return (Class::Suspect, 0);
        }
        let mut ranks: Vec<(Class, u64)> = self.dealings.values().map(|dealing| (dealing.class(), dealing.course.packets)).collect();
        let (_, &mut cut, _) = ranks.select_nth_unstable_by(limit, |a, b| b.cmp(a));
        cut
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.cut = self.worth_writing(out);
        for key in self.keys(|dealing| dealing.course.has_grown()) {
            let Some(mut dealing) = self.dealings.remove(&key) else { continue };
            if let Some(class) = self.class(&key, &dealing, out) {
                report(&key, &mut dealing, class, State::Ongoing, self.cut, out);
            }
            self.dealings.insert(key, dealing);
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        self.cut = self.worth_writing(out);
        self.end_all(|_| true, out);
    }
}

/// Whether so many names make a search for webshells.
fn enough(names: usize, telling: usize, out: &Conclusions<'_>) -> bool {
    let least = out.settings.webshell.probe_names as usize;
    names >= least && telling >= TELLING_MIN || names >= 2 * least
}

fn report(key: &Key, dealing: &mut Dealing, class: Class, state: State, cut: (Class, u64), out: &mut Conclusions<'_>) {
    let benign = out.benign.scanner(key.client).map(str::to_string);
    dealing.course.count(out.rows, class.kind(), benign.is_some(), key.client, [key.server]);
    if (dealing.class(), dealing.course.packets) < cut && !dealing.written {
        // Not before its end: it may yet be written.
        *out.unwritten += u64::from(state == State::Ended);
        return;
    }
    dealing.written = true;
    let course = &dealing.course;
    out.events.push(Event {
        id: dealing.id,
        kind: class.kind(),
        state,
        start_ns: course.first_ns,
        end_ns: course.last_ns,
        source: Some(key.client),
        source_country: course.country,
        target: Some(key.server),
        target_port: Some(dealing.port),
        transport: if dealing.protocol == "tftp" { "udp" } else { "tcp" },
        protocol: Some(dealing.protocol),
        direction: course.direction,
        attribution: course.attribution(),
        benign,
        entry: None,
        packets: course.packets,
        bytes: course.bytes,
        detail: Detail::Webshell(dealing.detail()),
    });
}
