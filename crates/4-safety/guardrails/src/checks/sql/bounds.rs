//! How deep SQL is, counted before anything is parsed.

/// How deep brackets stand in each other, and the longest chain of operators: what stands between two commas of one bracket, with what surrounds that bracket. Text in quotes counts as well, so the
/// figure is never too low.
pub fn depths(sql: &str) -> (usize, usize) {
    let mut open: Vec<usize> = Vec::new();
    let (mut deepest, mut here, mut around, mut longest) = (0, 0usize, 0usize, 0);
    let bytes = sql.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'(' | b'[' | b'{' => {
                open.push(here);
                around += here;
                here = 0;
                deepest = deepest.max(open.len());
            }
            b')' | b']' | b'}' => {
                let before = open.pop().unwrap_or(0);
                around = around.saturating_sub(before);
                // A subscript is a link of its chain.
                here = before + 1;
            }
            b',' | b';' => here = 0,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'<' | b'>' | b'=' | b'~' | b'!' | b':' | b'.'
            | b'#' | b'@' => here += 1,
            b if b.is_ascii_alphabetic() => {
                let start = i;
                while i + 1 < bytes.len() && (bytes[i + 1].is_ascii_alphanumeric() || bytes[i + 1] == b'_') {
                    i += 1;
                }
                const LINKS: &[&str] = &[
                    "and",
                    "or",
                    "xor",
                    "is",
                    "isnull",
                    "notnull",
                    "like",
                    "ilike",
                    "in",
                    "between",
                    "union",
                    "except",
                    "intersect",
                    "minus",
                    "div",
                    "mod",
                    "collate",
                    "at",
                    "not",
                    "regexp",
                    "rlike",
                    "similar",
                    "join",
                    "over",
                    "interval",
                    "operator",
                ];
                let word = &sql[start..=i];
                here += usize::from(LINKS.iter().any(|link| link.eq_ignore_ascii_case(word)));
            }
            _ => {}
        }
        longest = longest.max(around + here);
        i += 1;
    }
    (deepest, longest)
}
