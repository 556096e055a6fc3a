//! Clauses behind a value.

use super::{
    super::lex::{Kind, Token},
    Suspicion, is_value, kind, past_signs, suspicion,
};

/// `1 order by 10--`, `' group by 1`, `1 having 1=1`, `1 limit 1 into outfile`, `procedure analyse(`.
pub(super) fn tail(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
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
                    || kind(tokens, i + 2) == Some(Kind::Compare)
                        && matches!(next, Some(Kind::Number | Kind::Text))
                        && kind(tokens, past_signs(tokens, i + 3)).is_some_and(is_value))
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
