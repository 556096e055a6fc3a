//! An act as it is wrapped: intent, act, outcome.

use domain::{AuditDraft, AuditId, AuditResult, AuditSubject, Json, RequestId, Scope, Timestamp};

use crate::{Error, Recorder, recorder::new_id};

/// Something that is about to be done.
#[derive(Debug, Clone)]
pub struct Act {
    /// Whose chain; `None` for what concerns the whole instance, such as signing in.
    pub scope: Option<Scope>,
    pub subject: AuditSubject,
    pub request: Option<RequestId>,
    /// Named operation, such as `workflow.publish`.
    pub operation: String,
    /// What it is done to, such as `wf_0190…`.
    pub target: Option<String>,
    /// What is known before. Screened text only, secrets as [`Recorder::fingerprint`].
    pub detail: Json,
}

/// An act whose intent is drafted and not necessarily stored: what its outcome is linked to.
#[derive(Debug, Clone)]
pub struct Open {
    scope: Option<Scope>,
    subject: AuditSubject,
    request: Option<RequestId>,
    operation: String,
    target: Option<String>,
    intent: AuditId,
    since: Timestamp,
}

/// An act whose intent is on disk. Tell its outcome: an intent without one says that the server stopped in between.
#[derive(Debug)]
#[must_use = "tell the outcome, or the trail says that the server stopped during the act"]
pub struct Intent {
    recorder: Recorder,
    open: Open,
}

impl Recorder {
    /// The intent of an act and what its outcome will need, for an act that stores intent and outcome in its own
    /// transaction. Nothing is stored yet.
    pub fn open(&self, act: Act) -> (AuditDraft, Open) {
        let mut intent = self.draft(act.scope, act.subject.clone(), &act.operation);
        intent.request = act.request;
        intent.target.clone_from(&act.target);
        intent.detail = act.detail;
        let open = Open {
            scope: act.scope,
            subject: act.subject,
            request: act.request,
            operation: act.operation,
            target: act.target,
            intent: intent.id,
            since: intent.at,
        };
        (intent, open)
    }
    /// Stores the intent; when this returns, it is on disk and the act may begin.
    ///
    /// # Errors
    /// [`Error`]: the act must not happen.
    pub async fn intent(&self, act: Act) -> Result<Intent, Error> {
        let (draft, open) = self.open(act);
        self.record(vec![draft]).await?;
        Ok(Intent { recorder: self.clone(), open })
    }
    /// Records an act that was refused before it began: one entry, no intent.
    ///
    /// # Errors
    /// [`Error`]: nothing was recorded.
    pub async fn refused(&self, act: Act) -> Result<(), Error> {
        let (mut draft, _) = self.open(act);
        draft.result = AuditResult::Refused;
        self.record(vec![draft]).await
    }
}

impl Open {
    /// The outcome, to be stored with the act or after it.
    pub fn outcome(&self, now: Timestamp, result: AuditResult, detail: Json) -> AuditDraft {
        AuditDraft {
            id: new_id(now),
            scope: self.scope,
            at: now,
            subject: self.subject.clone(),
            request: self.request,
            operation: self.operation.clone(),
            target: self.target.clone(),
            result,
            intent: Some(self.intent),
            duration_micros: Some(u64::try_from(now.since(self.since).as_micros()).unwrap_or(u64::MAX)),
            detail,
        }
    }
    /// Names what the act made, when only the act knows its id.
    pub fn set_target(&mut self, target: String) {
        self.target = Some(target);
    }
    pub const fn intent_id(&self) -> AuditId {
        self.intent
    }
}

impl Intent {
    /// Stores the outcome.
    ///
    /// # Errors
    /// [`Error`]: the act happened and its outcome is not recorded; its intent is. Retrying is safe.
    pub async fn outcome(self, result: AuditResult, detail: Json) -> Result<(), Error> {
        let draft = self.open.outcome(self.recorder.now(), result, detail);
        self.recorder.record(vec![draft]).await
    }
    /// The outcome as a draft, to be stored in the act's own transaction.
    pub fn outcome_draft(self, result: AuditResult, detail: Json) -> AuditDraft {
        self.open.outcome(self.recorder.now(), result, detail)
    }
    pub const fn open_mut(&mut self) -> &mut Open {
        &mut self.open
    }
}
