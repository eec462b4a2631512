//! Several capture files as one source: in time order, merged frame by frame where they overlap.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use super::blocks::{Block, Blocks};
use super::filter::Filter;
use super::folder;
use super::reader::{CaptureReader, STANDARD_INPUT};
use super::{Frame, InterfaceNames, SourceError};

/// Files that can be open at a time, which is how many may overlap in time. Each holds a buffer of 128 KiB, and the usual limit of
/// open files of a process is 1024.
const OPEN_MAX: usize = 256;

/// What to read of the files.
#[derive(Clone, Debug, Default)]
pub struct FilesOptions {
    /// Stop after so many frames; those that the filter refused don't count.
    pub limit: Option<u64>,
    /// An expression in libpcap's language; frames that it refuses are counted and not delivered.
    pub filter: Option<String>,
}

/// A source that reads files. Each is opened once to learn when it begins, and again when its time comes.
pub struct Files {
    /// Not yet begun, in descending order of their turn, so that the next is the last.
    waiting: Vec<Waiting>,
    /// Begun, each standing on a frame that has not been delivered; but the active one's has been.
    open: Vec<Open>,
    /// Which of the open ones is being read; past the end if none is.
    active: usize,
    /// Until when the active file's frames are due before any other's, in nanoseconds since the epoch, exclusive.
    undisputed_until_ns: u64,
    filter: Option<Filter>,
    left: u64,
    filtered: u64,
    interfaces: u16,
    names: InterfaceNames,
    blocks: Blocks,
    bytes_read: Arc<AtomicU64>,
    total_bytes: Option<u64>,
    ended: bool,
}

struct Waiting {
    first_ns: u64,
    order: usize,
    path: PathBuf,
    /// Standard input and pipes can't be opened twice, and a single file needn't be.
    kept: Option<CaptureReader>,
}

struct Open {
    reader: CaptureReader,
    order: usize,
    time_ns: u64,
    /// The run's numbers for the file's interfaces, as they occur.
    interfaces: Vec<Option<u16>>,
}

impl Files {
    /// Finds the files (folders are searched through), and opens each of them for a first look: what can't be opened, is no capture or
    /// has a broken first record is an error here. Files without frames are passed over.
    pub fn open(paths: &[PathBuf], options: &FilesOptions) -> Result<Self, SourceError> {
        let filter = options.filter.as_deref().map(Filter::new).transpose()?;
        let files = folder::capture_files(paths)?;
        let bytes_read = Arc::new(AtomicU64::new(0));
        let blocks = Blocks::default();
        let mut waiting = Vec::with_capacity(files.len());
        for path in &files {
            let keep = files.len() == 1 || size(path).is_none();
            let counter: Arc<AtomicU64> = if keep { bytes_read.clone() } else { Arc::default() };
            let mut reader = CaptureReader::open(path, counter.clone(), keep.then(|| blocks.clone()))?;
            if reader.advance()? {
                let first_ns = reader.frame().time_ns;
                waiting.push(Waiting { first_ns, order: 0, path: path.clone(), kept: keep.then_some(reader) });
            } else if !keep {
                bytes_read.fetch_add(counter.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        waiting.sort_by(|a, b| (a.first_ns, &a.path).cmp(&(b.first_ns, &b.path)));
        for (order, file) in waiting.iter_mut().enumerate() {
            file.order = order;
        }
        waiting.sort_by_key(|file| Reverse(file.order));
        Ok(Files {
            waiting,
            open: Vec::new(),
            active: usize::MAX,
            undisputed_until_ns: 0,
            filter,
            left: options.limit.unwrap_or(u64::MAX),
            filtered: 0,
            interfaces: 0,
            names: InterfaceNames::default(),
            blocks,
            bytes_read,
            total_bytes: files.iter().map(|path| size(path)).sum(),
            ended: false,
        })
    }

    /// The next frame in time order; of equal times, the one of the file that begins first or has the lesser name. Within a file the
    /// order is the file's. After an error nothing more comes: what was due before it has been delivered.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        let more = self.advance();
        self.ended = !matches!(more, Ok(true));
        more?;
        let file = if self.ended { None } else { self.open.get_mut(self.active) };
        Ok(file.map(|file| file.frame(&mut self.interfaces, &self.names)))
    }

    /// Hands over the frames that come next and lie in the active file's buffer, at most so many, and returns how many there were: none
    /// if only [`Files::next_frame`] can tell what comes. With each comes the block it lies in, if that is lent.
    #[inline(always)]
    pub fn burst<E>(&mut self, most: u64, mut take: impl FnMut(Frame<'_>, Option<&Block>) -> Result<(), E>) -> Result<u64, E> {
        if self.ended || self.filter.is_some() {
            return Ok(0);
        }
        let Some(Open { reader: CaptureReader::Pcap(reader), interfaces, .. }) = self.open.get_mut(self.active) else { return Ok(0) };
        // A pcap file has one interface, which has its number since the first frame.
        let Some(&Some(interface)) = interfaces.first() else { return Ok(0) };
        let block = reader.lend();
        let take = |frame: Frame<'_>| take(Frame { interface, ..frame }, block.as_ref());
        let frames = reader.burst(most.min(self.left), self.undisputed_until_ns, take)?;
        self.left -= frames;
        Ok(frames)
    }

    /// Makes the active file stand on the frame to deliver.
    #[inline]
    fn advance(&mut self) -> Result<bool, SourceError> {
        if self.ended || self.left == 0 {
            return Ok(false);
        }
        loop {
            if !self.step()? {
                return Ok(false);
            }
            let (Some(filter), Some(file)) = (&mut self.filter, self.open.get(self.active)) else {
                break;
            };
            if filter.passes(&file.reader.frame())? {
                break;
            }
            self.filtered += 1;
        }
        self.left -= 1;
        Ok(true)
    }

    /// Steps to the next frame of all, filtered or not.
    #[inline]
    fn step(&mut self) -> Result<bool, SourceError> {
        if let Some(file) = self.open.get_mut(self.active) {
            if !file.reader.advance()? {
                self.open.swap_remove(self.active);
                return self.choose();
            }
            file.time_ns = file.reader.frame().time_ns;
            if file.time_ns < self.undisputed_until_ns {
                return Ok(true);
            }
        }
        self.choose()
    }

    /// Finds the file whose frame is due, opening those whose time has come. `false`: none is left.
    #[inline(never)]
    fn choose(&mut self) -> Result<bool, SourceError> {
        loop {
            let due = (0..self.open.len()).min_by_key(|&index| self.open.get(index).map(Open::turn));
            let due_turn = due.and_then(|index| self.open.get(index)).map(Open::turn);
            let Some(file) = self.waiting.pop_if(|file| due_turn.is_none_or(|turn| (file.first_ns, file.order) < turn)) else {
                self.active = due.unwrap_or(usize::MAX);
                self.undisputed_until_ns = self.others_due_ns();
                return Ok(due.is_some());
            };
            self.begin(file)?;
        }
    }

    /// When the first frame of a file other than the active one is due.
    fn others_due_ns(&self) -> u64 {
        let open = self.open.iter().enumerate().filter(|(index, _)| *index != self.active).map(|(_, file)| file.time_ns);
        open.chain(self.waiting.last().map(|file| file.first_ns)).min().unwrap_or(u64::MAX)
    }

    /// Opens a file whose time has come, on its first frame.
    fn begin(&mut self, file: Waiting) -> Result<(), SourceError> {
        if self.open.len() == OPEN_MAX {
            return Err(SourceError::Overlap { file: file.path.display().to_string(), limit: OPEN_MAX });
        }
        let reader = match file.kept {
            Some(reader) => reader,
            None => {
                let mut reader = CaptureReader::open(&file.path, self.bytes_read.clone(), Some(self.blocks.clone()))?;
                if !reader.advance()? {
                    return Ok(());
                }
                reader
            }
        };
        let time_ns = reader.frame().time_ns;
        self.open.push(Open { reader, order: file.order, time_ns, interfaces: Vec::new() });
        Ok(())
    }

    /// Frames that the filter refused.
    pub fn filtered(&self) -> u64 {
        self.filtered
    }

    /// The names of the run's interfaces.
    pub fn interface_names(&self) -> InterfaceNames {
        self.names.clone()
    }

    /// Bytes read from disk so far, as they stand there: compressed ones are counted compressed.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The same count for another thread to look at.
    pub fn progress(&self) -> Arc<AtomicU64> {
        self.bytes_read.clone()
    }

    /// The files' sizes added up; nothing if one of them is a pipe.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }
}

impl Open {
    /// By which the files take turns.
    fn turn(&self) -> (u64, usize) {
        (self.time_ns, self.order)
    }

    /// The frame stepped to, with the run's number for its interface; a new number if it is the first frame from there.
    #[inline]
    fn frame(&mut self, interfaces: &mut u16, names: &InterfaceNames) -> Frame<'_> {
        let frame = self.reader.frame();
        let local = usize::from(frame.interface);
        let interface = match self.interfaces.get(local) {
            Some(&Some(known)) => known,
            _ => {
                let new = *interfaces;
                *interfaces = interfaces.saturating_add(1);
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                if names.len() == usize::from(new) {
                    names.push(self.reader.interface_name(frame.interface).map(str::to_string));
                }
                if self.interfaces.len() <= local {
                    self.interfaces.resize(local + 1, None);
                }
                if let Some(number) = self.interfaces.get_mut(local) {
                    *number = Some(new);
                }
                new
            }
        };
        Frame { interface, ..frame }
    }
}

/// The size of a regular file.
fn size(path: &Path) -> Option<u64> {
    let metadata = if path.as_os_str() == STANDARD_INPUT { None } else { path.metadata().ok() };
    metadata.filter(|metadata| metadata.is_file()).map(|metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::interface::Order;
    use crate::source::samples::{Blocks, pcap};

    /// A folder of pcap files named by letters, with a frame of one byte, the letter, at each of the given seconds.
    fn folder(files: &[(&str, &[u32])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, seconds) in files {
            let letter = &name.as_bytes()[..1];
            let records: Vec<_> = seconds.iter().map(|&second| (second, 0, letter, 1)).collect();
            std::fs::write(folder.path().join(format!("{name}.pcap")), pcap(Order::Little, 0xa1b2_c3d4, 1, &records)).unwrap();
        }
        folder
    }

    /// Letters and seconds of the frames delivered, and the error.
    fn read(files: &mut Files) -> (String, Option<String>) {
        let mut read = String::new();
        loop {
            match files.next_frame() {
                Ok(Some(frame)) => {
                    read.push(frame.bytes[0].into());
                    read.push_str(&(frame.time_ns / 1_000_000_000).to_string());
                }
                Ok(None) => return (read, None),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }

    fn open(folder: &tempfile::TempDir, options: &FilesOptions) -> Files {
        Files::open(&[folder.path().to_owned()], options).unwrap()
    }

    #[test]
    fn files_follow_one_another_by_time_then_name() {
        let folder = folder(&[("c", &[1, 2]), ("b", &[5]), ("a", &[5, 6]), ("d", &[])]);
        assert_eq!(read(&mut open(&folder, &FilesOptions::default())).0, "c1c2a5b5a6");
    }

    #[test]
    fn overlapping_files_are_merged_and_ties_go_by_file() {
        let folder = folder(&[("a", &[1, 4, 4, 9]), ("b", &[2, 4, 5]), ("c", &[4, 8, 10])]);
        assert_eq!(read(&mut open(&folder, &FilesOptions::default())).0, "a1b2a4a4b4c4b5c8a9c10");
    }

    #[test]
    fn disorder_within_a_file_stays() {
        let folder = folder(&[("a", &[5, 3, 9]), ("b", &[6])]);
        assert_eq!(read(&mut open(&folder, &FilesOptions::default())).0, "a5a3b6a9");
    }

    #[test]
    fn the_limit_counts_delivered_frames() {
        let folder = folder(&[("a", &[1, 2, 3]), ("b", &[2])]);
        let mut files = open(&folder, &FilesOptions { limit: Some(2), filter: None });
        assert_eq!(read(&mut files).0, "a1a2");
        assert!(files.next_frame().unwrap().is_none());
    }

    #[test]
    fn refused_frames_are_counted_apart() {
        let folder = folder(&[("a", &[1, 2]), ("b", &[3])]);
        let mut files = open(&folder, &FilesOptions { limit: None, filter: Some("ether[0] == 0x62".into()) });
        assert_eq!(read(&mut files).0, "b3");
        assert_eq!(files.filtered(), 2);
    }

    #[test]
    fn an_error_comes_after_what_was_due_before_it_and_ends_the_run() {
        let folder = folder(&[("a", &[1, 2, 7]), ("b", &[1, 3, 8])]);
        let broken = folder.path().join("a.pcap");
        let bytes = std::fs::read(&broken).unwrap();
        std::fs::write(&broken, &bytes[..bytes.len() - 1]).unwrap();
        let mut files = open(&folder, &FilesOptions::default());
        let (read, error) = read(&mut files);
        assert_eq!(read, "a1b1a2");
        assert!(error.unwrap().contains("a.pcap: record 3 at byte 58 claims 1 bytes; the file ends after 74. 2 frames were counted"));
        assert!(files.next_frame().unwrap().is_none());
    }

    #[test]
    fn too_many_overlapping_files_are_an_error_that_names_one() {
        let names: Vec<String> = (0..=OPEN_MAX).map(|number| format!("f{number:03}")).collect();
        let files: Vec<(&str, &[u32])> = names.iter().map(|name| (&name[..], &[1, 2][..])).collect();
        let (_, error) = read(&mut open(&folder(&files), &FilesOptions::default()));
        assert!(error.unwrap().contains("f256.pcap: is one of more than 256 files"));
    }

    #[test]
    fn every_malformed_capture_is_read_or_refused_by_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/real/malformed");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: no malformed captures here");
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.display().to_string();
            let error = match Files::open(&[path], &FilesOptions::default()) {
                Err(error) => error.to_string(),
                Ok(mut files) => loop {
                    match files.next_frame() {
                        Ok(Some(frame)) => assert!(frame.wire_bytes as usize >= frame.bytes.len()),
                        Ok(None) => break name.clone(),
                        Err(error) => break error.to_string(),
                    }
                },
            };
            assert!(error.starts_with(&name), "{name}: {error}");
        }
    }

    #[test]
    fn interfaces_are_numbered_over_all_files() {
        let folder = folder(&[("a", &[1, 3]), ("c", &[5])]);
        let mut two = Blocks::section(Order::Big);
        two.interface(1, 0, &[]).interface(1, 0, &[]).enhanced(1, 2_000_000, b"b", 1).enhanced(0, 4_000_000, b"b", 1);
        std::fs::write(folder.path().join("b.pcapng"), two.bytes).unwrap();
        let mut files = open(&folder, &FilesOptions::default());
        let mut seen = Vec::new();
        while let Some(frame) = files.next_frame().unwrap() {
            seen.push((frame.time_ns / 1_000_000_000, frame.interface));
        }
        assert_eq!(seen, [(1, 0), (2, 1), (3, 0), (4, 2), (5, 3)]);
    }

    #[test]
    fn progress_ends_at_the_total() {
        for names in [&[("a", &[1u32, 2][..])][..], &[("a", &[1]), ("b", &[2]), ("c", &[])]] {
            let folder = folder(names);
            let mut files = open(&folder, &FilesOptions::default());
            assert_eq!(read(&mut files).1, None);
            assert_eq!(Some(files.bytes_read()), files.total_bytes());
        }
    }
}
