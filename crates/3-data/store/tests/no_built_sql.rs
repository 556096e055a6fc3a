//! R131: no SQL is put together from input. Statements are `&'static str` by type; what remains to be checked is that
//! nobody goes around the type.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{fs, path::Path};

#[test]
fn nobody_asserts_that_built_sql_is_safe() {
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.is_empty(), "{found:?}");
}

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let around = ["AssertSqlSafe", "QueryBuilder", "Box::leak", ".leak()"];
            found.extend(around.iter().filter(|word| text.contains(**word)).map(|word| format!("{word} in {path:?}")));
        }
    }
}
