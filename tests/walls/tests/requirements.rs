//! The table of requirements says where each row is kept and which test proves it. What it names has to exist.
//!
//! A test proves a row by naming it in its doc comment (`/// R116: …`, or `R133 to R142`); a file in a `tests` folder
//! may name a row for all of its tests in its head (`//! R230: …`), which the table writes as `file::*`.
//! `cargo nextest run -p walls --test requirements --run-ignored only` writes the last two columns anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

const ROWS: u16 = 276;
const SHOWN: usize = 3;

static ROW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bR(\d{3})\b(?:\s*(?:-|–|to|\.\.=?)\s*R(\d{3})\b)?").unwrap());
static FUNCTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(?:pub(?:\([a-z]+\))?\s+)?(?:async\s+)?fn\s+(\w+)").unwrap());
static IS_TEST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^#\[(?:\w+::)*test\b").unwrap());

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn table() -> PathBuf {
    root().join("docs/reference/requirements.md")
}

/// The rows that a text names, singly or as a range.
fn named(text: &str) -> BTreeSet<u16> {
    let mut rows = BTreeSet::new();
    for hit in ROW.captures_iter(text) {
        let first: u16 = hit[1].parse().unwrap();
        let last = hit.get(2).map_or(first, |last| last.as_str().parse().unwrap());
        rows.extend((first..=last).filter(|row| (1..=ROWS).contains(row)));
    }
    rows
}

/// What one source file says of rows.
#[derive(Default)]
struct File {
    /// Tests, with the rows of their doc comments.
    tests: BTreeMap<String, BTreeSet<u16>>,
    /// Rows in its `//!` lines.
    head: BTreeSet<u16>,
    /// Rows anywhere else outside tests.
    body: BTreeSet<u16>,
}

fn read(text: &str) -> File {
    let mut file = File::default();
    let (mut doc, mut test, mut open) = (BTreeSet::new(), false, 0_i32);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let brackets = |line: &str| line.matches('[').count() as i32 - line.matches(']').count() as i32;
        if open > 0 {
            open += brackets(trimmed); // inside an attribute of several lines
        } else if trimmed.starts_with("///") {
            let mut block = trimmed.to_owned();
            while let Some(more) = lines.next_if(|next| next.trim().starts_with("///")) {
                block.push(' ');
                block.push_str(more.trim().trim_start_matches('/'));
            }
            doc = named(&block);
        } else if trimmed.starts_with("//!") {
            file.head.extend(named(trimmed));
        } else if trimmed.starts_with("#[") {
            test |= IS_TEST.is_match(trimmed);
            open = brackets(trimmed);
        } else {
            match FUNCTION.captures(line) {
                Some(name) if test => {
                    file.tests.insert(name[1].to_owned(), std::mem::take(&mut doc));
                }
                _ => {
                    file.body.append(&mut doc);
                    file.body.extend(named(trimmed));
                }
            }
            (doc, test) = (BTreeSet::new(), false);
        }
    }
    file
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "requirements.rs" {
            found.push(path);
        }
    }
}

/// Every source file by its path in the repository.
fn files() -> BTreeMap<String, File> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    let named = |path: &PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (named(path), read(&fs::read_to_string(path).unwrap_or_default()))).collect()
}

/// Row, what, where, tests.
fn rows(text: &str) -> Vec<(u16, String, String, String)> {
    let line = Regex::new(r"(?m)^\| R(\d{3}) \| (.*?) \| (.*?) \| (.*?) \|$").unwrap();
    line.captures_iter(text)
        .map(|row| (row[1].parse().unwrap(), row[2].to_owned(), row[3].to_owned(), row[4].to_owned()))
        .collect()
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_row_stands_in_the_table_once() {
    let listed: Vec<u16> = rows(&fs::read_to_string(table()).unwrap()).iter().map(|row| row.0).collect();
    assert_eq!(listed, (1..=ROWS).collect::<Vec<_>>());
}

#[test]
fn every_test_in_the_table_exists_and_names_its_row() {
    let files = files();
    let mut wrong = Vec::new();
    for (row, _, place, tests) in rows(&fs::read_to_string(table()).unwrap()) {
        for path in quoted(&place).into_iter().filter(|path| !root().join(path).exists()) {
            wrong.push(format!("R{row:03}: there is no {path}"));
        }
        for proof in quoted(&tests) {
            let Some((path, name)) = proof.split_once("::") else {
                wrong.push(format!("R{row:03}: {proof:?} is not file::name"));
                continue;
            };
            let holds = files.get(path).is_some_and(|file| match name {
                "*" => file.head.contains(&row) && !file.tests.is_empty(),
                name => file.tests.get(name).is_some_and(|rows| rows.contains(&row)),
            });
            if !holds {
                wrong.push(format!("R{row:03}: no test {name} in {path} names it in its doc comment"));
            }
        }
        if quoted(&tests).is_empty() && tests != "not yet" {
            wrong.push(format!("R{row:03}: {tests:?} is neither a test nor \"not yet\""));
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/reference/requirements.md is out of date; see the head of this file:\n{}",
        wrong.join("\n")
    );
}

#[test]
#[ignore = "writes the table"]
fn write_the_table_anew() {
    let files = files();
    let in_tests = |path: &str| path.contains("/tests/") || path.starts_with("tests/") || path.starts_with("bench/");
    let cell = |mut all: Vec<String>| {
        all.dedup();
        let more = all.len().saturating_sub(SHOWN);
        let shown: Vec<String> = all.iter().take(SHOWN).map(|one| format!("`{one}`")).collect();
        match (all.len(), more) {
            (0, _) => "not yet".to_owned(),
            (_, 0) => shown.join(" "),
            _ => format!("{} and {more} more", shown.join(" ")),
        }
    };
    let mut lines = Vec::new();
    let mut proven = 0;
    for (row, what, ..) in rows(&fs::read_to_string(table()).unwrap()) {
        let mut tests = Vec::new();
        let mut whole = Vec::new();
        for (path, file) in &files {
            tests.extend(
                file.tests.iter().filter(|test| test.1.contains(&row)).map(|test| format!("{path}::{}", test.0)),
            );
            if in_tests(path) && file.head.contains(&row) && !file.tests.is_empty() {
                whole.push(format!("{path}::*"));
            }
        }
        if tests.is_empty() {
            tests = whole;
        }
        proven += usize::from(!tests.is_empty());
        let own = |pick: &dyn Fn(&File) -> bool| {
            let here = files.iter().filter(|(path, file)| !in_tests(path) && pick(file));
            here.map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        let mut places = own(&|file| file.head.contains(&row));
        let others = own(&|file| file.body.contains(&row) && !file.head.contains(&row));
        places.extend(others);
        if places.is_empty() {
            // Nothing but its test names it: the crate that is tested.
            let crates =
                tests.iter().filter_map(|test| test.split_once("/src/").or_else(|| test.split_once("/tests/")));
            places = crates.map(|(home, _)| home.to_owned()).collect();
        }
        lines.push(format!("| R{row:03} | {what} | {} | {} |", cell(places), cell(tests)));
    }
    let text = fs::read_to_string(table()).unwrap();
    let head = &text[..text.find("| R001 |").unwrap()];
    let count = Regex::new(r"\*\*\d+ of \d+\*\*").unwrap();
    let head = count.replace(head, format!("**{proven} of {ROWS}**"));
    fs::write(table(), format!("{head}{}\n", lines.join("\n"))).unwrap();
}
