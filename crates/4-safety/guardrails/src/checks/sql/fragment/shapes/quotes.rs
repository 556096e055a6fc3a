//! What stands behind a closed quote, and what is cut off.

use super::{
    super::lex::{Kind, Token},
    Suspicion, is_value, kind, suspicion,
};

/// `admin'--`, `x' /*`, `1'#`.
pub(super) fn comment(tokens: &[&Token<'_>], quoted: bool, body: &str) -> Option<Suspicion> {
    let last = tokens.last().filter(|token| token.kind == Kind::Comment)?;
    if !quoted {
        return None;
    }
    let before = &body[..tokens[0].end.saturating_sub(1).min(body.len())];
    let inner = last.text.trim_start_matches(['-', '#', '/', '*', '!']).trim_end_matches(['*', '/']);
    let direct = tokens[1..tokens.len() - 1].iter().all(|token| matches!(token.kind, Kind::Close | Kind::Semicolon));
    let hides = inner.trim().is_empty() || inner.starts_with([' ', '+', '\n', '\t']);
    (direct && hides && !before.contains(char::is_whitespace) && before.len() <= 64 && tokens.len() <= 6).then_some(
        Suspicion { family: "comment", score: 0.85, span: (0, 0), why: "a closed quote is followed by a comment" },
    )
}

/// `aa'=0`, `aa' - + 2 != '1`: arithmetic and comparison right behind a closed quote.
pub(super) fn operators(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    if !quoted || tokens.len() < 3 {
        return None;
    }
    let first = tokens[1].kind;
    if !matches!(first, Kind::Compare | Kind::Arithmetic | Kind::Not | Kind::Logic) {
        return None;
    }
    // `"IS" STAMP`: a word between two quoted ones is no operator.
    let worded = first == Kind::Compare && tokens[1].text.starts_with(|c: char| c.is_ascii_alphabetic());
    let bare = |t: &Token<'_>| t.kind != Kind::Text || t.text.trim_matches(['\'', '"', ' ']).len() <= 2;
    if worded && !tokens[2..].iter().all(|t| bare(t)) {
        return None;
    }
    // `A' ^ 'B`: bit arithmetic between two texts.
    if tokens.len() == 3
        && matches!(tokens[1].text, "^" | "&" | "|" | "<" | ">")
        && tokens[2].kind == Kind::Text
        && [tokens[0], tokens[2]]
            .iter()
            .all(|t| t.text.len() <= 12 && !t.text.trim_matches(['\'', '"', ' ']).contains(' '))
    {
        return suspicion("logic", 0.75, "operators follow a closed quote");
    }
    // Words and brackets of markup or prose are no expression.
    let prose = tokens[1..].iter().filter(|t| matches!(t.kind, Kind::Word | Kind::Sign | Kind::Dot)).count();
    let values = tokens[1..].iter().filter(|t| is_value(t.kind)).count();
    let compares = tokens[1..].iter().filter(|t| t.kind == Kind::Compare).count();
    let operators = tokens[1..]
        .iter()
        .filter(|t| matches!(t.kind, Kind::Compare | Kind::Arithmetic | Kind::Logic | Kind::Not))
        .count();
    let empty_text = tokens[1..]
        .iter()
        .all(|t| !is_value(t.kind) || t.kind == Kind::Number || t.text.trim_matches(['\'', '"']).len() <= 12);
    let ends_in_value =
        tokens.last().is_some_and(|t| is_value(t.kind) || t.kind == Kind::Close || t.kind == Kind::Comment);
    let code = prose == 0 && values >= 1 && empty_text && ends_in_value;
    let strange = compares >= 1 && tokens[1].text != ">" && tokens[1].text != "<"
        || operators >= 2 && values >= 2 && tokens[1..].iter().any(|t| t.kind == Kind::Number);
    (code
        && strange
        && tokens[0].text.len() <= 40
        && !tokens[0].text.contains('=')
        && !tokens[0].text.trim_end_matches(['\'', '"']).trim().contains(' '))
    .then_some(Suspicion { family: "logic", score: 0.8, span: (0, 0), why: "operators follow a closed quote" })
}

/// `1'*null or '1`, `asd'|column&&'1`: an expression from a closed quote to one that is left open.
pub(super) fn between_quotes(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    let [typed, inner @ .., last] = tokens else { return None };
    let operator =
        |t: &Token<'_>| matches!(t.kind, Kind::Logic | Kind::Arithmetic | Kind::Not) || t.kind == Kind::Compare;
    let (first, before_last) = (inner.first()?, inner.last()?);
    let closed = last.text.len() > 1 && last.text.ends_with(['\'', '"']);
    // `insert("/home", "Welcome!")`: a call before the quote is a program's.
    let short = typed.text.len() <= 16 && !typed.text.contains(|c: char| c.is_whitespace() || c == '(');
    let expression = inner.iter().all(|t| {
        operator(t) || is_value(t.kind) || matches!(t.kind, Kind::Word | Kind::Open | Kind::Close | Kind::Every)
    });
    let words = inner.iter().filter(|t| t.kind == Kind::Word).count();
    let only_a_word = inner.len() == 1 && first.text.starts_with(|c: char| c.is_ascii_alphabetic());
    (quoted
        && short
        && !closed
        && last.kind == Kind::Text
        && last.text.len() <= 12
        && inner.len() <= 9
        && operator(first)
        && operator(before_last)
        && expression
        && words <= 2
        && !only_a_word)
        .then_some(Suspicion {
            family: "logic",
            score: 0.75,
            span: (0, 0),
            why: "an expression stands between a closed quote and an open one",
        })
}

/// `1--`, `( binary ( 'b')) --`, `1 union`: a value that ends in a comment with nothing behind it.
pub(super) fn cut_off(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    if quoted {
        return None;
    }
    let (last, body) = tokens.split_last()?;
    let blank = last.kind == Kind::Comment
        && !last.text.starts_with('#')
        && last.text.trim_matches(['-', '/', '*', ' ', '\r', '\n', '\t']).is_empty();
    let expression = body.iter().all(|t| {
        is_value(t.kind)
            || matches!(
                t.kind,
                Kind::Open | Kind::Close | Kind::Arithmetic | Kind::Not | Kind::Select | Kind::Logic | Kind::Compare
            )
            || t.text.eq_ignore_ascii_case("binary")
            || t.kind == Kind::Tail
    });
    let valued =
        body.iter().any(|t| is_value(t.kind)) && body.first().is_some_and(|t| t.kind != Kind::Text || body.len() > 1);
    if blank && expression && valued {
        return suspicion("comment", 0.75, "a value is followed by a comment that hides a rest");
    }
    let open = if last.kind == Kind::Comment { body } else { tokens };
    let pending = open.split_last().is_some_and(|(last, value)| {
        last.kind == Kind::Union
            && value.iter().any(|t| t.kind == Kind::Number)
            && value.iter().all(|t| matches!(t.kind, Kind::Number | Kind::Arithmetic | Kind::Text))
    });
    if pending {
        return suspicion("union", 0.75, "a UNION is appended to a value");
    }
    let called = |i: usize| {
        tokens[i].kind == Kind::Function || tokens[i].kind == Kind::Word && kind(tokens, i + 1) == Some(Kind::Open)
    };
    let calls = (0..tokens.len()).filter(|&i| called(i)).count();
    let known = tokens.iter().filter(|t| t.kind == Kind::Function).count();
    let bare = (0..tokens.len()).all(|i| {
        let k = tokens[i].kind;
        called(i) || is_value(k) || matches!(k, Kind::Open | Kind::Close | Kind::Comma | Kind::Arithmetic)
    });
    let about_itself = tokens.iter().any(|t| {
        ["version", "user", "database", "current_user", "schema"].contains(&t.text.to_ascii_lowercase().as_str())
    });
    if calls >= 2 && bare && called(0) && (known == calls || known >= 1 && about_itself) {
        return suspicion("function", 0.75, "the text is a call of database functions");
    }
    None
}
