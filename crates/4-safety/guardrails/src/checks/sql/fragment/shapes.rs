//! Shapes that injected SQL has and prose has not.

use super::lex::{Kind, Token};

/// Why a text looks like injected SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    pub family: &'static str,
    pub score: f32,
    pub span: (usize, usize),
    pub why: &'static str,
}

fn suspicion(family: &'static str, score: f32, why: &'static str) -> Option<Suspicion> {
    Some(Suspicion { family, score, span: (0, 0), why })
}

/// Functions that nobody names in prose.
const TELLING: &[&str] = &[
    "sleep",
    "benchmark",
    "pg_sleep",
    "extractvalue",
    "updatexml",
    "load_file",
    "concat_ws",
    "group_concat",
    "version",
    "database",
    "aes_decrypt",
    "unhex",
    "randomblob",
    "make_set",
    "name_const",
    "char",
    "ascii",
    "substring",
    "mid",
    "ord",
];

/// `quoted`: the first token is the text before the quote that was closed.
pub fn judge(all: &[Token<'_>], quoted: bool, body: &str) -> Option<Suspicion> {
    let tokens: Vec<&Token<'_>> = without_inner_comments(all);
    if tokens.len() < 2 {
        return None;
    }
    union(&tokens)
        .or_else(|| stacked(&tokens, quoted))
        .or_else(|| logic(&tokens, quoted))
        .or_else(|| comment(&tokens, quoted, body))
        .or_else(|| operators(&tokens, quoted))
        .or_else(|| between_quotes(&tokens, quoted))
        .or_else(|| tail(&tokens, quoted))
        .or_else(|| subquery(&tokens, quoted))
        .or_else(|| telling(&tokens, quoted))
        .or_else(|| cut_off(&tokens, quoted))
}

/// `1--`, `( binary ( 'b')) --`, `1 union`: a value that ends in a comment with nothing behind it.
fn cut_off(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
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

/// Comments between words are blanks to SQL; only the last one can hide a rest.
fn without_inner_comments<'a, 't>(all: &'a [Token<'t>]) -> Vec<&'a Token<'t>> {
    let last = all.len().saturating_sub(1);
    all.iter()
        .enumerate()
        .filter(|(i, token)| token.kind != Kind::Comment || *i == last)
        .map(|(_, token)| token)
        .collect()
}

fn kind(tokens: &[&Token<'_>], i: usize) -> Option<Kind> {
    tokens.get(i).map(|token| token.kind)
}

fn is_value(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Text | Kind::Variable | Kind::Function | Kind::Constant)
}

/// The first place from `i` that is no bracket, sign or NOT.
fn past_signs(tokens: &[&Token<'_>], mut i: usize) -> usize {
    while matches!(kind(tokens, i), Some(Kind::Open | Kind::Not | Kind::Arithmetic | Kind::Every))
        || is_word(tokens, i, "binary")
    {
        i += 1;
    }
    i
}

fn is_word(tokens: &[&Token<'_>], i: usize, word: &str) -> bool {
    tokens.get(i).is_some_and(|token| token.text.eq_ignore_ascii_case(word))
}

fn union(tokens: &[&Token<'_>]) -> Option<Suspicion> {
    for i in 0..tokens.len() {
        if tokens[i].kind != Kind::Union {
            continue;
        }
        let at = past_signs(tokens, i + 1);
        if kind(tokens, at) != Some(Kind::Select) {
            continue;
        }
        let first = past_signs(tokens, at + 1);
        let structural = match kind(tokens, first) {
            Some(k) if is_value(k) => true,
            Some(Kind::Word) => {
                let after = kind(tokens, first + 1);
                matches!(after, Some(Kind::Comma | Kind::From | Kind::Comment | Kind::Open | Kind::Dot | Kind::Tail))
                    || after == Some(Kind::Close) && at > i + 1
                    || (after.is_none() && i > 0 && is_value(tokens[i - 1].kind))
            }
            Some(
                Kind::Select
                | Kind::Other
                | Kind::From
                | Kind::Comment
                | Kind::Semicolon
                | Kind::Act
                | Kind::Sign
                | Kind::Dot
                | Kind::Comma,
            ) => true,
            None => first > at + 1 || i > 0 && is_value(tokens[i - 1].kind),
            _ => first > at + 1,
        };
        if structural {
            return suspicion("union", 0.95, "a UNION SELECT is appended to a value");
        }
    }
    None
}

fn stacked(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len().saturating_sub(1) {
        if tokens[i].kind != Kind::Semicolon {
            continue;
        }
        let acts = match tokens[i + 1].kind {
            Kind::Select => {
                let at = past_signs(tokens, i + 2);
                at > i + 2
                    || kind(tokens, at).is_some_and(is_value)
                    || tokens[i + 2..].iter().take(12).any(|t| t.kind == Kind::From)
            }
            Kind::Act => {
                let word = tokens[i + 1].text.to_ascii_lowercase();
                let next = kind(tokens, i + 2);
                let second = tokens.get(i + 2).map(|t| t.text.to_ascii_lowercase()).unwrap_or_default();
                match word.as_str() {
                    "drop" | "alter" | "create" | "truncate" | "rename" => {
                        [
                            "table",
                            "database",
                            "view",
                            "index",
                            "user",
                            "procedure",
                            "function",
                            "schema",
                            "login",
                            "trigger",
                            "if",
                        ]
                        .contains(&second.as_str())
                            || word == "truncate" && next == Some(Kind::Word)
                    }
                    "delete" => tokens[i + 2..].iter().take(2).any(|t| t.kind == Kind::From),
                    "insert" => second == "into",
                    "update" => tokens[i + 2..].iter().take(6).any(|t| t.text.eq_ignore_ascii_case("set")),
                    "declare" | "set" => next == Some(Kind::Variable),
                    "waitfor" => second == "delay" || second == "time",
                    "shutdown" => matches!(next, None | Some(Kind::Comment | Kind::Semicolon)) || second == "with",
                    "exec" | "execute" | "call" => {
                        matches!(next, Some(Kind::Open | Kind::Variable | Kind::Text))
                            || next == Some(Kind::Word) && begins_as_a_value(tokens, quoted)
                    }
                    "begin" => matches!(next, Some(Kind::Act | Kind::Select)),
                    "grant" | "backup" | "merge" | "load" | "handler" | "copy" | "replace" => {
                        tokens[i + 2..].iter().take(6).any(|t| {
                            matches!(t.kind, Kind::Tail | Kind::From)
                                || t.text.eq_ignore_ascii_case("to")
                                || t.text.eq_ignore_ascii_case("open")
                                || t.text.eq_ignore_ascii_case("infile")
                        })
                    }
                    "do" | "kill" | "use" => {
                        quoted && next.is_some_and(|k| is_value(k) || k == Kind::Word)
                            || next == Some(Kind::Open) && tokens[0].kind == Kind::Number
                    }
                    _ => false,
                }
            }
            Kind::Function | Kind::Word => {
                let conditional = ["if", "while"].iter().any(|word| tokens[i + 1].text.eq_ignore_ascii_case(word));
                conditional
                    && tokens[i + 2..].iter().take(16).any(|t| {
                        matches!(t.kind, Kind::Select)
                            || ["waitfor", "shutdown"].iter().any(|word| t.text.eq_ignore_ascii_case(word))
                            || t.text.eq_ignore_ascii_case("exists") && (quoted || tokens[0].kind == Kind::Number)
                    })
            }
            _ => false,
        };
        if acts {
            return suspicion("stacked_queries", 0.95, "a second statement follows a semicolon");
        }
    }
    None
}

/// What is injected stands behind a value; a sentence begins with a word.
fn begins_as_a_value(tokens: &[&Token<'_>], quoted: bool) -> bool {
    let first = tokens[0];
    if quoted { !first.text.trim_end_matches(['\'', '"']).contains(' ') } else { first.kind != Kind::Word }
}

fn logic(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len() {
        if tokens[i].kind != Kind::Logic {
            continue;
        }
        let anchored = i > 0 && (is_value(tokens[i - 1].kind) || tokens[i - 1].kind == Kind::Close) || quoted && i <= 2;
        let here = past_signs(tokens, i + 1);
        let Some(first) = kind(tokens, here) else {
            // `1' or` with nothing behind it, bracketed.
            continue;
        };
        if first == Kind::Select && (here > i + 1 || anchored) {
            return suspicion("subquery", 0.95, "a subquery follows a logical operator");
        }
        let searched = quoted && anchored && is_word(tokens, here, "match") && tokens.len() > here + 3;
        if searched {
            return suspicion("logic", 0.9, "a search follows a logical operator");
        }
        let known_call = first == Kind::Function && (anchored || here > i + 1);
        if known_call {
            return suspicion("logic", 0.9, "a database function follows a logical operator");
        }
        let word_call = first == Kind::Word && kind(tokens, here + 1) == Some(Kind::Open) && anchored && quoted;
        let value = is_value(first)
            || first == Kind::Word && (anchored && quoted || i > 0 && tokens[i - 1].kind == Kind::Number);
        if !(value || word_call) {
            continue;
        }
        // What follows the value: a comparison, the end inside a quote, a comment.
        let mut after = here + 1;
        while matches!(kind(tokens, after), Some(Kind::Dot | Kind::Word)) && first == Kind::Word && after < here + 3 {
            after += 1;
        }
        while matches!(kind(tokens, after), Some(Kind::Close | Kind::Arithmetic | Kind::Not)) {
            after += 1;
        }
        while (first != Kind::Word || quoted && anchored)
            && kind(tokens, after - 1) == Some(Kind::Arithmetic)
            && kind(tokens, after).is_some_and(is_value)
        {
            after += 1;
            while matches!(kind(tokens, after), Some(Kind::Close | Kind::Arithmetic)) {
                after += 1;
            }
        }
        match kind(tokens, after) {
            Some(Kind::Compare) => {
                let right = past_signs(tokens, after + 1);
                let word_compare = tokens[after].text.starts_with(|c: char| c.is_ascii_alphabetic());
                let right_value = kind(tokens, right).is_some_and(|k| is_value(k) || k == Kind::Select)
                    || kind(tokens, right) == Some(Kind::Constant)
                    || kind(tokens, right) == Some(Kind::Word)
                        && (!word_compare || quoted && kind(tokens, right + 1) == Some(Kind::Comment))
                    || kind(tokens, right).is_none() && quoted;
                let strong = first != Kind::Word
                    || quoted
                    || matches!(kind(tokens, right), Some(Kind::Number | Kind::Text | Kind::Function | Kind::Constant));
                // Deep inside a long text only a comparison of two values is one that nobody writes.
                let buried = !quoted && tokens[0].kind == Kind::Word && i > 25;
                let plain = matches!(first, Kind::Number | Kind::Text)
                    && !word_compare
                    && matches!(kind(tokens, right), Some(Kind::Number | Kind::Text));
                if right_value && strong && (plain || !buried) && (anchored || first != Kind::Word && !word_compare) {
                    return suspicion("tautology", 0.95, "a comparison follows a logical operator");
                }
            }
            Some(Kind::Word) if tokens[i].text == "||" && i == 1 => {
                return suspicion("logic", 0.8, "a condition is appended to a value");
            }
            Some(Kind::Comment) if anchored && begins_as_a_value(tokens, quoted) => {
                return suspicion("tautology", 0.9, "a condition is added and the rest is commented out");
            }
            Some(Kind::Logic) if anchored && quoted && begins_as_a_value(tokens, quoted) => {
                return suspicion("logic", 0.85, "conditions are chained after a closed quote");
            }
            Some(Kind::Tail | Kind::Semicolon) if anchored && (quoted || here > i + 1 && first == Kind::Number) => {
                return suspicion("logic", 0.85, "a condition and a clause follow a closed quote");
            }
            None if quoted && anchored && matches!(first, Kind::Number | Kind::Constant | Kind::Variable) && i == 1 => {
                return suspicion("tautology", 0.85, "a condition follows a closed quote");
            }
            None if quoted && first == Kind::Text && i == 1 && tokens[0].text.len() <= 2 => {
                return suspicion("tautology", 0.8, "a condition follows a closed quote");
            }
            Some(Kind::Comma) if anchored && here > i + 1 && first == Kind::Number && i <= 2 => {
                return suspicion("logic", 0.85, "a list of columns is probed");
            }
            _ => {}
        }
    }
    None
}

/// `admin'--`, `x' /*`, `1'#`.
fn comment(tokens: &[&Token<'_>], quoted: bool, body: &str) -> Option<Suspicion> {
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
fn operators(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
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
fn between_quotes(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    let [typed, inner @ .., last] = tokens else { return None };
    let operator =
        |t: &Token<'_>| matches!(t.kind, Kind::Logic | Kind::Arithmetic | Kind::Not) || t.kind == Kind::Compare;
    let (first, before_last) = (inner.first()?, inner.last()?);
    let closed = last.text.len() > 1 && last.text.ends_with(['\'', '"']);
    let short = typed.text.len() <= 16 && !typed.text.contains(char::is_whitespace);
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

/// `1 order by 10--`, `' group by 1`, `1 having 1=1`, `1 limit 1 into outfile`, `procedure analyse(`.
fn tail(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len().saturating_sub(1) {
        if tokens[i].kind != Kind::Tail {
            continue;
        }
        let word = tokens[i].text.to_ascii_lowercase();
        let next = kind(tokens, i + 1);
        let second = tokens[i + 1].text.to_ascii_lowercase();
        let anchored = quoted && i == 1
            || i > 0 && matches!(tokens[i - 1].kind, Kind::Number | Kind::Close | Kind::Text) && i <= 3;
        let ended = |at: usize| matches!(kind(tokens, at), None | Some(Kind::Comment | Kind::Comma | Kind::Semicolon));
        let found = match word.as_str() {
            "order" | "group" => {
                next == Some(Kind::By) && anchored && {
                    let at = past_signs(tokens, i + 2);
                    matches!(kind(tokens, at), Some(Kind::Number | Kind::Text | Kind::Function | Kind::Select))
                        && (ended(at + 1) || kind(tokens, at) != Some(Kind::Number))
                        || quoted && kind(tokens, at) == Some(Kind::Word) && ended(at + 1)
                }
            }
            "having" => {
                (anchored
                    || kind(tokens, i + 2) == Some(Kind::Compare) && matches!(next, Some(Kind::Number | Kind::Text)))
                    && {
                        let at = past_signs(tokens, i + 1);
                        kind(tokens, at).is_some_and(is_value)
                            && matches!(
                                kind(tokens, at + 1),
                                Some(Kind::Compare | Kind::Open) | None | Some(Kind::Comment)
                            )
                    }
                    || i == 1
                        && tokens[0].kind == Kind::Word
                        && next == Some(Kind::Open)
                        && kind(tokens, i + 2).is_some_and(is_value)
                        && kind(tokens, i + 3) == Some(Kind::Logic)
            }
            "limit" => {
                anchored
                    && next == Some(Kind::Number)
                    && (kind(tokens, i + 2) == Some(Kind::Tail) || quoted && kind(tokens, i + 2) == Some(Kind::Comment))
            }
            "procedure" => second == "analyse" && kind(tokens, i + 2) == Some(Kind::Open),
            "into" => matches!(second.as_str(), "outfile" | "dumpfile"),
            _ => false,
        };
        if found {
            return suspicion("clause", 0.9, "a clause is appended to a value");
        }
    }
    None
}

/// `(select … from …)`, `select version(), 2 from …`, and other whole statements.
fn subquery(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len() {
        if tokens[i].kind != Kind::Select {
            continue;
        }
        let rest = &tokens[i + 1..];
        let from = rest.iter().take(400).position(|t| t.kind == Kind::From);
        let first = past_signs(tokens, i + 1);
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
            || quoted && i == 1
            || matches!(
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
            "insert" | "replace" => {
                second == "into"
                    && tokens[i + 2..].iter().any(|t| t.text.eq_ignore_ascii_case("values") || t.kind == Kind::Select)
            }
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

/// Nothing but a CASE of values.
fn whole_case(tokens: &[&Token<'_>]) -> bool {
    let at = |word: &str| tokens.iter().position(|t| t.text.eq_ignore_ascii_case(word));
    let (Some(case), Some(when), Some(then), Some(end)) = (at("case"), at("when"), at("then"), at("end")) else {
        return false;
    };
    case <= 1 && case < when && when < then && then < end && tokens.iter().all(|t| t.kind != Kind::Word)
}

/// `1 - sleep(5)`, `if(ascii(substring(…` , `1;waitfor`, `case when … then sleep(5)`, catalogue names.
fn telling(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    let calls: Vec<usize> = (0..tokens.len()).filter(|&i| tokens[i].kind == Kind::Function).collect();
    let named = |i: usize| TELLING.contains(&tokens[i].text.to_ascii_lowercase().as_str());
    let joined = |from: usize, to: usize| !tokens[from..to].iter().any(|t| matches!(t.kind, Kind::Word | Kind::Sign));
    let nested = calls.iter().any(|&i| named(i)) && calls.windows(2).any(|pair| joined(pair[0], pair[1]));
    let operated = calls.iter().any(|&i| {
        let before = i.checked_sub(1).and_then(|at| kind(tokens, at));
        let anchor = i.checked_sub(2).and_then(|at| kind(tokens, at));
        matches!(before, Some(Kind::Arithmetic | Kind::Compare | Kind::Logic | Kind::Comma | Kind::Not))
            && (quoted || matches!(anchor, Some(Kind::Number | Kind::Text | Kind::Close)) || named(i))
            || i == 0
                && named(i)
                && matches!(kind(tokens, i + 2), Some(Kind::Number | Kind::Text | Kind::Close | Kind::Function))
                && matches!(
                    tokens[i].text.to_ascii_lowercase().as_str(),
                    "sleep" | "benchmark" | "pg_sleep" | "extractvalue" | "updatexml" | "load_file"
                )
                && !tokens.iter().any(|t| t.kind == Kind::Word)
    });
    let catalogue = tokens.iter().any(|t| {
        let word = t.text.to_ascii_lowercase();
        matches!(
            word.as_str(),
            "information_schema"
                | "@@version"
                | "@@datadir"
                | "@@hostname"
                | "xp_cmdshell"
                | "sysobjects"
                | "pg_shadow"
                | "@@version_compile_os"
        ) && tokens.len() > 2
    }) && tokens
        .iter()
        .any(|t| matches!(t.kind, Kind::Select | Kind::From | Kind::Compare | Kind::Logic | Kind::Comment | Kind::Act));
    let case = tokens.iter().any(|t| t.text.eq_ignore_ascii_case("case"))
        && tokens.iter().any(|t| t.text.eq_ignore_ascii_case("when"))
        && tokens.iter().any(|t| t.text.eq_ignore_ascii_case("then"))
        && tokens.iter().any(|t| t.kind == Kind::Compare);
    if nested && (quoted || tokens.iter().any(|t| matches!(t.kind, Kind::Compare | Kind::Number | Kind::Variable)))
        || operated
        || catalogue
        || case && (quoted || tokens.iter().any(|t| t.kind == Kind::Number))
        || whole_case(tokens)
    {
        return suspicion("function", 0.85, "the text calls database functions");
    }
    None
}
