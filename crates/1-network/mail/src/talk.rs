//! The conversation (RFC 5321): one command, one reply, both bounded.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{Error, Stage};

const LONGEST_LINE: usize = 2048;
const MOST_LINES: usize = 100;

/// Somebody we talk SMTP with.
pub(crate) struct Talk<S> {
    stream: S,
    /// Read, and not used yet.
    ahead: Vec<u8>,
}

/// What the server can do, as it said after EHLO.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    pub starttls: bool,
    pub utf8: bool,
    pub plain: bool,
    pub login: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub const fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// The stream, for encryption.
    ///
    /// # Errors
    /// [`Error::Protocol`] when the server said more than it was asked: whoever sits between could have put it there,
    /// to be believed after the handshake.
    pub fn into_stream(self) -> Result<S, Error> {
        if self.ahead.is_empty() { Ok(self.stream) } else { Err(Error::Protocol("words ahead of the encryption")) }
    }

    pub async fn greeting(&mut self) -> Result<(), Error> {
        self.expect(Stage::Greeting, 220).await.map(drop)
    }

    pub async fn hello(&mut self, name: &str) -> Result<Offers, Error> {
        self.say(&format!("EHLO {name}")).await?;
        let mut offers = Offers::default();
        for line in self.expect(Stage::Hello, 250).await? {
            let line = line.to_ascii_uppercase();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("AUTH") => {
                    for word in words {
                        offers.plain |= word == "PLAIN";
                        offers.login |= word == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        Ok(offers)
    }

    /// One command and the reply that goes well.
    pub async fn ask(&mut self, stage: Stage, command: &str, wanted: u16) -> Result<(), Error> {
        self.say(command).await?;
        self.expect(stage, wanted).await.map(drop)
    }

    /// The content of a mail, after 354.
    pub async fn content(&mut self, stuffed: &[u8]) -> Result<(), Error> {
        self.stream.write_all(stuffed).await.map_err(Error::Broken)?;
        self.stream.flush().await.map_err(Error::Broken)?;
        self.expect(Stage::Content, 250).await.map(drop)
    }

    async fn say(&mut self, command: &str) -> Result<(), Error> {
        if command.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Error::Address);
        }
        self.stream.write_all(format!("{command}\r\n").as_bytes()).await.map_err(Error::Broken)?;
        self.stream.flush().await.map_err(Error::Broken)
    }

    /// A reply, line by line without its code.
    async fn expect(&mut self, stage: Stage, wanted: u16) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let code =
                code.filter(|code| (200..600).contains(code)).ok_or(Error::Protocol("a reply without a code"))?;
            let more = match line.as_bytes().get(3) {
                Some(b'-') => true,
                Some(b' ') | None => false,
                Some(_) => return Err(Error::Protocol("a reply without a code")),
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if lines.len() > MOST_LINES {
                return Err(Error::Protocol("a reply without an end"));
            }
            if !more {
                return match code {
                    code if code == wanted => Ok(lines),
                    400..=499 => Err(Error::TryLater { stage, code }),
                    500..=599 => Err(Error::Refused { stage, code }),
                    _ => Err(Error::Protocol("a reply to another question")),
                };
            }
        }
    }

    async fn line(&mut self) -> Result<String, Error> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").ok_or(Error::Protocol("a line that ends without CR LF"))?;
                return String::from_utf8(line.to_vec()).map_err(|_| Error::Protocol("a reply that is no text"));
            }
            if self.ahead.len() > LONGEST_LINE {
                return Err(Error::Protocol("a line without an end"));
            }
            let mut part = [0; 1024];
            match self.stream.read(&mut part).await.map_err(Error::Broken)? {
                0 => return Err(Error::Broken(std::io::ErrorKind::UnexpectedEof.into())),
                n => self.ahead.extend_from_slice(&part[..n]),
            }
        }
    }
}
