//! Archives that a server unpacks: a web application for Java, a plugin for a content management system.
//!
//! A ZIP is read from its first file on (PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.4). Its directory at the end may name lengths that files
//! written in one go lack, so a file's data ends where the deflate stream in it does.

use flate2::{Decompress, FlushDecompress};
use memchr::memmem;

use super::super::asked::Room;
use super::super::encoding::SCAN_BYTES;
use super::super::name::{Treatment, judge, last_part};
use super::super::script::{self, Hold};

const FILE: &[u8] = b"PK\x03\x04";
/// Bytes of a file's header before its name.
const HEADER_BYTES: usize = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Files of an archive that are looked at.
const FILES_MAX: usize = 256;
/// Scripts from which on an archive is a program that somebody wrote, and what one of them may do says nothing: shells are packed with the few files
/// that the server asks for.
const SCRIPTS_MAX: usize = 8;

/// Whether bytes begin as a ZIP.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(FILE)
}

/// The name of a script in a small archive that runs what it is told.
pub fn shell_in(archive: &[u8], room: &mut Room) -> Option<Vec<u8>> {
    let mut found = None;
    let mut scripts = 0;
    for at in memmem::find_iter(archive, FILE).take(FILES_MAX) {
        let Some(header) = archive[at..].first_chunk::<HEADER_BYTES>() else { break };
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let size = u32::from_le_bytes([header[18], header[19], header[20], header[21]]) as usize;
        let (method, name_len, extra_len) = (half(8), usize::from(half(26)), usize::from(half(28)));
        let rest = &archive[at + HEADER_BYTES..];
        let (Some(name), Some(data)) = (rest.get(..name_len), rest.get(name_len + extra_len..)) else { continue };
        let Treatment::Script(language) = judge(name).treatment else { continue };
        scripts += 1;
        if scripts > SCRIPTS_MAX {
            return None;
        }
        if found.is_some() || !unpack(method, data, size, &mut room.plain) {
            continue;
        }
        if script::judge(language, &room.plain, &mut room.code).hold == Hold::Runs {
            found = Some(last_part(name).to_vec());
        }
    }
    found
}

/// Unpacks the beginning of a file into `out`, which is emptied first. `size` is that of its data, or nothing where it stands behind it.
fn unpack(method: u16, data: &[u8], size: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    match method {
        STORED => {
            let len = if size == 0 { data.len() } else { size.min(data.len()) };
            out.extend_from_slice(&data[..len.min(SCAN_BYTES)]);
            true
        }
        DEFLATED => {
            out.resize(SCAN_BYTES, 0);
            let mut inflater = Decompress::new(false);
            let went = inflater.decompress(data, out, FlushDecompress::None).is_ok();
            out.truncate(usize::try_from(inflater.total_out()).unwrap_or_default());
            went
        }
        _ => false,
    }
}

#[cfg(test)]
pub mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// An archive as Java's own tool writes it, whose files' lengths stand behind them, or with stored files.
    pub fn zip(files: &[(&str, &[u8])], stored: bool) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in files {
            let mut header = [0; HEADER_BYTES];
            header[..4].copy_from_slice(FILE);
            header[26] = name.len() as u8;
            if stored {
                header[18..22].copy_from_slice(&(content.len() as u32).to_le_bytes());
            } else {
                (header[6], header[8]) = (8, DEFLATED as u8);
            }
            archive.extend(header);
            archive.extend(name.as_bytes());
            if stored {
                archive.extend(*content);
            } else {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).unwrap();
                archive.extend(encoder.finish().unwrap());
                archive.extend(b"PK\x07\x08\0\0\0\0\0\0\0\0\0\0\0\0");
            }
        }
        archive.extend(b"PK\x01\x02");
        archive
    }

    fn found(archive: &[u8]) -> Option<String> {
        shell_in(archive, &mut Room::default()).map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    const SHELL: &[u8] = b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>";

    #[test]
    fn a_shell_is_found_however_it_is_packed() {
        for stored in [false, true] {
            let archive = zip(
                &[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), ("WEB-INF/web.xml", b"<web-app/>"), ("a/x.jsp", SHELL)],
                stored,
            );
            assert_eq!(found(&archive).as_deref(), Some("x.jsp"));
        }
        assert_eq!(found(&zip(&[("p/p.php", b"<?php /* Plugin Name: p */ system($_GET['c']);")], false)).as_deref(), Some("p.php"));
    }

    #[test]
    fn programs_and_what_is_broken_are_none() {
        assert_eq!(found(&zip(&[("index.jsp", b"<%= new java.util.Date() %>"), ("x.txt", SHELL)], false)), None);
        let names: Vec<String> = (0..9).map(|at| format!("{at}.jsp")).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), SHELL)).collect();
        assert_eq!(found(&zip(&many, false)), None);
        let archive = zip(&[("x.jsp", SHELL)], false);
        for len in 0..archive.len() {
            let _ = found(&archive[..len]);
        }
        for at in 0..archive.len() {
            let mut broken = archive.clone();
            broken[at] ^= 0xff;
            let _ = found(&broken);
        }
    }
}
