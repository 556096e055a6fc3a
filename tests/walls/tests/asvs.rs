//! docs/reference/asvs.md answers every requirement of OWASP ASVS 5.0, levels 1 and 2, of the chapters that it is about,
//! and what it names exists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// How many requirements of levels 1 and 2 each section has; those of level 3 come after them.
const SECTIONS: &[(&str, u32)] = &[
    ("3.2", 2),
    ("3.3", 4),
    ("3.4", 6),
    ("3.5", 5),
    ("3.7", 2),
    ("4.1", 3),
    ("4.2", 1),
    ("4.3", 2),
    ("4.4", 4),
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 4),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 3),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 2),
    ("7.6", 2),
    ("8.1", 2),
    ("8.2", 3),
    ("8.3", 1),
    ("8.4", 1),
    ("9.1", 3),
    ("9.2", 4),
    ("10.1", 2),
    ("10.2", 2),
    ("10.3", 4),
    ("10.4", 11),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

struct Row {
    number: String,
    verdict: String,
    answer: String,
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/reference/asvs.md")).unwrap();
    let line = Regex::new(r"(?m)^\| (\d+\.\d+\.\d+) \| .+? \| (.+?) \| (.+) \|$").unwrap();
    line.captures_iter(&page)
        .map(|row| Row { number: row[1].to_owned(), verdict: row[2].to_owned(), answer: row[3].to_owned() })
        .collect()
}

#[test]
fn every_requirement_is_answered_once_and_in_order() {
    let wanted: Vec<String> =
        SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |n| format!("{section}.{n}"))).collect();
    let told: Vec<String> = rows().into_iter().map(|row| row.number).collect();
    assert_eq!(told, wanted);
}

#[test]
fn what_an_answer_names_exists() {
    let named = Regex::new(r"`([\w./-]+\.(?:rs|md|txt|tsx|sh|json))(?:::(\w+))?`").unwrap();
    let mut wrong = Vec::new();
    for Row { number, verdict, answer } in rows() {
        if !["met", "partly", "gap", "n/a"].contains(&verdict.as_str()) {
            wrong.push(format!("{number}: {verdict:?} is no verdict"));
        }
        let found: Vec<_> = named.captures_iter(&answer).collect();
        if verdict == "met" && found.is_empty() {
            wrong.push(format!("{number}: met, and nothing that shows it"));
        }
        for proof in found {
            let text = fs::read_to_string(root().join(&proof[1])).unwrap_or_default();
            let holds = match proof.get(2) {
                None => !text.is_empty(),
                Some(test) => is_test(&text, test.as_str()),
            };
            if !holds {
                wrong.push(format!("{number}: there is no {}", &proof[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/reference/asvs.md:\n{}", wrong.join("\n"));
}

/// Whether `text` has a function of that name right below a test attribute.
fn is_test(text: &str, name: &str) -> bool {
    let test =
        Regex::new(&format!(r"#\[(?:\w+::)*test[^\n]*\n(?:\s*(?:#\[|///)[^\n]*\n)*\s*(?:async )?fn {name}\(")).unwrap();
    test.is_match(text)
}

/// OWASP ASVS 3.2.2 and 3.5.5: a text is shown as text, and no window listens to another.
#[test]
fn the_dashboard_never_takes_markup_from_a_text() {
    const NEVER: &[&str] = &[
        "dangerouslySetInnerHTML",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "postMessage",
        "window.onmessage",
        "addEventListener('message'",
        "eval(",
        "new Function(",
    ];
    let mut files = Vec::new();
    sources(&root().join("web/src"), &mut files);
    assert!(files.len() > 20, "is the dashboard still in web/src?");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // The one place that shows markup runs our own pass over it first.
        let sanitises = file.ends_with("ui/rich.tsx") && text.contains("__html: sanitised(html)");
        for word in NEVER.iter().filter(|word| !(sanitises && **word == "dangerouslySetInnerHTML")) {
            assert!(!text.contains(word), "{} says {word}", file.display());
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "ts" || end == "tsx") {
            found.push(path);
        }
    }
}
