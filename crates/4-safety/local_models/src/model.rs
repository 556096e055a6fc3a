//! [`LocalModel`]: what the server wires into `models`.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use models::{ChatRequest, ChatResponse, Deltas, Error, LocalChat, Message, Phase, Provider};
use tokio::sync::{mpsc, oneshot};

use crate::worker::{self, Job};

/// How a local model is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The GGUF file.
    pub path: PathBuf,
    /// Most tokens of conversation and answer together; the model's own limit also holds. Default 4096.
    pub context: usize,
    /// Most requests that wait; one more is answered [`Busy`](models::Error::Busy). Default 16.
    pub queue: usize,
    /// From the call to the last token, waiting included. Default 120 s.
    pub timeout: Duration,
    /// Most tokens of an answer whose request names no limit. Default 512.
    pub max_tokens: u32,
}

impl Settings {
    /// The defaults, for the model at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), context: 4096, queue: 16, timeout: Duration::from_secs(120), max_tokens: 512 }
    }
}

/// A chat model in this process. Making one costs nothing: thread and weights come with the first use.
pub struct LocalModel {
    settings: Settings,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl LocalModel {
    /// A model that is not loaded yet.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self { settings, jobs: Mutex::new(None) })
    }

    /// The queue, with a thread behind it.
    fn jobs(&self) -> Result<mpsc::Sender<Job>, Error> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return Ok(jobs.clone());
        }
        let (sender, receiver) = mpsc::channel(self.settings.queue.max(1));
        let settings = self.settings.clone();
        std::thread::Builder::new()
            .name("local-model".into())
            .spawn(move || worker::run(&settings, receiver))
            .map_err(|_| Error::Local { what: "no thread could be started for it".into() })?;
        *jobs = Some(sender.clone());
        Ok(sender)
    }
}

fn ended<E>(_: E) -> Error {
    crate::Error::Ended.into()
}

#[async_trait::async_trait]
impl LocalChat for LocalModel {
    async fn warm_up(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs()?.send(Job::WarmUp { reply }).await.map_err(ended)?;
        answer.await.map_err(ended)?
    }

    async fn chat(&self, request: &ChatRequest, deltas: Option<Deltas>) -> Result<ChatResponse, Error> {
        let provider = Provider::Local;
        if !request.tools.is_empty() {
            return Err(Error::Unsupported { provider, what: "tools" });
        }
        if request.messages.is_empty() {
            return Err(Error::Rejected { provider, status: 0, message: "the conversation is empty".into() });
        }
        if request.messages.iter().any(|message| matches!(message, Message::Tool { .. })) {
            return Err(Error::Unsupported { provider, what: "answers of tools" });
        }
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.settings.timeout;
        let job = Job::Chat { request: request.clone(), deltas, deadline, reply };
        self.jobs()?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => ended(()),
        })?;
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(answered) => answered.map_err(ended)?,
            Err(_) => Err(Error::TimedOut { provider, phase: Phase::Total }),
        }
    }
}
