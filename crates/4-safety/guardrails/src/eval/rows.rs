//! Reading labelled rows from JSON lines, gzipped or not.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use domain::Json;
use flate2::read::MultiGzDecoder;

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
    pub text: String,
    /// 1 = must be found. Absent where the row only has spans.
    pub label: Option<bool>,
    /// Type and byte offsets; files give character offsets.
    pub spans: Vec<(String, usize, usize)>,
}

/// All rows of `path`.
pub fn read(path: &Path) -> Result<Vec<Row>, EvalError> {
    let name = path.display().to_string();
    let failed = |source| EvalError::Read { file: name.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let zipped = path.extension().is_some_and(|extension| extension == "gz");
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
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        rows.push(row(&line).map_err(|message| bad(&message))?);
    }
    if rows.is_empty() { Err(EvalError::Empty { file: name }) } else { Ok(rows) }
}

fn row(line: &[u8]) -> Result<Row, String> {
    let json: Json = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let text = json.get("text").and_then(Json::as_str).ok_or("`text` is missing")?.to_owned();
    let label = match json.get("label") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(label)) => Some(*label),
        Some(value) => match value.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => return Err("`label` must be 0 or 1".to_owned()),
        },
    };
    let mut spans = Vec::new();
    if let Some(given) = json.get("spans").and_then(Json::as_array) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).collect();
        for span in given {
            let kind = span.get(0).and_then(Json::as_str);
            let at = |i: usize| span.get(i).and_then(Json::as_u64).and_then(|at| places.get(at as usize).copied());
            match (kind, at(1), at(2)) {
                (Some(kind), Some(start), Some(end)) => spans.push((kind.to_owned(), start, end)),
                _ => return Err("a span is [type, start, end] in characters of the text".to_owned()),
            }
        }
    }
    if label.is_none() && json.get("spans").is_none() {
        return Err("neither `label` nor `spans`".to_owned());
    }
    Ok(Row { text, label, spans })
}
