//! Dates as lists write them, as seconds since the epoch.

const DAY_S: i64 = 86_400;

/// Reads `2026-11-23`, `2026-11-23 15:59:41`, with or without the seconds, RFC 3339 with `T`, fraction and offset, ` UTC` at the end; `2026/11/23`,
/// `20261123` and `23.11.2026`; `Mon, 23 Nov 2026 15:59:41 GMT` (RFC 5322) and `Mon Nov 23 15:59:41 UTC 2026`; a number of seconds or
/// milliseconds since the epoch. Without an offset it is UTC. Of `23-11-2026` and `11/23/2026`, day and month are told apart if one of them can be
/// no month. Dates out of the range of 32 bits, 1970 to 2106, are cut to its ends. Nothing for anything else.
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii();
    let whole = text.split(|&byte| byte == b'.').next().unwrap_or_default();
    if !whole.is_empty() && whole.iter().all(u8::is_ascii_digit) && text[whole.len()..].iter().skip(1).all(u8::is_ascii_digit) {
        return match whole.len() {
            8 if whole.len() == text.len() => Some(clamp(midnight(number(&text[..4])?, number(&text[4..6])?, number(&text[6..])?)?)),
            9..=10 => number(whole).map(clamp),
            13 => number(whole).map(|milliseconds| clamp(milliseconds / 1000)),
            _ => None,
        };
    }
    let Some((date, rest)) = text.split_at_checked(10) else { return in_words(text) };
    let midnight = match date {
        [y @ .., b'-', m0, m1, b'-', d0, d1] | [y @ .., b'/', m0, m1, b'/', d0, d1] if y.len() == 4 => {
            midnight(number(y)?, number(&[*m0, *m1])?, number(&[*d0, *d1])?)?
        }
        [d0, d1, b'.', m0, m1, b'.', y @ ..] => midnight(number(y)?, number(&[*m0, *m1])?, number(&[*d0, *d1])?)?,
        [a0, a1, b'-', b0, b1, b'-', y @ ..] | [a0, a1, b'/', b0, b1, b'/', y @ ..] => {
            let (a, b, year) = (number(&[*a0, *a1])?, number(&[*b0, *b1])?, number(y)?);
            match (a > 12, b > 12) {
                (true, false) => midnight(year, b, a)?,
                (false, true) => midnight(year, a, b)?,
                _ => return None,
            }
        }
        _ => return in_words(text),
    };
    match rest {
        [] => Some(clamp(midnight)),
        [b'T' | b't' | b' ', rest @ ..] => Some(clamp(midnight + clock_s(rest)?)),
        _ => None,
    }
}

/// Seconds since midnight, in UTC, of a clock with or without seconds and what stands behind it.
fn clock_s(text: &[u8]) -> Option<i64> {
    let (hour, minute, rest) = match text {
        [h0, h1, b':', m0, m1, rest @ ..] => (number(&[*h0, *h1])?, number(&[*m0, *m1])?, rest),
        _ => return None,
    };
    let (second, zone) = match rest {
        [b':', s0, s1, zone @ ..] => (number(&[*s0, *s1])?, zone),
        zone => (0, zone),
    };
    (hour <= 23 && minute <= 59 && second <= 60).then_some(())?;
    Some(hour * 3600 + minute * 60 + second - offset_s(zone)?)
}

/// Most words of a date that names its month: a weekday, day, month, year, clock and zone.
const WORDS_MAX: usize = 6;

/// A date that names its month, whatever the order of its words.
fn in_words(text: &[u8]) -> Option<u32> {
    const MONTHS: [&[u8]; 12] = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    const WEEKDAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    let (mut day, mut month, mut year, mut clock, mut zone) = (None, None, None, None, &b""[..]);
    let words = || text.split(|byte| byte.is_ascii_whitespace() || *byte == b',').filter(|word| !word.is_empty());
    if !text.iter().any(u8::is_ascii_alphabetic) || words().nth(WORDS_MAX).is_some() {
        return None;
    }
    for word in words() {
        let named = |names: &[&[u8]]| names.iter().position(|name| word.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(name)));
        match word.len() {
            1 | 2 if day.is_none() && word.iter().all(u8::is_ascii_digit) => day = number(word),
            4 if year.is_none() && word.iter().all(u8::is_ascii_digit) => year = number(word),
            5 | 8 if clock.is_none() && word[2] == b':' => clock = Some(word),
            _ if zone.is_empty() && (matches!(word, b"UTC" | b"(UTC)" | b"GMT" | b"Z") || matches!(word, [b'+' | b'-', ..])) => zone = word,
            _ if month.is_none() && named(&MONTHS).is_some() => month = named(&MONTHS),
            _ if named(&WEEKDAYS).is_some() => {}
            _ => return None,
        }
    }
    let since_midnight_s = match clock {
        Some(clock) => clock_s(&[clock, zone].concat())?,
        None => 0,
    };
    Some(clamp(midnight(year?, month? as i64 + 1, day?)? + since_midnight_s))
}

/// The first second of a day; nothing if there is no such day.
fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_day = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    is_day.then(|| days_since_epoch(year, month, day) * DAY_S)
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
            ("2026-11-23 15:59", 1_795_449_540),
            ("2026-11-23T15:59Z", 1_795_449_540),
            ("2026/11/23 15:59:41", 1_795_449_581),
            ("20261123", 1_795_392_000),
            ("23.11.2026", 1_795_392_000),
            ("23-11-2026", 1_795_392_000),
            ("11/23/2026 15:59:41", 1_795_449_581),
            ("Mon, 23 Nov 2026 15:59:41 GMT", 1_795_449_581),
            ("Mon Nov 23 15:59:41 UTC 2026", 1_795_449_581),
            ("23 November 2026", 1_795_392_000),
            ("1795449581999", 1_795_449_581),
            ("1795449581.25", 1_795_449_581),
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
            "01-02-2026",
            "13/13/2026",
            "20261323",
            "2026-11-23 25:00:00",
            "2026-11-23 15",
            "17954495810",
            "evil.example",
            "1.2.3.4",
            "Nov 2026",
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
