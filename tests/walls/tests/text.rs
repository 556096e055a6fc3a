//! What must not stand in the repository's text, wherever it is.

#![allow(clippy::unwrap_used, reason = "a wall that cannot be read has fallen")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn sources(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    const LEFT_OUT: &[&str] = &["target", "node_modules", ".git", "data", "dist", ".make"];
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap_or_default();
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            sources(&path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

fn all(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&root(), endings, &mut found);
    found.into_iter().filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?))).collect()
}

/// R131: SQL text stands in `store` and `customer_sql` (and the tests of either) and nowhere else.
#[test]
fn sql_stands_in_the_store() {
    let statement =
        Regex::new(r#""\s*(?i:select\s+[\w*(,\s.]+\s+from|insert\s+into|update\s+\w+\s+set|delete\s+from)\s"#).unwrap();
    let mut wrong = Vec::new();
    for (path, text) in all(&[".rs"]) {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        // Rooms whose subject is SQL: our own, customers', and the ones that judge or carry customers' statements.
        let at_home = [
            "3-data/store",
            "5-execution/customer_sql",
            "4-safety/guardrails",
            "4-safety/policies",
            "tests/",
            "bench/",
            "nodes/src/sql_query.rs",
        ];
        if at_home.iter().any(|home| shown.contains(home)) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code
            .lines()
            .enumerate()
            .filter(|(_, line)| statement.is_match(line) && !line.trim_start().starts_with("//"))
        {
            wrong.push(format!("{shown}:{}: {}", number + 1, line.trim()));
        }
    }
    assert!(wrong.is_empty(), "SQL outside its rooms:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_in_one_module() {
    let word = Regex::new(r"(?m)^[^/\n]*\bunsafe\s*(\{|fn|impl|extern)").unwrap();
    for (path, text) in all(&[".rs"]) {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        // The hostile program of the sandbox's tests attacks by system call; it is no part of the product.
        let homes = [
            "5-execution/sandbox_launcher/src/sys",
            "5-execution/sandbox/hostile/",
            // Vector instructions.
            "4-safety/encoder/src/kernel/",
        ];
        let allowed = homes.iter().any(|home| shown.contains(home));
        assert!(
            allowed || !word.is_match(&text),
            "{shown} holds unsafe code; only the sandbox launcher's sys and the encoder's kernel may"
        );
    }
}

#[test]
fn no_path_of_a_machine_and_no_key_is_committed() {
    let machine = Regex::new(
        r"(?m)(/[r]oot/\.|/[w]ork/(main|shared|\.)|/home/[a-z]+/|-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40})",
    )
    .unwrap();
    for (path, text) in all(&[".rs", ".toml", ".md", ".py", ".sh", "Makefile", ".json", ".yml", ".yaml"]) {
        if path.ends_with("tests/walls/tests/text.rs") {
            continue;
        }
        if let Some(hit) = machine.find(&text) {
            panic!("{} holds {:?}", path.display(), &hit.as_str()[..hit.as_str().len().min(24)]);
        }
    }
}
