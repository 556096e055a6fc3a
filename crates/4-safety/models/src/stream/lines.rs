//! Lines of UTF-8, ended by LF or CR LF, however the network cut them.

use std::collections::VecDeque;

use super::{MAX_LINE_BYTES, Parser};

/// Splits bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Parser for Lines {
    type Item = String;

    fn push(&mut self, mut bytes: &[u8], out: &mut VecDeque<String>) -> Result<(), &'static str> {
        while let Some(at) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, after) = bytes.split_at(at);
            self.keep(line)?;
            out.push_back(self.take()?);
            bytes = &after[1..];
        }
        self.keep(bytes)
    }

    fn finish(&mut self, out: &mut VecDeque<String>) -> Result<(), &'static str> {
        if !self.rest.is_empty() {
            out.push_back(self.take()?);
        }
        Ok(())
    }
}

impl Lines {
    fn keep(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        if self.rest.len() + bytes.len() > MAX_LINE_BYTES {
            return Err("a line of the stream is longer than 1 MiB");
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn take(&mut self) -> Result<String, &'static str> {
        let mut line = std::mem::take(&mut self.rest);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| "the stream is not UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Result<Vec<String>, &'static str> {
        let (mut lines, mut out) = (Lines::default(), VecDeque::new());
        for piece in pieces {
            lines.push(piece, &mut out)?;
        }
        lines.finish(&mut out)?;
        Ok(out.into())
    }

    #[test]
    fn both_line_ends_and_a_missing_last_one_are_read() {
        assert_eq!(parse(&[b"a\r\nb\n\nc"]).unwrap(), ["a", "b", "", "c"]);
    }

    #[test]
    fn an_endless_line_and_broken_utf8_are_named() {
        assert!(parse(&[&vec![b'x'; MAX_LINE_BYTES + 1]]).is_err());
        assert!(parse(&[&[0xff, b'\n']]).is_err());
        assert_eq!(parse(&["é".as_bytes().split_at(1).0, "é".as_bytes().split_at(1).1]).unwrap(), ["é"]);
    }

    proptest! {
        /// How the network cuts the bytes changes nothing.
        #[test]
        fn cuts_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
            let (left, right) = bytes.split_at(at.index(bytes.len() + 1));
            prop_assert_eq!(parse(&[&bytes]), parse(&[left, right]));
        }
    }
}
