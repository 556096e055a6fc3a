//! Just enough CBOR to read an entry, and no more: definite lengths, shortest heads, nothing else is accepted, so that
//! one entry has exactly one spelling.

use super::Malformed;

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }
    /// Major type and argument.
    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let first = self.take(1)?[0];
        let (major, short) = (first >> 5, first & 0x1f);
        let (bytes, least) = match short {
            0..=23 => return Ok((major, u64::from(short))),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(Malformed("it uses an indefinite length")),
        };
        let value = self.take(bytes)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if value < least { Err(Malformed("a number is not in its shortest form")) } else { Ok((major, value)) }
    }
    fn expect(&mut self, wanted: u8) -> Result<u64, Malformed> {
        let (major, value) = self.head()?;
        if major == wanted { Ok(value) } else { Err(Malformed("a field has another type than version 1 says")) }
    }
    pub(super) fn map(&mut self) -> Result<u64, Malformed> {
        self.expect(5)
    }
    pub(super) fn uint(&mut self) -> Result<u64, Malformed> {
        self.expect(0)
    }
    pub(super) fn int(&mut self) -> Result<i64, Malformed> {
        let (major, value) = self.head()?;
        let value = i64::try_from(value).map_err(|_| Malformed("a number is too large"))?;
        match major {
            0 => Ok(value),
            1 => Ok(-1 - value),
            _ => Err(Malformed("a field has another type than version 1 says")),
        }
    }
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.expect(2)?;
        self.take(usize::try_from(length).map_err(|_| Malformed("it ends too early"))?)
    }
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed("a field has another length than version 1 says"))
    }
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.expect(3)?;
        let bytes = self.take(usize::try_from(length).map_err(|_| Malformed("it ends too early"))?)?;
        std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))
    }
}
