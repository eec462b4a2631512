//! Labels of other scripts in the letters that names are made of on the wire (RFC 3492, RFC 5890 section 2.3.2.1).

const BASE: u32 = 36;
const THRESHOLD_MIN: u32 = 1;
const THRESHOLD_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;
const PREFIX: &[u8] = b"xn--";

/// Appends a label in lower case as `xn--…`. Nothing if a number overflows, which no label within its 63 bytes does.
pub(super) fn encode(label: &str, out: &mut Vec<u8>) -> Option<()> {
    let points: Vec<u32> = label.chars().flat_map(char::to_lowercase).map(u32::from).collect();
    out.extend_from_slice(PREFIX);
    let basic = points.iter().filter(|&&point| point < INITIAL_N);
    out.extend(basic.clone().map(|&point| point as u8));
    let basic = basic.count() as u32;
    if basic > 0 {
        out.push(b'-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (INITIAL_N, 0u32, INITIAL_BIAS, basic);
    while (handled as usize) < points.len() {
        let next = points.iter().copied().filter(|&point| point >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for &point in &points {
            if point < n {
                delta = delta.checked_add(1)?;
            }
            if point == n {
                variable_length(delta, bias, out);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(())
}

/// RFC 3492 section 6.3: a number in digits whose weight grows.
fn variable_length(mut number: u32, bias: u32, out: &mut Vec<u8>) {
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        if number < threshold {
            out.push(digit(number));
            return;
        }
        out.push(digit(threshold + (number - threshold) % (BASE - threshold)));
        number = (number - threshold) / (BASE - threshold);
        k += BASE;
    }
}

/// RFC 3492 section 6.1.
fn adapt(delta: u32, handled: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / handled;
    let mut k = 0;
    while delta > (BASE - THRESHOLD_MIN) * THRESHOLD_MAX / 2 {
        delta /= BASE - THRESHOLD_MIN;
        k += BASE;
    }
    k + (BASE - THRESHOLD_MIN + 1) * delta / (delta + SKEW)
}

fn digit(number: u32) -> u8 {
    // `number` is below 36.
    if number < 26 { b'a' + number as u8 } else { b'0' + (number - 26) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3492 section 7.1, where the sample has no capital letters, and names in use.
    #[test]
    fn labels_of_many_scripts() {
        for (label, expected) in [
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ("ひとつ屋根の下2", "xn--2-u9tlzr9756bt3uc0v"),
            ("bücher", "xn--bcher-kva"),
            ("BÜCHER", "xn--bcher-kva"),
            ("例え", "xn--r8jz45g"),
        ] {
            let mut out = Vec::new();
            encode(label, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{label}");
        }
    }

    #[test]
    fn long_labels_do_not_overflow() {
        let label: String = std::iter::repeat_n(['\u{10ffff}', 'ü', 'a'], 2_000).flatten().collect();
        let _ = encode(&label, &mut Vec::new());
    }
}
