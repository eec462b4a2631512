//! A body on its way in: its first bytes, its length, and its hash where somebody wants it.

use crate::detect::Keep;
use crate::protocol::carried::{Body, Ends};
use crate::protocol::http::coding::{self, Coding, Inflater};
use crate::protocol::http::framing::CODINGS_MAX;
use crate::stream::{Blocks, Chain};

use super::super::digests::Digests;
use super::super::listener::{Listener, SNIFFED_BYTES};
use super::super::tally::Readings;
use super::joined::{Beginning, Joined};
use super::whole::{Whole, Wholes};

/// First bytes of a body that are kept. ISO 9660 has its mark at 32,769; web shells and their payloads are smaller than this.
const HEAD_BYTES: usize = 64 * 1024;
/// The same where a lane's blocks run low: a PE header begins within this.
const HEAD_BYTES_LEAN: usize = 4096;
/// Room in a lane's blocks below which bodies get the lesser.
const LEAN_BELOW_BYTES: usize = 192 * 1024;
/// Bytes of a body under a coding that is undone only when whole.
const WHOLE_BYTES_MAX: usize = 128 * 1024;

/// Inflaters of one lane, of some 40 KiB each.
const INFLATERS: usize = 4;

/// What bodies of one lane share.
#[derive(Default)]
pub struct Tools {
    spare: Vec<Inflater>,
    lent: usize,
    // Boxes move between messages as they are.
    #[allow(clippy::vec_box)]
    boxes: Vec<Box<Intake>>,
    wholes: Wholes,
    pub joined: Joined,
}

/// Boxes that a lane keeps for further bodies.
const BOXES_MAX: usize = 256;

impl Tools {
    pub fn new(keep: Keep) -> Self {
        Tools { wholes: Wholes::new(keep), ..Tools::default() }
    }

    /// A box for a body, used before if there is one.
    pub fn boxed(&mut self, intake: Intake) -> Box<Intake> {
        match self.boxes.pop() {
            Some(mut empty) => {
                *empty = intake;
                empty
            }
            None => Box::new(intake),
        }
    }

    /// Keeps the box of a body that has given back what it kept.
    pub fn shelve(&mut self, empty: Box<Intake>) {
        if self.boxes.len() < BOXES_MAX {
            self.boxes.push(empty);
        }
    }

    fn lend(&mut self, coding: Coding) -> Option<Inflater> {
        let inflater = match self.spare.pop() {
            Some(inflater) => Some(inflater),
            None if self.lent < INFLATERS => Some(Inflater::default()),
            None => None,
        };
        inflater.map(|mut inflater| {
            self.lent += 1;
            inflater.begin(coding);
            inflater
        })
    }

    fn take_back(&mut self, inflater: Inflater) {
        self.lent -= 1;
        self.spare.push(inflater);
    }
}

/// What a body's intake works with.
pub struct Around<'a, L: Listener> {
    pub blocks: &'a mut Blocks,
    pub tools: &'a mut Tools,
    pub listener: &'a mut L,
    pub readings: &'a mut Readings,
    pub ends: &'a Ends,
}

/// A body on its way in.
#[derive(Debug, Default)]
pub struct Intake {
    head: Chain,
    bytes: u64,
    hash: Option<Digests>,
    /// All of it, where samples are saved.
    all: Option<Whole>,
    /// The outermost coding first.
    inflaters: [Option<Inflater>; CODINGS_MAX],
    /// What is undone when it is whole.
    whole: Option<(Coding, Chain)>,
    /// Whether somebody wants it; unknown until there is enough to judge.
    wanted: Option<bool>,
    /// Keep the head whether or not the body is wanted.
    keep: bool,
    /// Something is missing, or did not come out.
    flawed: bool,
    /// Nothing more comes out of the codings.
    stuck: bool,
    /// What comes now stands behind a hole.
    holed: bool,
    /// Bytes to come that were there before: of a range that overlaps with what it goes on with.
    again: u64,
    complete: bool,
}

impl Intake {
    /// A body under these content codings, the innermost first; `keep` if its head is wanted whatever it holds.
    pub fn new<L: Listener>(codings: &[Option<Coding>; CODINGS_MAX], keep: bool, around: &mut Around<'_, L>) -> Self {
        let mut intake = Intake { keep, ..Intake::default() };
        let outermost_first = codings.iter().rev().flatten().copied();
        for (place, coding) in outermost_first.enumerate() {
            if coding.is_whole() {
                // Only alone: under another coding nobody sends it.
                intake.stuck |= place > 0 || codings[1].is_some();
                intake.whole = Some((coding, Chain::default()));
                continue;
            }
            intake.inflaters[place] = around.tools.lend(coding);
            if intake.inflaters[place].is_none() {
                around.readings.over_budget += 1;
                intake.stuck = true;
            }
        }
        intake.flawed = intake.stuck;
        intake
    }

    /// Goes on with the beginning of a file, of which the range that comes repeats so many bytes.
    pub fn go_on(&mut self, beginning: Beginning, again: u64, blocks: &mut Blocks) {
        blocks.append(&mut self.head, &beginning.head);
        self.bytes = beginning.bytes;
        self.hash = Some(beginning.digests);
        (self.wanted, self.again) = (Some(true), again);
    }

    /// How many bytes there are without a hole, and their digests; nothing of a body that nobody wants, or of which something is missing.
    pub fn begun(&self) -> Option<(u64, &Digests)> {
        self.hash.as_ref().filter(|_| !self.flawed && !self.holed && self.again == 0).map(|digests| (self.bytes, digests))
    }

    /// Whether somebody wants it, as far as is known.
    pub fn is_wanted(&self) -> bool {
        self.wanted == Some(true)
    }

    /// Whether it was seen to its end, and nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether nothing of it is wanted any more.
    pub fn is_idle(&self) -> bool {
        self.wanted == Some(false) && !self.keep
    }

    /// Takes the next bytes as they were sent; what comes out of the codings goes to `also` as well.
    pub fn take<L: Listener>(&mut self, bytes: &[u8], around: &mut Around<'_, L>, mut also: impl FnMut(&[u8], &mut Around<'_, L>)) {
        if self.stuck {
            return;
        }
        if let Some((_, kept)) = &mut self.whole {
            let fits = kept.len() + bytes.len() <= WHOLE_BYTES_MAX && around.blocks.append(kept, bytes) == bytes.len();
            if !fits {
                around.readings.over_budget += 1;
                (self.flawed, self.stuck) = (true, true);
            }
            return;
        }
        let [outer, inner] = &mut self.inflaters;
        let (mut outer, mut inner) = (outer.take(), inner.take());
        let mut out = |bytes: &[u8]| {
            self.plain(bytes, around);
            also(bytes, around);
        };
        let fed = match (&mut outer, &mut inner) {
            (None, None) => {
                out(bytes);
                Ok(())
            }
            (Some(outer), None) | (None, Some(outer)) => outer.feed(bytes, out),
            (Some(outer), Some(inner)) => {
                let mut fed = Ok(());
                outer.feed(bytes, |bytes| fed = fed.and_then(|()| inner.feed(bytes, &mut out))).and(fed)
            }
        };
        self.inflaters = [outer, inner];
        if fed.is_err() {
            self.trouble(around);
        }
    }

    /// No more comes out of the codings.
    fn trouble<L: Listener>(&mut self, around: &mut Around<'_, L>) {
        around.readings.undecoded += 1;
        (self.flawed, self.stuck) = (true, true);
        self.inflaters.iter_mut().filter_map(Option::take).for_each(|inflater| around.tools.take_back(inflater));
    }

    /// Bytes of the body itself.
    fn plain<L: Listener>(&mut self, bytes: &[u8], around: &mut Around<'_, L>) {
        if self.holed {
            self.bytes += bytes.len() as u64;
            return;
        }
        let mut rest = bytes;
        if self.again > 0 {
            let known = usize::try_from(self.again).unwrap_or(usize::MAX).min(rest.len());
            self.again -= known as u64;
            rest = &rest[known..];
        }
        if self.wanted.is_none() {
            let take = SNIFFED_BYTES.saturating_sub(self.head.len()).min(rest.len());
            let kept = around.blocks.append(&mut self.head, &rest[..take]);
            self.bytes += take as u64;
            rest = &rest[take..];
            if self.head.len() < SNIFFED_BYTES && kept == take {
                return;
            }
            self.judge(around);
            if kept < take {
                // Without its first bytes it has no hash.
                around.readings.over_budget += 1;
                self.flawed = true;
            }
        }
        self.bytes += rest.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(rest);
            around.tools.wholes.append(&mut self.all, rest);
        }
        if self.keep || self.is_wanted() {
            let most = if around.blocks.room() < LEAN_BELOW_BYTES { HEAD_BYTES_LEAN } else { HEAD_BYTES };
            // A head has no holes: once something was left out, nothing is put behind it.
            if self.head.len() as u64 == self.bytes - rest.len() as u64 {
                let take = most.saturating_sub(self.head.len()).min(rest.len());
                around.blocks.append(&mut self.head, &rest[..take]);
            }
        }
    }

    /// Asks whether somebody wants the body that begins so.
    fn judge<L: Listener>(&mut self, around: &mut Around<'_, L>) {
        let wanted = {
            let mut sniffed = [0; SNIFFED_BYTES];
            let first = around.blocks.first(&self.head, &mut sniffed);
            !first.is_empty() && around.listener.wants_body(around.ends, first)
        };
        self.wanted = Some(wanted);
        if wanted {
            let mut hash = Digests::new(around.listener.wants_older_digests());
            self.all = around.tools.wholes.begin();
            for piece in around.blocks.pieces(&self.head) {
                hash.update(piece);
                around.tools.wholes.append(&mut self.all, piece);
            }
            self.hash = Some(hash);
        } else if !self.keep {
            around.blocks.free(&mut self.head);
        }
    }

    /// Some of it is missing.
    pub fn miss(&mut self) {
        (self.flawed, self.holed) = (true, true);
        self.hash = None;
        self.stuck |= self.whole.is_some() || self.inflaters.iter().any(Option::is_some);
    }

    /// It is over: seen to its end, or not.
    pub fn end<L: Listener>(&mut self, to_its_end: bool, around: &mut Around<'_, L>, mut also: impl FnMut(&[u8], &mut Around<'_, L>)) {
        if self.complete {
            return;
        }
        if let Some((coding, mut kept)) = self.whole.take() {
            if !self.flawed && !self.stuck && to_its_end {
                let mut coded = Vec::with_capacity(kept.len());
                around.blocks.copy(&kept, &mut coded);
                let undone = coding::undo_whole(coding, &coded, |bytes| {
                    self.plain(bytes, around);
                    also(bytes, around);
                });
                if undone.is_err() {
                    around.readings.undecoded += 1;
                    self.flawed = true;
                }
            }
            around.blocks.free(&mut kept);
        }
        let mut over = true;
        for inflater in self.inflaters.iter_mut().filter_map(Option::take) {
            over &= inflater.is_over() || self.bytes == 0;
            around.tools.take_back(inflater);
        }
        self.complete = to_its_end && over && !self.flawed;
        if self.wanted.is_none() {
            self.judge(around);
        }
    }

    /// Where its head is kept.
    pub fn head(&self) -> &Chain {
        &self.head
    }

    /// The body, with its head where it was copied to. `whole` if it is not a part of something larger.
    pub fn body<'a>(&'a self, head: &'a [u8], whole: bool) -> Body<'a> {
        let complete = self.complete && whole;
        let whole = self.all.as_ref().filter(|_| complete).map(Whole::bytes);
        let body = Body { head, bytes: self.bytes, complete, whole, ..Body::default() };
        self.hash.as_ref().filter(|_| complete).map_or(body, |digests| digests.of(body))
    }

    /// Gives back what it keeps.
    pub fn give_back(&mut self, blocks: &mut Blocks, tools: &mut Tools) {
        blocks.free(&mut self.head);
        tools.wholes.give_back(self.all.take());
        if let Some((_, mut kept)) = self.whole.take() {
            blocks.free(&mut kept);
        }
        self.inflaters.iter_mut().filter_map(Option::take).for_each(|inflater| tools.take_back(inflater));
    }
}
