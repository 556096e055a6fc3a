//! International bank account numbers: a country, that country's length, and 97 (ISO 13616).

use std::sync::LazyLock;

use regex::Regex;

use super::digits;
use crate::{Entity, Kind};

static SHAPE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u:\b)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,34}").ok());

const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 \
    QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    for hit in shape.find_iter(text) {
        let country = hit.as_str()[..2].to_ascii_uppercase();
        let Some(length) = length_of(&country) else { continue };
        let mut solid = String::with_capacity(length);
        let mut end = hit.start();
        for (index, c) in hit.as_str().char_indices() {
            if solid.len() == length {
                break;
            }
            if c.is_ascii_alphanumeric() {
                solid.push(c.to_ascii_uppercase());
                end = hit.start() + index + 1;
            }
        }
        if solid.len() == length && mod_97(&solid) == 1 && digits::stands_alone(text, hit.start(), end) {
            found.push(Entity::new(Kind::IbanCode, hit.start(), end, 0.99, "iban"));
        }
    }
}

fn length_of(country: &str) -> Option<usize> {
    LENGTHS
        .split_ascii_whitespace()
        .find_map(|entry| entry.strip_prefix(country))
        .and_then(|length| length.parse().ok())
}

fn mod_97(iban: &str) -> u32 {
    let rotated = iban[4..].bytes().chain(iban[..4].bytes());
    rotated.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}
