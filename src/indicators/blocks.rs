//! Lines that mean the same wherever they stand, taken by several threads: each takes blocks of whole lines into a collector of its own, and
//! these are joined in the order of the blocks. So the answer is that of one thread.

use std::collections::VecDeque;
use std::io;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::collect::Collector;
use super::input::{Input, LINE_BYTES_MAX, Line};
use crate::config;

/// Bytes of a block, about: some thousand lines, which take milliseconds.
pub(super) const BLOCK_BYTES: usize = 512 * 1024;
/// Blocks that are read ahead of the one to be joined, for each thread.
const BLOCKS_AHEAD: usize = 2;

/// Whole lines, and the number of the first.
pub(super) struct Block {
    pub bytes: Vec<u8>,
    pub first: u32,
}

impl Block {
    /// Gives each line with its number, for as long as `take` says so, and refuses those that are too long. Whether it always did.
    pub fn each(&self, into: &mut Collector<'_>, mut take: impl FnMut(&[u8], u32, &mut Collector<'_>) -> bool) -> bool {
        self.lines().all(|(line, number)| match line {
            Line::Text(text) => take(text, number, into),
            Line::TooLong => {
                too_long(number, into);
                true
            }
        })
    }

    /// The lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (Line<'_>, u32)> {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        text.split(|&byte| byte == b'\n').zip(self.first..).map(|(line, number)| match line.len() {
            0..=LINE_BYTES_MAX => (Line::Text(line.strip_suffix(b"\r").unwrap_or(line)), number),
            _ => (Line::TooLong, number),
        })
    }
}

fn too_long(number: u32, into: &mut Collector<'_>) {
    into.refuse(number, "a line of more than 65536 bytes", b"");
}

/// What takes a list line by line, and knows what those before say of those that come.
pub(super) trait Reading {
    fn line(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>);

    /// Whether lines mean the same wherever they stand, from here on.
    fn stands_alone(&self, into: &mut Collector<'_>) -> bool;

    /// Takes a block by itself. Whether it stands for itself: whether no line says anything of those behind it.
    fn alone(&self) -> impl Fn(&Block, &mut Collector<'_>) -> bool + Sync;

    fn finish(self, into: &mut Collector<'_>);
}

/// Reads lines to the end of the input: as soon as they stand alone, by all cores.
pub(super) fn read(input: &mut Input<'_>, into: &mut Collector<'_>, mut reading: impl Reading) -> io::Result<()> {
    let mut apart = config::cores() < 2;
    while one(input, into, &mut reading)? {
        if !apart && reading.stands_alone(into) {
            apart = true;
            for block in take(input, into, reading.alone())? {
                block.each(into, |line, number, into| {
                    reading.line(line, number, into);
                    true
                });
            }
        }
    }
    reading.finish(into);
    Ok(())
}

/// Reads a line. Whether there was one.
fn one(input: &mut Input<'_>, into: &mut Collector<'_>, reading: &mut impl Reading) -> io::Result<bool> {
    let counter = input.counter();
    match input.line()? {
        Some(Line::Text(line)) => reading.line(line, counter.get(), into),
        Some(Line::TooLong) => too_long(counter.get(), into),
        None => return Ok(false),
    }
    Ok(true)
}

/// A block that a thread is done with; with what it came to, unless it has to be taken line by line.
type Taken<'a> = (Block, Option<Collector<'a>>);

/// Takes blocks into the list at work, up to the end of the input. If one does not stand for itself, or changes what is known of the list, it and those
/// read behind it are given back, to be taken line by line; so is what one thread has done sooner.
fn take(
    input: &mut Input<'_>,
    into: &mut Collector<'_>,
    alone: impl Fn(&Block, &mut Collector<'_>) -> bool + Sync,
) -> io::Result<Vec<Block>> {
    let threads = config::cores();
    let Some(first) = input.block()? else { return Ok(Vec::new()) };
    if first.bytes.len() < BLOCK_BYTES {
        return Ok(vec![first]);
    }
    let empty = into.part();
    thread::scope(|scope| {
        let (to_threads, blocks) = bounded::<(Block, Sender<Taken<'_>>)>(threads * BLOCKS_AHEAD);
        for _ in 0..threads {
            let (blocks, empty, alone) = (blocks.clone(), &empty, &alone);
            let work = move || {
                for (block, done) in blocks {
                    let mut part = empty.part();
                    let stands = alone(&block, &mut part) && part.is_part_of(empty);
                    // Whoever asked may have failed meanwhile.
                    let _ = done.send((block, stands.then_some(part)));
                }
            };
            thread::Builder::new().spawn_scoped(scope, work)?;
        }
        drop(blocks);
        let mut under_way: VecDeque<Receiver<Taken<'_>>> = VecDeque::new();
        let (mut next, mut left) = (Some(first), Vec::new());
        loop {
            while under_way.len() < threads * BLOCKS_AHEAD
                && left.is_empty()
                && let Some(block) = next.take()
            {
                let (done, taken) = bounded(1);
                under_way.push_back(taken);
                // There are threads for as long as there is the channel, or the scope says what ended them.
                let _ = to_threads.send((block, done));
                next = input.block()?;
            }
            // A thread that has panicked gives nothing back; the scope says so.
            let Some(Ok((block, part))) = under_way.pop_front().map(|taken| taken.recv()) else { break };
            match part {
                Some(part) if left.is_empty() => into.join(part),
                _ => left.push(block),
            }
        }
        left.extend(next);
        Ok(left)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::indicators::list::List;
    use crate::indicators::{json, lines};
    use crate::settings::indicator as Settings;

    type Read = fn(&mut Input<'_>, &mut Collector<'_>) -> io::Result<()>;

    /// All that came of a list: what is known of it, its tags and families, and how often and where it has what.
    fn told(text: &str, read: Read) -> String {
        let settings = Settings::default();
        let mut into = Collector::new(&settings);
        // One before, so that places differ from those of a part.
        into.begin(List::new("other".into()));
        lines::read(&mut Input::new(&b"ioc_value,malware\n1.2.3.4,Other\n"[..]).unwrap(), &mut into).unwrap();
        into.begin(List::new("list".into()));
        read(&mut Input::new(text.as_bytes()).unwrap(), &mut into).unwrap();
        format!("{:?}\n{:?}\n{:?}\n{:?}\n{:?}", into.lists, into.tags, into.families, into.url_hosts, into.tables)
    }

    fn one_by_one<R: Reading + Default>(input: &mut Input<'_>, into: &mut Collector<'_>) -> io::Result<()> {
        let mut reading = R::default();
        while one(input, into, &mut reading)? {}
        reading.finish(into);
        Ok(())
    }

    fn assert_alike<R: Reading + Default>(text: &str, read: Read) {
        assert!(text.len() > 2 * BLOCK_BYTES, "{}", text.len());
        let (expected, found) = (told(text, one_by_one::<R>), told(text, read));
        assert!(expected == found, "{}\n{}", &expected[..2000], &found[..2000]);
    }

    /// Rows of columns, some of which cannot be understood; `odd` stands at every thousandth.
    fn rows(odd: &str) -> String {
        let mut text = "# URLhaus\nid,dateadded,url,url_status,threat,tags,malware\n".to_string();
        for n in 0..20_000 {
            let _ = match n % 1000 {
                500 => writeln!(text, "{odd}"),
                _ if n % 7 == 0 => writeln!(text, "{n},2026-11-{:02} 10:00:00,ftp:/{n},online,,x,\r", n % 30 + 1),
                _ => writeln!(
                    text,
                    "{n},2026-11-{:02} 10:00:00,http://{n}.example/a,online,malware_download,x,Family {}",
                    n % 30 + 1,
                    n % 91
                ),
            };
        }
        text
    }

    #[test]
    fn several_threads_read_what_one_reads() {
        for odd in
            ["", "# a comment", "# Last updated: 2026-11-20", "# A whitelist", &"x".repeat(LINE_BYTES_MAX), &"x".repeat(LINE_BYTES_MAX + 1)]
        {
            assert_alike::<lines::Lines>(&rows(odd), lines::read);
        }
        let plain: String = (0..60_000).map(|n| format!("h{n}.example\n10.{}.{}.1\nhttp://x.example/{n}\n", n / 250, n % 250)).collect();
        assert_alike::<lines::Lines>(&plain, lines::read);
    }

    #[test]
    fn objects_of_several_forms_are_read_as_by_one_thread() {
        let object = |n: u32, forms: u32| match n % forms {
            0 => format!("{{\"ioc_value\":\"{n}.example\",\"ioc_type\":\"domain\",\"malware\":\"Family {}\"}}\n", n % 13),
            1 => format!("{{\"sha256_hash\":\"{n:064x}\",\"first_seen\":\"2026-11-20 10:00:00\"}}\n"),
            2 => "no JSON\n".into(),
            3 => format!("{{\"url\":\"http://{n}.example/\"}}\n"),
            _ => format!(
                "{{\"Event\":{{\"info\":\"x\",\"Attribute\":[{{\"type\":\"domain\",\"value\":\"{n}.example\",\"to_ids\":true}}]}}}}\n"
            ),
        };
        // An event makes it another list, for what stands behind.
        for forms in [4, 5] {
            let some: String = (0..30_000).map(|n| object(n, forms)).collect();
            assert_alike::<json::Lines>(&some, json::lines);
        }
        let some: String = (0..30_000).map(|n| object(n, 4)).collect();
        let indicator = |n: u32| {
            format!("{{\"type\":\"indicator\",\"id\":\"indicator--{n:032x}\",\"pattern\":\"[domain-name:value = '{n}.example']\"}}\n")
        };
        assert_alike::<json::Lines>(&(some + &(0..3_000).map(indicator).collect::<String>()), json::lines);
    }

    #[test]
    fn blocks_have_the_lines_that_come_one_by_one() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let texts = [
            String::new(),
            "\n".into(),
            "a".into(),
            "a\r\n\r\n\nb".into(),
            format!("{long}\na\n"),
            format!("a\n{long}"),
            format!("{}\n{long}{long}{long}{long}{long}{long}{long}{long}\n\nz\n", "a\n".repeat(BLOCK_BYTES)),
        ];
        let whole = |line: &Line<'_>| match line {
            Line::Text(text) => Some(text.to_vec()),
            Line::TooLong => None,
        };
        for text in texts {
            let (mut by_line, mut by_block) = (Vec::new(), Vec::new());
            let mut input = Input::new(text.as_bytes()).unwrap();
            let counter = input.counter();
            while let Some(line) = input.line().unwrap() {
                by_line.push((whole(&line), counter.get()));
            }
            let mut input = Input::new(text.as_bytes()).unwrap();
            while let Some(block) = input.block().unwrap() {
                by_block.extend(block.lines().map(|(line, number)| (whole(&line), number)));
            }
            assert!(by_line == by_block, "{} and {} lines of {:.40?}", by_line.len(), by_block.len(), text);
            assert_eq!(input.counter().get(), counter.get());
        }
    }
}
