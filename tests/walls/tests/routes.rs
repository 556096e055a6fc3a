//! The route table and the handlers say the same: whoever reads the table knows what a handler asks for and records.

#![allow(clippy::unwrap_used, reason = "a wall that cannot be read has fallen")]

use std::{collections::BTreeMap, fs, path::Path};

use regex::Regex;

struct Line {
    method: String,
    path: String,
    module: String,
    handler: String,
    permission: Option<String>,
    operation: Option<String>,
    public: bool,
}

fn server() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/8-product/server/src")
}

fn table() -> Vec<Line> {
    let text = fs::read_to_string(server().join("routes/mod.rs")).unwrap();
    let line = Regex::new(
        r#"Route::(get|post|put|patch|delete)\((?:here!\()?("[^"]+"|HOOKS)\)?, "[^"]+", ([a-z_:]+)::([a-z_]+)\)(.*)"#,
    )
    .unwrap();
    let permission = Regex::new(r"\.needs\(P::(\w+)\)").unwrap();
    let operation = Regex::new(r"\.audited\(O::(\w+)\)").unwrap();
    let named = |regex: &Regex, text: &str| regex.captures(text).map(|found| found[1].to_owned());
    line.captures_iter(&text)
        .map(|found| Line {
            method: found[1].to_owned(),
            path: found[2].trim_matches('"').to_owned(),
            module: found[3].trim_start_matches("crate::").replace("::", "/"),
            handler: found[4].to_owned(),
            permission: named(&permission, &found[5]),
            operation: named(&operation, &found[5]),
            public: found[5].contains(".public(") || &found[2] == "HOOKS",
        })
        .collect()
}

/// The functions of a file, by name.
fn functions(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap();
    let start = Regex::new(r"(?m)^(?:pub )?(?:const )?(?:async )?fn (\w+)").unwrap();
    let found: Vec<_> = start.captures_iter(&text).map(|f| (f[1].to_owned(), f.get(0).unwrap().start())).collect();
    let ends = found.iter().skip(1).map(|(_, at)| *at).chain([text.len()]);
    found.iter().zip(ends).map(|((name, at), end)| (name.clone(), text[*at..end].to_owned())).collect()
}

/// A handler with the functions of its file that it calls.
fn whole(functions: &BTreeMap<String, String>, handler: &str) -> String {
    let mut text = functions.get(handler).cloned().unwrap_or_default();
    let mut seen = vec![handler.to_owned()];
    loop {
        let calls = |name: &String| Regex::new(&format!(r"(?:^|[^.:\w]){name}\(")).unwrap().is_match(&text);
        let called = functions.keys().find(|name| !seen.contains(name) && calls(name)).cloned();
        let Some(called) = called else { return text };
        text.push_str(&functions[&called]);
        seen.push(called);
    }
}

fn handlers() -> Vec<(Line, String)> {
    let lines = table();
    let count = fs::read_to_string(server().join("routes/mod.rs")).unwrap().matches("        Route::").count();
    assert!(lines.len() >= count && lines.len() > 40, "the table is written in a way that this wall cannot read");
    lines
        .into_iter()
        .map(|line| {
            let file =
                if line.module == "webhook" { "webhook.rs".to_owned() } else { format!("routes/{}.rs", line.module) };
            let text = whole(&functions(&server().join(file)), &line.handler);
            assert!(!text.is_empty(), "{}::{} is not where the table says", line.module, line.handler);
            (line, text)
        })
        .collect()
}

/// R062, R063: a handler asks for the permission that the table names, and takes no request without an identity.
#[test]
fn handlers_ask_for_what_the_table_names() {
    for (line, text) in handlers() {
        let place = format!("{} {} ({}::{})", line.method, line.path, line.module, line.handler);
        if let Some(permission) = &line.permission {
            assert!(text.contains(&format!("may::<{permission}>")), "{place} never asks for {permission}");
        }
        let identified = text.contains("Identified");
        let page = line.module == "system" || line.public;
        assert!(identified || page, "{place} answers without knowing who asks");
        assert!(!(line.public && line.permission.is_some()), "{place} is public and needs a permission");
    }
}

/// R220: a handler records the operation that the table names, and none that it does not.
#[test]
fn handlers_record_what_the_table_names() {
    for (line, text) in handlers() {
        let place = format!("{} {} ({}::{})", line.method, line.path, line.module, line.handler);
        if let Some(operation) = &line.operation {
            assert!(text.contains(&format!("Operation::{operation}")), "{place} never records {operation}");
        }
        if line.permission.is_some() && line.operation.is_none() {
            assert!(!text.contains("audited("), "{place} records what the table does not name");
            let changes = ["store.add_", "store.put_", "store.delete_", "store.set_", "store.publish(", "vault.keep_"];
            let changes = changes.iter().find(|change| text.contains(*change));
            assert!(changes.is_none(), "{place} changes something ({changes:?}) and leaves no entry");
        }
    }
}

/// R220: reads that tell who did what, or what stands against a person, are entered too; what is left out of them is public
/// or tells of nobody.
#[test]
fn listed_reads_are_recorded() {
    const LISTED: [&str; 3] = ["/audit", "/cooldowns", "/api/v1/oauth/callback"];
    // the public key, signed statements of hashes, and the names under which the caller's team keeps questions
    const TELL_OF_NOBODY: [&str; 5] = [
        "/audit/key",
        "/audit/checkpoints",
        "/audit/checkpoints/{number}",
        "/audit/searches",
        "/audit/verification/progress",
    ];
    let mut seen = 0;
    for line in table().iter().filter(|line| line.method == "get") {
        if LISTED.iter().any(|listed| line.path.starts_with(listed)) && !TELL_OF_NOBODY.contains(&&*line.path) {
            assert!(line.operation.is_some(), "GET {} leaves no audit entry", line.path);
            seen += 1;
        }
    }
    assert!(seen >= 8, "the table is written in a way that this wall cannot read: {seen}");
}

/// R228: a change of a noun that has a before and an after tells both.
#[test]
fn changes_tell_before_and_after() {
    const TOLD: [&str; 15] = [
        "SaveVersion",
        "DeleteWorkflow",
        "CreateCredential",
        "ChangeCredential",
        "ReplaceCredential",
        "RollBackCredential",
        "DeleteCredential",
        "CreateApiKey",
        "RevokeApiKey",
        "ChangeRole",
        "RemoveMember",
        "CreateMachine",
        "DeleteMachine",
        "ChangeSiem",
        "CreateSiem",
    ];
    for (line, text) in handlers() {
        let Some(operation) = line.operation.as_deref().filter(|operation| TOLD.contains(operation)) else { continue };
        let tells = text.contains("tell_change(") || text.contains("\"before\"") || text.contains("asked(&request");
        assert!(tells, "{} {}: {operation} says nothing of before and after", line.method, line.path);
    }
}
