//! The threads that compute password hashes: few, and at the lowest priority, so that a flood of sign-ins takes only the
//! time that nothing else wants.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// What `ps` calls them.
pub(super) const NAME: &str = "passwords";
/// As nice as a thread can be.
pub(super) const NICE: i32 = 19;

type Job = Box<dyn FnOnce() + Send>;

/// Ends with its last clone.
#[derive(Clone)]
pub(super) struct Threads(Sender<Job>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Threads {
    /// Starts `count` of them. One that cannot be started leaves its work to the others; with none, all work is refused.
    pub(super) fn start(count: usize) -> Self {
        let (send, receive) = channel::<Job>();
        let receive = Arc::new(Mutex::new(receive));
        for _ in 0..count {
            let receive = receive.clone();
            if let Err(error) = thread::Builder::new().name(NAME.to_owned()).spawn(move || work(&receive)) {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Self(send)
    }

    /// Has `job` done; it is dropped undone where there is no thread.
    pub(super) fn hand(&self, job: Job) {
        // an error hands the job back, and dropping it tells whoever waits
        _ = self.0.send(job);
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // On Linux this is about the calling thread alone.
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "the threads for passwords keep their ordinary priority");
    }
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // whoever waits is told by what the job drops
        _ = catch_unwind(AssertUnwindSafe(job));
    }
}
