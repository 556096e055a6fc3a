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
    /// Whether there is nothing to perform: only what is stored beside it.
    fn only_effects(&self) -> bool {
        false
    }
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

/// Audit entries and events that belong to no other change.
struct Told {
    effects: Effects,
    since: Instant,
    reply: oneshot::Sender<Result<()>>,
}

/// Effects alone, and where the answer arrives.
pub(crate) fn told(effects: Effects) -> (Box<dyn Op>, oneshot::Receiver<Result<()>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Told { effects, since: Instant::now(), reply }), answer)
}

impl Op for Told {
    fn perform<'a>(&'a mut self, _: &'a mut Tx) -> Work<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn effects(&self) -> &Effects {
        &self.effects
    }
    fn only_effects(&self) -> bool {
        true
    }
    fn since(&self) -> Instant {
        self.since
    }
    fn answer(self: Box<Self>, outcome: Result<()>) {
        // Whoever asked may have stopped waiting; what was told stands all the same.
        _ = self.reply.send(outcome);
    }
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
