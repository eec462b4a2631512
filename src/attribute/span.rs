//! Stretches of the address space that carry a value, and what they say together when they nest.

/// The addresses `first..=last`, as numbers of one family, with what is said about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span<V> {
    pub first: u128,
    pub last: u128,
    pub value: V,
    /// Where this was said: a line of a file or the place in a list, from 1.
    pub line: u32,
}

/// Two stretches that contradict each other: by line, in the order they were met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conflict {
    pub lines: (u32, u32),
}

/// Sorts stretches and cuts nested ones apart: the innermost (smallest) wins. The result is ascending and free of overlaps;
/// neighbours with the same value are joined.
///
/// # Errors
///
/// Stretches that overlap without nesting, and equal ones with different values.
pub fn flatten<V: Copy + PartialEq>(mut spans: Vec<Span<V>>) -> Result<Vec<Span<V>>, Conflict> {
    spans.sort_unstable_by(|a, b| (a.first, b.last, a.line).cmp(&(b.first, a.last, b.line)));
    let mut flat = Vec::with_capacity(spans.len());
    let mut open: Vec<Span<V>> = Vec::new();
    let mut next = 0;
    for span in spans {
        while let Some(outer) = open.pop_if(|outer| outer.last < span.first) {
            emit(&mut flat, &mut next, outer, outer.last);
        }
        if let Some(&outer) = open.last() {
            let equal = (outer.first, outer.last) == (span.first, span.last);
            if span.last > outer.last || equal && outer.value != span.value {
                return Err(Conflict { lines: (outer.line.min(span.line), outer.line.max(span.line)) });
            }
            if let Some(before) = span.first.checked_sub(1) {
                emit(&mut flat, &mut next, outer, before);
            }
        }
        open.push(span);
    }
    while let Some(outer) = open.pop() {
        emit(&mut flat, &mut next, outer, outer.last);
    }
    Ok(flat)
}

/// Appends the part of `span` from `next` (or its own begin) to `last`, if there is any.
fn emit<V: Copy + PartialEq>(flat: &mut Vec<Span<V>>, next: &mut u128, span: Span<V>, last: u128) {
    let first = span.first.max(*next);
    if first > last || (*next == 0 && !flat.is_empty()) {
        return;
    }
    // After the very last address `next` wraps to 0: nothing can follow, which the test above relies on.
    *next = last.wrapping_add(1);
    match flat.last_mut() {
        Some(before) if before.value == span.value && before.last.checked_add(1) == Some(first) => before.last = last,
        _ => flat.push(Span { first, last, ..span }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(first: u128, last: u128, value: char, line: u32) -> Span<char> {
        Span { first, last, value, line }
    }

    fn text(spans: Vec<Span<char>>) -> String {
        match flatten(spans) {
            Ok(flat) => flat.iter().map(|s| format!("{}-{}{} ", s.first, s.last, s.value)).collect(),
            Err(Conflict { lines: (a, b) }) => format!("conflict {a} {b}"),
        }
    }

    #[test]
    fn unsorted_spans_are_sorted_and_neighbours_joined() {
        assert_eq!(text(vec![span(5, 6, 'a', 1), span(0, 2, 'a', 2), span(3, 4, 'a', 3), span(9, 9, 'b', 4)]), "0-6a 9-9b ");
    }

    #[test]
    fn the_innermost_wins() {
        assert_eq!(
            text(vec![span(0, 99, 'a', 1), span(10, 49, 'b', 2), span(20, 29, 'c', 3), span(90, 99, 'd', 4)]),
            "0-9a 10-19b 20-29c 30-49b 50-89a 90-99d "
        );
    }

    #[test]
    fn partial_overlap_is_a_conflict() {
        assert_eq!(text(vec![span(5, 15, 'b', 1), span(0, 9, 'a', 2)]), "conflict 1 2");
    }

    #[test]
    fn repetition_is_harmless_and_contradiction_is_not() {
        assert_eq!(text(vec![span(0, 9, 'a', 1), span(0, 9, 'a', 2)]), "0-9a ");
        assert_eq!(text(vec![span(0, 9, 'a', 1), span(0, 9, 'b', 2)]), "conflict 1 2");
    }

    #[test]
    fn the_whole_space_has_an_end() {
        assert_eq!(flatten(vec![span(0, u128::MAX, 'a', 1), span(u128::MAX, u128::MAX, 'b', 2), span(0, 0, 'c', 3)]).unwrap().len(), 3);
        assert_eq!(text(vec![span(0, u128::MAX, 'a', 1), span(0, u128::MAX, 'a', 2)]), format!("0-{}a ", u128::MAX));
    }

    proptest! {
        /// Prefixes never overlap without nesting: every number belongs to the longest prefix that holds it.
        #[test]
        fn prefixes_flatten_to_the_longest_match(prefixes in prop::collection::vec((0u128..256, 0u32..=8, any::<bool>()), 0..40)) {
            let spans: Vec<Span<bool>> = prefixes.iter().zip(1..).map(|(&(at, bits, value), line)| {
                let first = at >> bits << bits;
                Span { first, last: first + (1 << bits) - 1, value, line }
            }).collect();
            let Ok(flat) = flatten(spans.clone()) else { return Ok(()) };
            prop_assert!(flat.windows(2).all(|pair| pair[0].last < pair[1].first));
            for number in 0..256 {
                let inside = |s: &&Span<bool>| (s.first..=s.last).contains(&number);
                let expected = spans.iter().filter(inside).min_by_key(|s| s.last - s.first).map(|s| s.value);
                prop_assert_eq!(flat.iter().find(inside).map(|s| s.value), expected);
            }
        }
    }
}
