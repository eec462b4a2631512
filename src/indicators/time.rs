//! Dates as lists write them, as seconds since the epoch.

const DAY_S: i64 = 86_400;

/// Reads `2026-11-23`, `2026-11-23 15:59:41`, RFC 3339 with `T`, fraction and offset, ` UTC` at the end, or a number of seconds since the
/// epoch. Without an offset it is UTC. Dates out of the range of 32 bits, 1970 to 2106, are cut to its ends. Nothing for anything else.
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii();
    if (9..=10).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        return number(text).map(clamp);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let &[_, _, _, _, b'-', _, _, b'-', _, _] = date else { return None };
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * DAY_S;
    let rest = match rest {
        [] => return Some(clamp(midnight)),
        [b'T' | b't' | b' ', rest @ ..] => rest,
        _ => return None,
    };
    let (clock, zone) = rest.split_at_checked(8)?;
    let &[_, _, b':', _, _, b':', _, _] = clock else { return None };
    let (hour, minute, second) = (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(clamp(midnight + hour * 3600 + minute * 60 + second - offset_s(zone)?))
}

/// What stands behind the seconds: a fraction, and how far the clock is ahead of UTC.
fn offset_s(zone: &[u8]) -> Option<i64> {
    let zone = match zone {
        [b'.' | b',', rest @ ..] => &rest[rest.iter().take_while(|byte| byte.is_ascii_digit()).count()..],
        zone => zone,
    };
    match zone.trim_ascii() {
        b"" | b"Z" | b"z" | b"UTC" | b"(UTC)" | b"GMT" => Some(0),
        &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] | &[sign @ (b'+' | b'-'), h0, h1, m0, m1] => {
            let ahead = number(&[h0, h1])? * 3600 + number(&[m0, m1])? * 60;
            Some(if sign == b'+' { ahead } else { -ahead })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

fn clamp(seconds: i64) -> u32 {
    seconds.clamp(0, i64::from(u32::MAX)) as u32
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar: a year that begins in March ends with the leap day.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days_before_month = (153 * month + 2) / 5;
    // From 0000-03-01 to 1970-01-01 it is 719,468 days.
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("2026-11-23 15:59:41", 1_795_449_581),
            ("2026-11-23T15:59:41Z", 1_795_449_581),
            ("2026-11-23T15:59:41.999Z", 1_795_449_581),
            ("2026-11-23 15:59:41 UTC", 1_795_449_581),
            ("2026-11-23 15:59:41 (UTC)", 1_795_449_581),
            ("2026-11-23T16:59:41+01:00", 1_795_449_581),
            ("2026-11-23T14:29:41.5-0130", 1_795_449_581),
            (" 1795449581 ", 1_795_449_581),
            ("2024-02-29", 1_709_164_800),
            ("1950-01-01", 0),
            ("9999-12-31", u32::MAX),
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "None",
            "n/a",
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "23.11.2026",
            "2026-11-23 25:00:00",
            "2026-11-23 15:59",
            "17954495810",
            "2026-11-23x",
        ] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_agree_with_the_calendar(day in 0i32..49_000) {
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            prop_assert_eq!(seconds(date.to_string().as_bytes()), Some(day as u32 * 86_400));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = seconds(&bytes);
        }
    }
}
