//! The wire types of the HTTP API `/api/v1`, one file per noun; `docs/reference/openapi.json` is made from them.
//!
//! Ids and times are strings here (`wf_…`, RFC 3339), so that the types say exactly what stands on the wire. Every body
//! that comes in denies unknown fields. This crate never holds logic and never sees storage.

mod access;
mod audit;
mod credential;
mod guardrail;
mod problem;
mod run;
mod workflow;

pub use access::*;
pub use audit::*;
pub use credential::*;
pub use guardrail::*;
pub use problem::*;
pub use run::*;
pub use workflow::*;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Any JSON value.
pub type Json = serde_json::Value;

/// Part of a list. Ask again with `cursor` set to `next` for the part that follows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
