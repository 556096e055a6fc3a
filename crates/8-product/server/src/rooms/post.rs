//! Mails that the server sends: what they say, and that none is lost when the mail server, or this process, is away.

use std::{fs, path::Path, time::Duration};

use authz::{SystemPermit, act_as_system};
use domain::{Clock, Secret};
use mail::{Mail, Mailer, TlsMode};
use serde::{Deserialize, Serialize};
use store::Store;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vault::{Bound, Purpose, Vault};

use crate::{
    commands::Error,
    config::{Config, MailTls},
};

/// Seconds to wait before each further attempt; after the last the mail is given up. Seven hours in all: longer than a
/// mail server is away, shorter than most links are good for.
const AGAIN: [u64; 10] = [2, 15, 60, 300, 900, 1800, 3600, 3600, 7200, 7200];
/// How often this process looks for mails whose time has come.
const LOOK: Duration = Duration::from_secs(1);
/// How long it is remembered that a mail was given up.
const DEAD_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const POST: SystemPermit = act_as_system("mails wait for their mail server");

/// The way to people's mailboxes. Cheap to clone.
#[derive(Clone)]
pub struct Post {
    /// Absent where no mail server is configured.
    mailer: Option<Mailer>,
    clock: Clock,
    public_url: String,
    store: Store,
    vault: Vault,
    /// Nobody else tries a mail that is being handed over.
    attempt: Duration,
}

/// A mail as it is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    to: String,
    subject: String,
    text: String,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Sent,
    /// It is tried again, for some minutes.
    Retrying,
    /// The mail server will not take it.
    Failed,
}

impl Delivery {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
        }
    }
}

impl Post {
    /// # Errors
    /// Settings that cannot be used.
    pub fn open(
        config: &Config,
        clock: Clock,
        policy: egress::Policy,
        store: Store,
        vault: Vault,
    ) -> Result<Self, Error> {
        let settings = &config.mail;
        let public_url = config.server.public_url.clone();
        let attempt = Duration::from_secs(settings.timeout_seconds + 30);
        let (Some(host), Some(from)) = (&settings.host, &settings.from) else {
            return Ok(Self { mailer: None, clock, public_url, store, vault, attempt });
        };
        let password = match (&settings.password, &settings.password_file) {
            (Some(password), _) => Some(Secret::new(password.clone())),
            (None, Some(path)) => Some(read(path)?),
            (None, None) => None,
        };
        let hello = public_url.trim_start_matches("https://").split([':', '/']).next().unwrap_or_default().to_owned();
        let settings = mail::Settings {
            host: host.clone(),
            port: settings.port,
            tls: match settings.tls {
                MailTls::Starttls => TlsMode::StartTls,
                MailTls::Implicit => TlsMode::Implicit,
                MailTls::None => TlsMode::None,
            },
            login: settings.user.clone().zip(password),
            from: from.clone(),
            hello,
            timeout: Duration::from_secs(settings.timeout_seconds),
        };
        let mailer = Mailer::new(settings, policy).map_err(|error| Error::Start(error.to_string()))?;
        Ok(Self { mailer: Some(mailer), clock, public_url, store, vault, attempt })
    }

    /// Whether mails can be sent at all.
    pub const fn is_there(&self) -> bool {
        self.mailer.is_some()
    }

    /// The address of one of our pages, with the token that it asks for.
    pub fn link(&self, page: &str, token: &Secret<String>) -> String {
        format!("{}/{page}?token={}", self.public_url, token.expose())
    }

    /// Sends now. A mail server that is away is asked again later, by this process or the next one: the mail is on disk,
    /// sealed, before the first attempt.
    pub async fn send(&self, mail: Mail) -> Delivery {
        self.send_about(mail, String::new()).await
    }

    /// The same for a mail about something whose delivery people look at; it replaces an earlier one about it.
    pub async fn send_about(&self, mail: Mail, about: String) -> Delivery {
        let Some(mailer) = &self.mailer else { return Delivery::Failed };
        let id = Uuid::from_u128(rand::random());
        let kept = self.keep(id, about, &mail).await;
        if let Err(error) = &kept {
            tracing::warn!(%error, "a mail could not be kept; it is tried once");
        }
        let delivery = self.attempt(mailer, id, &mail, 1).await;
        if kept.is_err() && delivery == Delivery::Retrying { Delivery::Failed } else { delivery }
    }

    /// What waits about something is not sent any more.
    pub async fn forget(&self, about: String) {
        if let Err(error) = self.store.forget_mail_about(POST, about).await {
            tracing::warn!(%error, "a mail that is not wanted any more may still go out");
        }
    }

    async fn keep(&self, id: Uuid, about: String, mail: &Mail) -> Result<(), Error> {
        let kept = Kept { to: mail.to.clone(), subject: mail.subject.clone(), text: mail.text.clone() };
        let plain = serde_json::to_vec(&kept).map_err(|error| Error::Start(error.to_string()))?;
        let sealed = self.vault.seal(Purpose::Settings, &bound(&id), &plain)?;
        Ok(self.store.keep_mail(POST, id, about, sealed, self.clock.now() + self.attempt).await?)
    }

    /// Tries once, and writes down what came of it.
    async fn attempt(&self, mailer: &Mailer, id: Uuid, mail: &Mail, attempts: u32) -> Delivery {
        let now = self.clock.now();
        let again = AGAIN.get(attempts.saturating_sub(1) as usize).map(|seconds| now + Duration::from_secs(*seconds));
        let (delivery, written) = match (mailer.send(mail, now).await, again) {
            (Ok(()), _) => (Delivery::Sent, self.store.mail_sent(POST, id).await),
            (Err(error), Some(at)) if error.may_be_retried() => {
                tracing::warn!(error = %told(&error), attempts, "a mail was not taken; it is tried again");
                (Delivery::Retrying, self.store.mail_again(POST, id, at).await)
            }
            (Err(error), _) => {
                tracing::warn!(error = %told(&error), attempts, "a mail was given up");
                (Delivery::Failed, self.store.mail_dead(POST, id, now - DEAD_KEPT).await)
            }
        };
        if let Err(error) = written {
            tracing::warn!(%error, "what became of a mail was not written down; it may go out twice");
        }
        delivery
    }

    /// Tries the mails that wait, until `shutdown`. Several servers may do this at once: each attempt is one server's.
    pub async fn deliver(self, shutdown: CancellationToken) {
        let Some(mailer) = &self.mailer else { return };
        while tokio::time::timeout(LOOK, shutdown.cancelled()).await.is_err() {
            while !shutdown.is_cancelled() {
                let now = self.clock.now();
                match self.store.take_mail(POST, now, now + self.attempt).await {
                    Ok(Some(waiting)) => match self.opened(waiting.id, &waiting.sealed) {
                        Some(mail) => drop(self.attempt(mailer, waiting.id, &mail, waiting.attempts).await),
                        None => {
                            tracing::error!("a mail that waited could not be opened and was given up");
                            _ = self.store.mail_dead(POST, waiting.id, now - DEAD_KEPT).await;
                        }
                    },
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "mails that wait could not be looked at");
                        break;
                    }
                }
            }
        }
    }

    fn opened(&self, id: Uuid, sealed: &[u8]) -> Option<Mail> {
        let plain = self.vault.open(Purpose::Settings, &bound(&id), sealed).ok()?;
        let Kept { to, subject, text } = serde_json::from_slice(plain.expose()).ok()?;
        Some(Mail { to, subject, text })
    }
}

fn bound(id: &Uuid) -> Bound<'_> {
    Bound { table: "mails", field: "sealed", scope: None, row: id.as_bytes(), version: 1 }
}

/// With its causes; neither names an address.
fn told(error: &mail::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn read(path: &Path) -> Result<Secret<String>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Folder { path: path.to_owned(), source })?;
    Ok(Secret::new(text.trim_end().to_owned()))
}

/// What mails say. A name or a team's name that somebody chose stands on a line of its own, so that it cannot pass for
/// our words, and never beside the link.
pub mod texts {
    use domain::Role;

    use super::Mail;

    fn one_line(text: &str) -> String {
        text.chars().filter(|c| !c.is_control()).take(100).collect()
    }

    pub fn invitation(to: &str, team: &str, role: Role, link: &str, days: u64) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "You are invited to a team on NodeLoom".to_owned(),
            text: format!(
                "You are invited to join a team on NodeLoom.\n\n  Team: {}\n  Role: {role}\n\n\
                 Open this link to accept. It works once, for {days} days:\n\n{link}\n\n\
                 If you did not expect this, do nothing.\n",
                one_line(team)
            ),
        }
    }

    pub fn verification(to: &str, link: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "Confirm your e-mail address".to_owned(),
            text: format!(
                "Open this link to confirm that this address is yours. It works once, for 24 hours:\n\n{link}\n\n\
                 If you have no account on this NodeLoom server, do nothing.\n"
            ),
        }
    }

    pub fn reset(to: &str, link: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "Set a new password".to_owned(),
            text: format!(
                "Somebody, probably you, asked for a new password for your NodeLoom account.\n\
                 Open this link to choose one. It works once, for one hour:\n\n{link}\n\n\
                 If it was not you, do nothing: your password stays as it is.\n"
            ),
        }
    }

    /// To whom it concerns, after something that only they should have done.
    pub fn changed(to: &str, what: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "Your NodeLoom account was changed".to_owned(),
            text: format!("{what}\n\nIf it was not you, tell an admin of your team at once.\n"),
        }
    }
}
