//! A request body that stops at its limit and does not wait for ever.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::front::{Pace, Refusal};

/// Why a body ended early. The error that a handler sees while reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    #[error("the request body is larger than this route takes")]
    TooLarge,
    #[error("the request body came too slowly")]
    TooSlow,
}

/// What happened to a body; shared between the body and the front.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    cut: Arc<AtomicU8>,
    max_bytes: u64,
}

impl Verdict {
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self.cut.load(Ordering::Relaxed) {
            1 => Some(Refusal::BodyTooLarge { max_bytes: self.max_bytes }),
            2 => Some(Refusal::BodyTooSlow),
            _ => None,
        }
    }
}

pub(crate) struct Guarded {
    inner: Body,
    left: u64,
    cut: Arc<AtomicU8>,
    pace: Pace,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    /// Refuses at once what its head already gives away; a request without a body passes untouched.
    pub(crate) fn around(
        body: Body,
        headers: &HeaderMap,
        max_bytes: u64,
        pace: Pace,
    ) -> Result<(Body, Option<Verdict>), Refusal> {
        if body.is_end_stream() {
            return Ok((body, None));
        }
        let encoding = headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Refusal::EncodedBody);
        }
        if body.size_hint().lower() > max_bytes {
            return Err(Refusal::BodyTooLarge { max_bytes });
        }
        let cut = Arc::new(AtomicU8::new(0));
        let verdict = Verdict { cut: cut.clone(), max_bytes };
        let deadline = Instant::now() + pace.total;
        let guarded = Self { inner: body, left: max_bytes, cut, pace, deadline, timer: None };
        Ok((Body::new(guarded), Some(verdict)))
    }

    fn stop(&self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.cut.store(if cut == Cut::TooLarge { 1 } else { 2 }, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(cut))))
    }
}

impl hyper::body::Body for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.timer = None;
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(size) {
                    Some(left) => {
                        self.left = left;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => self.stop(Cut::TooLarge),
                }
            }
            Poll::Pending => {
                let until = (Instant::now() + self.pace.idle).min(self.deadline);
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
                match timer.as_mut().poll(cx) {
                    Poll::Ready(()) => self.stop(Cut::TooSlow),
                    Poll::Pending => Poll::Pending,
                }
            }
            ended => ended,
        }
    }
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
