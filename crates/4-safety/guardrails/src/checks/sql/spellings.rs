//! Ordinary SQL that the parser does not know, said in words that it does: nothing that is read, written or named may
//! get lost on the way, so only words that choose an index, a lock or a way of storing are left out.

use sqlparser::tokenizer::{Token, Tokenizer, Whitespace, Word};

use super::Dialect;

/// `sql` in other words; `None` when there is nothing to say differently.
pub fn respell(sql: &str, dialect: Dialect) -> Option<String> {
    let parser = dialect.parser();
    let all = Tokenizer::new(parser.as_ref(), sql).with_unescape(false).tokenize().ok()?;
    let tokens: Vec<Token> = all.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut changed = false;
    let mut i = 0;
    while i < tokens.len() {
        let starts = out.last().is_none_or(|before| *before == Token::SemiColon);
        let taken = if starts { statement(&tokens[i..], &mut out) } else { None };
        match taken.or_else(|| inside(&tokens[i..], &mut out)) {
            Some(taken) if taken > 0 => {
                changed = true;
                i += taken;
            }
            _ => {
                out.push(tokens[i].clone());
                i += 1;
            }
        }
    }
    if !changed {
        return None;
    }
    let mut text = String::with_capacity(sql.len());
    for token in out {
        text.push_str(&token.to_string());
        text.push_str(&Token::Whitespace(Whitespace::Space).to_string());
    }
    Some(text)
}

/// How the beginning of a statement is said differently: how many tokens it took.
fn statement(tokens: &[Token], out: &mut Vec<Token>) -> Option<usize> {
    let at = |i: usize, word: &str| tokens.get(i).is_some_and(|token| is(token, word));
    // `TABLE t` reads every column of t.
    if at(0, "table") && matches!(tokens.get(1), Some(Token::Word(_))) {
        out.extend([bare("SELECT"), Token::Mul, bare("FROM")]);
        return Some(1);
    }
    // `PRAGMA name = on`, `PRAGMA table_info(t)`: the value is a text.
    if at(0, "pragma") {
        let value = tokens.iter().position(|token| matches!(token, Token::Eq | Token::LParen))? + 1;
        let Some(Token::Word(word)) = tokens.get(value) else { return None };
        out.extend(tokens[..value].iter().cloned());
        out.push(Token::SingleQuotedString(word.value.clone()));
        return Some(value + 1);
    }
    // `VACUUM (options) t`, `REINDEX t`, `REFRESH MATERIALIZED VIEW t`: keeping a table in order.
    if at(0, "vacuum") && tokens.get(1) == Some(&Token::LParen) {
        let end = tokens.iter().position(|token| *token == Token::RParen)?;
        out.push(tokens[0].clone());
        return Some(end + 1);
    }
    let kept = if at(0, "refresh") && at(1, "materialized") && at(2, "view") {
        Some(3 + usize::from(at(3, "concurrently")))
    } else if at(0, "reindex") {
        Some(1 + usize::from(["table", "index", "schema", "database"].iter().any(|what| at(1, what))))
    } else {
        None
    };
    if let Some(skip) = kept
        && matches!(tokens.get(skip), Some(Token::Word(_)))
    {
        out.extend([bare("ANALYZE"), bare("TABLE")]);
        return Some(skip);
    }
    if at(0, "alter") && at(1, "default") && at(2, "privileges") {
        return tokens.iter().position(|token| is(token, "grant") || is(token, "revoke"));
    }
    if at(0, "create") && (at(1, "fulltext") || at(1, "spatial")) && at(2, "index") {
        out.push(tokens[0].clone());
        return Some(2);
    }
    if at(0, "drop") && at(1, "index") && at(2, "concurrently") {
        out.extend(tokens[..2].iter().cloned());
        return Some(3);
    }
    if let Some(taken) = without_options(tokens, out) {
        return Some(taken);
    }
    // `UPDATE a, b SET`: a join without a condition.
    if at(0, "update") {
        let set = tokens.iter().position(|token| is(token, "set"))?;
        let plain = |token: &Token| matches!(token, Token::Word(_) | Token::Comma | Token::Period);
        if tokens[..set].contains(&Token::Comma) && tokens[..set].iter().all(plain) {
            for token in &tokens[..set] {
                match token {
                    Token::Comma => out.extend([bare("CROSS"), bare("JOIN")]),
                    other => out.push(other.clone()),
                }
            }
            return Some(set);
        }
    }
    None
}

/// Sequences, accounts and full-text tables: what follows the name only says how they are kept. What a text search reads
/// from elsewhere stands in the text that the lists are held to as well.
fn without_options(tokens: &[Token], out: &mut Vec<Token>) -> Option<usize> {
    let at = |i: usize, word: &str| tokens.get(i).is_some_and(|token| is(token, word));
    let end = tokens.iter().position(|token| *token == Token::SemiColon).unwrap_or(tokens.len());
    let rest = &tokens[..end];
    let queries = rest.iter().skip(1).any(|token| is(token, "select"));
    // `ALTER TABLE t ENGINE = x`
    if at(0, "alter") && at(1, "table") {
        let option = rest.iter().position(|token| *token == Token::Eq)?.checked_sub(1)?;
        let name = rest.get(2..option)?;
        let named = !name.is_empty() && name.iter().all(|token| matches!(token, Token::Word(_) | Token::Period));
        let (key, value) = (rest.get(option)?, rest.get(option + 2)?);
        let storage = ["engine", "auto_increment", "row_format", "comment", "charset", "collate"];
        if !named || option + 3 != end || !storage.iter().any(|word| is(key, word)) {
            return None;
        }
        out.extend(rest[..option].iter().cloned());
        out.extend([bare("SET"), Token::LParen, key.clone(), Token::Eq, value.clone(), Token::RParen]);
        return Some(end);
    }
    if !(at(0, "create") || at(0, "alter")) || queries && !at(1, "user") {
        return None;
    }
    let exists = if at(2, "if") { 2 + usize::from(at(3, "not")) } else { 0 };
    let name = rest.get(2 + exists)?;
    if at(1, "sequence") || at(1, "user") {
        let part_of_name = |token: &&Token| matches!(token, Token::Period);
        if rest[2 + exists..].iter().any(|token| part_of_name(&token)) {
            return None;
        }
        out.extend([bare("CREATE"), bare(if at(1, "user") { "ROLE" } else { "SEQUENCE" })]);
        out.push(match name {
            Token::SingleQuotedString(text) => Token::make_word(text, Some('"')),
            other => other.clone(),
        });
        return Some(end);
    }
    if at(1, "virtual") && at(2, "table") {
        let module = rest.iter().position(|token| is(token, "using"))? + 1;
        let known = ["fts3", "fts4", "fts5", "rtree"].iter().any(|word| at(module, word));
        if !known || rest.get(module + 1) != Some(&Token::LParen) || rest.last() != Some(&Token::RParen) {
            return None;
        }
        out.extend(rest[..=module].iter().cloned());
        return Some(end);
    }
    None
}

/// The same inside a statement.
fn inside(tokens: &[Token], out: &mut Vec<Token>) -> Option<usize> {
    let at = |i: usize, word: &str| tokens.get(i).is_some_and(|token| is(token, word));
    let word = |i: usize| matches!(tokens.get(i), Some(Token::Word(_)));
    if at(0, "indexed") && at(1, "by") && word(2) {
        return Some(3);
    }
    if at(0, "not") && at(1, "indexed") {
        return Some(2);
    }
    if at(0, "lock") && at(1, "in") && at(2, "share") && at(3, "mode") {
        out.extend([bare("FOR"), bare("SHARE")]);
        return Some(4);
    }
    if at(0, "with") && (at(1, "data") || at(1, "no") && at(2, "data")) {
        let taken = if at(1, "data") { 2 } else { 3 };
        return matches!(tokens.get(taken), None | Some(Token::SemiColon)).then_some(taken);
    }
    for (word, negated) in [("isnull", false), ("notnull", true)] {
        if at(0, word) && tokens.get(1) != Some(&Token::LParen) {
            out.push(bare("IS"));
            out.extend(negated.then(|| bare("NOT")));
            out.push(bare("NULL"));
            return Some(1);
        }
    }
    if at(0, "glob") && !matches!(tokens.get(1), None | Some(Token::LParen)) {
        out.push(bare("LIKE"));
        return Some(1);
    }
    // `a IS b`, SQLite's equality that knows NULL.
    let negated = usize::from(at(1, "not"));
    let known = ["null", "true", "false", "unknown", "distinct", "json", "not", "normalized", "nfc", "nfd"];
    let value = matches!(
        tokens.get(1 + negated),
        Some(Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_))
    );
    if at(0, "is") && value && !known.iter().any(|known| at(1 + negated, known)) {
        out.push(if negated == 1 { Token::Neq } else { Token::Eq });
        return Some(1 + negated);
    }
    // `%(name)s` and `%s`, as Python's drivers write parameters.
    if tokens.first() == Some(&Token::Mod) {
        if tokens.get(1) == Some(&Token::LParen) && word(2) && tokens.get(3) == Some(&Token::RParen) && at(4, "s") {
            out.push(Token::Placeholder("?".to_owned()));
            return Some(5);
        }
        let begins = !matches!(out.last(), Some(Token::Word(_) | Token::Number(..) | Token::RParen))
            || out.last().is_some_and(|before| {
                ["limit", "offset", "and", "or", "in", "like", "values"].iter().any(|w| is(before, w))
            });
        if begins && at(1, "s") {
            out.push(Token::Placeholder("?".to_owned()));
            return Some(2);
        }
    }
    None
}

fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

fn bare(word: &str) -> Token {
    Token::make_keyword(word)
}
