//! Where in a frame the decoder stands: what was captured, what the headers claim, and what the way here has told.

use super::packet::marks;
use super::refused::Refused;

/// Tunnels within tunnels that are followed. Real networks stack two or three (GTP-U over IPsec or MPLS, VXLAN over GRE); eight leaves
/// room and bounds the work that one frame can cause.
pub(super) const LEVELS_MAX: u8 = 8;

/// The identifier's bits in a VLAN tag's control information (IEEE 802.1Q clause 9.6).
pub(super) const VLAN_ID: u16 = 0x0fff;

/// A place in a frame. Small and `Copy`: a guess that fails is dropped, and its caller goes on from the old place.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The captured bytes, up to where the innermost length field says that they end: link padding is cut off.
    frame: &'a [u8],
    /// Where the next header begins; at most `frame.len()`.
    at: usize,
    /// Bytes from `at` on that the headers (or the wire length) claim; at least what was captured of them.
    claimed: usize,
    /// The first VLAN identifier that was met; 0 if none.
    pub vlan: u16,
    /// [`marks::TUNNELLED`], once an IP tunnel was entered.
    pub marks: u8,
    depth: u8,
    /// The innermost IP header left its length at 0 (segmentation offload, jumbograms): lengths of 0 are believed further in.
    pub unbounded: bool,
    /// The bytes are only guessed to be a tunnel, by a port: what follows must fit exactly.
    pub guessed: bool,
}

impl<'a> Place<'a> {
    /// The beginning of a frame of `wire_bytes` bytes, of which `bytes` were captured.
    pub fn new(bytes: &'a [u8], wire_bytes: u32) -> Self {
        let claimed = bytes.len().max(usize::try_from(wire_bytes).unwrap_or(usize::MAX));
        Place { frame: bytes, at: 0, claimed, vlan: 0, marks: 0, depth: 0, unbounded: false, guessed: false }
    }

    /// The captured bytes from here on.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Bytes from here on that should be there, captured or not.
    #[inline]
    pub fn claimed(&self) -> usize {
        self.claimed
    }

    /// Offset from the frame's beginning, in bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next `N` bytes, and the place behind them.
    ///
    /// # Errors
    /// [`Refused::Truncated`] if fewer were captured.
    #[inline]
    pub fn take<const N: usize>(self) -> Result<(&'a [u8; N], Self), Refused> {
        let fields = self.rest().first_chunk::<N>().ok_or(Refused::Truncated)?;
        Ok((fields, self.skip(N)?))
    }

    /// The place `bytes` further on.
    ///
    /// # Errors
    /// [`Refused::Truncated`] if fewer were captured.
    #[inline]
    pub fn skip(self, bytes: usize) -> Result<Self, Refused> {
        if bytes > self.rest().len() {
            return Err(Refused::Truncated);
        }
        Ok(Place { at: self.at + bytes, claimed: self.claimed.saturating_sub(bytes), ..self })
    }

    /// The same place, where a length field claims that just `bytes` follow.
    #[inline]
    pub fn bound(self, bytes: usize) -> Self {
        let end = self.at.saturating_add(bytes).min(self.frame.len());
        Place { frame: self.frame.get(..end).unwrap_or(self.frame), claimed: bytes, ..self }
    }

    /// The same place, seen as the beginning of an encapsulated frame or packet; `mark` is 0 or [`marks::TUNNELLED`].
    ///
    /// # Errors
    /// [`Refused::TooDeep`] below [`LEVELS_MAX`].
    #[inline]
    pub fn descend(self, mark: u8) -> Result<Self, Refused> {
        debug_assert!(mark & !marks::TUNNELLED == 0);
        if self.depth >= LEVELS_MAX {
            return Err(Refused::TooDeep);
        }
        Ok(Place { depth: self.depth + 1, marks: self.marks | mark, ..self })
    }

    /// The same place, behind an IP header whose length field was 0 (`unbounded`) or not.
    #[inline]
    pub fn behind_length(self, unbounded: bool) -> Self {
        Place { unbounded, ..self }
    }

    /// The same place, where what follows must fit exactly (`guessed`) or is believed.
    #[inline]
    pub fn as_guess(self, guessed: bool) -> Self {
        Place { guessed, ..self }
    }

    /// Notes a VLAN tag; the first one with an identifier stands.
    #[inline]
    pub fn tagged(self, control: u16) -> Self {
        Place { vlan: if self.vlan == 0 { control & VLAN_ID } else { self.vlan }, ..self }
    }
}
