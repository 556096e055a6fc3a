//! A mail server on this machine that keeps what it is given.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{Settings, eventually};

/// Takes every mail; refuses those to whom it is told to refuse.
#[derive(Debug, Clone)]
pub struct PostBox {
    pub port: u16,
    mails: Arc<Mutex<Vec<(String, String)>>>,
    /// Recipients whose mails are put off this many times.
    off: Arc<Mutex<u32>>,
    /// Recipients that are never taken.
    refused: Arc<Mutex<Vec<String>>>,
}

impl PostBox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let post = Self { port, mails: Arc::default(), off: Arc::default(), refused: Arc::default() };
        let kept = post.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(kept.clone().serve(stream));
            }
        });
        post
    }
    /// Settings of a server that sends its mails here.
    pub fn settings(&self) -> Settings {
        Settings::default()
            .set("NODELOOM_MAIL__HOST", "127.0.0.1")
            .set("NODELOOM_MAIL__PORT", self.port)
            .set("NODELOOM_MAIL__TLS", "none")
            .set("NODELOOM_MAIL__FROM", "NodeLoom <noreply@loom.test>")
    }
    /// Puts the next recipients off.
    pub fn put_off(&self, times: u32) {
        *self.off.lock().unwrap() = times;
    }
    /// Takes nothing for this address, ever.
    pub fn refuse(&self, to: &str) {
        self.refused.lock().unwrap().push(to.to_owned());
    }
    async fn serve(self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 here\r\n").await.ok()?;
        let mut to = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let word = line.split([' ', '\r']).next().unwrap_or_default().to_owned();
            let reply = match word.as_str() {
                "EHLO" => "250-here\r\n250 SMTPUTF8\r\n",
                "RCPT" if self.is_off() => "451 later\r\n",
                "RCPT" if self.refused.lock().unwrap().iter().any(|to| line.contains(to)) => "550 no such person\r\n",
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    "250 ok\r\n"
                }
                "DATA" => {
                    stream.write_all(b"354 go\r\n").await.ok()?;
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut text).await.ok()? == 0 {
                            return None;
                        }
                    }
                    self.mails.lock().unwrap().push((to.clone(), text));
                    "250 taken\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            stream.write_all(reply.as_bytes()).await.ok()?;
        }
    }
    fn is_off(&self) -> bool {
        let mut off = self.off.lock().unwrap();
        let now = *off > 0;
        *off = off.saturating_sub(1);
        now
    }
    /// How many mails went to this address.
    pub fn count(&self, to: &str) -> usize {
        self.mails.lock().unwrap().iter().filter(|(known, _)| known == to).count()
    }
    /// The address's mail with this number, once it is there.
    pub async fn mail(&self, to: &str, n: usize) -> String {
        let found = || async {
            let mails = self.mails.lock().unwrap();
            mails.iter().filter(|(known, _)| known == to).nth(n).map(|(_, text)| text.clone())
        };
        eventually(&format!("mail {n} to {to}"), Duration::from_secs(60), found).await
    }
    /// The token of the link in that mail, and the page it leads to.
    pub async fn link(&self, to: &str, n: usize) -> (String, String) {
        // quoted-printable, where it was used
        let text = self.mail(to, n).await.replace("=\r\n", "").replace("=3D", "=");
        let link = text.split_whitespace().find(|word| word.contains("?token=")).unwrap_or_else(|| panic!("{text}"));
        let (page, token) = link.split_once("?token=").unwrap();
        (page.rsplit('/').next().unwrap().to_owned(), token.to_owned())
    }
}
