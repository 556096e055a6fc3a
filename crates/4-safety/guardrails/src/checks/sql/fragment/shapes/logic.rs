//! Conditions behind a value, and sentences that only tell of them.

use super::{
    super::lex::{Kind, Token},
    Suspicion, begins_as_a_value, is_value, is_word, kind, past_signs, suspicion,
};

pub(super) fn logic(tokens: &[&Token<'_>], quoted: bool) -> Option<Suspicion> {
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
                let told = told_of(tokens, i, right, quoted, plain);
                if right_value
                    && strong
                    && !told
                    && (plain || !buried)
                    && (anchored || first != Kind::Word && !word_compare)
                {
                    return suspicion("tautology", 0.95, "a comparison follows a logical operator");
                }
            }
            Some(Kind::Word) if tokens[i].text == "||" && i == 1 => {
                return suspicion("logic", 0.8, "a condition is appended to a value");
            }
            Some(Kind::Comment) if anchored && begins_as_a_value(tokens, quoted) => {
                return suspicion("tautology", 0.9, "a condition is added and the rest is commented out");
            }
            // `IS" AND ANY EXPRESS OR IMPLIED`: two words side by side are no condition.
            Some(Kind::Logic)
                if anchored
                    && quoted
                    && begins_as_a_value(tokens, quoted)
                    && !tokens[here..after].windows(2).any(|two| two.iter().all(|t| t.kind == Kind::Word)) =>
            {
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

/// A sentence in which a comparison stands: words side by side around it, and none of the ways in which an injection
/// ends (nothing, a comment, a bracket, the next condition or clause).
fn told_of(tokens: &[&Token<'_>], at: usize, right: usize, quoted: bool, plain: bool) -> bool {
    let side_by_side = |part: &[&Token<'_>]| part.windows(2).filter(|two| two.iter().all(|t| is_prose(t))).count();
    let ends = match kind(tokens, right + 1) {
        None
        | Some(
            Kind::Comment
            | Kind::Close
            | Kind::Semicolon
            | Kind::Logic
            | Kind::Tail
            | Kind::Union
            | Kind::Arithmetic
            | Kind::Text
            | Kind::Compare
            | Kind::Open,
        ) => true,
        Some(Kind::Sign) => kind(tokens, right + 2).is_none(),
        _ => false,
    };
    if quoted {
        let typed = tokens[0].text.split_whitespace().count();
        return typed >= 4 && !ends && side_by_side(&tokens[right + 1..]) >= 1;
    }
    // `"-" != &s[4..5]`: an element of something belongs to programs.
    if kind(tokens, right) == Some(Kind::Word) && tokens.get(right + 1).is_some_and(|t| t.text == "[") {
        return true;
    }
    let before = side_by_side(&tokens[..at]);
    match (ends, plain) {
        (false, false) => kind(tokens, right + 1) == Some(Kind::Word) || before >= 1 || follows_a_comma(tokens, right),
        (false, true) => before >= 1 || follows_a_comma(tokens, right) || side_by_side(&tokens[right + 1..]) >= 2,
        (true, _) => before >= 5 && !matches!(kind(tokens, right + 1), Some(Kind::Comment)),
    }
}

fn follows_a_comma(tokens: &[&Token<'_>], right: usize) -> bool {
    kind(tokens, right + 1) == Some(Kind::Comma) && tokens.get(right + 2).is_some_and(|t| is_prose(t))
}

/// A word, whether or not SQL knows it too.
fn is_prose(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Word | Kind::Other | Kind::Act)
        || token.kind == Kind::Compare && token.text.starts_with(|c: char| c.is_ascii_alphabetic())
}
