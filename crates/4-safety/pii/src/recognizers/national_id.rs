//! National identity and tax numbers of fifteen countries. Where arithmetic alone would catch too many ordinary
//! numbers, a word beside it has to say what it is.

use std::sync::LazyLock;

use regex::Regex;

use super::digits::{self, all_same, is_day, luhn, number};
use crate::{Entity, Kind};

/// Shapes, tried in this order on one scan.
static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)(?-u:\b)(?:
            (?P<it>[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z])
          | (?P<cn>\d{17}[\dXx])
          | (?P<fr>[12]\ ?\d{2}\ ?\d{2}\ ?\d[\dAB]\ ?\d{3}\ ?\d{3}\ ?\d{2})
          | (?P<cpf>\d{3}\.\d{3}\.\d{3}-\d{2})
          | (?P<fi>\d{6}[-+A-FU-Y]\d{3}[0-9A-Y])
          | (?P<se>(?:\d{2})?\d{6}[-+]\d{4})
          | (?P<sg>[STFGMstfgm]\d{7}[A-Za-z])
          | (?P<nie>[XYZxyz]-?\d{7}-?[A-Za-z])
          | (?P<nif>\d{8}-?[A-Za-z])
          | (?P<twelve>\d{4}[\ -]?\d{4}[\ -]?\d{4})
          | (?P<ten>\d{3}[\ -]\d{3}[\ -]\d{4})
          | (?P<tfn>\d{3}\ \d{3}\ \d{3})
          | (?P<passport>[A-Za-z]\d{8})
          | (?P<plain>\d{9,11})
        )(?-u:\b)",
    )
    .ok()
});

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    for hit in shape.captures_iter(text) {
        let Some(all) = hit.get(0) else { continue };
        let (start, end) = (all.start(), all.end());
        if !digits::stands_apart(text, start, end) {
            continue;
        }
        let said = |words: &[&str]| digits::near(text, start, end, words);
        let body = all.as_str();
        let d = digits::of(body);
        let verdict =
            if hit.name("it").is_some() {
                italian(&body.to_ascii_uppercase()).then_some((Kind::ItFiscalCode, 0.97, "id/it"))
            } else if hit.name("cn").is_some() {
                chinese(body).then_some((Kind::CnResidentId, 0.97, "id/cn"))
            } else if hit.name("fr").is_some() {
                french(body).then_some((Kind::FrNir, 0.95, "id/fr"))
            } else if hit.name("cpf").is_some() {
                cpf(&d).then_some((Kind::BrCpf, 0.97, "id/br"))
            } else if hit.name("fi").is_some() || hit.name("se").is_some() {
                if body.len() == 11 && finnish(body) {
                    Some((Kind::FiHetu, 0.95, "id/fi"))
                } else {
                    swedish(&d).then_some((Kind::SePersonnummer, 0.9, "id/se"))
                }
            } else if hit.name("sg").is_some() {
                singaporean(&body.to_ascii_uppercase()).then_some((Kind::SgNric, 0.95, "id/sg"))
            } else if hit.name("nie").is_some() || hit.name("nif").is_some() {
                spanish(&body.to_ascii_uppercase().replace('-', ""), said(&["nif", "nie", "dni", "documento"]))
            } else if hit.name("twelve").is_some() {
                // Bare runs of twelve digits are too common without a word.
                ((body.len() > 12 || said(&["aadhaar", "aadhar", "uidai", "uid"])) && d[0] > 1 && verhoeff(&d))
                    .then_some((Kind::InAadhaar, 0.85, "id/in"))
            } else if hit.name("passport").is_some() {
                said(&["passport"]).then_some((Kind::UsPassport, 0.8, "id/us-passport"))
            } else {
                numeric(&d, &said)
            };
        if let Some((kind, score, rule)) = verdict {
            found.push(Entity::new(kind, start, end, score, rule));
        }
    }
}

/// Digits alone: the word decides which arithmetic is asked.
fn numeric(d: &[u8], said: &dyn Fn(&[&str]) -> bool) -> Option<(Kind, f32, &'static str)> {
    if all_same(d) {
        return None;
    }
    match d.len() {
        9 => {
            if said(&["passport"]) {
                return Some((Kind::UsPassport, 0.7, "id/us-passport"));
            }
            let bsn: i64 = d.iter().zip([9i64, 8, 7, 6, 5, 4, 3, 2, -1]).map(|(d, w)| i64::from(*d) * w).sum();
            if bsn % 11 == 0 && said(&["bsn", "burgerservicenummer", "sofinummer"]) {
                return Some((Kind::NlBsn, 0.9, "id/nl"));
            }
            let tfn: u32 = d.iter().zip([1u32, 4, 3, 7, 5, 8, 6, 9, 10]).map(|(d, w)| u32::from(*d) * w).sum();
            (tfn.is_multiple_of(11) && said(&["tfn", "tax file"])).then_some((Kind::AuTfn, 0.9, "id/au"))
        }
        10 => {
            let sum: u32 = d[..9].iter().zip((2..=10u32).rev()).map(|(d, w)| u32::from(*d) * w).sum();
            let check = (11 - sum % 11) % 11;
            (check == u32::from(d[9]) && said(&["nhs", "national health"])).then_some((Kind::UkNhs, 0.95, "id/uk-nhs"))
        }
        11 => {
            if pesel(d) && said(&["pesel"]) {
                return Some((Kind::PlPesel, 0.95, "id/pl"));
            }
            if cpf(d) && said(&["cpf"]) {
                return Some((Kind::BrCpf, 0.95, "id/br"));
            }
            let words =
                ["steuer", "steuer-id", "steueridentifikationsnummer", "idnr", "steuernummer", "tax id", "tax-id"];
            (german(d) && said(&words)).then_some((Kind::DeTaxId, 0.95, "id/de"))
        }
        _ => None,
    }
}

fn pesel(d: &[u8]) -> bool {
    let sum: u32 = d[..10].iter().zip([1u32, 3, 7, 9, 1, 3, 7, 9, 1, 3]).map(|(d, w)| u32::from(*d) * w).sum();
    (10 - sum % 10) % 10 == u32::from(d[10]) && is_day(number(&d[2..4]) as u32 % 20, number(&d[4..6]) as u32)
}

fn cpf(d: &[u8]) -> bool {
    let check = |n: usize| {
        let sum: u32 = d[..n].iter().enumerate().map(|(i, v)| u32::from(*v) * (n as u32 + 1 - i as u32)).sum();
        (sum * 10 % 11 % 10) as u8
    };
    d.len() == 11 && !all_same(d) && check(9) == d[9] && check(10) == d[10]
}

/// ISO 7064 mod 11,10, and exactly one digit of the first ten doubled or tripled.
fn german(d: &[u8]) -> bool {
    let mut product = 10u32;
    for digit in &d[..10] {
        let sum = (u32::from(*digit) + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    let mut counts = [0u8; 10];
    d[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    d[0] != 0 && (11 - product) % 10 == u32::from(d[10]) && counts.iter().filter(|n| **n > 1).count() == 1
}

fn french(body: &str) -> bool {
    let solid: String = body.chars().filter(|c| *c != ' ').collect();
    let corsica = solid.replace("2A", "19").replace("2B", "18");
    let d = digits::of(&corsica);
    d.len() == 15
        && matches!(number(&d[3..5]), 1..=12 | 20 | 30..=42 | 50..=99)
        && 97 - number(&d[..13]) % 97 == number(&d[13..])
}

fn swedish(d: &[u8]) -> bool {
    d.len() >= 10 && {
        let ten = &d[d.len() - 10..];
        is_day(number(&ten[2..4]) as u32, number(&ten[4..6]) as u32) && luhn(ten)
    }
}

fn finnish(body: &str) -> bool {
    const CHECKS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let d = digits::of(&body[..10]);
    d.len() == 9
        && is_day(number(&d[2..4]) as u32, number(&d[..2]) as u32)
        && body.as_bytes()[10].to_ascii_uppercase() == CHECKS[(number(&d) % 31) as usize]
}

fn chinese(body: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let d = digits::of(&body[..17]);
    let sum: u32 = d.iter().zip(WEIGHTS).map(|(d, w)| u32::from(*d) * w).sum();
    matches!(number(&d[6..8]), 18..=20)
        && is_day(number(&d[10..12]) as u32, number(&d[12..14]) as u32)
        && body.as_bytes()[17].to_ascii_uppercase() == b"10X98765432"[(sum % 11) as usize]
}

fn singaporean(body: &str) -> bool {
    let d = digits::of(body);
    let sum: u32 = d.iter().zip([2u32, 7, 6, 5, 4, 3, 2]).map(|(d, w)| u32::from(*d) * w).sum();
    let (first, last) = (body.as_bytes()[0], body.as_bytes()[8]);
    let rest = |extra: u32| ((sum + extra) % 11) as usize;
    last == match first {
        b'S' => b"JZIHGFEDCBA"[rest(0)],
        b'T' => b"JZIHGFEDCBA"[rest(4)],
        b'F' => b"XWUTRQPNMLK"[rest(0)],
        b'G' => b"XWUTRQPNMLK"[rest(4)],
        _ => b"XWUTRQPNJLK"[10 - rest(3)],
    }
}

fn spanish(body: &str, said: bool) -> Option<(Kind, f32, &'static str)> {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let bytes = body.as_bytes();
    let (kind, digits_of) = match bytes[0] {
        b'X' => (Kind::EsNie, format!("0{}", &body[1..8])),
        b'Y' => (Kind::EsNie, format!("1{}", &body[1..8])),
        b'Z' => (Kind::EsNie, format!("2{}", &body[1..8])),
        _ => (Kind::EsNif, body[..8].to_owned()),
    };
    let n = number(&digits::of(&digits_of)) as usize;
    let fits = bytes[bytes.len() - 1] == LETTERS[n % 23];
    let rule = if kind == Kind::EsNie { "id/es-nie" } else { "id/es-nif" };
    fits.then_some((kind, if said { 0.95 } else { 0.8 }, rule))
}

fn italian(body: &str) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let sum: u32 = body
        .bytes()
        .take(15)
        .enumerate()
        .map(|(i, b)| {
            let value = if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b - b'A') };
            if i % 2 == 1 { value } else { ODD[if b.is_ascii_digit() { value as usize } else { value as usize + 10 }] }
        })
        .sum();
    "ABCDEHLMPRST".contains(char::from(body.as_bytes()[8])) && body.as_bytes()[15] == b'A' + (sum % 26) as u8
}

fn verhoeff(d: &[u8]) -> bool {
    const MULTIPLY: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTE: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let check = d
        .iter()
        .rev()
        .enumerate()
        .fold(0u8, |c, (i, digit)| MULTIPLY[usize::from(c)][usize::from(PERMUTE[i % 8][usize::from(*digit)])]);
    check == 0
}
