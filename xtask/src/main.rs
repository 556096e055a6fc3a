//! `cargo xtask reference`: writes the pages that are made from code, or says with `--check` which are out of date.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["reference"] => write(),
        ["reference", "--check"] => check(),
        _ => {
            eprintln!("usage: cargo xtask reference [--check]");
            ExitCode::from(2)
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference")
}

fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = vec![(folder().join("config.md"), server::config_reference())];
    let document = server::openapi::document(&server::routes::table());
    pages.push((folder().join("openapi.json"), serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"));
    let mut index = String::from(
        "# Errors\n\nEvery problem document carries one of these codes.\n\n| code | status | title |\n|---|---|---|\n",
    );
    for kind in server::problems::Kind::ALL {
        index.push_str(&format!("| [{0}]({0}.md) | {1} | {2} |\n", kind.code(), kind.status().as_u16(), kind.title()));
    }
    pages.push((folder().join("errors/README.md"), index));
    for (code, page) in server::problems::reference() {
        pages.push((folder().join(format!("errors/{code}.md")), page));
    }
    pages
}

fn write() -> ExitCode {
    for (path, text) in pages() {
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

fn check() -> ExitCode {
    let stale: Vec<_> =
        pages().into_iter().filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text)).collect();
    for (path, _) in &stale {
        eprintln!("out of date: {} (run `make reference`)", path.display());
    }
    if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
