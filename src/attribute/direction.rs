//! Which way an event goes.

use super::home::Home;
use super::reserved::is_group;
use crate::addr::Addr;

/// From an event's source to its target, seen from the home networks. Values as in ECS `network.direction`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Direction {
    /// From abroad to home.
    Inbound,
    /// From home to abroad.
    Outbound,
    /// Both ends are home.
    Internal,
    /// Neither end is home.
    External,
}

impl Direction {
    pub const COUNT: usize = 4;
    /// Every direction, by index.
    pub const ALL: [Direction; Self::COUNT] = [Self::Inbound, Self::Outbound, Self::Internal, Self::External];

    #[inline]
    pub const fn of(source_home: bool, target_home: bool) -> Self {
        match (source_home, target_home) {
            (false, true) => Direction::Inbound,
            (true, false) => Direction::Outbound,
            (true, true) => Direction::Internal,
            (false, false) => Direction::External,
        }
    }

    /// The direction between two addresses. A multicast or broadcast target belongs to home when the source does.
    #[inline]
    pub fn between(home: &Home, source: Addr, target: Addr) -> Self {
        let source_home = home.contains(source);
        Self::of(source_home, if is_group(target) { source_home } else { home.contains(target) })
    }

    /// The way back.
    pub const fn reversed(self) -> Self {
        match self {
            Direction::Inbound => Direction::Outbound,
            Direction::Outbound => Direction::Inbound,
            same => same,
        }
    }

    /// The dense index, below [`Direction::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
            Direction::External => "external",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_dense() {
        assert!(Direction::ALL.iter().enumerate().all(|(index, direction)| direction.index() == index));
    }

    #[test]
    fn the_ends_decide_the_direction() {
        let home = Home::private();
        for (source, target, name) in [
            ("8.8.8.8", "10.0.0.1", "inbound"),
            ("10.0.0.1", "8.8.8.8", "outbound"),
            ("10.0.0.1", "192.168.0.1", "internal"),
            ("8.8.8.8", "9.9.9.9", "external"),
        ] {
            assert_eq!(Direction::between(&home, source.parse().unwrap(), target.parse().unwrap()).name(), name, "{source} to {target}");
        }
    }

    #[test]
    fn a_group_belongs_to_home_when_the_source_does() {
        let home = Home::private();
        for target in ["224.0.0.251", "255.255.255.255", "ff02::1"] {
            let target = target.parse().unwrap();
            assert_eq!(Direction::between(&home, "10.0.0.1".parse().unwrap(), target), Direction::Internal);
            assert_eq!(Direction::between(&home, "8.8.8.8".parse().unwrap(), target), Direction::External);
        }
    }
}
