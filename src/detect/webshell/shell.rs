//! Families of webshells.

/// The family of a webshell, by the tool that drives it or by its own page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shell {
    Unknown,
    ChinaChopper,
    AntSword,
    Behinder,
    Godzilla,
    Wso,
    C99,
    R57,
    B374k,
    Weevely,
    Regeorg,
    Suo5,
    Abptts,
    Pivotnacci,
}

impl Shell {
    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Shell::Unknown => "unknown",
            Shell::ChinaChopper => "china-chopper",
            Shell::AntSword => "antsword",
            Shell::Behinder => "behinder",
            Shell::Godzilla => "godzilla",
            Shell::Wso => "wso",
            Shell::C99 => "c99",
            Shell::R57 => "r57",
            Shell::B374k => "b374k",
            Shell::Weevely => "weevely",
            Shell::Regeorg => "regeorg",
            Shell::Suo5 => "suo5",
            Shell::Abptts => "abptts",
            Shell::Pivotnacci => "pivotnacci",
        }
    }
}
