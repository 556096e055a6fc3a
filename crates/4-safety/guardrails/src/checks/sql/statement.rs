//! A whole statement: what it does, what it touches, and what in it looks put there by somebody else.

use std::collections::BTreeSet;

use domain::{CheckKind, Finding, Severity};
use sqlparser::{
    ast::{Statement, Visit},
    tokenizer::{Token, Tokenizer},
};

use super::{
    Dialect, SqlError, SqlRules,
    known::{self, CATALOGS, SENSITIVE},
    parsed,
    unseen::{self, Reach},
    visit::Collected,
};
use crate::checks::finding;

/// Texts inside texts that are followed.
const MOST_TEXTS: usize = 64;
const MOST_LAYERS: usize = 3;

type Push<'a> = dyn FnMut(&str, Severity, f32, String) + 'a;

pub(super) fn check(sql: &str, rules: &SqlRules) -> Result<Vec<Finding>, SqlError> {
    layer(sql, rules, 0)
}

/// `depth`: how many texts this one was found inside of.
fn layer(sql: &str, rules: &SqlRules, depth: usize) -> Result<Vec<Finding>, SqlError> {
    if sql.len() > super::MOST_BYTES {
        return Err(SqlError::TooLong);
    }
    if unseen::hidden_name(sql, rules.dialect) {
        return Err(SqlError::Unparsable);
    }
    let whole = Whole::of(sql, rules);
    parsed(sql, rules.dialect, |readings| {
        let mut out: Vec<Finding> = Vec::new();
        for statements in readings {
            for found in findings(sql, &whole, statements, rules, depth) {
                if !out.iter().any(|one| one.family == found.family && one.why == found.why) {
                    out.push(found);
                }
            }
        }
        out
    })
}

/// What the text says as a whole, seen once however many statements it holds.
struct Whole {
    writes_a_file: bool,
    compared: Vec<String>,
    denied: Option<String>,
}

impl Whole {
    fn of(sql: &str, rules: &SqlRules) -> Self {
        let tables: BTreeSet<&str> = rules.tables.denied().collect();
        let denied = |word: &String| tables.contains(word.as_str());
        let compared = if rules.columns.is_empty() { Vec::new() } else { unseen::compared(sql, rules.dialect) };
        let named = (!tables.is_empty()).then(|| unseen::words(sql).find(denied)).flatten();
        Self { writes_a_file: writes_a_file(sql), compared, denied: named }
    }
}

fn findings(sql: &str, whole: &Whole, statements: &[Statement], rules: &SqlRules, depth: usize) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut push = |family: &str, severity, score: f32, why: String| {
        out.push(finding(CheckKind::SqlInjection, family, severity, score, None, "sql/statement", why));
    };
    if statements.len() > 1 && !rules.allow_several {
        push(
            "stacked_queries",
            Severity::Critical,
            1.0,
            format!("{} statements stand one behind the other", statements.len()),
        );
    }
    if let Some(why) = hiding_comment(sql) {
        push("comment", Severity::High, 0.9, why.to_owned());
    }
    for statement in statements {
        let mut seen = Collected::default();
        let _ = statement.visit(&mut seen);
        let everything = seen.changes_everything
            && seen.operations.iter().any(|operation| matches!(*operation, "UPDATE" | "DELETE"));
        if seen.tautology || everything {
            push("tautology", Severity::Critical, 0.95, "a condition is true whatever the data is".to_owned());
        }
        if seen.run_on {
            let why = "a statement begins where others would see a name";
            push("stacked_queries", Severity::Critical, 0.95, why.to_owned());
        }
        if whole.writes_a_file {
            push("file_access", Severity::Critical, 1.0, "the result is written to a file".to_owned());
        }
        let files = seen.files.then(|| "a file".to_owned());
        for source in files.into_iter().chain(seen.sources.iter().filter(|s| known::reads_elsewhere(s)).cloned()) {
            push("file_access", Severity::Critical, 0.95, format!("reads or writes outside of tables: {source}"));
        }
        for function in seen.functions.iter().filter(|name| known::is_dangerous(name)) {
            push("dangerous_function", Severity::Critical, 0.95, format!("calls {function}"));
        }
        for arms in &seen.unions {
            let Some((first, others)) = arms.split_first() else { continue };
            if let Some(why) = others.iter().find_map(|arm| foreign_arm(first, arm)) {
                push("union", Severity::Critical, 0.9, why.to_owned());
            }
        }
        texts(&seen, rules, depth, &mut push);
        if !rules.columns.is_empty() {
            seen.columns.extend(whole.compared.iter().cloned());
            seen.wildcard |= seen.counted && rules.dialect == Dialect::Snowflake;
        }
        reach(whole, &seen, rules, &mut push);
        resources(&seen, rules, &mut push);
    }
    if !rules.columns.is_empty() {
        words(sql, rules, &mut push);
    }
    out
}

/// Texts that functions and statements are given to run are SQL like any other; some name a table.
fn texts(seen: &Collected, rules: &SqlRules, depth: usize, push: &mut Push<'_>) {
    for (function, text) in seen.texts.iter().take(MOST_TEXTS) {
        let runs = known::runs_text(function);
        let Some(text) = text else {
            if rules.has_lists() {
                push("dynamic_sql", Severity::High, 1.0, format!("{function} runs text that cannot be seen yet"));
            }
            continue;
        };
        let name = text.replace('"', "").to_lowercase();
        let names = [known::bare(&name).to_owned(), name];
        if known::looks_at_a_name(function) && names.iter().any(|name| rules.tables.denies(name)) {
            push("table", Severity::High, 1.0, format!("the table {} is on the deny list", shown(&names[0])));
        }
        if !text.trim_start().contains(char::is_whitespace) || !super::begins_like_a_statement(text) {
            continue;
        }
        let inner = if depth < MOST_LAYERS { layer(text, rules, depth + 1) } else { Err(SqlError::TooDeep) };
        match inner {
            Ok(found) => found.into_iter().for_each(|one| push(&one.family, one.severity, one.score, one.why)),
            Err(_) if runs && rules.has_lists() => {
                push("dynamic_sql", Severity::High, 1.0, format!("{function} runs text that cannot be checked"));
            }
            Err(_) => {}
        }
    }
}

/// What the tree does not tell, where there are lists.
fn reach(whole: &Whole, seen: &Collected, rules: &SqlRules, push: &mut Push<'_>) {
    if rules.tables.is_empty() && rules.columns.is_empty() {
        return;
    }
    if let Some(name) = whole.denied.as_ref().filter(|_| seen.reach > Reach::Told) {
        push("table", Severity::High, 1.0, format!("the table {} is on the deny list", shown(name)));
    }
    for table in seen.tables.iter().filter(|table| known::copies_rows(table) && !rules.tables.names(table)) {
        push("table", Severity::High, 1.0, format!("{} holds what stands in other tables", shown(table)));
    }
    let listed = seen.operations.iter().any(|operation| rules.operations.names(operation));
    let closed = rules.tables.is_closed() || rules.columns.is_closed();
    match seen.reach {
        Reach::Runs if !listed => {
            push("dynamic_sql", Severity::High, 1.0, "the lists cannot see into what this statement runs".to_owned());
        }
        Reach::Names if closed && !listed => {
            let why = "what this kind of statement touches cannot be told";
            push(if rules.tables.is_closed() { "table" } else { "column" }, Severity::High, 1.0, why.to_owned());
        }
        _ => {}
    }
}

/// `INTO OUTFILE`, however the words are spaced.
pub(super) fn writes_a_file(sql: &str) -> bool {
    let mut words = sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let mut into = false;
    words.any(|word| {
        let found = into && ["outfile", "dumpfile"].iter().any(|name| word.eq_ignore_ascii_case(name));
        into = word.eq_ignore_ascii_case("into");
        found
    })
}

/// Columns where no expression names them (USING, ON CONFLICT, MERGE, RETURNING *): seen in the words themselves, so
/// rather too often than too seldom.
fn words(sql: &str, rules: &SqlRules, push: &mut Push<'_>) {
    let parser = rules.dialect.parser();
    let Ok(tokens) = Tokenizer::new(parser.as_ref(), sql).tokenize() else { return };
    let solid: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let denied: BTreeSet<&str> = rules.columns.denied().collect();
    let mut told: BTreeSet<String> = BTreeSet::new();
    let is = |token: Option<&&Token>, names: &[&str]| match token {
        Some(Token::Word(word)) => {
            word.quote_style.is_none() && names.iter().any(|n| word.value.eq_ignore_ascii_case(n))
        }
        _ => false,
    };
    for (i, token) in solid.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|at| solid.get(at));
        match token {
            Token::Word(word)
                if denied.contains(word.value.to_lowercase().as_str()) && told.insert(word.value.to_lowercase()) =>
            {
                push("column", Severity::High, 1.0, format!("{} is on the deny list", shown(&word.value)));
            }
            Token::Mul => {
                let counted =
                    before == Some(&&Token::LParen) && is(i.checked_sub(2).and_then(|at| solid.get(at)), &["count"]);
                let every = matches!(before, Some(Token::Comma | Token::Period | Token::LParen))
                    || is(before, &["select", "distinct", "all", "returning"]);
                if every && !counted && told.insert("*".to_owned()) {
                    push("column", Severity::High, 1.0, "`*` stands for every column".to_owned());
                }
            }
            Token::Word(word) if word.value.eq_ignore_ascii_case("natural") && is(solid.get(i + 1), NATURAL) => {
                push("column", Severity::High, 1.0, "a natural join compares columns that it does not name".to_owned());
            }
            _ => {}
        }
    }
}

const NATURAL: &[&str] = &["join", "left", "right", "inner", "full"];

/// Lists of operations, tables and columns (R177–R180).
fn resources(seen: &Collected, rules: &SqlRules, push: &mut Push<'_>) {
    for operation in &seen.operations {
        if let Some(why) = rules.operations.refuses(&[operation.to_lowercase()]) {
            push("operation", Severity::High, 1.0, format!("the operation {operation} {why}"));
        }
    }
    for table in &seen.tables {
        let bare = table.rsplit('.').next().unwrap_or(table);
        // A list that names the bare table means it in the default schema; another schema's table has to be named.
        let names = if table == bare { vec![table.clone()] } else { vec![table.clone(), bare.to_owned()] };
        let refused = match rules.tables.refuses(&names) {
            None if table != bare && known::is_catalog(table.split('.').next().unwrap_or("")) => {
                rules.tables.refuses(std::slice::from_ref(table))
            }
            other => other,
        };
        if let Some(why) = refused {
            push("table", Severity::High, 1.0, format!("the table {} {why}", shown(table)));
        }
    }
    if rules.columns.is_empty() {
        return;
    }
    if seen.wildcard {
        push(
            "column",
            Severity::High,
            1.0,
            "every column is read or written, also those that the lists do not permit".to_owned(),
        );
    }
    for column in &seen.columns {
        let (qualifier, bare) = column.rsplit_once('.').map_or((None, column.as_str()), |(q, bare)| (Some(q), bare));
        if seen.rows.contains(bare) && qualifier.is_none() {
            push("column", Severity::High, 1.0, format!("{} stands for a whole row", shown(column)));
            continue;
        }
        let of = |table: &str| vec![format!("{}.{bare}", table.rsplit('.').next().unwrap_or(table)), bare.to_owned()];
        let refused = match qualifier.and_then(|q| seen.aliases.get(q)) {
            // The qualifier says whose column it is; where one alias is used twice, each has to be permitted.
            Some(tables) => tables.iter().find_map(|table| rules.columns.refuses(&of(table))),
            None => {
                let mut names = vec![column.clone(), bare.to_owned()];
                names.extend(seen.tables.iter().flat_map(|table| of(table)));
                rules.columns.refuses(&names)
            }
        };
        if let Some(why) = refused {
            push("column", Severity::High, 1.0, format!("the column {} {why}", shown(column)));
        }
    }
}

/// Names are the customer's; a very long one is a payload.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Whether the second arm of a union looks brought in from elsewhere.
fn foreign_arm(first: &str, second: &str) -> Option<&'static str> {
    let (first, second) = (first.to_lowercase(), second.to_lowercase());
    let word =
        |text: &str, name: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part == name);
    let reads_a_catalog = |text: &str| CATALOGS.iter().any(|name| word(text, name));
    if reads_a_catalog(&second) && !reads_a_catalog(&first) {
        return Some("a UNION reads the database's own catalogue");
    }
    let (columns, from) = projection(&second);
    // Joins compare keys and tokens; what is asked for or searched by is another matter.
    let asked =
        from.and_then(|from| from.split_once(" where ")).map_or(String::new(), |(_, condition)| condition.into());
    if SENSITIVE.iter().any(|name| (word(columns, name) || word(&asked, name)) && !word(&first, name)) {
        return Some("a UNION brings in credentials that the first query does not ask for");
    }
    // A report whose own columns are filled up asks for the same of its other arms.
    if fillers(projection(&first).0) > 0 {
        return None;
    }
    let filled = fillers(columns);
    let all = columns.split(',').count();
    if filled > 0
        && first.contains(" from ")
        // Two kinds of rows in one report leave some columns empty; an injected arm brings little else.
        && (filled == all || filled >= 2 && 2 * filled > all)
        && (from.is_none() || filled < all || filled >= 2)
    {
        return Some("a UNION adds an arm of fillers to a query of columns");
    }
    None
}

/// What a query asks for, and what follows its FROM.
fn projection(arm: &str) -> (&str, Option<&str>) {
    let projection = arm.strip_prefix("select ").unwrap_or(arm);
    projection.split_once(" from ").map_or((projection, None), |(columns, from)| (columns, Some(from)))
}

/// Columns that only make up the number.
fn fillers(columns: &str) -> usize {
    let empty = |column: &&str| {
        let column = column.trim();
        let column = column.split_once(" as ").map_or(column, |(value, _)| value);
        matches!(column, "null" | "@@version" | "version()" | "user()" | "database()")
            || column.parse::<f64>().is_ok()
            || column.starts_with("0x")
    };
    columns.split(',').filter(empty).count()
}

/// A comment that swallows what followed a value, and comments that databases execute.
fn hiding_comment(sql: &str) -> Option<&'static str> {
    let bytes = sql.as_bytes();
    let mut quote = None;
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        match quote {
            Some(q) if b == q => quote = None,
            Some(_) => {}
            None if b == b'\'' || b == b'"' || b == b'`' => quote = Some(b),
            None if sql[i..].starts_with("/*!") => return Some("a comment holds SQL that some databases execute"),
            None if b == b'-' && bytes.get(i + 1) == Some(&b'-') || b == b'#' => {
                let rest = sql[i..].lines().next().unwrap_or("");
                let body = rest.trim_start_matches(['-', '#', ' ']);
                let after_value = i > 0 && matches!(bytes[i - 1], b'\'' | b'"' | b')' | b'0'..=b'9');
                let lower = body.to_lowercase();
                // What was cut off from a text leaves half a pair of quotes behind.
                let torn = |quote: char| body.starts_with(quote) && body.matches(quote).count() % 2 == 1;
                let swallows = torn('\'')
                    || torn('"')
                    || body.starts_with(')')
                    || lower.starts_with("and ")
                    || lower.starts_with("or ")
                    || lower.starts_with("limit ");
                if swallows && (after_value || torn('\'') || torn('"')) {
                    return Some("a comment swallows the rest of the statement");
                }
                i += rest.len();
                continue;
            }
            None => {}
        }
        i += 1;
        while i < bytes.len() && !sql.is_char_boundary(i) {
            i += 1;
        }
    }
    None
}

/// Adds what `statement` does.
pub(super) fn summarise(statement: &sqlparser::ast::Statement, summary: &mut super::Summary) {
    let mut seen = Collected::default();
    let _ = statement.visit(&mut seen);
    summary.operations.extend(&seen.operations);
    summary
        .dangerous
        .extend(seen.functions.iter().chain(&seen.sources).filter(|name| known::is_dangerous(name)).cloned());
    summary.dangerous.extend(seen.sources.iter().filter(|name| known::reads_elsewhere(name)).cloned());
    summary.locks |= seen.locks;
    summary.into_file |= seen.files;
}
