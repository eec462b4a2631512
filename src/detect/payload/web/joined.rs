//! Ranges of one file joined (RFC 9110 section 14): fetched piece by piece, as updaters and loaders for Windows do, or gone on with after a break.
//!
//! Only what goes on where the last piece ended is joined, so that nothing but digests and a few first bytes is kept; what overlaps is passed. A piece
//! from elsewhere in the file stands by itself.

use crate::addr::Addr;
use crate::detect::payload::digests::Digests;

/// Files of one lane whose beginning is remembered, the oldest first.
const BEGINNINGS: usize = 16;
/// Seconds after which a beginning is forgotten (chosen: a loader goes on at once, a person within minutes).
const KEPT_S: u32 = 600;
/// Longest URL that is remembered.
const URL_BYTES_MAX: usize = 512;

/// Which bytes of a file come, the first counted as 0, and how many it has, if that is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub first: u64,
    pub last: u64,
    pub total: Option<u64>,
}

/// The beginning of a file: so many bytes without a hole.
#[derive(Debug)]
pub struct Beginning {
    pub client: Addr,
    pub server: Addr,
    pub url: Vec<u8>,
    pub bytes: u64,
    pub digests: Digests,
    /// Its first bytes, as many as it takes to judge by.
    pub head: Vec<u8>,
    pub since_s: u32,
}

/// The beginnings of a lane.
#[derive(Debug, Default)]
pub struct Joined {
    list: Vec<Beginning>,
}

impl Joined {
    /// Remembers one. Another of the same file, or else the oldest, makes room.
    pub fn keep(&mut self, beginning: Beginning) {
        if beginning.url.len() > URL_BYTES_MAX || beginning.bytes == 0 {
            return;
        }
        let same = |other: &Beginning| (other.client, other.server) == (beginning.client, beginning.server) && other.url == beginning.url;
        self.list.retain(|other| !same(other) && beginning.since_s.saturating_sub(other.since_s) < KEPT_S);
        if self.list.len() >= BEGINNINGS {
            self.list.remove(0);
        }
        self.list.push(beginning);
    }

    /// Takes out the one that a range goes on with: it begins at or before the end of what is there, and ends behind it.
    pub fn take(&mut self, client: Addr, server: Addr, url: &[u8], range: Range, now_s: u32) -> Option<Beginning> {
        let goes_on = |known: &Beginning| {
            (known.client, known.server) == (client, server)
                && (range.first..=range.last).contains(&known.bytes)
                && now_s.saturating_sub(known.since_s) < KEPT_S
                && known.url == url
        };
        let at = self.list.iter().position(goes_on)?;
        Some(self.list.remove(at))
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(url: &[u8], bytes: u64, since_s: u32) -> Beginning {
        let (client, server) = (Addr::v4(1), Addr::v4(2));
        Beginning { client, server, url: url.to_vec(), bytes, digests: Digests::new(false), head: Vec::new(), since_s }
    }

    #[test]
    fn a_range_goes_on_where_another_ended() {
        let take = |joined: &mut Joined, first, last, now_s| {
            let range = Range { first, last, total: None };
            joined.take(Addr::v4(1), Addr::v4(2), b"a", range, now_s).map(|known| known.bytes)
        };
        let mut joined = Joined::default();
        joined.keep(beginning(b"a", 100, 5));
        for (first, last, now_s) in [(101, 200, 5), (0, 99, 5), (100, 200, 5 + KEPT_S)] {
            assert_eq!(take(&mut joined, first, last, now_s), None);
        }
        assert_eq!(
            joined.take(Addr::v4(9), Addr::v4(2), b"a", Range { first: 100, last: 200, total: None }, 5).map(|known| known.bytes),
            None
        );
        assert_eq!(take(&mut joined, 90, 200, 5), Some(100));
        assert!(joined.is_empty());
    }

    #[test]
    fn few_are_kept_and_one_of_each_file() {
        let mut joined = Joined::default();
        joined.keep(beginning(b"a", 1, 0));
        joined.keep(beginning(b"a", 2, 0));
        joined.keep(beginning(&[b'a'; URL_BYTES_MAX + 1], 2, 0));
        assert_eq!(joined.list.iter().map(|known| known.bytes).collect::<Vec<_>>(), [2]);
        for at in 0..2 * BEGINNINGS {
            joined.keep(beginning(at.to_string().as_bytes(), 1, 0));
        }
        assert_eq!(joined.list.len(), BEGINNINGS);
    }
}
