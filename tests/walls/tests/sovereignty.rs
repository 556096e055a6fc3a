//! R013: where data lives, and what may be called, is documented and can be set.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use regex::Regex;

/// R013: the page names the settings that decide where data lies and what is called, and each of them is a setting.
#[test]
fn the_page_on_where_data_lies_names_settings_that_exist() {
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap();
    let (page, settings) = (read("docs/guide/data-sovereignty.md"), read("docs/reference/config.md"));
    let named = Regex::new(r"`((?:server|data|database|redis|keys|egress|models|mail|log|audit)\.\w+)`").unwrap();
    let names: Vec<_> = named.captures_iter(&page).map(|found| found[1].to_owned()).collect();
    for name in ["data.folder", "database.url", "redis.url", "keys.root_file", "egress.allow_private", "mail.host"] {
        assert!(names.iter().any(|known| known == name), "the page does not name {name}");
    }
    for name in names {
        let variable = format!("NODELOOM_{}", name.to_uppercase().replace('.', "__"));
        assert!(settings.contains(&variable) || settings.contains(&format!("`{name}`")), "{name} is no setting");
    }
}
