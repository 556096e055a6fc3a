//! The answer's body: a stream that ends at its limit and at its deadline, each with a named error.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use hyper::body::{Body as _, Incoming};
use tokio::time::Sleep;

use crate::Error;

/// A stream of bytes. Dropping it ends the call.
pub struct Body {
    incoming: Incoming,
    deadline: Pin<Box<Sleep>>,
    host: String,
    limit: u64,
    seen: u64,
    over: bool,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, deadline: tokio::time::Instant, host: String, limit: u64) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(deadline));
        Self { incoming, deadline, host, limit, seen: 0, over: false }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`ResponseTooLarge`](Error::ResponseTooLarge), [`TimedOut`](Error::TimedOut),
    /// [`Interrupted`](Error::Interrupted).
    pub async fn collect(mut self) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.freeze())
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let me = &mut *self;
        if me.over {
            return Poll::Ready(None);
        }
        let end = |me: &mut Self, error| {
            me.over = true;
            Poll::Ready(Some(Err(error)))
        };
        if me.deadline.as_mut().poll(cx).is_ready() {
            let host = me.host.clone();
            return end(me, Error::TimedOut { host });
        }
        loop {
            match futures::ready!(Pin::new(&mut me.incoming).poll_frame(cx)) {
                None => {
                    me.over = true;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let reason = crate::client::reason(&error);
                    let host = me.host.clone();
                    return end(me, Error::Interrupted { host, reason });
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    me.seen += data.len() as u64;
                    if me.seen > me.limit {
                        let (host, limit) = (me.host.clone(), me.limit);
                        return end(me, Error::ResponseTooLarge { host, limit });
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("host", &self.host).field("seen", &self.seen).finish_non_exhaustive()
    }
}
