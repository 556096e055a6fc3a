//! Spellings that only somebody who hides SQL uses, seen in the raw text, before any grammar.

use std::sync::LazyLock;

use regex::RegexSet;

use super::Suspicion;

/// What gives it away, and in which words.
const SIGNS: &[(&str, &str, f32, &str)] = &[
    // SQL inside a comment that one database executes.
    (r"/\*!\d{5}", "comment", 0.9, "a comment holds SQL that some databases execute"),
    // An empty comment where a blank would do.
    (
        r"(?i)(?:\b(?:union|select|and|or|xor|order|group|having|where|from|like|sleep)/\*\*/|/\*\*/(?:union|select|and|or|xor|order|group|having|where|from|like)\b)",
        "comment",
        0.9,
        "comments stand where SQL needs blanks",
    ),
    // `1FUNION SELECT`, `1.eunion select`: a number that runs into the next word.
    (r"(?i)\b\d+[a-z.]{0,2}union\b.{0,20}\bselect\b", "union", 0.9, "a UNION SELECT is glued to a number"),
    // A misspelt UNION between a negative number and a query: filters are felt out.
    (
        r"(?i)^\s*-\d+['\x22)]{0,3}\s+(?:\S{1,12}\s+)?select\b\s*(?:\S{1,12}\s+)?(?:\d|\w+\()",
        "union",
        0.85,
        "a query is appended to a value that no row has",
    ),
    // An operator between two quotes, and at most a word on either side.
    (
        r"(?i)^\s*\w{0,12}\s*'\s*(?:div|mod|or|xor|and|\|\||&&|[-+*%/^&|=]|<<|>>|<>|!=|is|like)\s*'\s*\w{0,12}\s*$",
        "logic",
        0.75,
        "an operator stands between two quotes",
    ),
    // The bracket and the query before it are closed, and another source is read.
    (r"(?i)^\s*-?\d+['\x22]?\)+\s*from\s+\w+", "clause", 0.85, "a bracket is closed and a source follows"),
    (r"(?i)^\s*\w{1,30}\s+(?:asc|desc)\s*(?:--|#|/\*)", "comment", 0.75, "an order is followed by a comment"),
    (
        r"(?i)^\s*\d+['\x22]?\)*\s*(?:or|\|\|)\s*\(*\s*true\s*\)*\s*(?:--.*|#.*)?$",
        "tautology",
        0.8,
        "a condition is always true",
    ),
    // Keeps a statement out of SQL Server's log.
    (r"(?i)--.{0,40}\bsp_password\b", "comment", 0.9, "the text hides itself from a database's log"),
    (r"(?i)\bexec(?:ute)?\s+(?:master\.\.?)?(?:xp|sp)_\w+", "statement", 0.9, "the text runs a stored procedure"),
    // `'||(select …)||'`, `'+(select …)+'`.
    (r"(?i)['\x22]\s*(?:\|\||\+)\s*\(\s*select\b", "subquery", 0.95, "a query is joined to a closed quote"),
    // Column counting inside an otherwise harmless query.
    (r"(?i)\bselect\s+(?:\w+\s*,\s*)?1\s*,\s*2\s*,\s*3\b", "union", 0.85, "columns are counted"),
    (
        r"(?i)\b(?:concat|concat_ws|group_concat)\s*\([^)]{0,80}\b0x(?:3a|7e|7c|2c|20|0a)",
        "function",
        0.85,
        "values are joined by an encoded sign",
    ),
];

static ANY: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(SIGNS.iter().map(|(pattern, ..)| *pattern)).ok());

pub(super) fn judge(text: &str) -> Option<Suspicion> {
    let first = ANY.as_ref()?.matches(text).iter().next()?;
    let (_, family, score, why) = SIGNS.get(first)?;
    Some(Suspicion { family, score: *score, span: (0, 0), why })
}
