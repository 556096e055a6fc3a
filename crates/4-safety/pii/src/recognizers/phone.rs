//! Phone numbers (R146): a stretch written like one, a numbering plan that knows it, and a word beside it where the
//! plan alone would let order numbers, dates and versions through.

use std::sync::LazyLock;

use phonenumber::country::Id as Country;
use regex::Regex;

use super::digits;
use crate::{Entity, Kind};

/// `+`, an area in brackets, groups of digits with one or two separators between them, an extension.
static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)(?:\+|\(\+?)?\d{1,5}\)?(?:[\ \u{00A0}]?[-./(\u{2010}-\u{2013}][\ \u{00A0}]?|[)][\ ]?[-.]?|[\ \u{00A0}])?
          (?:\(?\d{1,12}\)?[\ \u{00A0}\-./\u{2010}-\u{2013}]{0,2}){0,8}\d{2,12}(?:-\d\b)?
          (?:\ ?(?:x|ext\.?|extension|Durchwahl|poste)\ ?\d{1,6})?",
    )
    .ok()
});

const WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "tel.",
    "mobile",
    "cell",
    "cellphone",
    "fax",
    "call",
    "called",
    "calling",
    "dial",
    "ring",
    "text",
    "texted",
    "sms",
    "whatsapp",
    "signal",
    "contact",
    "reach",
    "hotline",
    "helpline",
    "landline",
    "voicemail",
    "callback",
    "answering",
    "office",
    "my number",
    "new number",
    "phone number",
    "contact number",
    "ph",
    "mob",
    "handy",
    "telefon",
    "telefonnummer",
    "anrufen",
    "rufnummer",
    "téléphone",
    "portable",
    "appelez",
    "teléfono",
    "móvil",
    "celular",
    "llámame",
    "telefono",
    "cellulare",
    "chiamare",
    "telefone",
    "ligue",
    "телефон",
    "звоните",
    "电话",
    "手机",
    "電話",
    "携帯",
    "전화",
    "फोन",
    "هاتف",
    "customer service",
    "support line",
    "mobil",
    "mobiel",
    "mobiltelefon",
    "gsm",
    "telefoon",
    "bellen",
    "telemóvel",
    "telemovel",
    "móvel",
    "contacto",
    "tfno",
    "tlf",
    "numéro de téléphone",
    "joignable",
    "rappeler",
    "erreichbar",
    "rückruf",
    "cellulari",
    "recapito",
    "komórka",
    "komórkowy",
    "kontakt",
    "mobilní",
    "mobilný",
    "telefón",
    "puhelin",
    "puhelinnumero",
    "matkapuhelin",
    "τηλέφωνο",
    "κινητό",
    "τηλ",
    "тел",
    "телефона",
    "телефону",
    "мобильный",
    "мобильник",
    "позвоните",
    "мобільний",
    "cep",
    "arayın",
    "טלפון",
    "נייד",
    "هاتفي",
    "جوال",
    "موبايل",
    "اتصل",
    "मोबाइल",
    "मोबाईल",
    "नंबर",
    "手机号",
    "手机号码",
    "电话号码",
    "联系电话",
    "拨打",
    "電話番号",
    "携帯電話",
    "휴대폰",
    "전화번호",
    "연락처",
    "โทร",
    "โทรศัพท์",
    "điện thoại",
    "sđt",
    "gọi",
    "telepon",
    "nomor hp",
    "hubungi",
    "simu",
];

/// What is written like a number of this kind is not a phone number.
const OTHERS: &[&str] = &[
    "order",
    "invoice",
    "ticket",
    "tracking",
    "sku",
    "isbn",
    "issn",
    "doi",
    "serial",
    "part number",
    "model",
    "version",
    "commit",
    "uuid",
    "guid",
    "reference",
    "ref",
    "case",
    "policy",
    "account",
    "acct",
    "iban",
    "ssn",
    "zip",
    "po box",
    "build",
    "rfc",
    "port",
    "pid",
    "timestamp",
    "epoch",
    "score",
    "coordinates",
    "latitude",
    "longitude",
    "lat",
    "lon",
    "license",
    "licence",
    "passport",
    "vin",
    "flight",
    "routing",
    "swift",
    "card",
    "balance",
    "transaction",
    "batch",
    "item",
    "product",
    "customer id",
    "length",
    "size",
    "count",
    "total",
    "part",
    "tracking number",
    "order number",
    "reference number",
    "section",
    "chapter",
    "page",
    "row",
    "line",
    "seed",
    "offset",
    "duration",
    "width",
    "height",
    "user id",
    "id",
    "employee id",
    "error",
    "code",
    "pin",
    "bsn",
    "nhs",
    "tfn",
];

/// Tried in this order for numbers without a country code.
const PLANS: &[Country] = &[
    Country::US,
    Country::GB,
    Country::DE,
    Country::FR,
    Country::IT,
    Country::ES,
    Country::IN,
    Country::AU,
    Country::BR,
    Country::NL,
    Country::SE,
    Country::CH,
    Country::AT,
    Country::BE,
    Country::DK,
    Country::NO,
    Country::FI,
    Country::PL,
    Country::PT,
    Country::JP,
    Country::CN,
    Country::KR,
    Country::MX,
    Country::ZA,
    Country::NZ,
    Country::IE,
    Country::IL,
    Country::CZ,
    Country::HU,
    Country::GR,
    Country::TR,
    Country::RU,
    Country::SG,
    Country::HK,
    Country::SI,
    Country::IS,
];

/// At most this many candidates are taken to the numbering plans in one text; the rest are judged by shape and word.
const MOST_LOOKUPS: usize = 2_000;

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    let mut lookups = 0;
    for hit in shape.find_iter(text) {
        // A postcode or another number may stand in front; the last groups are tried alone then.
        let mut from = 0;
        // Longer than any number with its extension: an account, a parcel, a key.
        let digits_in_all = hit.as_str().bytes().filter(u8::is_ascii_digit).count();
        if digits_in_all > 20 && !hit.as_str().contains(['+', '(']) {
            continue;
        }
        for _ in 0..4 {
            let candidate = hit.as_str()[from..].trim_end_matches(['(', ' ', '-', '.', '/']);
            let (start, end) = (hit.start() + from, hit.start() + from + candidate.len());
            let count = candidate.bytes().filter(u8::is_ascii_digit).count();
            if count < 6 {
                break;
            }
            if count <= 21
                && digits::stands_alone(text, start, end)
                && let Some(score) = judge(text, start, end, candidate, count, &mut lookups)
            {
                found.push(Entity::new(Kind::PhoneNumber, start, end, score, "phone"));
                break;
            }
            match candidate.find(' ') {
                Some(blank) if !candidate.starts_with(['+', '(']) => from += blank + 1,
                _ => break,
            }
        }
    }
}

fn judge(text: &str, start: usize, end: usize, candidate: &str, count: usize, lookups: &mut usize) -> Option<f32> {
    let international = candidate.starts_with(['+']) || candidate.starts_with("(+") || candidate.starts_with("00");
    let before = &text[..start];
    // Part of a longer thing: a decimal, a path, a GUID, a money amount, a negative number, a hashtag.
    let decimal = before.ends_with(',')
        && before[..before.len() - 1].ends_with(|c: char| c.is_ascii_digit())
        && !candidate.starts_with(['+', '('])
        && !candidate.contains('-');
    let glued =
        before.ends_with(['.', '/', '-', '_', '$', '€', '£', '#', '=', '@', '*', '^', '<', '&', '\\']) || decimal;
    if glued && !(before.ends_with('=') && digits::near(text, start, end, WORDS)) {
        return None;
    }
    let after = &text[end..];
    let kind = after.strip_prefix('-').map(|rest| rest.chars().take_while(|c| c.is_alphabetic()).collect::<String>());
    let labelled = kind.is_some_and(|kind| {
        ["office", "fax", "home", "work", "mobile", "cell", "tel", "phone"].contains(&kind.to_lowercase().as_str())
    });
    let mut next = after.chars();
    match (next.next(), next.next()) {
        (Some('-' | '.' | '/' | ':' | '_'), Some(c)) if c.is_alphanumeric() && !labelled => return None,
        // A column of a list goes on behind a comma, and so does a grouped amount.
        (Some(','), Some(c))
            if c.is_ascii_digit() && !candidate.starts_with(['+', '(']) && !candidate.contains('-') =>
        {
            return None;
        }
        (Some('%' | '°' | '€' | '@' | '='), _) => return None,
        _ => {}
    }
    if looks_like_a_date(candidate) || looks_like_numbers(candidate) || digits::all_same(&digits::of(candidate)) {
        return None;
    }
    let said = labelled || digits::near(text, start, end, WORDS);
    let other = digits::before(text, start, 24, OTHERS);
    // The word right before a number says what it is, whatever else is talked about.
    let named = digits::before(text, start, 14, OTHERS)
        && (!digits::before(text, start, 8, WORDS) || digits::before(text, start, 4, OTHERS));
    if (other && !said || named) && !candidate.starts_with('+') {
        return None;
    }
    *lookups += 1;
    let planned = *lookups <= MOST_LOOKUPS;
    let core = candidate.split(['x', 'e', 'D', 'p']).next().unwrap_or(candidate).trim_end();
    let extended = core.len() < candidate.len();
    if candidate.starts_with('+') || candidate.starts_with("(+") {
        let plain: String = core.chars().filter(|c| c.is_ascii_digit()).collect();
        let valid = planned && valid_in(None, &format!("+{plain}"));
        // A trunk zero in brackets, +44 (0)20 …, is written by people and refused by parsers.
        let trunk = planned && core.contains("(0)") && valid_in(None, &core.replace("(0)", ""));
        return match (valid || trunk, said) {
            (true, _) => Some(0.95),
            (false, true) if (8..=15).contains(&plain.len()) => Some(0.7),
            (false, false) if (9..=15).contains(&plain.len()) && core.contains([' ', '-', '(', '.']) => Some(0.55),
            _ => None,
        };
    }
    if international && core.starts_with("00") && !core.starts_with("000") && (10..=20).contains(&count) {
        let grouped = core.contains(['-', ' ', '.', '(']);
        if grouped || said {
            return Some(0.8);
        }
    }
    let american = american(core);
    if american && (extended || core.contains(['(', '-', '.']) || said) {
        return Some(if said { 0.9 } else { 0.75 });
    }
    let grouped = core.contains([' ', '-', '.', '(', '/', '\u{a0}']);
    // A short number needs its word right beside it.
    let said = said
        && (count >= 8
            || labelled
            || digits::near(&text[..end], start, end, WORDS) && digits::before(text, start, 20, WORDS)
            || digits::near(&text[start..], 0, end - start, WORDS));
    if said && (7..=13).contains(&count) {
        let valid = planned && PLANS.iter().any(|plan| valid_in(Some(*plan), core));
        return match (valid, grouped) {
            (true, _) => Some(0.85),
            (false, true) => Some(0.6),
            (false, false) => (count >= 9).then_some(0.5),
        };
    }
    if said && count == 6 && grouped && digits::before(text, start, 12, WORDS) {
        return Some(0.5);
    }
    // An area in brackets, as some country writes its numbers.
    if core.starts_with('(')
        && grouped
        && (8..=12).contains(&count)
        && planned
        && PLANS.iter().any(|p| valid_in(Some(*p), core))
    {
        return Some(0.65);
    }
    // Nobody says what it is: a trunk zero, groups that people write, and one of the larger plans must agree.
    let trunk = core.starts_with('0') || core.starts_with("(0");
    if trunk && grouped && (9..=12).contains(&count) && planned && PLANS[..12].iter().any(|p| valid_in(Some(*p), core))
    {
        return Some(0.7);
    }
    None
}

/// `(212) 555-0123`, `212-555-0123`, `212.555.0123`, `1-212-555-0123`, `2125550123` where a word says so.
fn american(core: &str) -> bool {
    static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:\+?1[-. ]?)?(?:\([2-9]\d{2}\)[-. ]?|[2-9]\d{2}[-. ]?)\d{3}[-. ]?\d{4}$").ok()
    });
    // Made-up numbers break the plan (areas that begin with 1); hyphens in the usual places speak for them all the same.
    static WRITTEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:1[-. ])?(?:\(\d{3}\)[-. ]?\d{3}[-. ]|\d{3}-\d{3}-|\d{3}\.\d{3}\.)\d{4}$").ok()
    });
    [&SHAPE, &WRITTEN].into_iter().any(|shape| shape.as_ref().is_some_and(|shape| shape.is_match(core)))
}

fn valid_in(plan: Option<Country>, text: &str) -> bool {
    phonenumber::parse(plan, text).is_ok_and(|number| phonenumber::is_valid(&number))
}

/// `2024-01-31`, `31.01.2024`, `01/02/03`, `2024/25`, and years side by side.
fn looks_like_a_date(candidate: &str) -> bool {
    let parts: Vec<&str> = candidate.split(['-', '.', '/', ' ']).filter(|part| !part.is_empty()).collect();
    let number = |i: usize| parts.get(i).and_then(|part| part.parse::<u32>().ok());
    let year =
        |i: usize| parts.get(i).is_some_and(|p| p.len() == 4) && number(i).is_some_and(|n| (1800..=2199).contains(&n));
    let (a, b, c) = (number(0), number(1), number(2));
    let day_month = |x: Option<u32>, y: Option<u32>| matches!((x, y), (Some(x), Some(y)) if (digits::is_day(x, y) || digits::is_day(y, x)) && x <= 31 && y <= 31);
    let separator = candidate.contains(['-', '.', '/']);
    match parts.len() {
        2 => year(0) && year(1),
        3 => {
            (year(0) && day_month(b, c))
                || (year(2) && day_month(a, b))
                || (separator && parts.iter().all(|p| p.len() <= 2) && day_month(a, b) && candidate.contains('/'))
        }
        4.. => year(0) && day_month(b, c) || year(2) && day_month(a, b) || year(0) && year(1),
        _ => {
            // 20240131 and times with it.
            candidate.len() == 8
                && number(0)
                    .is_some_and(|n| (1900..=2099).contains(&(n / 10_000)) && digits::is_day(n / 100 % 100, n % 100))
        }
    }
}

/// Quantities side by side (`12 30 45 60`), versions and addresses (`1.2.3.4`), decimals.
fn looks_like_numbers(candidate: &str) -> bool {
    // A bracket that stays open is not an area's.
    let candidate = if candidate.contains(')') { candidate } else { candidate.trim_start_matches('(') };
    let dots = candidate.matches('.').count();
    if dots > 0 && !candidate.contains([' ', '-', '(', '/', '+']) {
        let parts: Vec<&str> = candidate.split('.').collect();
        let version = parts.len() == 4
            && parts.iter().all(|p| p.len() <= 3)
            && candidate.len() <= 15
            && !parts[0].starts_with('0');
        let decimal = parts.len() == 2;
        return version && parts.iter().any(|p| p.len() == 1 || p.len() == 3) || decimal;
    }
    let groups: Vec<&str> = candidate.split(' ').collect();
    groups.len() >= 6 && groups.iter().all(|group| group.len() <= 2) && !candidate.starts_with(['0', '+'])
}
