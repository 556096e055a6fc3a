//! Server-sent events.

use std::collections::VecDeque;

use super::{Lines, MAX_LINE_BYTES, Parser};

/// One event's data. The event's name is not kept: every provider repeats it inside the data.
pub(crate) type Data = String;

/// Puts lines together to events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    lines: Lines,
    data: Option<String>,
    begun: bool,
}

impl Parser for Events {
    type Item = Data;

    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<Data>) -> Result<(), &'static str> {
        let mut lines = VecDeque::new();
        self.lines.push(bytes, &mut lines)?;
        lines.into_iter().try_for_each(|line| self.line(&line, out))
    }

    fn finish(&mut self, out: &mut VecDeque<Data>) -> Result<(), &'static str> {
        let mut lines = VecDeque::new();
        self.lines.finish(&mut lines)?;
        lines.into_iter().try_for_each(|line| self.line(&line, out))?;
        // The standard drops an event that no empty line ended; servers forget that line at the very end.
        self.data.take().into_iter().for_each(|data| out.push_back(data));
        Ok(())
    }
}

impl Events {
    fn line(&mut self, line: &str, out: &mut VecDeque<Data>) -> Result<(), &'static str> {
        let line = match std::mem::replace(&mut self.begun, true) {
            false => line.strip_prefix('\u{feff}').unwrap_or(line),
            true => line,
        };
        if line.is_empty() {
            out.extend(self.data.take());
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    if data.len() + value.len() > MAX_LINE_BYTES {
                        return Err("an event of the stream is longer than 1 MiB");
                    }
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // a comment, and fields that say nothing to us
            "" | "event" | "id" | "retry" => {}
            _ => return Err("the stream is not made of server-sent events"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Result<Vec<String>, &'static str> {
        let (mut events, mut out) = (Events::default(), VecDeque::new());
        for piece in pieces {
            events.push(piece, &mut out)?;
        }
        events.finish(&mut out)?;
        Ok(out.into())
    }

    #[test]
    fn events_are_put_together() {
        let text = "\u{feff}: hello\nevent: x\ndata: a\n\ndata:b\ndata: c\n\nid: 1\n\ndata: last";
        assert_eq!(parse(&[text.as_bytes()]).unwrap(), ["a", "b\nc", "last"]);
    }

    #[test]
    fn a_page_is_not_a_stream() {
        assert!(parse(&[b"<html>\n<body>\n"]).is_err());
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "(data: ?[a-c ]{0,5}|event: x|: c|\n|\r\n){0,40}", at in any::<prop::sample::Index>()) {
            let (left, right) = text.as_bytes().split_at(at.index(text.len() + 1));
            prop_assert_eq!(parse(&[text.as_bytes()]), parse(&[left, right]));
        }

        /// Whatever comes, it is read or refused; nothing panics.
        #[test]
        fn anything_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&[&bytes]);
        }
    }
}
