//! Which secrets a run has used: whatever comes back to it, from wherever, and whatever is written of it is masked with all of
//! them (R095). An upstream may repeat what it was told in another answer than the one to the call that told it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{RunId, Secret};
use vault::{Lease, Masker};
use workflow::{Answer, Failure};

/// Runs that are remembered. Those that end are forgotten; of those that are parked for long the oldest go first, and are
/// recalled from where they are kept when they go on.
const MOST: usize = 4096;

/// The secrets of the runs of this process.
#[derive(Default)]
pub struct Secrets(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    runs: HashMap<RunId, Known>,
    turn: u64,
}

#[derive(Default)]
struct Known {
    values: Vec<Secret<String>>,
    masker: Masker,
    /// How many of the values are on disk for whoever goes on with the run.
    kept: usize,
    turn: u64,
}

impl Known {
    fn learn(&mut self, values: Vec<Secret<String>>) {
        let before = self.values.len();
        for value in values {
            if self.values.iter().all(|there| there.expose() != value.expose()) {
                self.values.push(value);
            }
        }
        if self.values.len() != before {
            self.masker = Masker::new(&self.values);
        }
    }
}

impl Secrets {
    fn known(&self, run: RunId, then: impl FnOnce(&mut Known)) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        if kept.runs.len() >= MOST
            && !kept.runs.contains_key(&run)
            && let Some(oldest) = kept.runs.iter().min_by_key(|(_, known)| known.turn).map(|(run, _)| *run)
        {
            kept.runs.remove(&oldest);
        }
        let known = kept.runs.entry(run).or_default();
        known.turn = turn;
        then(known);
    }
    /// The run has this from now on.
    pub(super) fn add(&self, run: RunId, lease: &Lease) {
        self.known(run, |known| known.learn(lease.secrets()));
    }
    /// The run had these before it came here.
    pub(super) fn recall(&self, run: RunId, values: Vec<Secret<String>>) {
        self.known(run, |known| {
            let all_kept = known.kept == known.values.len();
            known.learn(values);
            if all_kept {
                known.kept = known.values.len();
            }
        });
    }
    /// Those that are not on disk for whoever goes on with the run, and how many there are of all.
    pub(super) fn unkept(&self, run: RunId) -> Option<(usize, Vec<Secret<String>>)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.runs.get(&run).filter(|known| known.kept < known.values.len())?;
        Some((known.values.len(), known.values[known.kept..].to_vec()))
    }
    /// So many of them are on disk.
    pub(super) fn kept(&self, run: RunId, count: usize) {
        self.known(run, |known| known.kept = known.kept.max(count));
    }
    /// Whether anything of it is known, or on disk.
    pub(super) fn any(&self, run: RunId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).runs.contains_key(&run)
    }
    /// Hides them.
    pub(super) fn of(&self, run: RunId) -> Masker {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        let Some(known) = kept.runs.get_mut(&run) else { return Masker::default() };
        known.turn = turn;
        known.masker.clone()
    }
    pub(super) fn forget(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).runs.remove(&run);
    }
}

/// An answer with every secret hidden.
pub(super) fn hide(masker: &Masker, answer: &mut Answer) {
    if masker.is_empty() {
        return;
    }
    let text = |text: &mut String| {
        if let std::borrow::Cow::Owned(masked) = masker.text(text) {
            *text = masked;
        }
    };
    match answer {
        Answer::Chat(chat) => {
            text(&mut chat.text);
            text(&mut chat.model);
            for call in &mut chat.tool_calls {
                text(&mut call.name);
                text(&mut call.arguments);
            }
        }
        Answer::Embed(embed) => text(&mut embed.model),
        Answer::Http(http) => {
            masker.json(&mut http.body);
            let headers = std::mem::take(&mut http.headers);
            http.headers = headers
                .into_iter()
                .map(|(name, value)| (masker.text(&name).into_owned(), masker.text(&value).into_owned()))
                .collect();
        }
        Answer::Sql(sql) => {
            sql.rows.iter_mut().for_each(|row| masker.json(row));
            sql.columns.iter_mut().for_each(text);
        }
        Answer::Code(code) => {
            masker.json(&mut code.result);
            text(&mut code.logs);
        }
        Answer::Screen(screen) => {
            if let Some(output) = &mut screen.output {
                masker.json(output);
            }
            masker.json(&mut screen.report);
            masker.json(&mut screen.warnings);
        }
        Answer::Child { output } => masker.json(output),
        Answer::Failed { failure } => hide_in_failure(masker, failure),
        Answer::Waited { .. } | Answer::Approval(_) => {}
    }
}

/// The same for a failure, whoever quoted a secret.
pub(super) fn hide_in_failure(masker: &Masker, failure: &mut Failure) {
    failure.message = masker.text(&failure.message).into_owned();
    masker.json(&mut failure.detail);
}
