//! The world as runs reach it: models, HTTP, databases, code, guardrails, each in its file. This is the only place where
//! a call leaves the run. The workflow's policies have been asked by then (`rules`); what shows only on the way is held
//! to them again at the connection, and credentials are opened with the rights that the principal has at this moment.

mod chat;
mod code;
mod credential;
mod embed;
mod http;
mod mask;
mod screen;
mod sql;

use std::sync::Arc;

use async_trait::async_trait;
use customer_sql::CustomerSql;
use domain::Clock;
use egress::Egress;
use guardrails::Guardrails;
use models::Models;
use sandbox::Sandbox;
use vault::Vault;
use workflow::{Call, Failure};

pub use self::{mask::StandardMask, screen::Compiled};
use crate::ports::{EffectContext, Effects, Performed, Rights};

/// The real world.
pub struct World {
    pub models: Models,
    /// For HTTP nodes: refuses private addresses unless the operator allows them.
    pub http: Egress,
    pub customer_sql: CustomerSql,
    /// `None`: this host cannot run code, and code nodes say so.
    pub sandbox: Option<Sandbox>,
    /// The most time and memory that one call of code may ask for (`sandbox.max_seconds`, `sandbox.max_memory_mb`).
    pub code_limits: sandbox::Limits,
    pub guardrails: Guardrails,
    /// `Compiled::default()`.
    pub compiled: Compiled,
    pub vault: Arc<Vault>,
    pub rights: Arc<dyn Rights>,
    pub clock: Clock,
}

#[async_trait]
impl Effects for World {
    fn at_once(&self, call: &Call) -> Option<Result<Performed, Failure>> {
        match call {
            Call::Screen(call) => self.screen_at_once(call),
            _ => None,
        }
    }

    async fn perform(&self, cx: EffectContext, call: Call) -> Result<Performed, Failure> {
        match call {
            Call::Chat(call) => self.chat(&cx, call).await,
            Call::Embed(call) => self.embed(&cx, call).await,
            Call::Http(call) => self.http(&cx, call).await,
            Call::Sql(call) => self.sql(&cx, call).await,
            Call::Code(call) => self.code(call).await,
            Call::Screen(call) => self.screen(&call).await,
        }
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
