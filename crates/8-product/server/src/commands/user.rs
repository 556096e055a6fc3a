//! What only whoever holds the machine can do for a person: a link for a new password where no mail goes out, the word
//! that an address is theirs, the end of a second factor that was lost, and the end of all their sessions.

use domain::{AuditResult, UserId};
use identity::Email;
use serde_json::json;

use super::Error;
use crate::{
    Config,
    operation::Operation,
    request::nobody,
    rooms::Rooms,
    start::{self, Role},
};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAct {
    ResetLink,
    ConfirmAddress,
    EndSecondFactor,
    EndSessions,
}

/// Does it, and prints what came of it.
///
/// # Errors
/// [`Error`]; nothing was changed.
pub async fn user(config: Config, email: String, act: UserAct) -> Result<(), Error> {
    let rooms = start::rooms(config, Role::Server).await?;
    let done = audited(&rooms, &email, act).await;
    rooms.store.close().await;
    println!("{}", done?);
    Ok(())
}

async fn audited(rooms: &Rooms, email: &str, act: UserAct) -> Result<String, Error> {
    let email: Email = email.parse()?;
    let system = authz::act_as_system("the operator helps a person on the command line");
    let found = rooms.store.user_by_email(system, email.as_str()).await?;
    let user = found.ok_or_else(|| Error::Start(format!("there is no account with the address {email}")))?;
    let operation = match act {
        UserAct::ResetLink => Operation::AskReset,
        UserAct::ConfirmAddress => Operation::ConfirmEmail,
        UserAct::EndSecondFactor => Operation::EndSecondFactor,
        UserAct::EndSessions => Operation::EndOtherSessions,
    };
    let wanted = recorder::Act {
        scope: None,
        subject: nobody(None),
        request: None,
        operation: operation.name().to_owned(),
        target: Some(user.id.to_string()),
        detail: json!({ "by": "command line" }),
    };
    let intent = rooms.recorder.intent(wanted).await?;
    let done = perform(rooms, &email, user.id, act).await;
    let result = if done.is_ok() { AuditResult::Succeeded } else { AuditResult::Failed };
    intent.outcome(result, json!({})).await?;
    done
}

async fn perform(rooms: &Rooms, email: &Email, user: UserId, act: UserAct) -> Result<String, Error> {
    let now = rooms.clock.now();
    let system = authz::act_as_system("the operator helps a person on the command line");
    match act {
        UserAct::ResetLink => {
            let link = rooms.identity.reset_link(email, now).await?;
            let link = link.ok_or_else(|| {
                Error::Start("the account is disabled, or its address is not confirmed: `nodeloom user confirm`".into())
            })?;
            Ok(rooms.post.link("reset-password", &link.token))
        }
        UserAct::ConfirmAddress => {
            rooms.store.verify_email(system, user, now, store::Effects::none()).await?;
            Ok(format!("{email} is confirmed"))
        }
        UserAct::EndSecondFactor => {
            rooms.store.remove_second_factor(system, user, store::Effects::none()).await?;
            Ok(format!("{email} has no second factor any more"))
        }
        UserAct::EndSessions => {
            let ended = rooms.identity.end_other_sessions(user, None, now).await?;
            Ok(format!("{ended} sessions of {email} have ended"))
        }
    }
}
