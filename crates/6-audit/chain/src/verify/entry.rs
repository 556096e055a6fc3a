//! An entry as it is read.

use super::cbor::Reader;

/// Bytes that are not an entry of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry cannot be read: {0}")]
pub struct Malformed(pub &'static str);

/// An entry, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub chain: String,
    pub sequence: u64,
    pub previous: [u8; 32],
    pub id: [u8; 16],
    pub at_micros: i64,
    pub operation: String,
    pub target: Option<String>,
    pub result: String,
    pub request: Option<[u8; 16]>,
    pub intent: Option<[u8; 16]>,
    pub duration_micros: Option<u64>,
    pub pseudonym: [u8; 32],
    /// Sealed; opened by whoever holds the subject's key.
    pub subject: Vec<u8>,
    pub detail: [u8; 32],
}

/// The same, as it lies in its bytes: nothing is copied, so that a million of them are read in flat memory and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View<'a> {
    pub chain: &'a str,
    pub sequence: u64,
    pub previous: [u8; 32],
    pub id: [u8; 16],
    pub at_micros: i64,
    pub operation: &'a str,
    pub target: Option<&'a str>,
    pub result: &'a str,
    pub request: Option<[u8; 16]>,
    pub intent: Option<[u8; 16]>,
    pub duration_micros: Option<u64>,
    pub pseudonym: [u8; 32],
    pub subject: &'a [u8],
    pub detail: [u8; 32],
}

/// Reads an entry; anything that the writer would have spelt otherwise is refused.
///
/// # Errors
/// The bytes are not an entry of version 1 in its one deterministic spelling.
pub fn decode(bytes: &[u8]) -> Result<Entry, Malformed> {
    let view = view(bytes)?;
    Ok(Entry {
        chain: view.chain.to_owned(),
        sequence: view.sequence,
        previous: view.previous,
        id: view.id,
        at_micros: view.at_micros,
        operation: view.operation.to_owned(),
        target: view.target.map(str::to_owned),
        result: view.result.to_owned(),
        request: view.request,
        intent: view.intent,
        duration_micros: view.duration_micros,
        pseudonym: view.pseudonym,
        subject: view.subject.to_vec(),
        detail: view.detail,
    })
}

/// What [`decode`] copies.
pub(super) fn view(bytes: &[u8]) -> Result<View<'_>, Malformed> {
    const UNORDERED: Malformed = Malformed("its fields are not in ascending order, or one is unknown or missing");
    let mut reader = Reader::new(bytes);
    let mut left = reader.map()?;
    let mut next = |reader: &mut Reader<'_>| -> Result<Option<u64>, Malformed> {
        if left == 0 {
            return Ok(None);
        }
        left -= 1;
        reader.uint().map(Some)
    };
    macro_rules! required {
        ($key:literal, $read:expr) => {{
            if next(&mut reader)? != Some($key) {
                return Err(UNORDERED);
            }
            $read
        }};
    }
    if required!(0, reader.uint()?) != 1 {
        return Err(Malformed("its version is not 1"));
    }
    let chain = required!(1, reader.text()?);
    let sequence = required!(2, reader.uint()?);
    let previous = required!(3, reader.fixed()?);
    let id = required!(4, reader.fixed()?);
    let at_micros = required!(5, reader.int()?);
    let operation = required!(6, reader.text()?);
    let mut key = next(&mut reader)?;
    let mut target = None;
    if key == Some(7) {
        target = Some(reader.text()?);
        key = next(&mut reader)?;
    }
    if key != Some(8) {
        return Err(UNORDERED);
    }
    let result = reader.text()?;
    key = next(&mut reader)?;
    let mut identifier = |wanted: u64, reader: &mut Reader<'_>| -> Result<Option<[u8; 16]>, Malformed> {
        if key != Some(wanted) {
            return Ok(None);
        }
        let value = reader.fixed()?;
        key = next(reader)?;
        Ok(Some(value))
    };
    let request = identifier(9, &mut reader)?;
    let intent = identifier(10, &mut reader)?;
    let mut duration_micros = None;
    if key == Some(11) {
        duration_micros = Some(reader.uint()?);
        key = next(&mut reader)?;
    }
    if key != Some(12) {
        return Err(UNORDERED);
    }
    let pseudonym = reader.fixed()?;
    let subject = required!(13, reader.bytes()?);
    let detail = required!(14, reader.fixed()?);
    if next(&mut reader)?.is_some() || !reader.is_at_end() {
        return Err(Malformed("something follows its last field"));
    }
    Ok(View {
        chain,
        sequence,
        previous,
        id,
        at_micros,
        operation,
        target,
        result,
        request,
        intent,
        duration_micros,
        pseudonym,
        subject,
        detail,
    })
}

/// A stored record, taken apart: the entry, the salt and the detail. `None` when it is too short to be one.
pub fn unpack(record: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = record.split_first_chunk::<4>()?;
    let (entry, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (salt, detail) = rest.split_at_checked(16)?;
    Some((entry, salt, detail))
}
