//! Mails that the server sends: what they say, and that they are tried again when the mail server is away.

use std::{fs, path::Path, time::Duration};

use domain::{Clock, Secret};
use mail::{Mail, Mailer, TlsMode};

use crate::{
    commands::Error,
    config::{Config, MailTls},
};

/// How long to wait before each further attempt.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60), Duration::from_secs(300)];

/// The way to people's mailboxes. Cheap to clone.
#[derive(Clone)]
pub struct Post {
    /// Absent where no mail server is configured.
    mailer: Option<Mailer>,
    clock: Clock,
    public_url: String,
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
    pub fn open(config: &Config, clock: Clock, policy: egress::Policy) -> Result<Self, Error> {
        let settings = &config.mail;
        let public_url = config.server.public_url.clone();
        let (Some(host), Some(from)) = (&settings.host, &settings.from) else {
            return Ok(Self { mailer: None, clock, public_url });
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
        Ok(Self { mailer: Some(mailer), clock, public_url })
    }

    /// Whether mails can be sent at all.
    pub const fn is_there(&self) -> bool {
        self.mailer.is_some()
    }

    /// The address of one of our pages, with the token that it asks for.
    pub fn link(&self, page: &str, token: &Secret<String>) -> String {
        format!("{}/{page}?token={}", self.public_url, token.expose())
    }

    /// Sends now, and goes on trying in the background when the mail server is away.
    pub async fn send(&self, mail: Mail) -> Delivery {
        let Some(mailer) = &self.mailer else { return Delivery::Failed };
        match mailer.send(&mail, self.clock.now()).await {
            Ok(()) => Delivery::Sent,
            Err(error) if error.may_be_retried() => {
                tracing::warn!(error = %told(&error), "a mail was not taken; it is tried again");
                tokio::spawn(self.clone().retry(mail));
                Delivery::Retrying
            }
            Err(error) => {
                tracing::warn!(error = %told(&error), "a mail was not taken");
                Delivery::Failed
            }
        }
    }

    async fn retry(self, mail: Mail) {
        let Some(mailer) = &self.mailer else { return };
        for pause in AGAIN {
            tokio::time::sleep(pause).await;
            match mailer.send(&mail, self.clock.now()).await {
                Ok(()) => return,
                Err(error) if error.may_be_retried() => continue,
                Err(error) => return tracing::warn!(error = %told(&error), "a mail was not taken"),
            }
        }
        tracing::warn!("a mail was given up");
    }
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
