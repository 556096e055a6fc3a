//! What the HTTP/2 implementation answers by itself carries our headers too.
//!
//! A head that unpacks to more than it takes is answered 431 before there is a request that a [`Front`] could stand
//! around. That answer is one HEADERS frame which ends its stream and says a status and nothing else; every answer of ours
//! carries a dozen headers and is larger. Frames are looked at on their way out, and to such a one our headers are added as
//! literals that no table keeps, so that both ends' tables stay as they were.
//!
//! [`Front`]: crate::Front

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{ahead::Ahead, front::Surface, headers};

const HEAD: usize = 9;
const HEADERS: u8 = 0x1;
/// END_STREAM and END_HEADERS, without padding and priority.
const WHOLE_ANSWER: u8 = 0x1 | 0x4;
/// Longest block that says a status alone: its name by the static table, three digits.
const STATUS_ALONE: usize = 8;

/// Most bytes that are looked at, and copied, before they are written.
const AT_ONCE: usize = 64 * 1024;

/// A stream that adds our headers to answers that are none of ours.
#[derive(Debug)]
pub(crate) struct Stamping<S> {
    inner: Ahead<S>,
    /// A frame's head, and the payload of a frame that may be added to, until they are whole.
    held: Vec<u8>,
    /// How much of it makes it whole.
    wanted: usize,
    /// How much of a frame's payload passes untouched.
    passing: usize,
}

impl<S: AsyncWrite + Unpin> Stamping<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner: Ahead::new(inner), held: Vec::new(), wanted: HEAD, passing: 0 }
    }

    /// Takes over all of `data`, to be written as one piece with what is pending.
    fn absorb(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.passing > 0 {
                let (passes, rest) = data.split_at(data.len().min(self.passing));
                self.inner.pending().extend_from_slice(passes);
                self.passing -= passes.len();
                data = rest;
                continue;
            }
            let (taken, rest) = data.split_at(data.len().min(self.wanted - self.held.len()));
            self.held.extend_from_slice(taken);
            data = rest;
            if self.held.len() == self.wanted {
                self.decide();
            }
        }
    }

    /// What to do with what is held, now that it is whole.
    fn decide(&mut self) {
        let length = self.held[..3].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        if self.wanted == HEAD {
            let (kind, flags) = (self.held[3], self.held[4]);
            if kind == HEADERS && flags == WHOLE_ANSWER && (1..=STATUS_ALONE).contains(&length) {
                self.wanted += length;
                return;
            }
            self.passing = length;
        } else {
            add_headers(&mut self.held);
        }
        self.inner.pending().append(&mut self.held);
        self.wanted = HEAD;
    }
}

/// Our headers at the end of a HEADERS frame's block.
fn add_headers(frame: &mut Vec<u8>) {
    let mut ours = HeaderMap::new();
    headers::stamp(&mut ours, &Surface::Api);
    for (name, value) in &ours {
        // a literal without indexing whose name is new (RFC 7541, 6.2.2)
        frame.push(0);
        for text in [name.as_str().as_bytes(), value.as_bytes()] {
            // an integer with a prefix of seven bits, without Huffman's code (RFC 7541, 5.1 and 5.2)
            match u8::try_from(text.len()) {
                Ok(short) if short < 0x7f => frame.push(short),
                _ => {
                    frame.push(0x7f);
                    let mut rest = text.len() - 0x7f;
                    while rest >= 0x80 {
                        frame.push((rest & 0x7f) as u8 | 0x80);
                        rest >>= 7;
                    }
                    frame.push(rest as u8);
                }
            }
            frame.extend_from_slice(text);
        }
    }
    let length = (frame.len() - HEAD) as u32;
    frame[..3].copy_from_slice(&length.to_be_bytes()[1..]);
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamping<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(data)])
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.inner.poll_pending(cx))?;
        let all: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.passing >= all {
            let count = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, pieces))?;
            self.passing -= count;
            return Poll::Ready(Ok(count));
        }
        let mut taken = 0;
        for piece in pieces {
            let part = &piece[..piece.len().min(AT_ONCE - taken)];
            self.absorb(part);
            taken += part.len();
        }
        // what does not go out now goes out with the next write or the flush
        if let Poll::Ready(Err(error)) = self.inner.poll_pending(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamping<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags, 0, 0, 0, 1]);
        frame.extend_from_slice(payload);
        frame
    }

    /// What comes out of `written`, handed over in pieces of `piece` bytes, on a way that takes few at a time.
    async fn out(written: &[u8], piece: usize) -> Vec<u8> {
        let (mut here, there) = tokio::io::duplex(7);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            here.read_to_end(&mut all).await.unwrap();
            all
        });
        let mut stream = Stamping::new(there);
        for piece in written.chunks(piece) {
            stream.write_all(piece).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        drop(stream);
        reading.await.unwrap()
    }

    #[tokio::test]
    async fn a_status_alone_is_added_to_and_nothing_else_is_touched() {
        let settings = frame(4, 0, &[0, 3, 0, 0, 0, 100]);
        let alone = frame(HEADERS, WHOLE_ANSWER, &[0x48, 0x82, 0x69, 0x03]);
        let ours = frame(HEADERS, WHOLE_ANSWER, &[0x88; 40]);
        let data = frame(0, 1, &[0x48; 5000]);
        let empty = frame(4, 1, &[]);
        let with_body = frame(HEADERS, 4, &[0x88]);
        let written = [&settings[..], &alone, &ours, &data, &empty, &with_body, &alone].concat();
        for piece in [1, 3, 11, 100_000] {
            let told = out(&written, piece).await;
            let stamped = told[settings.len()..].to_vec();
            let length = stamped[..3].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let (first, rest) = stamped.split_at(HEAD + length);
            assert_eq!(first[3..HEAD + 4], alone[3..], "kind, flags, stream and status stay");
            let text = String::from_utf8_lossy(first);
            for part in ["strict-transport-security", "max-age=31536000", "nosniff", "frame-ancestors 'none'"] {
                assert!(text.contains(part), "{text}");
            }
            let between = [&ours[..], &data, &empty, &with_body].concat();
            assert_eq!(rest, [&between[..], first].concat(), "in pieces of {piece}");
        }
    }
}
