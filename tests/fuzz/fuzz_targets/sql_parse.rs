//! No SQL makes the parser, the lists or the fragment reader panic or overflow the stack; what is stripped of its
//! comments still reads as what it was.
#![no_main]

use guardrails::checks::sql::{Dialect, Mode, SqlRules, strip_comments, summary, suspicion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = suspicion(text);
    for dialect in [Dialect::Generic, Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite] {
        let before = summary(text, dialect);
        let rules = SqlRules { mode: Some(Mode::Statement), dialect, ..SqlRules::default() };
        let _ = rules.check(text);
        if let (Ok(before), Ok(stripped)) = (before, strip_comments(text, dialect))
            && let Ok(after) = summary(&stripped, dialect)
        {
            // Where nobody said which SQL it is, a comment to one database may be a statement to another.
            let same = match dialect {
                Dialect::Generic => before.operations.is_superset(&after.operations),
                _ => before.operations == after.operations,
            };
            assert!(same, "{text:?} became {stripped:?}");
        }
    }
});
