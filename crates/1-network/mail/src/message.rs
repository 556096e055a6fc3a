//! A mail, and the text that stands for it on the wire.

use std::time::{Duration, UNIX_EPOCH};

use domain::Timestamp;
use lettre::{
    Message,
    message::{Mailbox, header::ContentType},
};

use crate::Error;

/// Plain text to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The bare address.
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The message with its headers, lines ending in CR LF.
    pub(crate) fn written(&self, from: &Mailbox, now: Timestamp) -> Result<(String, Vec<u8>), Error> {
        let to: Mailbox = self.to.parse().map_err(|_| Error::Address)?;
        let address = to.email.to_string();
        let since = Duration::from_micros(u64::try_from(now.micros()).unwrap_or_default());
        let id = format!("<{:032x}@{}>", rand::random::<u128>(), from.email.domain());
        let message = Message::builder()
            .from(from.clone())
            .to(to)
            .subject(self.subject.clone())
            .date(UNIX_EPOCH + since)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
            .map_err(Error::Message)?;
        Ok((address, message.formatted()))
    }
}

/// The content as DATA wants it: every line ends in CR LF, and a dot at the start of one is doubled.
pub(crate) fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    for line in content.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        // A bare CR would let some servers see a line where we see none.
        out.extend(line.iter().filter(|byte| **byte != b'\r'));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(to: &str, subject: &str, text: &str) -> Result<String, Error> {
        let from: Mailbox = "NodeLoom <noreply@example.org>".parse().unwrap();
        let mail = Mail { to: to.into(), subject: subject.into(), text: text.into() };
        let (_, bytes) = mail.written(&from, Timestamp::from_micros(1_700_000_000_000_000))?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_mail_has_its_headers() {
        let text = written("ada@example.com", "Grüße", "Hello\nthere").unwrap();
        assert!(text.contains("From: NodeLoom <noreply@example.org>\r\n"), "{text}");
        assert!(text.contains("To: ada@example.com\r\n") && text.contains("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
        assert!(text.contains("Subject: =?utf-8?b?") && text.ends_with("Hello\r\nthere"), "{text}");
    }

    /// What is put into a mail never becomes a header of it, nor its end.
    #[test]
    fn nothing_escapes_into_the_headers() {
        let text = written("ada@example.com", "x\r\nBcc: evil@example.com", "y").unwrap();
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        for bad in ["ada@example.com\r\nRCPT TO:<evil@example.com>", "a b@c", "", "<ada@example.com>, b@c.de"] {
            assert!(written(bad, "x", "y").is_err(), "{bad}");
        }
        assert_eq!(stuffed(b"a\r\n.\r\n..b\nc\rd"), b"a\r\n..\r\n...b\r\ncd\r\n.\r\n");
    }
}
