//! Whole bodies, where samples are to be saved: within a budget of the lane, and nothing where they are not.

use crate::detect::Keep;

/// Memory that a body takes at first.
const FIRST_BYTES: usize = 4096;

/// A lane's budget for whole bodies.
#[derive(Debug, Default)]
pub struct Wholes {
    each: usize,
    room: usize,
}

/// A body so far.
#[derive(Debug, Default)]
pub struct Whole(Vec<u8>);

impl Wholes {
    pub fn new(keep: Keep) -> Self {
        Wholes { each: keep.sample_bytes, room: keep.lane_bytes }
    }

    /// A new body, where bodies are kept.
    pub fn begin(&self) -> Option<Whole> {
        (self.each > 0).then(Whole::default)
    }

    /// Puts bytes behind a body. One that grows too large, or for which the lane has no room, is no longer kept.
    pub fn append(&mut self, whole: &mut Option<Whole>, bytes: &[u8]) {
        let Some(Whole(kept)) = whole else { return };
        let len = kept.len() + bytes.len();
        if len > self.each {
            return self.give_back(whole.take());
        }
        if len > kept.capacity() {
            // Twice as much each time: bodies come in small pieces.
            let more = (kept.capacity() * 2).clamp(len.max(FIRST_BYTES), self.each.max(FIRST_BYTES)) - kept.capacity();
            if more > self.room {
                return self.give_back(whole.take());
            }
            let before = kept.capacity();
            kept.reserve_exact(before + more - kept.len());
            self.room = self.room.saturating_sub(kept.capacity() - before);
        }
        kept.extend_from_slice(bytes);
    }

    /// What a body took is free again.
    pub fn give_back(&mut self, whole: Option<Whole>) {
        self.room += whole.map_or(0, |Whole(kept)| kept.capacity());
    }
}

impl Whole {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Keep = Keep { sample_bytes: 10_000, lane_bytes: 16_384, evidence: false };

    #[test]
    fn bodies_are_kept_up_to_their_bound() {
        let mut wholes = Wholes::new(KEEP);
        let mut whole = wholes.begin();
        for _ in 0..100 {
            wholes.append(&mut whole, &[7; 100]);
        }
        assert_eq!(whole.as_ref().map(|whole| whole.bytes().len()), Some(10_000));
        wholes.append(&mut whole, b"x");
        assert!(whole.is_none());
        assert_eq!(wholes.room, KEEP.lane_bytes);
    }

    #[test]
    fn a_lane_keeps_no_more_than_its_budget() {
        let mut wholes = Wholes::new(KEEP);
        let mut all: Vec<Option<Whole>> = Vec::new();
        for _ in 0..6 {
            let mut whole = wholes.begin();
            wholes.append(&mut whole, &[1; 3000]);
            all.push(whole);
        }
        let kept = all.iter().flatten().count();
        assert_eq!(kept, 4, "four times 4,096 bytes");
        assert_eq!(all.iter().flatten().map(|whole| whole.0.capacity()).sum::<usize>() + wholes.room, KEEP.lane_bytes);
        all.into_iter().for_each(|whole| wholes.give_back(whole));
        assert_eq!(wholes.room, KEEP.lane_bytes);
    }

    #[test]
    fn nothing_is_kept_unless_asked_for() {
        assert!(Wholes::default().begin().is_none());
    }
}
