//! An interface as a pcapng section describes it: link type, snap length, and how its timestamps count.

use super::LinkType;
use super::error::Flaw;

/// Options of an interface description block (draft-ietf-opsawg-pcapng sections 3.5 and 4.2).
const OPT_END: u16 = 0;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

const NS_PER_SECOND: i128 = 1_000_000_000;
/// Digits of a second that a nanosecond has.
const NS_DIGITS: u32 = 9;
/// Bytes before the options: link type, reserved, snap length.
const FIXED_BYTES: usize = 8;

/// Longest name that is kept: Linux has 15 bytes (IFNAMSIZ), Windows a GUID with a prefix.
const NAME_BYTES_MAX: usize = 128;

/// The name in the body of an interface description block, if it has one. Nothing of it is believed but what it says.
pub fn name(order: Order, body: &[u8]) -> Option<String> {
    let mut options = body.get(FIXED_BYTES..)?;
    loop {
        let &[_, _, _, _, ..] = options else { return None };
        let (code, length) = (order.half_at(options, 0), usize::from(order.half_at(options, 2)));
        match code {
            OPT_END => return None,
            IF_NAME => {
                let name = options.get(4..4 + length.min(NAME_BYTES_MAX))?;
                return Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_string());
            }
            _ => options = options.get(4 + length.next_multiple_of(4)..)?,
        }
    }
}

/// The byte order of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    /// The 32-bit number at an offset; 0 if it is not there.
    #[inline]
    pub fn word_at(self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        if self == Order::Big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    /// The 16-bit number at an offset; 0 if it is not there.
    #[inline]
    pub fn half_at(self, bytes: &[u8], at: usize) -> u16 {
        let half = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).copied().unwrap_or_default();
        if self == Order::Big { u16::from_be_bytes(half) } else { u16::from_le_bytes(half) }
    }
}

/// What one tick of an interface's clock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tick {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many ticks make a nanosecond.
    PerNanosecond(u64),
    /// 2 to the power of minus so many seconds.
    Binary(u32),
}

impl Tick {
    /// From the value of the option `if_tsresol`: the highest bit tells powers of two from powers of ten.
    fn from_option(value: u8) -> Tick {
        let exponent = u32::from(value & 0x7f);
        if value & 0x80 != 0 {
            Tick::Binary(exponent)
        } else if let Some(missing) = NS_DIGITS.checked_sub(exponent) {
            Tick::Nanoseconds(10u64.pow(missing))
        } else {
            Tick::PerNanosecond(10u64.checked_pow(exponent - NS_DIGITS).unwrap_or(u64::MAX))
        }
    }
}

/// One interface of a section.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    pub link: LinkType,
    /// Most bytes captured of a frame; `u32::MAX` for no limit (0 in the file).
    pub snap_bytes: u32,
    /// Its number among all interfaces of the file.
    pub number: u16,
    tick: Tick,
    /// Seconds to add to every timestamp.
    offset_s: i64,
}

impl Interface {
    /// Reads the body of an interface description block. Fails if an option runs past the end: what was meant to be said of the
    /// clock can't be guessed.
    pub fn parse(order: Order, body: &[u8], number: u16) -> Result<Self, Flaw> {
        let Some(mut options) = body.get(FIXED_BYTES..) else {
            return Err(Flaw::BlockLength { claimed: body.len() as u32 + 12 });
        };
        let snap_bytes = match order.word_at(body, 4) {
            0 => u32::MAX,
            limited => limited,
        };
        let link = LinkType::of_file(order.half_at(body, 0).into());
        let mut interface = Interface { link, snap_bytes, number, tick: Tick::Nanoseconds(1000), offset_s: 0 };
        while options.len() >= 4 {
            let (code, length) = (order.half_at(options, 0), usize::from(order.half_at(options, 2)));
            if code == OPT_END {
                break;
            }
            let Some(value) = options.get(4..4 + length) else {
                return Err(Flaw::Option { code });
            };
            match (code, value) {
                (IF_TSRESOL, &[resolution]) => interface.tick = Tick::from_option(resolution),
                (IF_TSOFFSET, &[a, b, c, d, e, f, g, h]) => {
                    let bytes = [a, b, c, d, e, f, g, h];
                    interface.offset_s = if order == Order::Big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) };
                }
                (IF_TSRESOL | IF_TSOFFSET, _) => return Err(Flaw::Option { code }),
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(interface)
    }

    /// Nanoseconds since the epoch for a timestamp. Saturates: at 0 for times before 1970, at the year 2554.
    #[inline]
    pub fn time_ns(&self, ticks: u64) -> u64 {
        let time_ns = match self.tick {
            Tick::Nanoseconds(each) => ticks.saturating_mul(each),
            Tick::PerNanosecond(ticks_per_ns) => ticks / ticks_per_ns,
            Tick::Binary(exponent) => ((u128::from(ticks) * NS_PER_SECOND as u128) >> exponent).min(u64::MAX.into()) as u64,
        };
        if self.offset_s == 0 { time_ns } else { self.shifted(time_ns) }
    }

    #[cold]
    fn shifted(&self, time_ns: u64) -> u64 {
        (i128::from(time_ns) + i128::from(self.offset_s) * NS_PER_SECOND).clamp(0, u64::MAX.into()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_wherever_it_stands() {
        let body = |options: &[u8]| [&[1, 0, 0, 0, 0, 0, 0, 0], options].concat();
        assert_eq!(name(Order::Little, &body(&[9, 0, 1, 0, 9, 0, 0, 0, 2, 0, 4, 0, b'e', b't', b'h', b'7'])), Some("eth7".into()));
        assert_eq!(name(Order::Little, &body(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, b'e', 0, 0, 0])), None);
        assert_eq!(name(Order::Little, &body(&[2, 0, 200, 0, b'e'])), None);
    }

    fn with_options(options: &[u8]) -> Result<Interface, Flaw> {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(options);
        Interface::parse(Order::Little, &body, 0)
    }

    #[test]
    fn microseconds_unless_told() {
        assert_eq!(with_options(&[]).unwrap().time_ns(1_500_000), 1_500_000_000);
    }

    #[test]
    fn resolutions_of_tens_and_of_twos() {
        let ns = |resolution: u8, ticks| with_options(&[9, 0, 1, 0, resolution, 0, 0, 0]).unwrap().time_ns(ticks);
        assert_eq!(ns(0, 3), 3_000_000_000);
        assert_eq!(ns(3, 3), 3_000_000);
        assert_eq!(ns(9, 3), 3);
        assert_eq!(ns(12, 3999), 3);
        assert_eq!(ns(127, 3999), 0);
        assert_eq!(ns(0x80 | 10, 1024 + 512), 1_500_000_000);
        assert_eq!(ns(0x80, u64::MAX), u64::MAX);
        assert_eq!(ns(0xff, u64::MAX), 0);
    }

    #[test]
    fn offsets_shift_both_ways() {
        let ns = |offset: i64, ticks| {
            let mut options = vec![14, 0, 8, 0];
            options.extend_from_slice(&offset.to_le_bytes());
            with_options(&options).unwrap().time_ns(ticks)
        };
        assert_eq!(ns(2, 1), 2_000_001_000);
        assert_eq!(ns(-1, 1_000_001), 1_000);
        assert_eq!(ns(i64::MIN, 1), 0);
        assert_eq!(ns(i64::MAX, 1), u64::MAX);
    }

    #[test]
    fn lying_options_are_flaws() {
        assert!(matches!(with_options(&[2, 0, 0xff, 0xff, 0, 0, 0, 0]), Err(Flaw::Option { code: 2 })));
        assert!(matches!(with_options(&[9, 0, 2, 0, 6, 6, 0, 0]), Err(Flaw::Option { code: 9 })));
        assert!(with_options(&[0, 0, 0xff, 0xff]).is_ok());
    }

    #[test]
    fn no_options_or_bodies_panic() {
        for length in 0..40 {
            for fill in [0u8, 1, 4, 9, 14, 0xff] {
                let _ = Interface::parse(Order::Big, &vec![fill; length], 0);
                let _ = name(Order::Little, &vec![fill; length]);
            }
        }
    }
}
