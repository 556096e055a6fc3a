//! The world as runs reach it: models, HTTP, databases, code, guardrails, each in its file. This is the only place where
//! a call leaves the run. The workflow's policies have been asked by then (`rules`); what shows only on the way is held
//! to them again at the connection, and credentials are opened with the rights that the principal has at this moment.

mod chat;
mod code;
mod credential;
mod embed;
mod handles;
mod http;
mod mask;
mod screen;
mod secrets;
mod sql;

use std::sync::Arc;

use async_trait::async_trait;
use connections::Connections;
use customer_sql::CustomerSql;
use domain::{Clock, RunId, Scope, Secret};
use egress::Egress;
use models::Models;
use sandbox::Sandbox;
use store::Store;
use vault::Masker;
use workflow::{Call, Failure};

pub use self::{code::CodeLimits, mask::StandardMask, screen::Compiled, secrets::Secrets, sql::database};
use crate::ports::{AuditSink, EffectContext, Effects, Guards, Performed, Rights};

/// The real world.
pub struct World {
    pub models: Models,
    /// For HTTP nodes: refuses private addresses unless the operator allows them.
    pub http: Egress,
    pub customer_sql: CustomerSql,
    /// `None`: this host cannot run code, and code nodes say so.
    pub sandbox: Option<Sandbox>,
    /// The most time and memory that one call of code may ask for (`sandbox.max_seconds`, `sandbox.max_memory_mb`).
    pub code_limits: CodeLimits,
    pub guardrails: Arc<dyn Guards>,
    /// `Compiled::default()`.
    pub compiled: Compiled,
    /// Opens credentials; keeps those of OAuth alive.
    pub connections: Connections,
    /// `Secrets::default()`.
    pub secrets: Secrets,
    /// Where every use of a credential is entered.
    pub audit: Arc<dyn AuditSink>,
    pub store: Store,
    pub rights: Arc<dyn Rights>,
    pub clock: Clock,
}

#[async_trait]
impl Effects for World {
    fn at_once(&self, scope: Scope, call: &Call) -> Option<Result<Performed, Failure>> {
        match call {
            Call::Screen(call) => self.screen_at_once(scope, call),
            _ => None,
        }
    }

    async fn perform(&self, cx: EffectContext, call: Call) -> Result<Performed, Failure> {
        let mut done = match call {
            Call::Chat(call) => self.chat(&cx, call).await,
            Call::Embed(call) => self.embed(&cx, call).await,
            Call::Http(call) => self.http(&cx, call).await,
            Call::Sql(call) => self.sql(&cx, call).await,
            Call::Code(call) => self.code(&cx, call).await,
            Call::Screen(call) => self.screen(cx.scope, &call).await,
        };
        // With every secret of the run, not only this call's: an upstream may repeat what it was told before.
        let masker = self.secrets.of(cx.run);
        match &mut done {
            Ok(performed) => secrets::hide(&masker, &mut performed.answer),
            Err(failure) => secrets::hide_in_failure(&masker, failure),
        }
        done
    }

    fn secrets(&self, run: RunId) -> Masker {
        self.secrets.of(run)
    }
    fn recall(&self, run: RunId, secrets: Vec<Secret<String>>) {
        self.secrets.recall(run, secrets);
    }
    fn has_used_credentials(&self, run: RunId) -> bool {
        self.secrets.any(run)
    }
    fn forget(&self, run: RunId) {
        self.secrets.forget(run);
    }
}

/// An error with what lies behind it: "openai could not be called" helps nobody without the reason. Egress names hosts
/// and no more, so one step down is safe to show.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
