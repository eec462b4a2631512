//! Where a run's frames come from, as one type.

use std::sync::{Arc, Mutex};

use super::{Block, Files, Frame, Live, SourceError, Synthetic};

/// What a source has at the moment.
#[derive(Clone, Copy, Debug)]
pub enum Polled<'a> {
    Frame(Frame<'a>),
    /// Nothing for now; only a live source says so.
    Idle,
    /// Nothing any more.
    End,
}

/// The names of a run's interfaces by their numbers, those that have one. They become known as frames come from them.
pub type InterfaceNames = Arc<Mutex<Vec<Option<String>>>>;

/// A source of frames.
pub enum Input {
    Files(Box<Files>),
    Live(Box<Live>),
    Synthetic(Box<Synthetic>),
}

impl Input {
    /// The names of the interfaces.
    pub fn interface_names(&self) -> InterfaceNames {
        match self {
            Input::Files(files) => files.interface_names(),
            Input::Live(live) => Arc::new(Mutex::new(vec![Some(live.interface().to_string())])),
            Input::Synthetic(_) => InterfaceNames::default(),
        }
    }

    /// The next frame, if there is one. Comes back within a few milliseconds, except while it waits for a disk or a pipe.
    #[inline]
    pub fn poll(&mut self) -> Result<Polled<'_>, SourceError> {
        match self {
            Input::Files(files) => Ok(files.next_frame()?.map_or(Polled::End, Polled::Frame)),
            Input::Live(live) => live.poll(),
            Input::Synthetic(synthetic) => Ok(synthetic.next_frame().map_or(Polled::End, Polled::Frame)),
        }
    }
}

impl Input {
    /// Hands over the frames that are at hand, at most so many, and returns how many there were. None means nothing: [`Input::poll`] tells. With
    /// each comes the block it lies in, if whoever needs it longer may refer to that.
    ///
    /// # Errors
    /// What `take` returned.
    #[inline(always)]
    pub fn burst<E>(&mut self, most: u64, take: impl FnMut(Frame<'_>, Option<&Block>) -> Result<(), E>) -> Result<u64, E> {
        match self {
            Input::Files(files) => files.burst(most, take),
            Input::Live(_) | Input::Synthetic(_) => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SyntheticOptions;

    #[test]
    fn sources_can_move_to_the_capture_thread() {
        fn sent<T: Send>() {}
        sent::<Input>();
    }

    #[test]
    fn a_source_ends_and_stays_ended() {
        let mut input = Input::Synthetic(Box::new(Synthetic::new(SyntheticOptions { frames: 3, ..SyntheticOptions::default() })));
        for _ in 0..3 {
            assert!(matches!(input.poll(), Ok(Polled::Frame(_))));
        }
        assert!(matches!(input.poll(), Ok(Polled::End)));
        assert!(matches!(input.poll(), Ok(Polled::End)));
    }
}
