//! What the HTTP/1 parser answers by itself carries our headers too.
//!
//! A head that it cannot read at all (400, 414, 431) is answered before there is a request that a [`Front`] could stand
//! around, so those bytes are looked at on their way out. Only what is written while no request of ours is open, and
//! after everything of the one before has been flushed, can be the parser's own: a handler's bytes are never touched.
//!
//! [`Front`]: crate::Front

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{ahead::Ahead, front::Surface, headers};

/// Longest head that the parser writes for itself, with room to spare.
const LONGEST: usize = 1024;

/// Whose turn it is to write on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Turn(Arc<State>);

#[derive(Debug)]
struct State {
    /// Nothing of ours is open or on its way.
    idle: AtomicBool,
    open: AtomicUsize,
    /// The connection speaks another protocol now.
    left: AtomicBool,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State { idle: AtomicBool::new(true), open: AtomicUsize::new(0), left: AtomicBool::new(false) }))
    }
    /// A request has been read; it is open until the answer's body has been taken.
    pub(crate) fn begin(&self) -> Open {
        self.0.open.fetch_add(1, SeqCst);
        self.0.idle.store(false, SeqCst);
        Open(self.clone())
    }
    fn flushed(&self) {
        if self.0.open.load(SeqCst) == 0 && !self.0.left.load(SeqCst) {
            self.0.idle.store(true, SeqCst);
        }
    }
    fn is_idle(&self) -> bool {
        self.0.idle.load(SeqCst)
    }
}

/// A request whose answer is not written yet.
#[derive(Debug)]
pub(crate) struct Open(Turn);

impl Open {
    pub(crate) fn answered_by(self, answer: Response<Body>) -> Response<Held> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.0.0.left.store(true, SeqCst);
        }
        answer.map(|body| Held { body, _open: self })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, SeqCst);
    }
}

/// A body that says when it has been taken.
#[derive(Debug)]
pub(crate) struct Held {
    body: Body,
    _open: Open,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that adds our headers to what the parser says by itself.
#[derive(Debug)]
pub(crate) struct Stamping<S> {
    inner: Ahead<S>,
    turn: Turn,
}

impl<S: AsyncWrite + Unpin> Stamping<S> {
    pub(crate) const fn new(inner: S, turn: Turn) -> Self {
        Self { inner: Ahead::new(inner), turn }
    }
}

/// `head` with our headers, if it is a whole head of an error answer without a body.
fn stamped(head: &[u8]) -> Option<Vec<u8>> {
    let error = head.starts_with(b"HTTP/1.1 4") || head.starts_with(b"HTTP/1.0 4");
    let ends = head.windows(4).position(|end| end == b"\r\n\r\n");
    if !error || head.len() > LONGEST || ends != head.len().checked_sub(4) {
        return None;
    }
    let mut ours = HeaderMap::new();
    headers::stamp(&mut ours, &Surface::Api);
    let mut all = head[..head.len() - 2].to_vec();
    for (name, value) in &ours {
        all.extend_from_slice(name.as_str().as_bytes());
        all.extend_from_slice(b": ");
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"\r\n");
    Some(all)
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamping<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.inner.poll_pending(cx))?;
        if self.turn.is_idle()
            && let Some(head) = stamped(data)
        {
            *self.inner.pending() = head;
            // what does not go out now goes out with the flush
            if let Poll::Ready(Err(error)) = self.inner.poll_pending(cx) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(data.len()));
        }
        Pin::new(&mut self.inner).poll_write(cx, data)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.turn.is_idle() || !self.inner.is_empty() {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
            return self.poll_write(cx, first);
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, pieces)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.turn.flushed();
        Poll::Ready(Ok(()))
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

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    /// What comes out of `written` while a request is open, or while none is.
    async fn out(open: bool, written: &str) -> String {
        let (mut here, there) = tokio::io::duplex(4096);
        let turn = Turn::new();
        let held = open.then(|| turn.begin());
        let mut stream = Stamping::new(there, turn);
        stream.write_all(written.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        drop((stream, held));
        let mut text = String::new();
        here.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn only_the_parsers_own_words_are_added_to() {
        let told = out(false, OWN).await;
        assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{told}");
        assert!(
            told.contains("\r\nstrict-transport-security: max-age=31536000") && told.ends_with("\r\n\r\n"),
            "{told}"
        );
        assert_eq!(out(true, OWN).await, OWN, "a handler's bytes stay as they are");
        for other in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\nbody", "\x16\x03junk\r\n\r\n"] {
            assert_eq!(out(false, other).await, other);
        }
    }

    #[tokio::test]
    async fn a_turn_ends_with_the_flush_after_the_last_answer() {
        let (_here, there) = tokio::io::duplex(4096);
        let turn = Turn::new();
        let mut stream = Stamping::new(there, turn.clone());
        let open = turn.begin();
        stream.flush().await.unwrap();
        assert!(!turn.is_idle());
        drop(open);
        assert!(!turn.is_idle(), "the last bytes may still be on their way");
        stream.flush().await.unwrap();
        assert!(turn.is_idle());
        let mut switched = Response::new(Body::empty());
        *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        drop(turn.begin().answered_by(switched));
        stream.flush().await.unwrap();
        assert!(!turn.is_idle(), "after a change of protocol nothing is the parser's any more");
    }
}
