//! Who there is, and how they prove who they are. Reads that come before a permit (a key by its hash, a session by its
//! id) take a `SystemPermit`; identity's ports are their only callers.

mod api_keys;
mod cooldowns;
mod member;
mod memberships;
mod service_accounts;
mod sessions;
mod setup;
mod teams;
mod users;

pub use api_keys::{ApiKey, ApiKeyShown};
pub use cooldowns::Cooldown;
pub use member::Member;
pub use memberships::{Membership, TeamMember};
pub use service_accounts::ServiceAccount;
pub use sessions::{RefreshToken, Rotation, Session};
pub use setup::FirstAdmin;
pub use teams::Team;
pub use users::User;
