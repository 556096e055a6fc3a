//! The world as runs reach it: models, HTTP, databases, code, guardrails, each in its file. This is the only place where
//! a call leaves the run, and it asks the workflow's policies and the principal's rights before it does.

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
use workflow::{Call, Failure, FailureKind};

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
        if let (Some(named), Some(allowed)) = (call.credential(), &cx.policies.credentials)
            && !allowed.contains(named)
        {
            let message = format!("the workflow's policy does not allow the credential {named:?}");
            return Err(Failure::new(FailureKind::Policy, message));
        }
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
