//! Queries and whole statements inside a text.

use super::{
    super::lex::{Kind, Token},
    Suspicion, begins_as_a_value, kind, past_signs, suspicion,
};

/// `(select … from …)`, `select version(), 2 from …`, and other whole statements.
pub(super) fn subquery(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len() {
        if tokens[i].kind != Kind::Select {
            continue;
        }
        let rest = &tokens[i + 1..];
        let from = rest.iter().take(400).position(|t| t.kind == Kind::From);
        let first = past_signs(tokens, i + 1);
        if names_the_word(tokens, i, from) {
            continue;
        }
        let bracketed = i > 0 && tokens[i - 1].kind == Kind::Open;
        let after_operator = i > 1
            && bracketed
            && matches!(
                tokens[i - 2].kind,
                Kind::Compare
                    | Kind::Arithmetic
                    | Kind::Logic
                    | Kind::Open
                    | Kind::Comma
                    | Kind::Function
                    | Kind::Not
                    | Kind::Number
                    | Kind::Text
            );
        let value = kind(tokens, first).is_some_and(|k| matches!(k, Kind::Number | Kind::Variable | Kind::Function));
        let call = matches!(kind(tokens, first), Some(Kind::Function | Kind::Variable));
        let structured = from.is_some_and(|at| {
            let list = &rest[..at];
            list.iter().any(|t| matches!(t.kind, Kind::Comma | Kind::Function | Kind::Variable | Kind::Arithmetic))
                && list.iter().filter(|t| t.kind == Kind::Word).count()
                    <= 2 * list.iter().filter(|t| matches!(t.kind, Kind::Comma | Kind::Open)).count() + 1
        });
        let condition = rest.iter().any(|t| t.kind == Kind::Where) && rest.iter().any(|t| t.kind == Kind::Compare);
        let word_call = rest.len() >= 2
            && kind(tokens, first) == Some(Kind::Word)
            && kind(tokens, first + 1) == Some(Kind::Open)
            && bracketed;
        // A query in the middle of a sentence is talked about; one behind an operator or at the beginning is meant.
        let placed = i == 0
            || quoted && i == 1 && begins_as_a_value(tokens, quoted)
            || i > 0
                && !(quoted && i == 1)
                && matches!(
                    tokens[i - 1].kind,
                    Kind::Open | Kind::Logic | Kind::Compare | Kind::Comma | Kind::Union | Kind::Arithmetic
                );
        if after_operator && (from.is_some() || value || word_call)
            || bracketed
                && (structured
                    || value && rest.len() <= 6
                    || value && from.is_some_and(|at| rest.get(at + 1).is_some_and(|t| t.kind == Kind::Function))
                    || i == 1 && from.is_some() && kind(tokens, first) == Some(Kind::Text))
            || placed && structured && (condition || value || i > 0 || rest.iter().any(|t| t.kind == Kind::Function))
            || i == 0 && structured && first > i + 1
            || placed && call && (from.is_some() || i == 0 || quoted)
            || placed && condition && from.is_some()
            || placed
                && first > i + 1
                && from.is_some_and(|at| rest.get(at + 1).is_some_and(|t| t.kind == Kind::Word))
                && rest.len() <= 12
        {
            return suspicion("subquery", 0.9, "the text holds a query");
        }
    }
    for i in 0..tokens.len().saturating_sub(2) {
        if tokens[i].kind != Kind::Act {
            continue;
        }
        let word = tokens[i].text.to_ascii_lowercase();
        let second = tokens[i + 1].text.to_ascii_lowercase();
        let found = match word.as_str() {
            "delete" => {
                tokens[i + 1].kind == Kind::From
                    && (tokens[i + 2..].iter().take(3).any(|t| t.kind == Kind::Where)
                        || kind(tokens, i + 3).is_none() && i == 0 && quoted)
            }
            "insert" | "replace" => second == "into" && writes_rows(&tokens[i + 2..]),
            "update" => kind(tokens, i + 2) == Some(Kind::Act) && kind(tokens, i + 4) == Some(Kind::Compare),
            "waitfor" => second == "delay" && kind(tokens, i + 2) == Some(Kind::Text),
            "exec" | "execute" => {
                second.starts_with("xp_")
                    || second.starts_with("sp_")
                    || kind(tokens, i + 1) == Some(Kind::Open) && kind(tokens, i + 2) == Some(Kind::Variable)
            }
            "drop" => {
                second == "table"
                    && (i == 0 || quoted)
                    && tokens.len() <= i + 5
                    && kind(tokens, i + 3).is_some_and(|k| matches!(k, Kind::Semicolon | Kind::Comment))
            }
            "declare" => kind(tokens, i + 1) == Some(Kind::Variable),
            "load" => second == "data" && tokens[i + 2..].iter().any(|t| t.text.eq_ignore_ascii_case("infile")),
            "create" | "alter" => {
                second == "table"
                    && tokens[i + 2..].iter().any(|t| t.kind == Kind::Open || t.text.eq_ignore_ascii_case("add"))
                    && quoted
            }
            _ => false,
        };
        if found {
            return suspicion("statement", 0.9, "the text holds a statement");
        }
    }
    None
}

/// `Select, and From are stations`, `SELECT is a keyword`, `q=select+from`: no query begins so, or reads nothing.
fn names_the_word(tokens: &[&Token<'_>], i: usize, from: Option<usize>) -> bool {
    let next = kind(tokens, i + 1);
    let worded = tokens.get(i + 1).is_some_and(|t| t.kind == Kind::Compare && t.text.starts_with(char::is_alphabetic));
    let nothing = from.is_some_and(|at| {
        at > 0
            && tokens[i + 1..i + 1 + at].iter().all(|t| matches!(t.kind, Kind::Arithmetic))
            && tokens[i + 1].text != "*"
    });
    matches!(next, Some(Kind::Comma | Kind::Logic | Kind::Semicolon)) || worded || nothing
}

/// `t (a, b) values (`, `t select`, `t set a`: behind INSERT INTO.
fn writes_rows(rest: &[&Token<'_>]) -> bool {
    let mut i = 0;
    while matches!(kind(rest, i), Some(Kind::Dot | Kind::Sign)) || i < 4 && kind(rest, i) == Some(Kind::Word) {
        i += 1;
    }
    if i > 1 && rest[..i].windows(2).any(|two| two.iter().all(|t| t.kind == Kind::Word)) {
        // `into slot A the values`: an alias is one word at most.
        return false;
    }
    if kind(rest, i) == Some(Kind::Open) {
        let closed = rest[i..].iter().take(200).position(|t| t.kind == Kind::Close);
        i = closed.map_or(rest.len(), |at| i + at + 1);
        // Cut off inside its list of columns.
        if i == rest.len() {
            return true;
        }
    }
    kind(rest, i) == Some(Kind::Select)
        || rest.get(i).is_some_and(|t| {
            t.text.eq_ignore_ascii_case("values") && matches!(kind(rest, i + 1), None | Some(Kind::Open))
                || t.text.eq_ignore_ascii_case("set")
        })
}
