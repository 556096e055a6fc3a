//! What the server and a language runner say to each other; the format is described in the JavaScript runner's
//! `frame.rs`. The answer was written beside hostile code and is read as such.

use domain::Json;

use crate::{Failure, Limits};

/// One answer, not yet believed.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    kind: u64,
    line: u32,
    value: &'a [u8],
    pub out: &'a [u8],
    pub out_cut: bool,
    pub err: &'a [u8],
    pub err_cut: bool,
}

/// Writes a job.
pub fn job(source: &[u8], input: &[u8], limits: &Limits) -> Vec<u8> {
    // the heap is a little smaller than the walls around it, so that its limit is met first and can be told
    let heap = limits.memory_bytes.saturating_sub((limits.memory_bytes / 8).min(12 << 20));
    let (fuel, output) = (limits.fuel, limits.output_bytes);
    let head = format!("1 {} {} {heap} {} {fuel} {output} {output}\n", source.len(), input.len(), 1 << 20);
    [head.as_bytes(), source, input].concat()
}

impl<'a> Answer<'a> {
    /// Takes the parts; `None` when it is not an answer.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.iter().take(200).position(|b| *b == b'\n')?;
        let numbers: Option<Vec<u64>> =
            std::str::from_utf8(&bytes[..end]).ok()?.split(' ').map(|n| n.parse().ok()).collect();
        let [1, kind, line, value, out, out_cut, err, err_cut] = numbers?[..] else { return None };
        let (value, rest) = cut(&bytes[end + 1..], value)?;
        let (out, rest) = cut(rest, out)?;
        let (err, rest) = cut(rest, err)?;
        let line = u32::try_from(line).ok()?;
        rest.is_empty().then_some(Self { kind, line, value, out, out_cut: out_cut != 0, err, err_cut: err_cut != 0 })
    }
    /// The value, or why there is none.
    pub fn result(&self, limits: &Limits) -> Result<Json, Failure> {
        let said = || String::from_utf8_lossy(self.value).into_owned();
        let line = (self.line > 0).then_some(self.line);
        Err(match self.kind {
            0 => {
                return serde_json::from_slice(self.value)
                    .map_err(|error| Failure::OutputNotJson { reason: error.to_string() });
            }
            1 => Failure::Threw { message: said(), line },
            2 => Failure::OutOfMemory { limit_bytes: limits.memory_bytes },
            3 => Failure::OutOfFuel,
            4 => Failure::TooDeep { line },
            5 => Failure::OutputNotJson { reason: said() },
            6 => Failure::OutputTooLarge { limit_bytes: limits.output_bytes },
            other => Failure::OutputNotJson { reason: format!("the runner answered with the unknown kind {other}") },
        })
    }
}

fn cut(bytes: &[u8], at: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(at).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_is_read_and_a_broken_one_is_not() {
        let whole = b"1 0 0 2 3 1 1 0\n42outE";
        let answer = Answer::read(whole).unwrap();
        assert_eq!((answer.out, answer.out_cut, answer.err), (&b"out"[..], true, &b"E"[..]));
        assert_eq!(answer.result(&Limits::default()), Ok(Json::from(42)));
        for broken in [&whole[..10], b"", b"\n", b"1 0 0 99 0 0 0 0\n42", b"1 0 0 18446744073709551615 1 0 0 0\n42"] {
            assert_eq!(Answer::read(broken), None);
        }
    }
}
