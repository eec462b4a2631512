//! Large tables in huge pages, and words brought into the cache before their turn. The only `unsafe` of the crate.
//!
//! A lane's tables are hit at random. In pages of 4 KiB nearly each hit misses the translation cache and walks the page table as well; a
//! worker spent half of its time there (127 ns a packet in the conversation table alone, measured with `perf annotate` on 64-byte frames).
//! Linux gives huge pages to whoever asks for them by madvise(2); the standard library has no way to ask. Prefetching hides what remains:
//! a plain read would hold up everything behind it.

#![allow(unsafe_code)]

/// Size of a huge page on the common machines, in bytes.
const HUGE_BYTES: usize = 2 * 1024 * 1024;

/// `len` copies of a value, in huge pages where the system has them to give. The advice changes where the memory lies, never what it
/// holds; if it is refused, nothing is different but the speed.
pub fn filled<T: Copy>(len: usize, value: T) -> Vec<T> {
    let mut table: Vec<T> = Vec::with_capacity(len);
    #[cfg(target_os = "linux")]
    if size_of::<T>() * len >= HUGE_BYTES {
        let room = table.spare_capacity_mut();
        let start = room.as_mut_ptr() as usize;
        let end = start + size_of_val(room);
        // The advice is for whole pages: those that the table has for itself.
        let (first, last) = (start.next_multiple_of(HUGE_BYTES), end / HUGE_BYTES * HUGE_BYTES);
        if first < last {
            // SAFETY: the range lies within an allocation that this vector owns and nobody else refers to; MADV_HUGEPAGE neither reads
            // nor writes nor unmaps it (madvise(2)). An error leaves everything as it was.
            unsafe {
                libc::madvise(first as *mut libc::c_void, last - first, libc::MADV_HUGEPAGE);
            }
        }
    }
    table.resize(len, value);
    table
}

/// Asks for the cache line of a value, and goes on at once.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could see, and cannot fault (Intel SDM, PREFETCHh); the address is that of a
    // reference anyway.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_holds_its_value_everywhere() {
        for len in [0, 1, 1000, HUGE_BYTES / 8, HUGE_BYTES] {
            let mut table = filled(len, 0x0102_0304_0506_0708u64);
            assert_eq!(table.len(), len);
            assert!(table.iter().all(|&word| word == 0x0102_0304_0506_0708));
            if let Some(last) = table.last_mut() {
                *last = 7;
                assert_eq!(table[len - 1], 7);
            }
        }
    }

    #[test]
    fn prefetching_changes_nothing() {
        let value = [7u8; 64];
        prefetch(&value);
        assert_eq!(value, [7; 64]);
    }
}
