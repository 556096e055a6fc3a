//! Does a run of characters look drawn at random, or typed by a person?

/// Shannon entropy in bits a character.
pub fn bits(text: &str) -> f32 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let length = text.len() as f32;
    counts.iter().filter(|n| **n > 0).map(|n| *n as f32 / length).map(|p| -p * p.log2()).sum()
}

/// Placeholders: `xxxxxxxx`, `****`, `<your key>`, `${KEY}`, `0000…`, `1234567890…` over and over.
pub fn is_filler(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut counts = [0u32; 256];
    lower.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let distinct = counts.iter().filter(|n| **n > 0).count();
    let most = counts.iter().copied().max().unwrap_or(0) as usize;
    let words = [
        "xxxx",
        "your_",
        "your-",
        "yourapi",
        "placeholder",
        "changeme",
        "redacted",
        "insert_",
        "dummy",
        "0000000",
        "*****",
        "####",
        "example",
    ];
    distinct < 5.min(text.len() / 2)
        || (text.len() >= 12 && most * 2 > text.len())
        || words.iter().any(|word| lower.contains(word))
        || (text.len() >= 24 && (lower.contains("1234567890123") || bits(text) < 2.6))
}

/// Letters and digits, or both cases: not one plain word. A long prefix speaks for itself.
pub fn is_mixed(text: &str, prefix: usize) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    let digit = has(u8::is_ascii_digit);
    let both = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    if prefix >= 7 || both && (text.len() >= 30 || prefix >= 5) {
        digit || both
    } else {
        digit && has(u8::is_ascii_alphabetic)
    }
}
