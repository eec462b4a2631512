//! Records as lines of JSON, many at a time: with thousands of events at the end of a window, one core would be busy while all others wait.

use std::io;
use std::thread;

use serde::Serialize;

use crate::config;

/// Records that a thread of their own pays for: it takes some 50 µs to start, a record 2 µs to become a line.
const PER_THREAD_MIN: usize = 256;

/// Appends a record's line.
pub(super) fn line(into: &mut Vec<u8>, record: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *into, record)?;
    into.push(b'\n');
    Ok(())
}

/// Hands over the lines of records, in their order.
pub(super) fn lines<R: Serialize + Sync>(records: &[R], mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let text = |records: &[R]| {
        let mut text = Vec::new();
        records.iter().try_for_each(|record| line(&mut text, record))?;
        io::Result::Ok(text)
    };
    let threads = if records.len() < 2 * PER_THREAD_MIN { 1 } else { config::cores().min(records.len() / PER_THREAD_MIN) };
    let mut parts = records.chunks(records.len().div_ceil(threads).max(1));
    let Some(first) = parts.next() else { return Ok(()) };
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(move || text(part))).collect();
        write(&text(first)?)?;
        others.into_iter().try_for_each(|other| write(&other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_the_order_of_their_records_however_many_there_are() {
        for count in [0, 1, PER_THREAD_MIN * 2 - 1, PER_THREAD_MIN * 2, PER_THREAD_MIN * 7 + 3] {
            let records: Vec<usize> = (0..count).collect();
            let mut text = Vec::new();
            lines(&records, |part| {
                text.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
            let told: Vec<usize> = String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
            assert_eq!(told, records);
        }
    }

    #[test]
    fn what_cannot_be_written_ends_it() {
        let mut written = 0;
        let done = lines(&[7; PER_THREAD_MIN * 3], |_| {
            written += 1;
            Err(io::Error::other("full"))
        });
        assert_eq!((done.unwrap_err().to_string(), written), ("full".to_owned(), 1));
    }
}
