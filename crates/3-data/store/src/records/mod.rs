//! What is kept about requests and checks: violations, answers for repeated requests, settings.

mod idempotency;
mod settings;
mod violations;

pub use idempotency::{Begun, KeptAnswer};
pub use settings::SettingOf;
pub(crate) use violations::append as append_violations;
pub use violations::{Violation, ViolationDay, ViolationFilter, ViolationKind};
