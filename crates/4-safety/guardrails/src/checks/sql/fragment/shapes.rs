//! Shapes that injected SQL has and prose has not.

mod functions;
mod logic;
mod quotes;
mod stacked;
mod subquery;
mod tail;
mod union;

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

/// `quoted`: the first token is the text before the quote that was closed.
pub fn judge(all: &[Token<'_>], quoted: bool, body: &str) -> Option<Suspicion> {
    let tokens: Vec<&Token<'_>> = without_inner_comments(all);
    if tokens.len() < 2 {
        return None;
    }
    union::union(&tokens)
        .or_else(|| stacked::stacked(&tokens, quoted))
        .or_else(|| logic::logic(&tokens, quoted))
        .or_else(|| quotes::comment(&tokens, quoted, body))
        .or_else(|| quotes::operators(&tokens, quoted))
        .or_else(|| quotes::between_quotes(&tokens, quoted))
        .or_else(|| tail::tail(&tokens, quoted))
        .or_else(|| subquery::subquery(&tokens, quoted))
        .or_else(|| functions::telling(&tokens, quoted))
        .or_else(|| quotes::cut_off(&tokens, quoted))
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

/// What is injected stands behind a value; a sentence begins with a word.
fn begins_as_a_value(tokens: &[&Token<'_>], quoted: bool) -> bool {
    let first = tokens[0];
    match quoted {
        true => !first.text.trim_end_matches(['\'', '"']).contains(' '),
        false => is_value(first.kind) || !first.text.starts_with(|c: char| c.is_alphabetic()),
    }
}
