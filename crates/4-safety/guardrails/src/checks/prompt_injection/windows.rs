//! Sentences: what belongs together for the grammar.

/// Byte ranges of the sentences of `text`; a line break ends one too, unless the line goes on in lower case.
pub fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    let mut previous = ' ';
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let ends = match c {
            '.' => {
                next.is_none_or(|n| n.is_whitespace() || n == '"' || !n.is_ascii()) && !previous.is_ascii_digit()
                    || next.is_none()
            }
            '!' | '?' | '।' | '۔' | '。' => next.is_none_or(|n| !matches!(n, '!' | '?')),
            // A line that ends in the middle of a sentence goes on in the next one.
            '\n' => {
                next.is_none_or(|n| n == '\n' || !n.is_alphabetic())
                    || matches!(previous, ':' | ';' | '-' | '=' | '#' | '*' | '"')
            }
            _ => false,
        };
        previous = c;
        // A sentence longer than this is cut, so that distance keeps meaning something.
        let long = at - start > 600 && c.is_whitespace();
        if ends || long {
            let end = at + c.len_utf8();
            if !text[start..end].trim().is_empty() {
                out.push((start, end));
            }
            start = end;
        }
    }
    if !text[start..].trim().is_empty() {
        out.push((start, text.len()));
    }
    out
}
