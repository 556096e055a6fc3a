//! Answers that arrive in pieces. The parsers are pure: bytes in, events out; [`Reader`] feeds them under deadlines.

mod lines;
mod sse;
mod tool_calls;

use std::{collections::VecDeque, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::time::Instant;

use crate::{Deltas, Error, Phase, Provider};

pub(crate) use lines::Lines;
pub(crate) use sse::Events;
pub(crate) use tool_calls::{ToolCalls, number};

/// No line of a stream is longer.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// A parser that is fed bytes.
pub(crate) trait Parser {
    type Item;
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<Self::Item>) -> Result<(), &'static str>;
    /// Nothing more will come.
    fn finish(&mut self, out: &mut VecDeque<Self::Item>) -> Result<(), &'static str>;
}

/// Reads a body within its silence limit and its deadline.
pub(crate) struct Reader {
    body: egress::Body,
    provider: Provider,
    silence: Duration,
    deadline: Instant,
    limit: u64,
}

impl Reader {
    pub fn new(body: egress::Body, provider: Provider, silence: Duration, deadline: Instant, limit: u64) -> Self {
        Self { body, provider, silence, deadline, limit }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        let provider = self.provider;
        let until = (Instant::now() + self.silence).min(self.deadline);
        match tokio::time::timeout_at(until, self.body.next()).await {
            Err(_) => Err(Error::TimedOut { provider, phase: Phase::Total }),
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(Some(Err(egress::Error::TimedOut { .. }))) => Err(Error::TimedOut { provider, phase: Phase::Total }),
            Ok(Some(Err(egress::Error::ResponseTooLarge { .. }))) => {
                Err(Error::TooLarge { provider, limit: self.limit })
            }
            Ok(Some(Err(egress::Error::Interrupted { .. }))) => Err(Error::CutOff { provider }),
            Ok(Some(Err(source))) => Err(Error::Egress { provider, source }),
        }
    }

    /// The whole body.
    pub async fn collect(&mut self) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// As much of the body as comes, up to `max` bytes; for explanations, where half is better than none.
    pub async fn collect_up_to(&mut self, max: usize) -> Bytes {
        let mut all = BytesMut::new();
        while let Ok(Some(piece)) = self.piece().await {
            all.extend_from_slice(&piece[..piece.len().min(max - all.len())]);
            if all.len() == max {
                break;
            }
        }
        all.freeze()
    }
}

/// A body seen through a parser.
pub(crate) struct Parsed<P: Parser> {
    reader: Reader,
    parser: P,
    ready: VecDeque<P::Item>,
    ended: bool,
}

impl<P: Parser> Parsed<P> {
    pub fn new(reader: Reader, parser: P) -> Self {
        Self { reader, parser, ready: VecDeque::new(), ended: false }
    }

    /// The next item, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<P::Item>, Error> {
        let provider = self.reader.provider;
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.ended {
                return Ok(None);
            }
            let parsed = match self.reader.piece().await? {
                Some(piece) => self.parser.push(&piece, &mut self.ready),
                None => {
                    self.ended = true;
                    self.parser.finish(&mut self.ready)
                }
            };
            parsed.map_err(|what| Error::Garbage { provider, what })?;
        }
    }
}

/// Where text goes as it arrives.
pub(crate) struct Outlet {
    deltas: Option<Deltas>,
    deadline: Instant,
    provider: Provider,
    /// Everything so far.
    pub text: String,
}

impl Outlet {
    pub const fn new(deltas: Option<Deltas>, deadline: Instant, provider: Provider) -> Self {
        Self { deltas, deadline, provider, text: String::new() }
    }

    /// Hands `piece` on, waiting for a slow receiver no longer than the call may last.
    pub async fn push(&mut self, piece: &str) -> Result<(), Error> {
        if piece.is_empty() {
            return Ok(());
        }
        self.text.push_str(piece);
        if let Some(deltas) = &self.deltas {
            let sent = tokio::time::timeout_at(self.deadline, deltas.send(piece.to_owned())).await;
            match sent {
                Err(_) => return Err(Error::TimedOut { provider: self.provider, phase: Phase::Total }),
                Ok(Err(_)) => self.deltas = None,
                Ok(Ok(())) => {}
            }
        }
        Ok(())
    }
}
