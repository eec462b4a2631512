//! Contacts and outcomes of one source, as the threshold random walk counts them, and walks under a few keys.

/// Slices whose contacts may be young at a time: more than an answer may take at most (`scan.answer_s`), so that what is dropped has failed.
const YOUNG_MAX: usize = 64;

/// Contacts and outcomes. Failures are what neither succeeded nor is too young to have failed.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    pub contacts: u64,
    pub successes: u64,
    /// Connections in which the source said something, and in which whom it called did.
    pub spoken: u64,
    pub replied: u64,
    /// Contacts of the last slices that are still open.
    young: Vec<(u32, u64)>,
    /// Targets of contacts that are known by their number only.
    pub unseen_targets: u64,
}

impl Walk {
    pub fn contact(&mut self, now_s: u32, count: u64) {
        self.contacts += count;
        match self.young.last_mut() {
            Some((slice, young)) if *slice == now_s => *young += count,
            _ => {
                if self.young.len() == YOUNG_MAX {
                    self.young.remove(0);
                }
                self.young.push((now_s, count));
            }
        }
    }

    /// Answered contacts with unseen targets of their own.
    pub fn earlier(&mut self, count: u64) {
        self.contacts += count;
        self.successes += count;
        self.unseen_targets += count;
    }

    /// Contacts were answered.
    pub fn succeed(&mut self, count: u64) {
        self.successes += count;
        self.close();
    }

    /// An outcome closes the oldest open contact: which one it is makes no difference to the sum.
    pub fn close(&mut self) {
        if let Some(at) = self.young.iter().position(|&(_, young)| young > 0) {
            self.young[at].1 -= 1;
        }
    }

    pub fn grow_old(&mut self, now_s: u32, answer_s: u32) {
        self.young.retain(|&(slice, young)| young > 0 && slice.saturating_add(answer_s) > now_s);
    }

    /// Contacts that may yet be answered.
    pub fn young(&self) -> u64 {
        self.young.iter().map(|&(_, young)| young).sum()
    }

    /// Connections in which somebody said something.
    pub fn said(&self) -> u64 {
        self.spoken.max(self.replied)
    }

    /// Whether nobody says anything in at least so many contacts, but for one in ten: whoever has business says what.
    pub fn is_silent(&self, contacts: u64) -> bool {
        self.said() * 10 <= self.contacts && self.contacts - self.young() >= contacts
    }

    pub fn failures(&self) -> u64 {
        self.contacts.saturating_sub(self.successes).saturating_sub(self.young())
    }

    /// Failures less successes.
    pub fn position(&self) -> i64 {
        self.failures() as i64 - self.successes as i64
    }
}

/// Walks under a few keys, in the order in which they were met. A source mostly goes on where it was.
pub struct Few<K, V> {
    pub walks: Vec<(K, V)>,
    last: usize,
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few { walks: Vec::new(), last: 0 }
    }
}

impl<K: Copy + PartialEq, V: Default> Few<K, V> {
    /// The place of a key's walk; made if there is room for it.
    pub fn place(&mut self, key: K, most: usize) -> Option<usize> {
        if self.walks.get(self.last).is_none_or(|(known, _)| *known != key) {
            match self.walks.iter().position(|(known, _)| *known == key) {
                Some(place) => self.last = place,
                None if self.walks.len() < most => {
                    self.walks.push((key, V::default()));
                    self.last = self.walks.len() - 1;
                }
                None => return None,
            }
        }
        Some(self.last)
    }

    pub fn get_mut(&mut self, place: usize) -> Option<&mut V> {
        self.walks.get_mut(place).map(|(_, walk)| walk)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.walks.iter().map(|(_, walk)| walk)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.walks.iter_mut().map(|(_, walk)| walk)
    }
}
