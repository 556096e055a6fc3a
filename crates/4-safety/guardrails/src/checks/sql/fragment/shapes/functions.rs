//! Calls of database functions.

use super::{
    super::lex::{Kind, Token},
    Suspicion, begins_as_a_value, kind, suspicion,
};

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

/// `1 - sleep(5)`, `if(ascii(substring(…` , `1;waitfor`, `case when … then sleep(5)`, catalogue names.
pub(super) fn telling(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
    let calls: Vec<usize> = (0..tokens.len()).filter(|&i| tokens[i].kind == Kind::Function).collect();
    let named = |i: usize| TELLING.contains(&tokens[i].text.to_ascii_lowercase().as_str());
    let joined = |from: usize, to: usize| !tokens[from..to].iter().any(|t| matches!(t.kind, Kind::Word | Kind::Sign));
    let formula = tokens[0].text == "=" && kind(tokens, 1) == Some(Kind::Function) && !calls.iter().any(|&i| named(i));
    if formula {
        return None;
    }
    let nested = calls.iter().any(|&i| named(i)) && calls.windows(2).any(|pair| joined(pair[0], pair[1]));
    let operated = calls.iter().any(|&i| {
        let before = i.checked_sub(1).and_then(|at| kind(tokens, at));
        let anchor = i.checked_sub(2).and_then(|at| kind(tokens, at));
        matches!(before, Some(Kind::Arithmetic | Kind::Compare | Kind::Logic | Kind::Comma | Kind::Not))
            && (quoted || named(i) || anchored_in(tokens, i, anchor))
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

/// `1-len(x)`; behind a comma only where a value began it: `assert_eq!(2, len("a"))` is a program's.
fn anchored_in(tokens: &[&Token<'_>], i: usize, anchor: Option<Kind>) -> bool {
    matches!(anchor, Some(Kind::Number | Kind::Text | Kind::Close))
        && (kind(tokens, i - 1) != Some(Kind::Comma) || begins_as_a_value(tokens, false))
}

/// Nothing but a CASE of values.
fn whole_case(tokens: &[&Token<'_>]) -> bool {
    let at = |word: &str| tokens.iter().position(|t| t.text.eq_ignore_ascii_case(word));
    let (Some(case), Some(when), Some(then), Some(end)) = (at("case"), at("when"), at("then"), at("end")) else {
        return false;
    };
    case <= 1 && case < when && when < then && then < end && tokens.iter().all(|t| t.kind != Kind::Word)
}
