//! US social security numbers (R144): impossible areas, groups and serials are refused; without the usual hyphens a
//! word beside it has to say what it is.

use std::sync::LazyLock;

use regex::Regex;

use super::digits;
use crate::{Entity, Kind};

static SHAPE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u:\b)(\d{3})([-. ]?)(\d{2})([-. ]?)(\d{4})(?-u:\b)").ok());

const WORDS: &[&str] =
    &["ssn", "social security", "social-security", "soc sec", "ss#", "ss #", "ssid", "taxpayer id", "itin"];

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    for hit in shape.captures_iter(text) {
        let (Some(all), Some(first), Some(second)) = (hit.get(0), hit.get(2), hit.get(4)) else { continue };
        if first.as_str() != second.as_str() || !digits::stands_apart(text, all.start(), all.end()) {
            continue;
        }
        let number = digits::of(all.as_str());
        let area = digits::number(&number[..3]);
        let impossible = matches!(area, 0 | 666 | 900..)
            || number[3..5] == [0, 0]
            || number[5..] == [0, 0, 0, 0]
            || digits::all_same(&number);
        if impossible {
            continue;
        }
        let said = digits::near(text, all.start(), all.end(), WORDS);
        let score = match (first.as_str(), said) {
            (_, true) => 0.95,
            ("-", false) => 0.8,
            _ => continue,
        };
        found.push(Entity::new(Kind::UsSsn, all.start(), all.end(), score, "ssn"));
    }
}
