//! ZIP archives of lists, as abuse.ch ships its full exports: each file in one is a list of its own.
//!
//! An archive is from somebody else. How much comes out of one is bounded by number, by size and by ratio, of what is read and not of what its
//! directory says, and nothing of it is ever written to a disk.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::IndicatorError;
use crate::protocol::digits;

/// A local file's header, or the end of an empty archive (APPNOTE.TXT 6.3.10 sections 4.3.7 and 4.3.16).
const MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Most files of an archive. abuse.ch's have one.
const MEMBERS_MAX: usize = 256;
/// Most bytes that come out of an archive. The largest export there is, MalwareBazaar's, has a third of it.
const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// Most bytes that come out for each byte that goes in, of a file that is larger than [`RATIO_FREE_BYTES`]. Lists come to 3 to 20; DEFLATE gets to 1032.
const RATIO_MAX: u64 = 200;
/// Bytes for which no ratio is asked: a short list of equal lines is no bomb.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// Read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// Whether a file is an archive.
pub(super) fn is_archive(head: &[u8]) -> bool {
    MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// Opens each file of an archive in its turn: `each` gets its name and its bytes. Gives the archive's SHA-256 in hexadecimal.
pub(super) fn read<R: Read + Seek>(
    path: &Path,
    mut packed: R,
    mut each: impl FnMut(&str, &mut dyn Read) -> Result<(), IndicatorError>,
) -> Result<String, IndicatorError> {
    let zip = |reason: String| IndicatorError::Zip { path: path.into(), reason };
    let failed = |cause| IndicatorError::Read { path: path.into(), cause };
    let sha256 = hash(&mut packed).map_err(failed)?;
    let wrong = |error: ZipError| zip(error.to_string());
    let mut archive = ZipArchive::new(packed).map_err(wrong)?;
    if archive.len() > MEMBERS_MAX {
        return Err(zip(format!("{} files in it, and at most {MEMBERS_MAX} are read", archive.len())));
    }
    let mut left = UNPACKED_BYTES_MAX;
    let mut is_empty = true;
    for place in 0..archive.len() {
        // The directory is asked first: without a key there is nothing to read.
        let member = archive.by_index_raw(place).map_err(wrong)?;
        if member.is_dir() {
            continue;
        }
        let (name, encrypted, packed_bytes) =
            (String::from_utf8_lossy(member.name_raw()).into_owned(), member.encrypted(), member.compressed_size());
        drop(member);
        if encrypted {
            return Err(zip(format!("{} in it is encrypted; unpack it first", name.escape_debug())));
        }
        let mut member = Bounded {
            inner: archive.by_index(place).map_err(wrong)?,
            left: left.min(RATIO_FREE_BYTES.max(packed_bytes.saturating_mul(RATIO_MAX))),
            read: 0,
        };
        is_empty = false;
        each(&name, &mut member)?;
        left -= member.read;
    }
    if is_empty {
        return Err(zip("no file is in it".into()));
    }
    Ok(sha256)
}

fn hash<R: Read + Seek>(packed: &mut R) -> io::Result<String> {
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let bytes = packed.read(&mut buffer)?;
        if bytes == 0 {
            break;
        }
        sha256.update(&buffer[..bytes]);
    }
    packed.seek(SeekFrom::Start(0))?;
    Ok(digits::written(&sha256.finalize()))
}

/// So many bytes and no more: one more is an error, not an end.
struct Bounded<R> {
    inner: R,
    left: u64,
    read: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(bytes as u64) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more comes out of the archive than a list can have"));
        };
        self.left = left;
        self.read += bytes as u64;
        Ok(bytes)
    }
}
