//! What is started by the clock, and housekeeping.

use std::{sync::Arc, time::Duration};

use authz::{SystemPermit, act_as_system, action::ExecuteWorkflow};
use domain::{
    AuditDraft, AuditId, AuditResult, AuditSubject, EventKind, NewEvent, Principal, RunId, RunStatus, Timestamp, Usage,
};
use nodes::schedule::Schedule;
use serde_json::json;
use store::{
    Effects as Beside,
    runs::{DueSchedule, Fired, NewRun, NewSchedule, StartRun},
};
use tokio_util::sync::CancellationToken;
use workflow::{NodeType, Plan};

use crate::{Engine, Error, engine::Inner, facts, seal};

const TIMERS: SystemPermit = act_as_system("firing schedules and sweeping runs");
/// Why a schedule did not start a run.
const TOO_OFTEN: &str = "the workflow's policy allows no more runs in this window";
/// Another.
const MONTH_SPENT: &str = "the team has started as many runs this month as it allows itself";
/// Schedules that are fired in one round.
const ROUND: u32 = 64;
/// A schedule that could not fire is tried again this much later.
const LATER: Duration = Duration::from_secs(60);

impl Engine {
    /// Fires schedules and sweeps, until `shutdown`. Several servers may do this at once: each time fires once.
    pub async fn run_timers(&self, shutdown: CancellationToken) {
        let mut rounds = 0_u32;
        while !shutdown.is_cancelled() {
            self.fire_due().await;
            if rounds.is_multiple_of(10) {
                self.sweep().await;
            }
            rounds = rounds.wrapping_add(1);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Fires what is due now; returns how many runs this process started.
    pub async fn fire_due(&self) -> usize {
        let inner = &self.inner;
        let due = match inner.store.due_schedules(TIMERS, inner.clock.now(), ROUND).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "schedules could not be read");
                return 0;
            }
        };
        let mut fired = 0;
        for due in due {
            match inner.fire(due.clone()).await {
                Ok(true) => fired += 1,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(workflow = %due.workflow, node = due.node, %error, "a schedule could not fire");
                }
            }
        }
        if fired > 0 {
            inner.wake.notify_one();
        }
        fired
    }

    /// Housekeeping: lets in runs that were forgotten in line, forgets replies that nobody fetched.
    pub async fn sweep(&self) {
        let inner = &self.inner;
        let before = inner.clock.now() - inner.settings.reply_kept;
        inner.tell_late_refusals().await;
        if let Err(error) = inner.store.sweep_runs(TIMERS, before).await {
            tracing::warn!(%error, "runs were not swept");
        }
    }

    /// The schedules of a version, for the change that publishes it.
    pub fn schedules(plan: &Plan, now: Timestamp) -> Vec<NewSchedule> {
        let scheduled = plan.triggers().filter(|node| node.kind == NodeType::Schedule);
        scheduled
            .filter_map(|node| {
                let next_at = Schedule::parse(&node.parameters).ok()?.next_after(now)?;
                Some(NewSchedule { node: node.id.clone(), parameters: node.parameters.clone(), next_at })
            })
            .collect()
    }
}

impl Inner {
    async fn fire(self: &Arc<Self>, due: DueSchedule) -> Result<bool, Error> {
        let now = self.clock.now();
        let schedule = Schedule::parse(&due.parameters).ok();
        // Times that passed while no server was up are not made up for: one run, then the next time from now.
        let next = schedule.as_ref().and_then(|schedule| schedule.next_after(now)).unwrap_or(now + LATER);
        // A key or an account for machines acts as itself, so that what narrows it narrows its schedules.
        let principal = match due.publisher {
            Principal::User { id } => Principal::Trigger { workflow: due.workflow, publisher: id },
            publisher => publisher,
        };
        let id = RunId::new(now, self.entropy.bytes());
        let actor = self.rights.actor(principal, due.scope).await?;
        let allowed = actor.is_some_and(|actor| actor.may::<ExecuteWorkflow>().is_ok());
        let spent = self.months.of(due.scope).await?.runs.reached().map(|_| MONTH_SPENT);
        let why = (!allowed).then_some(crate::worker::LOST_RIGHT).or(spent);
        let mut beside = Beside::audited(self.audit.rows(self.drafts(&due, principal, id, why, now)).await?);
        if why.is_some() {
            return self.store.fire_schedule(due, next, None, beside).await.map(|_| false).map_err(Error::from);
        }
        let plan = self.plan(due.scope, due.workflow, &due.version).await?;
        let policies = facts::readable(&self.rules.of(&plan));
        let rate = match policies.rate_window() {
            None => None,
            Some(_) => {
                let refused = self.drafts(&due, principal, id, Some(TOO_OFTEN), now);
                let refused = self.audit.rows(refused).await?;
                self.rate(&policies, due.scope, due.workflow, now, Some(refused))
            }
        };
        let given = schedule.map(|schedule| schedule.input).filter(|input| !input.is_null());
        let input = given.unwrap_or_else(|| json!({ "scheduled_at": due.next_at, "node": due.node }));
        let key = self.vault.new_run_key(due.scope, id).map_err(|_| Error::Sealed)?;
        let run = NewRun {
            id,
            scope: due.scope,
            workflow: due.workflow,
            version: due.version.clone(),
            principal,
            trigger: "schedule",
            trigger_node: Some(due.node.clone()),
            status: RunStatus::Queued,
            lease: None,
            due_at: Some(now),
            max_concurrent: plan.definition().settings.max_concurrent_runs,
            parent: None,
            depth: 0,
            sealed_key: Some(key.wrapped().map_err(|_| Error::Sealed)?),
            sealed_input: Some(seal::input(&key, &input)?),
            wants_reply: false,
            idempotency: Some(format!("schedule/{}/{}", due.node, due.next_at)),
            created_at: now,
            started_at: None,
            finished_at: None,
            usage: Usage::default(),
            view: None,
        };
        beside.events.push(NewEvent {
            scope: due.scope,
            at: now,
            kind: EventKind::RunQueued,
            workflow: Some(due.workflow),
            run: Some(id),
            payload: json!({ "trigger": "schedule", "node": due.node }),
        });
        let start =
            StartRun { run, begin: Vec::new(), rate, events: Vec::new(), violations: Vec::new(), queued: Vec::new() };
        Ok(self.store.fire_schedule(due, next, Some(start), beside).await? == Fired::Here)
    }

    /// Intent and outcome of a start by the clock; a refusal when there is a reason why not.
    fn drafts(
        &self,
        due: &DueSchedule,
        principal: Principal,
        run: RunId,
        refused: Option<&str>,
        now: Timestamp,
    ) -> Vec<AuditDraft> {
        let intent = AuditDraft {
            id: AuditId::new(now, self.entropy.bytes()),
            scope: Some(due.scope),
            at: now,
            subject: AuditSubject { principal, address: None, session: None, user_agent: None },
            request: None,
            operation: "run.start".to_owned(),
            target: Some(due.workflow.to_string()),
            result: AuditResult::Intent,
            intent: None,
            duration_micros: None,
            detail: json!({ "trigger": "schedule", "node": due.node, "scheduled_at": due.next_at }),
        };
        let outcome = AuditDraft {
            id: AuditId::new(now, self.entropy.bytes()),
            result: if refused.is_none() { AuditResult::Succeeded } else { AuditResult::Refused },
            intent: Some(intent.id),
            duration_micros: Some(0),
            detail: refused.map_or_else(|| json!({ "run": run }), |why| json!({ "why": why })),
            ..intent.clone()
        };
        vec![intent, outcome]
    }
}
