//! Workflows of a team, their versions, what each environment runs, and the public addresses that start them.

mod publications;
mod versions;
mod webhooks;
#[allow(clippy::module_inception, reason = "the noun has the room's name")]
mod workflows;

pub use publications::{Publication, Publish};
pub use versions::{NewVersion, Version, VersionShown};
pub use webhooks::{NewWebhook, Webhook};
pub use workflows::{NewWorkflow, Workflow};
