//! Arrows point to lower numbers, dangerous crates live in their one room, and every crate says what it never does.

#![allow(clippy::unwrap_used, reason = "a wall that cannot be read has fallen")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Inside one folder an arrow is allowed only if it is drawn here: `(from, to)`.
const DRAWN: &[(&str, &str)] = &[
    ("mail", "egress"),
    ("identity", "authz"),
    ("vault", "store"),
    ("connections", "vault"),
    ("connections", "store"),
    ("local_models", "models"),
    ("guardrails", "pii"),
    ("guardrails", "models"),
    ("guardrails", "encoder"),
    ("policies", "guardrails"),
    ("policies", "pii"),
    ("nodes", "workflow"),
    ("engine", "workflow"),
    ("engine", "nodes"),
    ("engine", "sandbox"),
    ("engine", "customer_sql"),
    ("sandbox", "sandbox_launcher"),
    ("recorder", "chain"),
    ("siem", "chain"),
    ("siem", "recorder"),
    ("server", "api"),
    ("server", "dashboard"),
    ("nodeloom", "server"),
];

/// A third-party crate and the only rooms that may have it.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store", "customer_sql"]),
    ("reqwest", &["egress"]),
    ("axum", &["edge", "server"]),
    ("bcrypt", &["identity"]),
    ("totp-rs", &["identity"]),
    ("lettre", &["mail"]),
    ("redis", &["edge"]),
    ("seccompiler", &["sandbox", "sandbox_launcher"]),
    ("landlock", &["sandbox", "sandbox_launcher"]),
    ("candle-core", &["local_models"]),
    ("rquickjs", &["js_runner"]),
    ("clap", &["nodeloom"]),
    ("ammonia", &["markup"]),
    ("cssparser", &["markup"]),
];

struct Room {
    name: String,
    number: u8,
    folder: PathBuf,
    dependencies: BTreeSet<String>,
    manifest: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rooms() -> BTreeMap<String, Room> {
    let mut rooms = BTreeMap::new();
    for layer in fs::read_dir(root().join("crates")).unwrap().flatten() {
        let layer_name = layer.file_name().into_string().unwrap();
        let number =
            layer_name.split('-').next().unwrap().parse().expect("a folder under crates/ starts with its number");
        for room in fs::read_dir(layer.path()).unwrap().flatten() {
            let Ok(manifest) = fs::read_to_string(room.path().join("Cargo.toml")) else { continue };
            let parsed: toml::Table = manifest.parse().unwrap();
            let dependencies = ["dependencies", "build-dependencies"]
                .iter()
                .filter_map(|table| parsed.get(*table)?.as_table())
                .flat_map(|table| table.keys().cloned())
                .collect();
            let name = parsed["package"]["name"].as_str().unwrap().to_owned();
            rooms.insert(name.clone(), Room { name, number, folder: room.path(), dependencies, manifest });
        }
    }
    assert!(rooms.len() > 15, "the walls found only {} crates: are they looking in the right place?", rooms.len());
    rooms
}

#[test]
fn arrows_point_to_lower_numbers() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for room in rooms.values() {
        for to in room.dependencies.iter().filter_map(|name| rooms.get(name)) {
            let drawn = to.number == room.number && DRAWN.contains(&(room.name.as_str(), to.name.as_str()));
            if to.number >= room.number && !drawn {
                wrong.push(format!("{} (layer {}) imports {} (layer {})", room.name, room.number, to.name, to.number));
            }
        }
    }
    assert!(wrong.is_empty(), "a crate imports only from lower-numbered folders:\n{}", wrong.join("\n"));
}

#[test]
fn dangerous_crates_stay_in_their_room() {
    let mut wrong = Vec::new();
    for room in rooms().values() {
        for (dependency, allowed) in KEPT_IN {
            if room.dependencies.contains(*dependency) && !allowed.contains(&room.name.as_str()) {
                wrong.push(format!("{} depends on {dependency}, which belongs to {allowed:?}", room.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_takes_the_lints_of_the_house() {
    for room in rooms().values() {
        // The sandbox and the encoder spell their own lints: the same, with `unsafe` let into one module of each.
        let special = room.name.starts_with("sandbox") || room.name == "encoder";
        let own = special && room.manifest.contains("unsafe_code = \"deny\"");
        let house = room.manifest.contains("[lints]\nworkspace = true");
        assert!(own || house, "{} does not say [lints] workspace = true", room.name);
    }
}

#[test]
fn every_crate_opens_with_what_it_is_for_and_what_it_never_does() {
    for room in rooms().values() {
        let lib = room.folder.join("src/lib.rs");
        let main = if lib.exists() { lib } else { room.folder.join("src/main.rs") };
        let text = fs::read_to_string(&main).unwrap();
        let readme = fs::read_to_string(room.folder.join("README.md")).unwrap_or_default();
        let docs: String = text.lines().filter(|l| l.starts_with("//!")).collect::<Vec<_>>().join("\n") + &readme;
        assert!(docs.len() > 120, "{} has no crate documentation", room.name);
        assert!(docs.to_lowercase().contains("never"), "{}'s documentation does not say what it never does", room.name);
    }
}

#[test]
fn the_architecture_page_knows_every_crate() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for room in rooms().values() {
        assert!(page.contains(&format!("`{}`", room.name)), "docs/ARCHITECTURE.md does not mention `{}`", room.name);
    }
}
