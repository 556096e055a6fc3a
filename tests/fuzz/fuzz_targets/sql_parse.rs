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
            assert_eq!(before.operations, after.operations, "{text:?} became {stripped:?}");
        }
    }
});
