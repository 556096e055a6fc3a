//! Payment cards (R145): issuer prefix, a length that issuer uses, and Luhn. A number that fails Luhn counts only
//! where a word beside it says "card" and it is written as one.

use std::sync::LazyLock;

use regex::Regex;

use super::digits;
use crate::{Entity, Kind};

static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?-u:\b)\d(?:[ \-.]?\d){11,18}(?-u:\b)").ok());

const WORDS: &[&str] = &[
    "credit card",
    "debit card",
    "card",
    "card number",
    "cc",
    "ccn",
    "visa",
    "mastercard",
    "amex",
    "american express",
    "discover",
    "maestro",
    "diners",
    "jcb",
    "kreditkarte",
    "carte bancaire",
    "tarjeta",
    "carta di credito",
    "cartão",
    "pan",
    "pay",
    "payment",
    "charge",
    "expires",
    "exp",
    "cvv",
    "cvc",
];

/// What a long number is called that is no card.
const OTHERS: &[&str] = &[
    "order",
    "transaction",
    "tracking",
    "invoice",
    "ticket",
    "ean",
    "upc",
    "isbn",
    "gtin",
    "serial",
    "imei",
    "reference",
    "timestamp",
    "epoch",
];

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    for hit in shape.find_iter(text) {
        if !digits::stands_apart(text, hit.start(), hit.end()) {
            continue;
        }
        let number = digits::of(hit.as_str());
        if let Some(issuer) = issuer(&number) {
            if digits::luhn(&number) && !digits::all_same(&number) && !is_another(text, &hit, issuer, number.len()) {
                found.push(Entity::new(Kind::CreditCard, hit.start(), hit.end(), 0.97, issuer));
                continue;
            }
            if usual_grouping(hit.as_str()) && digits::near(text, hit.start(), hit.end(), WORDS) {
                found.push(Entity::new(Kind::CreditCard, hit.start(), hit.end(), 0.6, "card/by-context"));
                continue;
            }
        }
        inside(text, hit.start(), hit.as_str(), found);
    }
}

/// A number without groups that happens to pass: one in ten does, so what is rare as a card needs a word for it.
fn is_another(text: &str, hit: &regex::Match<'_>, issuer: &str, length: usize) -> bool {
    let grouped = !hit.as_str().bytes().all(|b| b.is_ascii_digit());
    let said = digits::near(text, hit.start(), hit.end(), WORDS);
    let rare = issuer == "card/maestro" || length == 13 || length == 14;
    !said && !grouped && (rare || digits::before(text, hit.start(), 20, OTHERS))
}

/// A card beside another number, such as a security code: `4111 1111 1111 1111 123`.
fn inside(text: &str, offset: usize, run: &str, found: &mut Vec<Entity>) {
    let bytes = run.as_bytes();
    let starts: Vec<usize> =
        (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit() && (i == 0 || !bytes[i - 1].is_ascii_digit())).collect();
    for &start in &starts {
        for end in (start + 13..=run.len()).rev() {
            let whole = bytes[end - 1].is_ascii_digit() && (end == run.len() || !bytes[end].is_ascii_digit());
            if !whole || (start == 0 && end == run.len()) {
                continue;
            }
            let number = digits::of(&run[start..end]);
            if number.len() >= 13
                && let Some(issuer) = issuer(&number)
                && digits::luhn(&number)
                && usual_grouping(&run[start..end])
                && text.is_char_boundary(offset + end)
            {
                found.push(Entity::new(Kind::CreditCard, offset + start, offset + end, 0.9, issuer));
                return;
            }
        }
    }
}

/// All together, or in groups of four, or 4-6-5 and 4-6-4; one kind of separator.
fn usual_grouping(run: &str) -> bool {
    let separators: Vec<char> = run.chars().filter(|c| !c.is_ascii_digit()).collect();
    if separators.windows(2).any(|pair| pair[0] != pair[1]) {
        return false;
    }
    let groups: Vec<usize> = run.split([' ', '-', '.']).map(str::len).collect();
    match groups.as_slice() {
        [_] | [4, 6, 5] | [4, 6, 4] => true,
        [first @ .., last] => first.iter().all(|&n| n == 4) && (1..=4).contains(last),
        [] => false,
    }
}

/// The issuer whose prefix and length fit.
pub fn issuer(number: &[u8]) -> Option<&'static str> {
    let length = number.len();
    let lead = |n: usize| digits::number(&number[..n.min(length)]);
    match (lead(1), lead(2), lead(3), lead(4), length) {
        (4, .., 13 | 16 | 19) => Some("card/visa"),
        (_, 51..=55, .., 16) | (.., 2221..=2720, 16) => Some("card/mastercard"),
        (_, 34 | 37, .., 15) => Some("card/amex"),
        (.., 6011, 16..=19) | (_, 65, .., 16..=19) | (_, _, 644..=649, _, 16..=19) => Some("card/discover"),
        (_, _, 300..=305 | 309, _, 14..=19) | (_, 36 | 38 | 39, .., 14..=19) => Some("card/diners"),
        (.., 3528..=3589, 16..=19) | (.., 1800 | 2131, 15) => Some("card/jcb"),
        (_, 62 | 81, .., 16..=19) => Some("card/unionpay"),
        (.., 2200..=2204, 16..=19) => Some("card/mir"),
        (_, 50 | 56..=59 | 63 | 67, .., 12..=19) | (.., 6304 | 6759 | 6761..=6763, 12..=19) => Some("card/maestro"),
        (_, 60, .., 16) => Some("card/rupay"),
        _ => None,
    }
}
