//! Counts statements by looking at nothing but quotes, comments and semicolons, the way each database itself does.
//! A second opinion beside the parser: two readers that disagree about a text refuse it between them.

use crate::judge::Flavour;

/// How many statements `sql` holds; empty ones do not count.
pub(crate) fn statements(sql: &str, flavour: Flavour) -> usize {
    let mut count = 0;
    let mut inside = false;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = skip(rest, flavour);
        match (skipped, first) {
            (Some(Skipped::Comment(length)), _) => rest = &rest[length..],
            (Some(Skipped::Quoted(length)), _) => {
                inside = true;
                rest = &rest[length..];
            }
            (None, ';') => {
                count += usize::from(inside);
                inside = false;
                rest = &rest[1..];
            }
            (None, other) => {
                inside |= !other.is_whitespace();
                rest = &rest[other.len_utf8()..];
            }
        }
    }
    count + usize::from(inside)
}

/// The first word, after comments and white space.
pub(crate) fn first_word(mut sql: &str, flavour: Flavour) -> &str {
    loop {
        sql = sql.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '(');
        match skip(sql, flavour) {
            Some(Skipped::Comment(length)) => sql = &sql[length..],
            _ => break,
        }
    }
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

enum Skipped {
    Comment(usize),
    Quoted(usize),
}

/// The length of the comment or the quoted text that `rest` begins with.
fn skip(rest: &str, flavour: Flavour) -> Option<Skipped> {
    let postgres = flavour == Flavour::Postgres;
    if rest.starts_with("--") {
        return Some(Skipped::Comment(rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some(Skipped::Comment(comment(rest, postgres)));
    }
    let quoted = match rest.as_bytes()[0] {
        b'\'' => closing(rest, 1, b'\'', false),
        b'"' => closing(rest, 1, b'"', false),
        b'`' if !postgres => closing(rest, 1, b'`', false),
        b'[' if !postgres => rest.find(']').map_or(rest.len(), |at| at + 1),
        // E'…' knows backslashes. (An identifier that ends in e cannot stand before a quote.)
        b'e' | b'E' if postgres && rest.as_bytes().get(1) == Some(&b'\'') => closing(rest, 2, b'\'', true),
        b'$' if postgres => dollar(rest)?,
        _ => return None,
    };
    Some(Skipped::Quoted(quoted))
}

/// Behind the quote that ends what begins before `from`; a doubled quote does not end it.
fn closing(rest: &str, from: usize, quote: u8, backslashes: bool) -> usize {
    let bytes = rest.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslashes => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn comment(rest: &str, nested: bool) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            b"/*" if nested => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// `$tag$ … $tag$`; `None` when it is a parameter such as `$1`.
fn dollar(rest: &str) -> Option<usize> {
    let end = rest[1..].find('$')? + 2;
    let tag = &rest[..end];
    let name = &tag[1..tag.len() - 1];
    let is_tag =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| rest[end..].find(tag).map_or(rest.len(), |at| end + at + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_count_only_where_they_end_something() {
        let pg = |sql| statements(sql, Flavour::Postgres);
        assert_eq!(pg("select 1"), 1);
        assert_eq!(pg("select 1;"), 1);
        assert_eq!(pg(";;select 1;; -- ; x"), 1);
        assert_eq!(pg("select 1; select 2"), 2);
        assert_eq!(pg("select ';''; ' || \";\""), 1);
        assert_eq!(pg("select E'\\'; select 2 --'"), 1);
        assert_eq!(pg("select '\\'; select 2 --'"), 2);
        assert_eq!(pg("select $$;$$, $x$ ; $$ ; $x$, $1"), 1);
        assert_eq!(pg("select $1; select $2"), 2);
        assert_eq!(statements("select [;], `;`", Flavour::Sqlite), 1);
        assert_eq!(statements("", Flavour::Sqlite), 0);
    }

    #[test]
    fn the_first_word_is_found_behind_comments() {
        assert_eq!(first_word(" /* a */ -- b\n ;COMMIT", Flavour::Postgres), "COMMIT");
    }
}
