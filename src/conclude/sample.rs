//! Files to be kept for a person to look at.

/// A whole file that was delivered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sample {
    pub sha256: [u8; 32],
    pub bytes: Vec<u8>,
}

/// Files for the folder of `--save-samples`, of one slice.
#[derive(Clone, Default, Debug)]
pub struct Samples {
    /// In the order of lanes.
    pub kept: Vec<Sample>,
    /// Wanted, and larger than a sample may be or beyond a lane's memory.
    pub unsaved: u64,
}
