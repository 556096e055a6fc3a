//! Reading labelled rows from JSON lines, gzipped or not.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use domain::Json;
use flate2::read::MultiGzDecoder;

/// What a zipped file begins with, whatever its name.
const ZIPPED: [u8; 2] = [0x1f, 0x8b];
/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line longer than this, or a file that unpacks to more, is refused.
const MOST_LINE: u64 = 16 << 20;
const MOST_BYTES: u64 = 4 << 30;

/// Why a file cannot be measured on.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error("cannot read {file}")]
    Read {
        file: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{file}, line {line}: {message}")]
    Line { file: String, line: usize, message: String },
    #[error("{file} was not evaluated: {why}")]
    NotEvaluated { file: String, why: String },
    #[error("{file} holds no rows")]
    Empty { file: String },
}

/// One labelled text.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of the file, from 1.
    pub line: usize,
    pub text: String,
    /// 1 = must be found. Absent where the row only has spans.
    pub label: Option<bool>,
    /// Type and byte offsets; files give character offsets. Absent where the row only has a label.
    pub spans: Option<Vec<Marked>>,
}

/// A stretch that a file marks: its type, and where it begins and ends in bytes.
pub type Marked = (String, usize, usize);

/// All rows of `path`.
pub fn read(path: &Path) -> Result<Vec<Row>, EvalError> {
    let name = path.display().to_string();
    let failed = |source| EvalError::Read { file: name.clone(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let named = path.extension().is_some_and(|extension| extension == "gz");
    let zipped = named || file.fill_buf().map_err(failed)?.starts_with(&ZIPPED);
    let raw: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = BufReader::new(raw.take(MOST_BYTES));
    let mut rows = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            break;
        }
        let bad = |message: &str| EvalError::Line { file: name.clone(), line: number, message: message.to_owned() };
        if read as u64 == MOST_LINE {
            return Err(bad("the line is too long"));
        }
        let line = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        rows.push(row(line, number).map_err(|message| bad(&message))?);
    }
    if rows.is_empty() { Err(EvalError::Empty { file: name }) } else { Ok(rows) }
}

fn row(line: &[u8], number: usize) -> Result<Row, String> {
    let read = serde_json::from_slice(line).or_else(|error| match without_lone_surrogates(line) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    });
    // The line is named by the caller; the parser counts lines within it.
    let json: Json = read.map_err(|error| format!("not JSON: {error}").replace(" at line 1 column", " at column"))?;
    let text = json.get("text").and_then(Json::as_str).ok_or("`text` is missing")?.to_owned();
    let label = match json.get("label") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(label)) => Some(*label),
        Some(value) => match (whole(value), value.as_str()) {
            (Some(0), _) | (_, Some("0")) => Some(false),
            (Some(1), _) | (_, Some("1")) => Some(true),
            _ => return Err("`label` must be 0 or 1".to_owned()),
        },
    };
    let spans = match json.get("spans") {
        None | Some(Json::Null) => None,
        Some(Json::Array(given)) => Some(marked(&text, given).ok_or(
            "a span is [type, start, end] in characters of the text, from 0, and ends behind where it starts",
        )?),
        Some(_) => return Err("`spans` must be a list".to_owned()),
    };
    if label.is_none() && spans.is_none() {
        return Err("neither `label` nor `spans`".to_owned());
    }
    Ok(Row { line: number, text, label, spans })
}

fn marked(text: &str, given: &[Json]) -> Option<Vec<Marked>> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let of = |span: &Json| {
        let at = |index: usize| places.get(usize::try_from(whole(span.get(index)?)?).ok()?).copied();
        let (kind, start, end) = (span.get(0)?.as_str()?, at(1)?, at(2)?);
        (start < end).then(|| (kind.to_owned(), start, end))
    };
    given.iter().map(of).collect()
}

/// A whole number, such as 1 or, as tables write it, 1.0.
fn whole(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..1e15).contains(n)).map(|n| n as u64))
}

/// The line with U+FFFD, also one character, for every half of a surrogate pair that stands alone, as other languages
/// write them; `None` where there is none.
fn without_lone_surrogates(line: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = line.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out = Vec::with_capacity(line.len());
    let (mut at, mut mended) = (0, false);
    while at < line.len() {
        let taken = match (line[at], unit(at)) {
            (b'\\', Some(0xD800..0xDC00)) if matches!(unit(at + 6), Some(0xDC00..0xE000)) => 12,
            (b'\\', Some(0xD800..0xE000)) => {
                out.extend_from_slice(b"\\ufffd");
                mended = true;
                at += 6;
                continue;
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        out.extend_from_slice(&line[at..line.len().min(at + taken)]);
        at += taken;
    }
    mended.then_some(out)
}
