//! What is kept of payload only where somebody asks for it.

use crate::conclude::Evidence;
use crate::settings::Settings;

/// What is to be kept; nothing, unless asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keep {
    /// Whole bodies up to so many bytes; 0: none.
    pub sample_bytes: usize,
    /// Bytes of whole bodies that one lane keeps at a time.
    pub lane_bytes: usize,
    /// Excerpts of what identified an attack.
    pub evidence: bool,
}

impl Keep {
    /// Whole bodies, within what the settings allow.
    #[must_use]
    pub fn with_samples(self, settings: &Settings) -> Self {
        let bytes = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Keep { sample_bytes: bytes(settings.samples.bytes_each), lane_bytes: bytes(settings.samples.lane_bytes), ..self }
    }

    /// An excerpt, where they are kept.
    pub fn evidence<'a>(&self, sent: impl FnOnce() -> (&'a [u8], &'a [u8])) -> Option<Box<Evidence>> {
        self.evidence.then(|| {
            let (client, server) = sent();
            Box::new(Evidence::new(client, server))
        })
    }
}
