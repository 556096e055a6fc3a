//! Jobs and answers: one line of decimal numbers, then the texts back to back.
//!
//! Job: `1 SOURCE INPUT HEAP STACK FUEL MAX_VALUE MAX_CONSOLE` and two texts.
//! Answer: `1 KIND LINE VALUE OUT OUT_CUT ERR ERR_CUT` and three texts.

use std::io::{self, Read, Write};

/// What to run.
pub struct Job {
    pub source: Vec<u8>,
    pub input: Vec<u8>,
    /// Bytes.
    pub heap: usize,
    /// Bytes.
    pub stack: usize,
    /// Steps of about ten thousand instructions; 0 = no limit.
    pub fuel: u64,
    pub max_value: usize,
    pub max_console: usize,
}

/// What came of it. The numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Value = 0,
    Threw = 1,
    OutOfMemory = 2,
    OutOfFuel = 3,
    TooDeep = 4,
    NotJson = 5,
    TooLarge = 6,
}

/// Console output, cut at a length.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub bytes: Vec<u8>,
    pub cut: bool,
}

/// The whole answer.
pub struct Answer {
    pub kind: Kind,
    /// 0 = unknown.
    pub line: u32,
    /// The JSON text, or the message.
    pub value: Vec<u8>,
    pub out: Text,
    pub err: Text,
}

/// Reads the job; `None` when it is not one.
pub fn read_job() -> Option<Job> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let numbers: Vec<usize> =
        std::str::from_utf8(&bytes[..end]).ok()?.split(' ').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    let [1, source, input, heap, stack, fuel, max_value, max_console] = numbers[..] else { return None };
    let mut rest = bytes.split_off(end + 1);
    if rest.len() != source.checked_add(input)? {
        return None;
    }
    let input = rest.split_off(source);
    Some(Job { source: rest, input, heap, stack, fuel: fuel as u64, max_value, max_console })
}

/// Writes the answer.
pub fn write_answer(answer: &Answer, max_value: usize) {
    let too_large = answer.value.len() > max_value;
    let (kind, value) = match (too_large, answer.kind) {
        (false, kind) => (kind, &answer.value[..]),
        (true, Kind::Value) => (Kind::TooLarge, &[][..]),
        (true, kind) => (kind, &answer.value[..max_value]),
    };
    let (out, err) = (&answer.out, &answer.err);
    let head = format!(
        "1 {} {} {} {} {} {} {}\n",
        kind as u8,
        answer.line,
        value.len(),
        out.bytes.len(),
        u8::from(out.cut),
        err.bytes.len(),
        u8::from(err.cut)
    );
    let mut to = io::stdout().lock();
    for part in [head.as_bytes(), value, &out.bytes, &err.bytes] {
        if to.write_all(part).is_err() {
            return;
        }
    }
    let _ = to.flush();
}
