//! [`Mailer`]: the settings, and the way from a mail to a server that took it.

use std::{fmt, net::IpAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::{Secret, Timestamp};
use egress::{Egress, Policy};
use lettre::message::Mailbox;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    Error, Mail, Stage,
    message::stuffed,
    talk::{Offers, Talk},
};

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// From the first byte (port 465).
    Implicit,
    /// After STARTTLS (port 587); a server that does not offer it gets nothing.
    StartTls,
    /// Not at all: for a server on this machine only.
    None,
}

/// Which server, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub tls: TlsMode,
    /// Name and password.
    pub login: Option<(String, Secret<String>)>,
    /// `NodeLoom <noreply@example.org>` or a bare address.
    pub from: String,
    /// How we introduce ourselves: our own host name.
    pub hello: String,
    /// For everything from the first packet to the last reply.
    pub timeout: Duration,
}

/// Delivers mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    egress: Egress,
    settings: Settings,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("host", &self.settings.host).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Checks the settings. `policy` is how the operator lets connections out; this one server is allowed wherever it
    /// is, since the operator named it.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Unreachable`] for authorities that cannot be read.
    pub fn new(settings: Settings, mut policy: Policy) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Settings(format!("mail: {what}"));
        let from: Mailbox = settings
            .from
            .parse()
            .map_err(|_| wrong("from is no address; write NodeLoom <noreply@example.org> or noreply@example.org"))?;
        if settings.tls == TlsMode::None && !is_here(&settings.host) {
            return Err(wrong("tls = \"none\" is for a server on this machine; use \"starttls\" or \"implicit\""));
        }
        let hello = &settings.hello;
        if hello.is_empty() || hello.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return Err(wrong("the host name of server.public_url cannot introduce this server"));
        }
        let place = match settings.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", settings.port),
            _ => format!("{}:{}", settings.host, settings.port),
        };
        policy.allow.push(place.parse().map_err(|_| wrong("host is no host name and no address"))?);
        let egress = Egress::new(policy).map_err(Error::Unreachable)?;
        Ok(Self { egress, settings, from })
    }

    /// Hands `mail` to the server. When this returns `Ok`, the server has taken the responsibility for it.
    ///
    /// # Errors
    /// [`Error`]; [`Error::may_be_retried`] says whether later may help. A server that broke off after it had taken the
    /// mail gets it twice then.
    pub async fn send(&self, mail: &Mail, now: Timestamp) -> Result<(), Error> {
        let (to, content) = mail.written(&self.from, now)?;
        let content = stuffed(&content);
        let sending = self.deliver(&to, &content);
        tokio::time::timeout(self.settings.timeout, sending).await.map_err(|_| Error::TimedOut)?
    }

    async fn deliver(&self, to: &str, content: &[u8]) -> Result<(), Error> {
        let Settings { host, port, hello, .. } = &self.settings;
        let tcp = self.egress.connect_tcp(host, *port).await.map_err(Error::Unreachable)?;
        match self.settings.tls {
            TlsMode::None => {
                let mut talk = Talk::new(tcp);
                talk.greeting().await?;
                let offers = talk.hello(hello).await?;
                self.hand_over(talk, &offers, to, content).await
            }
            TlsMode::Implicit => {
                let tls = self.egress.encrypt(host, tcp, None).await.map_err(Error::Unreachable)?;
                let mut talk = Talk::new(tls);
                talk.greeting().await?;
                let offers = talk.hello(hello).await?;
                self.hand_over(talk, &offers, to, content).await
            }
            TlsMode::StartTls => {
                let mut talk = Talk::new(tcp);
                talk.greeting().await?;
                if !talk.hello(hello).await?.starttls {
                    return Err(Error::NoEncryption);
                }
                talk.ask(Stage::Encryption, "STARTTLS", 220).await?;
                let tls = self.egress.encrypt(host, talk.into_stream()?, None).await.map_err(Error::Unreachable)?;
                let mut talk = Talk::new(tls);
                // What was offered before the encryption is forgotten: anybody could have said it.
                let offers = talk.hello(hello).await?;
                self.hand_over(talk, &offers, to, content).await
            }
        }
    }

    async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut talk: Talk<S>,
        offers: &Offers,
        to: &str,
        content: &[u8],
    ) -> Result<(), Error> {
        self.sign_in(&mut talk, offers).await?;
        let from = self.from.email.to_string();
        let international = !from.is_ascii() || !to.is_ascii();
        if international && !offers.utf8 {
            return Err(Error::Address);
        }
        let utf8 = if international { " SMTPUTF8" } else { "" };
        talk.ask(Stage::Sender, &format!("MAIL FROM:<{from}>{utf8}"), 250).await?;
        talk.ask(Stage::Recipient, &format!("RCPT TO:<{to}>"), 250).await?;
        talk.ask(Stage::Content, "DATA", 354).await?;
        talk.content(content).await?;
        // It has the mail; how it says goodbye changes nothing.
        _ = talk.ask(Stage::Content, "QUIT", 221).await;
        Ok(())
    }

    async fn sign_in<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        talk: &mut Talk<S>,
        offers: &Offers,
    ) -> Result<(), Error> {
        let Some((name, password)) = &self.settings.login else { return Ok(()) };
        if offers.plain {
            let both = BASE64.encode(format!("\0{name}\0{}", password.expose()));
            return talk.ask(Stage::SignIn, &format!("AUTH PLAIN {both}"), 235).await;
        }
        if offers.login {
            talk.ask(Stage::SignIn, "AUTH LOGIN", 334).await?;
            talk.ask(Stage::SignIn, &BASE64.encode(name), 334).await?;
            return talk.ask(Stage::SignIn, &BASE64.encode(password.expose()), 235).await;
        }
        Err(Error::NoSignIn)
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
