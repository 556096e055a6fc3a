//! Long lists in pieces.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result};

/// Most items that a page holds, whatever is asked for.
pub const LARGEST_PAGE: u32 = 200;

/// Where the next page begins. Opaque: it is handed out and handed back, and means nothing to anyone else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    pub(crate) fn at_number(number: i64) -> Self {
        Self(URL_SAFE_NO_PAD.encode([&[b'n'][..], &number.to_be_bytes()].concat()))
    }
    pub(crate) fn at_id(id: Uuid) -> Self {
        Self(URL_SAFE_NO_PAD.encode([&[b'i'][..], id.as_bytes()].concat()))
    }
    pub(crate) fn at_pair(first: i64, second: i64) -> Self {
        Self(URL_SAFE_NO_PAD.encode([&[b'p'][..], &first.to_be_bytes(), &second.to_be_bytes()].concat()))
    }
    pub(crate) fn pair(&self) -> Result<(i64, i64)> {
        let bytes: [u8; 16] = self.bytes(b'p')?.try_into().map_err(|_| Error::BadCursor)?;
        let (first, second) = bytes.split_at(8);
        let read = |half: &[u8]| half.try_into().map(i64::from_be_bytes).map_err(|_| Error::BadCursor);
        Ok((read(first)?, read(second)?))
    }
    fn bytes(&self, kind: u8) -> Result<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| Error::BadCursor)?;
        match bytes.split_first() {
            Some((found, rest)) if *found == kind => Ok(rest.to_vec()),
            _ => Err(Error::BadCursor),
        }
    }
    pub(crate) fn number(&self) -> Result<i64> {
        self.bytes(b'n')?.try_into().map(i64::from_be_bytes).map_err(|_| Error::BadCursor)
    }
    pub(crate) fn id(&self) -> Result<Uuid> {
        Uuid::from_slice(&self.bytes(b'i')?).map_err(|_| Error::BadCursor)
    }
    /// As it came over the wire. Whether it is one of ours shows when it is used.
    pub fn from_wire(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which piece is wanted.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    pub after: Option<Cursor>,
    /// 1 to [`LARGEST_PAGE`]; more is cut, 0 means 50.
    pub limit: u32,
}

impl PageRequest {
    /// The first `limit`.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
    /// How many rows to read: one more than shown, to know whether there is a next page.
    pub(crate) fn to_read(&self) -> i64 {
        i64::from(self.shown()) + 1
    }
    fn shown(&self) -> u32 {
        if self.limit == 0 { 50 } else { self.limit.min(LARGEST_PAGE) }
    }
    /// The id to go on after, if there is one.
    pub(crate) fn after_id(&self) -> Result<Option<Uuid>> {
        self.after.as_ref().map(Cursor::id).transpose()
    }
    pub(crate) fn after_pair(&self) -> Result<Option<(i64, i64)>> {
        self.after.as_ref().map(Cursor::pair).transpose()
    }
    pub(crate) fn after_number(&self) -> Result<Option<i64>> {
        self.after.as_ref().map(Cursor::number).transpose()
    }
}

/// One piece of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// From rows that were read with [`PageRequest::to_read`] as the limit.
    pub(crate) fn cut(mut items: Vec<T>, request: &PageRequest, cursor: impl Fn(&T) -> Cursor) -> Self {
        let shown = request.shown() as usize;
        let more = items.len() > shown;
        items.truncate(shown);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_only_as_what_it_is() {
        assert_eq!(Cursor::at_number(-7).number().unwrap(), -7);
        assert!(matches!(Cursor::at_number(7).id(), Err(Error::BadCursor)));
        assert!(matches!(Cursor::from_wire("nonsense!").number(), Err(Error::BadCursor)));
    }

    #[test]
    fn the_last_page_has_no_next() {
        let page = |n: i64| Page::cut((0..n).collect(), &PageRequest::first(3), |i| Cursor::at_number(*i));
        assert_eq!((page(3).items.len(), page(3).next), (3, None));
        assert_eq!((page(4).items.len(), page(4).next), (3, Some(Cursor::at_number(2))));
    }
}
