//! One change in the queue.

use std::{future::Future, pin::Pin};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    Error, Result,
    kernel::tx::{Effects, Tx},
};

/// The future of a change's work.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A change of any type.
pub(crate) trait Op: Send {
    /// Performs it, perhaps not for the first time, and keeps what came out.
    fn perform<'a>(&'a mut self, tx: &'a mut Tx) -> Work<'a, ()>;
    /// What is stored beside it in any case.
    fn effects(&self) -> &Effects;
    /// When it was asked for.
    fn since(&self) -> Instant;
    /// Tells whoever asked. `Ok` only after the commit.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

struct Typed<A, T, F> {
    given: A,
    work: F,
    effects: Effects,
    result: Option<T>,
    since: Instant,
    reply: oneshot::Sender<Result<T>>,
}

/// A change, and where its answer arrives.
pub(crate) fn typed<A, T, F>(effects: Effects, given: A, work: F) -> (Box<dyn Op>, oneshot::Receiver<Result<T>>)
where
    A: Send + Sync + 'static,
    T: Send + Sync + 'static,
    F: for<'a> Fn(&'a A, &'a mut Tx) -> Work<'a, T> + Send + Sync + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Typed { given, work, effects, result: None, since: Instant::now(), reply }), answer)
}

impl<A, T, F> Op for Typed<A, T, F>
where
    A: Send + Sync + 'static,
    T: Send + Sync + 'static,
    F: for<'a> Fn(&'a A, &'a mut Tx) -> Work<'a, T> + Send + Sync + 'static,
{
    fn perform<'a>(&'a mut self, tx: &'a mut Tx) -> Work<'a, ()> {
        Box::pin(async move {
            self.result = Some((self.work)(&self.given, tx).await?);
            Ok(())
        })
    }
    fn effects(&self) -> &Effects {
        &self.effects
    }
    fn since(&self) -> Instant {
        self.since
    }
    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self { result, reply, .. } = *self;
        // Whoever asked may have stopped waiting; the change stands all the same.
        _ = reply.send(outcome.and_then(|()| result.ok_or(Error::Panicked)));
    }
}
