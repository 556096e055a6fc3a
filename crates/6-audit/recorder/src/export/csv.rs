//! A table for spreadsheets. Every cell is quoted, and one that a spreadsheet would take for a formula begins with an
//! apostrophe; whoever reads the file back takes one apostrophe away.

use serde_json::json;

use super::found::{About, Found};
use chain::verify::EXPORT;

const COLUMNS: [&str; 19] = [
    "sequence",
    "id",
    "at",
    "operation",
    "target",
    "result",
    "request",
    "intent",
    "duration_micros",
    "principal_kind",
    "principal",
    "on_behalf_of",
    "address",
    "session",
    "user_agent",
    "detail",
    "hash",
    "cbor",
    "salt",
];
const LAST: &str = "path";

pub(super) fn header(text: &mut String) {
    cells(text, COLUMNS.iter().chain([&LAST]).map(|name| (*name).to_owned()));
}

pub(super) fn row(found: &Found, text: &mut String) {
    let shown = &found.shown;
    let optional = |value: Option<String>| value.unwrap_or_default();
    let subject = shown.subject.as_ref();
    let (kind, principal, behalf) = match subject {
        None => ("erased".to_owned(), String::new(), String::new()),
        Some(subject) => {
            let kind = serde_json::to_value(subject.principal).ok();
            let kind = kind.and_then(|value| value.get("kind")?.as_str().map(str::to_owned)).unwrap_or_default();
            let principal = subject.principal.to_string();
            let behalf = optional(subject.principal.person().map(|person| person.to_string()));
            (kind, principal.clone(), if behalf == principal { String::new() } else { behalf })
        }
    };
    cells(
        text,
        [
            shown.sequence.to_string(),
            shown.id.to_string(),
            shown.at.to_string(),
            shown.operation.clone(),
            optional(shown.target.clone()),
            shown.result.as_str().to_owned(),
            optional(shown.request.map(|id| id.to_string())),
            optional(shown.intent.map(|id| id.to_string())),
            optional(shown.duration_micros.map(|micros| micros.to_string())),
            kind,
            principal,
            behalf,
            optional(subject.and_then(|subject| subject.address).map(|address| address.to_string())),
            optional(subject.and_then(|subject| subject.session).map(|session| session.to_string())),
            optional(subject.and_then(|subject| subject.user_agent.clone())),
            found.proof.detail.clone(),
            shown.hash.clone(),
            found.proof.cbor.clone(),
            found.proof.salt.clone(),
            found.proof.path.join(" "),
        ],
    );
}

/// The row that the others are verified with.
pub(super) fn trailer(about: &About, entries: u64, text: &mut String) {
    let proof = json!({
        "format": EXPORT,
        "key": about.key,
        "chain": about.chain,
        "checkpoint": about.checkpoint,
        "entries": entries,
    });
    let first = ["#proof".to_owned(), proof.to_string()];
    cells(text, first.into_iter().chain(std::iter::repeat_n(String::new(), COLUMNS.len() - 1)));
}

/// One line of a table for spreadsheets.
pub fn cells(text: &mut String, cells: impl IntoIterator<Item = String>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push('"');
        if computes(&cell) {
            text.push('\'');
        }
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    }
    text.push_str("\r\n");
}

/// Whether a spreadsheet might compute the cell rather than show it. Full-width forms count: some programs fold them.
fn computes(cell: &str) -> bool {
    let first = cell.trim_start_matches([' ', '\u{a0}', '\u{feff}']).chars().next();
    matches!(
        first,
        Some(
            '=' | '+'
                | '-'
                | '@'
                | '\t'
                | '\r'
                | '\n'
                | '\''
                | '|'
                | '%'
                | '\u{ff1d}'
                | '\u{ff0b}'
                | '\u{ff0d}'
                | '\u{ff20}'
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_is_text() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'=1", "=HYPERLINK(\"x\")", "\u{ff1d}1"] {
            let mut text = String::new();
            cells(&mut text, [bad.to_owned()]);
            assert!(text.starts_with("\"'"), "{bad:?} became {text:?}");
        }
        let mut text = String::new();
        cells(&mut text, ["wf_1".to_owned(), "{\"a\":\"b\"}".to_owned()]);
        assert_eq!(text, "\"wf_1\",\"{\"\"a\"\":\"\"b\"\"}\"\r\n");
    }
}
