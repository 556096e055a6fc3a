//! PostgreSQL's decimals: digits to the base of 10,000, so that none is ever lost to a float.

/// The sign word of values that are no number.
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
const NEGATIVE: u16 = 0x4000;

/// As text.
pub(super) fn read(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()? as i16, words.next()?, words.next()?);
    match sign {
        NAN => return Some("NaN".into()),
        INFINITY => return Some("Infinity".into()),
        MINUS_INFINITY => return Some("-Infinity".into()),
        _ => {}
    }
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count) || digits.iter().any(|&digit| digit > 9999) {
        return None;
    }
    let at = |position: i32| usize::try_from(position).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text = String::from(if sign == NEGATIVE { "-" } else { "" });
    let weight = i32::from(weight);
    text.push_str(&at(0).min(if weight < 0 { 0 } else { 9999 }).to_string());
    for position in 1..=weight {
        text.push_str(&format!("{:04}", at(position)));
    }
    if scale > 0 {
        let mut fraction = String::new();
        let mut position = weight + 1;
        while fraction.len() < usize::from(scale) {
            fraction.push_str(&format!("{:04}", at(position)));
            position += 1;
        }
        fraction.truncate(usize::from(scale));
        text.push('.');
        text.push_str(&fraction);
    }
    Some(text)
}

/// From text such as `-12.50`; an exponent is not read.
pub(super) fn write(text: &str) -> Option<Vec<u8>> {
    let special = |sign: u16| Some([0_u16, 0, sign, 0].iter().flat_map(|word| word.to_be_bytes()).collect());
    match text {
        "NaN" => return special(NAN),
        "Infinity" => return special(INFINITY),
        "-Infinity" => return special(MINUS_INFINITY),
        _ => {}
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let empty = whole.is_empty() && fraction.is_empty();
    if empty || !all_digits(whole) || !all_digits(fraction) || whole.len() > 131_072 || fraction.len() > 16_383 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let padded = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let tail = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let mut weight = i32::try_from(padded.len() / 4).ok()? - 1;
    let joined = padded + &tail;
    let mut digits: Vec<u16> =
        joined.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()?.parse().ok()).collect();
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let leading = digits.iter().take_while(|&&digit| digit == 0).count();
    digits.drain(..leading);
    weight -= i32::try_from(leading).ok()?;
    if digits.is_empty() {
        weight = 0;
    }
    let head = [
        u16::try_from(digits.len()).ok()?,
        i16::try_from(weight).ok()? as u16,
        sign,
        u16::try_from(fraction.len()).ok()?,
    ];
    Some(head.iter().chain(&digits).flat_map(|word| word.to_be_bytes()).collect())
}

/// An amount of money; its currency is the database's.
pub(super) fn cents(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", amount.unsigned_abs() / 100, amount.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_come_back_as_they_went() {
        for text in [
            "0",
            "1",
            "-1",
            "10000",
            "12345678901234567890.0123456789",
            "0.0001",
            "0.00001",
            "-0.50",
            "100000000",
            "9999.9999",
            "0.10",
            "NaN",
            "-Infinity",
            "1.0000000000000000001",
            "0.00",
            "40000",
        ] {
            assert_eq!(read(&write(text).unwrap()).as_deref(), Some(text), "{text}");
        }
        assert_eq!(write("1e5"), None);
        assert_eq!(write(""), None);
        assert_eq!(write("1.2.3"), None);
        assert_eq!(cents(-1205), "-12.05");
    }
}
