//! R016: mails go out encrypted or not at all; whatever a mail server does ends in a clear error.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Secret, Timestamp};
use mail::{Error, Mail, Mailer, Settings, Stage, TlsMode};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// What the double does with one command, by how the command begins; what is not listed goes well.
type Script = &'static [(&'static str, &'static str)];

#[derive(Clone)]
struct Double {
    script: Script,
    offers: &'static str,
    offers_after_tls: &'static str,
    implicit: bool,
    heard: Arc<Mutex<Vec<String>>>,
    acceptor: TlsAcceptor,
    ca: Vec<u8>,
}

fn tls() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into_bytes())
}

impl Double {
    fn playing(offers: &'static str, script: Script) -> Self {
        let (acceptor, ca) = tls();
        Self {
            script,
            offers,
            offers_after_tls: "AUTH PLAIN LOGIN",
            implicit: false,
            heard: Arc::default(),
            acceptor,
            ca,
        }
    }
    async fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let double = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let double = double.clone();
                tokio::spawn(async move { double.serve(stream).await });
            }
        });
        port
    }
    async fn serve(self, stream: TcpStream) {
        if self.implicit {
            let Ok(stream) = self.acceptor.clone().accept(stream).await else { return };
            self.talk(BufReader::new(stream), true, true).await;
            return;
        }
        if let Some(plain) = self.talk(BufReader::new(stream), false, true).await {
            let Ok(stream) = self.acceptor.clone().accept(plain).await else { return };
            self.talk(BufReader::new(stream), true, false).await;
        }
    }
    fn reply(&self, command: &str, otherwise: &str) -> String {
        let found = self.script.iter().find(|(start, _)| command.starts_with(start));
        found.map_or_else(|| otherwise.to_owned(), |(_, reply)| (*reply).to_owned())
    }
    /// Until the end, or until STARTTLS: then the bare stream comes back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        encrypted: bool,
        greets: bool,
    ) -> Option<S> {
        if greets {
            let greeting = self.reply("CONNECT", "220 double\r\n");
            stream.write_all(greeting.as_bytes()).await.ok()?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            let told = if encrypted { format!("tls {line}") } else { line.clone() };
            self.heard.lock().unwrap().push(told);
            let word = line.split(' ').next().unwrap_or_default();
            let offers = if encrypted { self.offers_after_tls } else { self.offers };
            let usual = match word {
                "EHLO" => format!("250-double\r\n250-SIZE 1000\r\n250 {offers}\r\n"),
                "STARTTLS" => "220 go\r\n".to_owned(),
                "AUTH" if line.contains("PLAIN") => "235 in\r\n".to_owned(),
                "AUTH" => "334 VXNlcm5hbWU6\r\n".to_owned(),
                "DATA" => "354 go\r\n".to_owned(),
                "QUIT" => "221 bye\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            let reply = self.reply(&line, &usual);
            if reply == "SILENCE" {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            if reply == "CLOSE" {
                return None;
            }
            stream.write_all(reply.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            if word == "STARTTLS" && reply.starts_with("220") {
                return Some(stream.into_inner());
            }
            if word == "DATA" && reply.starts_with("354") {
                let mut content = String::new();
                while !content.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut content).await.ok()? == 0 {
                        return None;
                    }
                }
                self.heard.lock().unwrap().push(content);
                let reply = self.reply("CONTENT", "250 taken\r\n");
                stream.write_all(reply.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
            }
        }
    }
    async fn send_as(&self, mode: TlsMode, change: impl FnOnce(&mut Settings)) -> Result<(), Error> {
        let port = self.start().await;
        let mut settings = Settings {
            host: "localhost".to_owned(),
            port,
            tls: mode,
            login: Some(("loom".to_owned(), Secret::new("amber tide".to_owned()))),
            from: "NodeLoom <noreply@example.org>".to_owned(),
            hello: "loom.example.org".to_owned(),
            timeout: Duration::from_secs(60),
        };
        change(&mut settings);
        let policy = egress::Policy { extra_authorities_pem: Some(self.ca.clone()), ..egress::Policy::default() };
        let mail = Mail {
            to: "ada@example.com".to_owned(),
            subject: "Join".to_owned(),
            text: "line one\n.\n.. three\nhttps://localhost:8443/invitation?token=x".to_owned(),
        };
        Mailer::new(settings, policy)?.send(&mail, NOW).await
    }
    async fn send(&self, mode: TlsMode) -> Result<(), Error> {
        self.send_as(mode, |_| {}).await
    }
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
    fn heard_in_clear(&self) -> Vec<String> {
        self.heard().into_iter().filter(|line| !line.starts_with("tls ") && !line.contains("Subject")).collect()
    }
}

#[tokio::test]
async fn a_mail_is_delivered_after_starttls() {
    let double = Double::playing("STARTTLS", &[]);
    double.send(TlsMode::StartTls).await.unwrap();
    let heard = double.heard();
    let plain = "tls AUTH PLAIN AGxvb20AYW1iZXIgdGlkZQ==";
    for line in [plain, "tls MAIL FROM:<noreply@example.org>", "tls RCPT TO:<ada@example.com>", "tls QUIT"] {
        assert!(heard.iter().any(|told| told == line), "{line} in {heard:?}");
    }
    let content = heard.iter().find(|told| told.contains("Subject: Join")).unwrap();
    assert!(content.contains("\r\n..\r\n") && content.contains("\r\n... three\r\n"), "{content}");
    assert_eq!(double.heard_in_clear(), ["EHLO loom.example.org", "STARTTLS"]);
}

#[tokio::test]
async fn a_mail_is_delivered_over_tls_from_the_first_byte() {
    let double = Double {
        implicit: true,
        offers_after_tls: "AUTH LOGIN",
        ..Double::playing("", &[("bG9vbQ==", "334 UGFzc3dvcmQ6\r\n"), ("YW1iZXIgdGlkZQ==", "235 in\r\n")])
    };
    double.send(TlsMode::Implicit).await.unwrap();
    assert!(double.heard_in_clear().is_empty());
}

/// R016: a server (or whoever stands before it) that does not offer STARTTLS gets no password and no mail.
#[tokio::test]
async fn starttls_that_is_not_offered_ends_it() {
    for (offers, script) in [
        ("AUTH PLAIN", &[][..]),
        ("SIZE 10", &[]),
        ("STARTTLS", &[("STARTTLS", "454 not now\r\n")]),
        ("STARTTLS", &[("STARTTLS", "502 what\r\n")]),
        ("STARTTLS", &[("STARTTLS", "250 sure\r\n")]),
        ("STARTTLS", &[("STARTTLS", "CLOSE")]),
    ] {
        let double = Double::playing(offers, script);
        let error = double.send(TlsMode::StartTls).await.unwrap_err();
        assert!(!matches!(error, Error::Settings(_)), "{error}");
        let clear = double.heard_in_clear();
        assert!(clear.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{clear:?}");
    }
}

/// What is said ahead of the handshake is never believed after it.
#[tokio::test]
async fn words_put_before_the_encryption_end_it() {
    let double = Double::playing("STARTTLS", &[("STARTTLS", "220 go\r\n250-double\r\n250 AUTH PLAIN\r\n")]);
    let error = double.send(TlsMode::StartTls).await.unwrap_err();
    // Depending on how the bytes arrive they are seen as words ahead, or break the handshake.
    assert!(matches!(error, Error::Protocol(_) | Error::Unreachable(_)), "{error:?}");
    assert!(double.heard().iter().all(|line| !line.contains("AUTH")));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_it() {
    for mode in [TlsMode::StartTls, TlsMode::Implicit] {
        let mut double = Double::playing("STARTTLS", &[]);
        double.implicit = mode == TlsMode::Implicit;
        double.ca = tls().1;
        let error = double.send(mode).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
        assert!(double.heard().iter().all(|line| !line.contains("AUTH") && !line.contains("MAIL")));
    }
}

#[tokio::test]
async fn what_the_server_says_becomes_a_clear_error() {
    use Stage::*;
    let later = |stage, code| format!("{:?}", Error::TryLater { stage, code });
    let refused = |stage, code| format!("{:?}", Error::Refused { stage, code });
    let cases: [(Script, String, bool); 9] = [
        (&[("CONNECT", "421 too busy\r\n")], later(Greeting, 421), true),
        (&[("CONNECT", "554 go away\r\n")], refused(Greeting, 554), false),
        (&[("AUTH", "535 wrong\r\n")], refused(SignIn, 535), false),
        (&[("MAIL", "451 later\r\n")], later(Sender, 451), true),
        (&[("RCPT", "450-mailbox\r\n450 busy\r\n")], later(Recipient, 450), true),
        (&[("RCPT", "550 no such person\r\n")], refused(Recipient, 550), false),
        (&[("DATA", "552 full\r\n")], refused(Content, 552), false),
        (&[("CONTENT", "452 full\r\n")], later(Content, 452), true),
        (&[("CONTENT", "554 spam\r\n")], refused(Content, 554), false),
    ];
    for (script, wanted, retried) in cases {
        let error = Double::playing("STARTTLS", script).send(TlsMode::StartTls).await.unwrap_err();
        assert_eq!((format!("{error:?}"), error.may_be_retried()), (wanted, retried));
    }
    // It has the mail: a goodbye that fails does not send it again.
    Double::playing("STARTTLS", &[("QUIT", "CLOSE")]).send(TlsMode::StartTls).await.unwrap();
}

#[tokio::test]
async fn a_server_that_talks_nonsense_or_is_silent_ends_it() {
    for script in [
        &[("CONNECT", "hello\r\n")][..],
        &[("CONNECT", "220 no line end\n")],
        &[("MAIL", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\r\n")],
        &[("MAIL", "25x what\r\n")],
        &[("MAIL", "354 another question\r\n")],
    ] {
        let error = Double::playing("STARTTLS", script).send(TlsMode::StartTls).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{script:?}: {error:?}");
    }
    let long: &'static str = Box::leak(format!("220 {}", "x".repeat(10_000)).into_boxed_str());
    let endless: &'static str = Box::leak("220-x\r\n".repeat(500).into_boxed_str());
    for greeting in [long, endless] {
        let script: Script = Box::leak(vec![("CONNECT", greeting)].into_boxed_slice());
        let error = Double::playing("STARTTLS", script).send(TlsMode::StartTls).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    }
    let silent = Double::playing("STARTTLS", &[("MAIL", "SILENCE")]);
    let error = silent.send_as(TlsMode::StartTls, |s| s.timeout = Duration::from_millis(1500)).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut), "{error:?}");
    let gone = Double::playing("STARTTLS", &[("RCPT", "CLOSE")]).send(TlsMode::StartTls).await.unwrap_err();
    assert!(matches!(gone, Error::Broken(_)) && gone.may_be_retried(), "{gone:?}");
}

#[tokio::test]
async fn settings_that_would_send_in_the_clear_are_refused() {
    let double = Double::playing("AUTH PLAIN", &[]);
    let elsewhere = double.send_as(TlsMode::None, |s| s.host = "mail.example.org".to_owned()).await;
    assert!(matches!(elsewhere, Err(Error::Settings(text)) if text.contains("this machine")));
    double.send(TlsMode::None).await.unwrap();
    for from in ["", "nobody", "a@b, c@d"] {
        let refused = double.send_as(TlsMode::None, |s| s.from = from.to_owned()).await;
        assert!(matches!(refused, Err(Error::Settings(_))), "{from}");
    }
    let nothing_offered = Double { offers_after_tls: "SIZE 1", ..Double::playing("STARTTLS", &[]) };
    assert!(matches!(nothing_offered.send(TlsMode::StartTls).await, Err(Error::NoSignIn)));
    let away = double.send_as(TlsMode::None, |s| s.port = 1).await.unwrap_err();
    assert!(matches!(away, Error::Unreachable(_)) && away.may_be_retried());
}
