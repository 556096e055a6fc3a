//! A second statement.

use super::{
    super::lex::{Kind, Token},
    Suspicion, begins_as_a_value, is_value, kind, past_signs, suspicion,
};

pub(super) fn stacked(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    for i in 0..tokens.len().saturating_sub(1) {
        if tokens[i].kind != Kind::Semicolon {
            continue;
        }
        let acts = match tokens[i + 1].kind {
            Kind::Select => {
                let at = past_signs(tokens, i + 2);
                tokens[i + 2..at].iter().any(|t| t.kind != Kind::Every)
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
                        let ends = matches!(kind(tokens, i + 3), None | Some(Kind::Comment | Kind::Semicolon));
                        // `don't …;` followed by `use core::fmt;` are two lines of a program.
                        quoted
                            && begins_as_a_value(tokens, quoted)
                            && kind(tokens, 1) != Some(Kind::Word)
                            && next.is_some_and(|k| is_value(k) || k == Kind::Word && ends)
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
