//! How well attacks are found: labelled traffic of many kinds, through the whole pipeline, as a table.
//!
//!     cargo run --release --example evaluate [-- WORD…]
//!
//! With words, only cases whose name or variation contains each of them. Columns: the number of attacks; recall and precision; the share of
//! right attributes (method, shape, tool, protocol); the median distance of an event's start and end from the attack's, in seconds; the mean
//! share of packets under a wrong country; and how often the verdict on forged sources is right. What failed follows, with what was
//! reported instead.

mod harness;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let evaluation = harness::evaluate(|case, variation| {
        let name = format!("{case}, {variation}");
        words.iter().all(|word| name.contains(word.as_str()))
    })?;
    print!("{evaluation}");
    Ok(())
}
