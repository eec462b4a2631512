//! Large tables in huge pages, words brought into the cache before their turn, and items written past it. The only `unsafe` of the crate.
//!
//! A lane's tables are hit at random. In pages of 4 KiB nearly each hit misses the translation cache and walks the page table as well; a
//! worker spent half of its time there (127 ns a packet in the conversation table alone, measured with `perf annotate` on 64-byte frames).
//! Linux gives huge pages to whoever asks for them by madvise(2); the standard library has no way to ask. Fresh memory is
//! zero, so that a table costs nothing before it is used: writing 40 MiB of empty entries took 19 ms of every start.
//! Prefetching hides what misses remain: a plain read would hold up everything behind it.

#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::detect::tables::{Bucket, ContactBucket, Flow, Kept, SourceBucket, WarmBucket};
use crate::dispatch::batch::Item;

/// Size of a huge page on the common machines, in bytes.
const HUGE_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of a cache line on the common machines.
pub const LINE_BYTES: usize = 64;

/// Types of which all bytes zero are a value: an empty place.
///
/// # Safety
/// Zero bytes must be a valid value of every field, and the type must need no drop.
pub unsafe trait Zeroed: Copy {}

// SAFETY: hashes and numbers; `State` and its like have a variant 0 (`Free`), `Country` is an index below 256 with any value from 0 to 250.
unsafe impl Zeroed for Bucket {}
// SAFETY: numbers, `bool`s, and two enums without fields whose first variants (`State::Free`, `Wants::All`) are 0.
unsafe impl Zeroed for Flow {}
// SAFETY: numbers only.
unsafe impl Zeroed for ContactBucket {}
// SAFETY: hashes, numbers, and a `bool`, whose 0 is `false`.
unsafe impl Zeroed for SourceBucket {}
// SAFETY: numbers, a `bool`, and two enums without fields whose first variants (`Transport::Tcp`, `Method::Syn`) are 0.
unsafe impl Zeroed for Kept {}
// SAFETY: numbers, and a `bool`, whose 0 is `false`.
unsafe impl Zeroed for WarmBucket {}
// SAFETY: an array of what may be zero.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}
// SAFETY: a number.
#[cfg(test)]
unsafe impl Zeroed for u64 {}

/// Tables that [`warm`] has not gone through yet.
static FRESH: Mutex<VecDeque<Weak<Mapping>>> = Mutex::new(VecDeque::new());

/// Places in memory of their own, empty at first, in huge pages where the system has them to give.
///
/// Mapped rather than allocated: what an allocator hands out may have been touched before, and then stays in small pages.
pub struct Table<T: Zeroed> {
    start: NonNull<T>,
    len: usize,
    /// Keeps it mapped.
    _mapping: Arc<Mapping>,
}

/// Memory mapped from the system.
struct Mapping {
    start: NonNull<libc::c_void>,
    bytes: usize,
    /// Where the table stands in it, from a huge page's border on.
    table_at: usize,
    table_bytes: usize,
    /// Bytes of the table that have been brought in, or are being.
    warm_bytes: AtomicUsize,
}

// SAFETY: a mapping's parts are numbers and an address that are never changed, and a counter; only `Table` reads or writes what lies there.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

// SAFETY: a table owns what lies in its mapping alone, as a vector owns its allocation.
unsafe impl<T: Zeroed + Send> Send for Table<T> {}

impl Mapping {
    /// Memory for so many bytes from a huge page's border on. The advice to use huge pages changes where the memory lies, never what it
    /// holds; if it is refused, nothing is different but the speed.
    fn new(layout: Layout) -> Self {
        // Room to begin at a huge page's border.
        let bytes = layout.size() + HUGE_BYTES;
        // SAFETY: a new private mapping without a file, at a place of the system's choice, touches nothing that exists (mmap(2)).
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        let table_at = (start as usize).next_multiple_of(HUGE_BYTES) - start as usize;
        match NonNull::new(start) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED => {
                let mapping = Mapping { start, bytes, table_at, table_bytes: layout.size(), warm_bytes: AtomicUsize::new(0) };
                #[cfg(target_os = "linux")]
                mapping.advise(0, mapping.table_bytes, libc::MADV_HUGEPAGE);
                mapping
            }
            _ => handle_alloc_error(layout),
        }
    }

    /// The table's first byte.
    fn table(&self) -> *mut u8 {
        self.start.as_ptr().cast::<u8>().wrapping_add(self.table_at)
    }

    /// Says how a part of the table will be used, in a way that leaves what it holds as it is. Whether it was heard.
    #[cfg(target_os = "linux")]
    fn advise(&self, at: usize, bytes: usize, advice: libc::c_int) -> bool {
        // SAFETY: the range lies within the mapping, for callers name parts of the table; MADV_HUGEPAGE and MADV_POPULATE_WRITE neither read
        // nor write nor unmap it (madvise(2)).
        unsafe { libc::madvise(self.table().wrapping_add(at).cast(), bytes, advice) == 0 }
    }

    /// Brings the next huge page of the table in. `false`: all are.
    fn warm_next(&self) -> bool {
        let at = self.warm_bytes.fetch_add(HUGE_BYTES, Ordering::Relaxed);
        let Some(left) = self.table_bytes.checked_sub(at).filter(|&left| left > 0) else { return false };
        #[cfg(target_os = "linux")]
        return self.advise(at, left.min(HUGE_BYTES), libc::MADV_POPULATE_WRITE);
        #[cfg(not(target_os = "linux"))]
        false
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no table refers to it any more.
        unsafe {
            libc::munmap(self.start.as_ptr(), self.bytes);
        }
    }
}

/// Brings a huge page of a table in that nobody has touched yet, for a thread that has nothing better to do. The system clears it first, for
/// which whoever works on the table need not wait then: 0.1 ms a page, and up to 5 where a hypervisor has to find the memory. `false`: there is
/// none, or the system cannot (Linux before 5.14).
pub fn warm() -> bool {
    let mut fresh = FRESH.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(mapping) = fresh.front().map(Weak::upgrade) {
        match mapping.filter(|mapping| mapping.warm_bytes.load(Ordering::Relaxed) < mapping.table_bytes) {
            None => drop(fresh.pop_front()),
            Some(mapping) => {
                drop(fresh);
                return mapping.warm_next();
            }
        }
    }
    false
}

impl<T: Zeroed> Table<T> {
    /// So many empty places.
    ///
    /// # Panics
    /// If the system has no memory to give, as any allocation does.
    pub fn new(len: usize) -> Self {
        let layout = Layout::array::<T>(len.max(1)).expect("tables have constant sizes");
        let mapping = Arc::new(Mapping::new(layout));
        FRESH.lock().unwrap_or_else(PoisonError::into_inner).push_back(Arc::downgrade(&mapping));
        match NonNull::new(mapping.table().cast::<T>()) {
            Some(start) => Table { start, len, _mapping: mapping },
            None => handle_alloc_error(layout),
        }
    }
}

impl<T: Zeroed> Deref for Table<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` is aligned to a huge page, which is more than any type here needs, and `len` values lie behind it within the
        // mapping; zero bytes, and whatever was written since, are values of the type (`Zeroed`).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zeroed> DerefMut for Table<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above; the table is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

/// Asks for the cache line of an address.
#[inline(always)]
fn fetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could see, and cannot fault, whatever the address (Intel SDM, PREFETCHh).
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks for the cache line of an address, for this core alone.
#[inline(always)]
fn fetch_to_write(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as for `fetch`; PREFETCHW (AMD64 manual volume 3; Intel SDM) changes who holds the line, not what it holds. Processors that
    // lack it take it for a NOP. Written out, for the compiler makes a plain prefetch of the intrinsic unless it is told to build for newer
    // processors only.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The addresses of a value's cache lines.
#[inline(always)]
fn lines<T>(value: &T) -> impl Iterator<Item = *const u8> {
    let first = std::ptr::from_ref(value).cast::<u8>();
    (0..size_of::<T>()).step_by(LINE_BYTES).map(move |offset| first.wrapping_add(offset))
}

/// Asks for the cache line of a value, and goes on at once.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    fetch(std::ptr::from_ref(value).cast());
}

/// Asks for the cache line of the byte at an offset into a value, and goes on at once: where which line is wanted is chance, an offset that
/// is chosen without a branch is cheaper than one line less.
#[inline(always)]
pub fn prefetch_at<T: ?Sized>(value: &T, offset: usize) {
    fetch(std::ptr::from_ref(value).cast::<u8>().wrapping_add(offset));
}

/// Asks for every cache line of a value, and goes on at once.
#[inline(always)]
pub fn prefetch_whole<T>(value: &T) {
    lines(value).for_each(fetch);
}

/// Asks for the cache line of a place that is about to be written, for this core alone, and goes on at once. A line that another core has
/// read last costs some 150 ns to write; stores wait for it in order, and few fit in the queue. Where this core has the line too, and has
/// lent it, a Zen 4 takes no notice: such a place is better written with [`push_past_caches`].
#[inline(always)]
pub fn prefetch_write<T>(place: &mut T) {
    fetch_to_write(std::ptr::from_ref(place).cast());
}

/// Asks for every cache line of a place that is about to be written, as [`prefetch_write`] does for one.
#[inline(always)]
pub fn prefetch_write_whole<T>(place: &mut T) {
    lines(place).for_each(fetch_to_write);
}

/// Types that fill one cache line with numbers.
///
/// # Safety
/// Any 64 bytes must be a value of the type, at a place that is aligned to 64 bytes.
pub unsafe trait Line: Copy {}

// SAFETY: numbers only, aligned to a cache line.
unsafe impl Line for Item {}

/// Adds an item, given as the words of its cache line, to a list that another thread will read next, and writes it past the caches. If the list
/// is full, it grows as any does.
///
/// A line that another core has read last has to be had back from there before it can be written, and all that is written after it waits in
/// a short queue: 12 ns a line where both cores share a cache, and 149 where they do not (Zen 4, by a program that does nothing else). A hypervisor puts its
/// virtual processors where it likes, and whole runs took 1.5 times as long. What goes past the caches waits for nobody.
/// [`fence`] must follow before another thread may see the list.
#[inline(always)]
pub fn push_past_caches<T: Line>(list: &mut Vec<T>, words: [u64; 8]) {
    const { assert!(size_of::<T>() == size_of::<[u64; 8]>() && align_of::<T>() == LINE_BYTES) };
    let place = place_behind(list).cast::<u64>();
    // SAFETY: there is room behind the last item, aligned for one; the words are a value of the type (`Line`), and are all written before
    // the list is said to be longer. What this thread writes so it reads back in order, as anything it writes (Intel SDM volume 1, section 10.4.6.2;
    // AMD64 manual volume 2, section 7.4); for others there is `fence`.
    unsafe {
        for (at, word) in words.into_iter().enumerate() {
            write_past_caches(place.add(at), word);
        }
        list.set_len(list.len() + 1);
    }
}

/// Where a list's next item will stand, for which there is room.
#[inline(always)]
fn place_behind<T>(list: &mut Vec<T>) -> *mut T {
    if list.len() == list.capacity() {
        list.reserve(1);
    }
    list.spare_capacity_mut().as_mut_ptr().cast()
}

/// The same of an item of any type that fills one cache line, as its bytes are: it is put together in memory first.
#[inline(always)]
pub fn push_record_past_caches<T: Copy>(list: &mut Vec<T>, record: T) {
    const { assert!(size_of::<T>() == LINE_BYTES && align_of::<T>() == LINE_BYTES) };
    let place = place_behind(list);
    // SAFETY: there is room behind the last record, aligned for one; all its bytes are copied before the list is said to be longer, padding
    // as what it is: a copy through inline assembly asks nothing of what it copies. Reading back and `fence`: as above.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        for at in (0..LINE_BYTES).step_by(8) {
            std::arch::asm!(
                "mov {word}, [{from}]",
                "movnti [{to}], {word}",
                word = out(reg) _,
                from = in(reg) std::ptr::from_ref(&record).cast::<u8>().add(at),
                to = in(reg) place.cast::<u8>().add(at),
                options(nostack, preserves_flags)
            );
        }
        #[cfg(not(target_arch = "x86_64"))]
        place.write(record);
        list.set_len(list.len() + 1);
    }
}

/// # Safety
/// As for [`std::ptr::write`].
#[inline(always)]
unsafe fn write_past_caches(place: *mut u64, word: u64) {
    // SAFETY: the caller's word is that the place may be written to. MOVNTI is in SSE2, which every x86-64 has.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::x86_64::_mm_stream_si64(place.cast(), word.cast_signed());
        #[cfg(not(target_arch = "x86_64"))]
        place.write(word);
    }
}

/// Whoever is told of something after this finds what was written past the caches before it.
pub fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SFENCE orders stores and does nothing else; it is in SSE, which every x86-64 has.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_empty_everywhere_and_can_be_written_everywhere() {
        for len in [0, 1, 1000, 1 << 18, 1 << 21] {
            let mut table: Table<u64> = Table::new(len);
            assert_eq!(table.len(), len);
            assert!(table.iter().all(|&word| word == 0));
            for word in table.iter_mut() {
                *word = 7;
            }
            assert_eq!(table.iter().sum::<u64>(), 7 * len as u64);
        }
    }

    #[test]
    fn a_table_that_is_warmed_stays_what_it_is() {
        let mut table: Table<u64> = Table::new(1 << 20);
        table[5] = 7;
        // Other tests' tables may come first.
        while warm() {}
        assert_eq!((table[5], table.iter().sum::<u64>()), (7, 7));
    }

    #[test]
    fn zero_bytes_are_empty_entries() {
        assert!(Table::<Bucket>::new(3).iter().all(Bucket::is_empty));
        assert!(Table::<SourceBucket>::new(3).iter().all(SourceBucket::is_empty));
        assert!(Table::<WarmBucket>::new(3).iter().all(WarmBucket::is_empty));
    }

    /// With padding.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(64))]
    struct AtLine(u8, u64, u32);

    #[test]
    fn what_is_written_past_the_caches_is_there_and_lists_grow() {
        let mut batch = crate::dispatch::batch::Batch::default();
        for number in 0..100u64 {
            push_past_caches(&mut batch.items, [number; 8]);
        }
        let mut records = vec![AtLine(7, 0, 0); 3];
        push_record_past_caches(&mut records, AtLine(8, 1, 2));
        assert_eq!(records[2..], [AtLine(7, 0, 0), AtLine(8, 1, 2)]);
        fence();
        let read = std::thread::scope(|threads| {
            threads.spawn(|| batch.items.iter().map(|item| (item.conversation, item.source_hash)).collect::<Vec<_>>()).join()
        });
        assert_eq!(read.unwrap(), (0..100).map(|number| (number, number)).collect::<Vec<_>>());
    }

    #[test]
    fn prefetching_changes_nothing() {
        let value = [7u8; 64];
        prefetch(&value);
        prefetch_at(&value, 63);
        prefetch_at(&value, usize::MAX);
        assert_eq!(value, [7; 64]);
    }
}
