//! A UNION behind a value.

use super::{
    super::lex::{Kind, Token},
    Suspicion, is_value, kind, past_signs, suspicion,
};

pub(super) fn union(tokens: &[&Token<'_>]) -> Option<Suspicion> {
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
