//! What a workflow may do, decided before it is done: which node types, which SQL, which domains, which credentials,
//! how often, and for how many tokens.
//!
//! It never looks anything up and never counts by itself: a caller brings the count, the text or the name, and gets a
//! verdict. A policy that cannot be read is an error, and what cannot be judged is refused. Start reading in
//! [`Policies::parse`]; each policy has its own file.

mod budget;
mod credentials;
mod defect;
mod http_domains;
mod parse;
mod rate;
mod sql_scope;
mod tools;
mod violation;

pub use budget::{budget, month};
pub use defect::Defect;
pub use guardrails::checks::sql::Dialect;
pub use http_domains::{DomainPattern, HttpDomains};
pub use sql_scope::SqlScope;
pub use violation::{Policy, Violation};

use std::{collections::BTreeSet, time::Duration};

/// The policies of one workflow. The default limits nothing.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    pub(crate) tools: Option<BTreeSet<String>>,
    pub(crate) sql: Option<SqlScope>,
    pub(crate) http: HttpDomains,
    pub(crate) credentials: Option<BTreeSet<String>>,
    pub(crate) rate: Option<(u64, Duration)>,
}
