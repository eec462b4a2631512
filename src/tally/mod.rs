//! What workers keep: sums, maxima and sketches that merge in any order, so that the answer does not depend on who counted what.

mod by_lane;
mod distinct;
mod later;
mod places;
mod shelved;
mod traffic;

pub use by_lane::ByLane;
pub use distinct::Distinct;
pub use later::Later;
pub use places::Places;
pub use traffic::{TrafficRow, TrafficTally};

/// What adds up in any order: `merge` is commutative and associative, `Default` is its zero.
pub trait Tally: Default {
    /// Adds what another one has counted.
    fn merge(&mut self, other: &Self);
    /// Back to zero; keeps its room.
    fn clear(&mut self);
}

/// Checks the laws of a [`Tally`] on three samples: zero, commutativity, associativity.
#[cfg(test)]
pub(crate) fn check_laws<T: Tally, V: PartialEq + std::fmt::Debug>(samples: [&dyn Fn() -> T; 3], view: impl Fn(&T) -> V) {
    let [a, b, c] = samples;
    let merged = |parts: &[&dyn Fn() -> T]| {
        let mut sum = T::default();
        for part in parts {
            sum.merge(&part());
        }
        view(&sum)
    };
    assert_eq!(merged(&[a]), view(&a()), "zero");
    assert_eq!(merged(&[a, b]), merged(&[b, a]), "commutativity");
    let mut right = b();
    right.merge(&c());
    let mut left = a();
    left.merge(&right);
    assert_eq!(merged(&[a, b, c]), view(&left), "associativity");
}
