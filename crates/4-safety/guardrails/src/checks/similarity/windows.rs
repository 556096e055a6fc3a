//! A reference is a sentence or two, so texts are compared stretch by stretch.

const WINDOW: usize = 160;
/// Windows that the encoder looks at.
pub const MOST_WINDOWS: usize = 64;

/// `n` things evenly spread, or all of them.
pub fn spread<T: Copy>(all: &[T], n: usize) -> Vec<T> {
    if all.len() <= n {
        return all.to_vec();
    }
    (0..n).filter_map(|i| all.get(i * all.len() / n).copied()).collect()
}

/// The whole text when it is short; otherwise sentences joined up to a window.
pub fn windows(text: &str) -> Vec<(usize, usize)> {
    if text.len() <= WINDOW {
        return vec![(0, text.len())];
    }
    let mut out = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if matches!(c, '.' | '!' | '?' | '\n' | '。') && end - start >= 24
            || end - start >= WINDOW && c.is_whitespace()
            || end - start >= 2 * WINDOW
        {
            out.push((start, end));
            start = end;
        }
    }
    if start < text.len() {
        out.push((start, text.len()));
    }
    out
}
