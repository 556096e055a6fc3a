//! Who there is, and how they prove who they are. Reads that come before a permit (a key by its hash, a session by its
//! id) take a `SystemPermit`; identity's ports are their only callers.

mod api_keys;
mod cooldowns;
mod invitations;
mod mail_tokens;
mod member;
mod memberships;
mod second_factors;
mod service_accounts;
mod sessions;
mod setup;
mod teams;
mod users;

pub use api_keys::{ApiKey, ApiKeyShown};
pub use cooldowns::Cooldown;
pub use invitations::{Accepted, Accepting, Invitation, InvitationLink};
pub use mail_tokens::{MailPurpose, MailToken};
pub use member::Member;
pub use memberships::{Membership, TeamMember};
pub use second_factors::SecondFactor;
pub use service_accounts::ServiceAccount;
pub use sessions::{Method, RefreshToken, Rotation, Session};
pub use setup::FirstAdmin;
pub use teams::{Team, TeamDemands};
pub use users::User;
