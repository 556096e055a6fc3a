//! The end of a run, in one change: status, screened view, totals, the key forgotten, the parent told.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use domain::{AuditDraft, AuditId, AuditResult, AuditSubject, RunFailure, RunStatus, Timestamp};
use serde_json::json;
use store::{
    Effects as Beside,
    runs::{Checkpoint, Ending, ParentAnswer},
};
use workflow::{Answer, Failure, FailureKind, Outcome};

use crate::{Finished, drive::Drive, engine::Inner, facts::Facts, seal, view};

impl Drive {
    /// Writes the end and tells whoever waits. A run that is lost meanwhile is somebody else's to end.
    pub(crate) async fn end(&mut self) {
        self.flights.clear();
        let Some(outcome) = self.machine.outcome().cloned() else { return };
        let engine = Arc::clone(&self.engine);
        let now = engine.clock.now();
        let mask = engine.mask_of(self.facts.lease.run);
        let failure = view::run_failure(&mask, &outcome);
        let finished = Finished::of(self.facts.lease.run, &outcome, failure, self.usage);
        let awaited = engine.active.awaited(finished.run);
        let sealed_reply =
            if self.facts.wants_reply && !awaited { seal::reply(&self.key, &finished).ok() } else { None };
        let ending = Ending {
            status: finished.status,
            at: now,
            usage: self.usage,
            view: self.log.render(&mask, Some(&outcome), finished.failure.as_ref()),
            sealed_reply,
            parent: self.answer_for_parent(&outcome).await,
            limited: self.facts.limited.then_some((self.facts.workflow, self.facts.scope.environment)),
            used_credentials: engine.effects.has_used_credentials(self.facts.lease.run),
        };
        let mut last = std::mem::take(&mut self.next);
        last.events.push(self.facts.finished_event(finished.status, finished.failure.as_ref(), now));
        if write_end(&engine, &self.facts, ending, last, finished.failure.as_ref()).await {
            if let Some(parent) = &self.facts.parent {
                engine.active.ask(parent.run, |asked| asked.look += 1);
            }
            engine.active.finished(finished);
            engine.wake.notify_one();
        }
    }

    async fn answer_for_parent(&mut self, outcome: &Outcome) -> Option<ParentAnswer> {
        let step = self.facts.parent.clone()?;
        let (engine, scope, parent) = (Arc::clone(&self.engine), self.facts.scope, step.run);
        let read = || {
            let store = engine.store.clone();
            async move { store.sealed_run_key(scope, parent).await }
        };
        let wrapped = engine.persist(parent, read).await??;
        let key = self.engine.vault.run_key(scope, step.run, &wrapped).ok()?;
        let answer = match outcome {
            Outcome::Succeeded { output, .. } => Answer::Child { output: output.json.clone() },
            Outcome::Failed { failure, .. } => {
                let kind = if failure.kind == FailureKind::Blocked { FailureKind::Blocked } else { FailureKind::Child };
                let message = format!("the sub-workflow {} did not succeed: {}", self.facts.lease.run, failure.message);
                let findings = failure.findings.clone();
                Answer::Failed { failure: Failure { findings, ..Failure::new(kind, message) } }
            }
        };
        let answer = seal::answer(&key, &step, &answer).ok()?;
        Some(ParentAnswer { step, answer })
    }
}

async fn write_end(
    engine: &Arc<Inner>,
    facts: &Facts,
    ending: Ending,
    last: Checkpoint,
    failure: Option<&RunFailure>,
) -> bool {
    let draft = end_draft(engine, facts, ending.status, failure, ending.at);
    let (lease, last) = (facts.lease, Arc::new(last));
    let uncertain = Arc::new(AtomicBool::new(false));
    let write = || {
        let (engine, ending, last) = (Arc::clone(engine), ending.clone(), Arc::clone(&last));
        let (draft, uncertain) = (draft.clone(), Arc::clone(&uncertain));
        async move {
            let beside = Beside::audited(engine.audit.rows(vec![draft]).await?);
            let written = engine.store.end_run(lease, ending, last, beside).await;
            uncertain.fetch_or(matches!(written, Err(store::Error::Uncertain)), Ordering::Relaxed);
            written
        }
    };
    // Not written, after a commit whose fate was not known: that one was it.
    engine.persist(lease.run, write).await.is_some_and(|written| written || uncertain.load(Ordering::Relaxed))
}

/// What the audit trail is told of a run that ended while nobody's request waited for it.
pub(crate) fn end_draft(
    engine: &Inner,
    facts: &Facts,
    status: RunStatus,
    failure: Option<&RunFailure>,
    now: Timestamp,
) -> AuditDraft {
    let mut detail = json!({ "status": status, "workflow": facts.workflow, "version": facts.version });
    if let Some(failure) = failure {
        detail["code"] = json!(failure.code);
        detail["node"] = json!(failure.node);
    }
    AuditDraft {
        id: AuditId::new(now, engine.entropy.bytes()),
        scope: Some(facts.scope),
        at: now,
        subject: AuditSubject { principal: facts.principal, address: None, session: None, user_agent: None },
        request: None,
        operation: "run.finish".to_owned(),
        target: Some(facts.lease.run.to_string()),
        result: match status {
            RunStatus::Succeeded => AuditResult::Succeeded,
            RunStatus::Blocked => AuditResult::Blocked,
            _ => AuditResult::Failed,
        },
        intent: None,
        duration_micros: Some(now.since(facts.started_at).as_micros() as u64),
        detail,
    }
}
