//! The model's own thread: one job after another, so that arithmetic never blocks the server's tasks.

use std::time::{Duration, Instant};

use models::{ChatRequest, ChatResponse, Deltas, Error, TokenCount};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Settings,
    generate::{Bounds, Caller, Loaded, Written},
};

/// What the thread is asked.
pub(crate) enum Job {
    WarmUp { reply: oneshot::Sender<Result<(), Error>> },
    Chat { request: ChatRequest, deltas: Option<Deltas>, deadline: Instant, reply: Reply },
}

type Reply = oneshot::Sender<Result<ChatResponse, Error>>;

/// Runs until nobody can ask any more.
pub(crate) fn run(settings: &Settings, mut jobs: mpsc::Receiver<Job>) {
    let mut loaded: Option<Loaded> = None;
    while let Some(job) = jobs.blocking_recv() {
        // What went away while it waited is not begun.
        if matches!(&job, Job::Chat { reply, .. } if reply.is_closed()) {
            continue;
        }
        let ready = match &loaded {
            Some(loaded) => Ok(loaded),
            None => load(settings).map(|made| &*loaded.insert(made)),
        };
        match (job, ready) {
            (Job::WarmUp { reply }, ready) => drop(reply.send(ready.map(|_| ()))),
            (Job::Chat { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            (Job::Chat { request, deltas, deadline, reply }, Ok(loaded)) => {
                let bounds = Bounds { context: settings.context, default_max_tokens: settings.max_tokens, deadline };
                let mut caller = Listener { deltas, deadline, reply: &reply };
                let answered = loaded.answer(&request, &bounds, &mut caller);
                if let Some(answered) = answered.transpose() {
                    drop(reply.send(answered.map(|written| response(&request, written))));
                }
            }
        }
    }
}

fn load(settings: &Settings) -> Result<Loaded, Error> {
    let begun = Instant::now();
    let loaded =
        Loaded::load(&settings.path).inspect_err(|error| tracing::warn!(%error, "local model is not usable"))?;
    tracing::info!(seconds = begun.elapsed().as_secs_f32(), "local model is loaded");
    Ok(loaded)
}

fn response(request: &ChatRequest, written: Written) -> ChatResponse {
    let usage = domain::Usage { input_tokens: written.input_tokens, output_tokens: written.output_tokens };
    ChatResponse {
        model: if request.model.is_empty() { "local".into() } else { request.model.clone() },
        text: written.text,
        tool_calls: Vec::new(),
        finish: written.finish,
        usage: TokenCount { usage, cached_input_tokens: 0, estimated: false },
        provider_id: None,
        attempts: 1,
    }
}

struct Listener<'a> {
    deltas: Option<Deltas>,
    deadline: Instant,
    reply: &'a Reply,
}

impl Caller for Listener<'_> {
    fn take(&mut self, piece: &str) {
        let Some(deltas) = &self.deltas else { return };
        let mut piece = piece.to_owned();
        // A listener that is slow holds the thread up no longer than its own deadline.
        while let Err(error) = deltas.try_send(piece) {
            match error {
                mpsc::error::TrySendError::Full(back) if !self.is_gone() && Instant::now() < self.deadline => {
                    piece = back;
                    std::thread::sleep(Duration::from_millis(2));
                }
                _ => {
                    self.deltas = None;
                    return;
                }
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }
}
