//! Reading signed notes.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::tree::digest;

/// The public half of a checkpoint key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// A note or a key that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the text is not a verifier key of the form name+id+key, or its id does not belong to the key")]
    Key,
    #[error("the text is not a signed note")]
    Form,
    #[error("the note carries no signature by the expected key")]
    Unsigned,
    #[error("the signature does not belong to the note's text")]
    Signature,
}

impl VerifierKey {
    /// Reads `<name>+<key id>+<key>`.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_key(text, 0x01)?;
        Ok(Self { name, id, key })
    }
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The key of a witness: it signs a note together with the time at which it saw it (C2SP tlog-cosignature).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl WitnessKey {
    /// Reads `<name>+<key id>+<key>`, where the key begins with the byte 4.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parse_key(text, 0x04)?;
        Ok(Self { name, id, key })
    }
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The time (seconds since 1970) at which this witness says that it saw the note; `None` when the note has no
    /// line of this key.
    ///
    /// # Errors
    /// The form is wrong, or the witness did not sign this text.
    pub fn cosigned(&self, note: &str) -> Result<Option<u64>, NoteError> {
        let (text, lines) = split(note)?;
        let mut seen = None;
        for line in lines.lines() {
            let (name, blob) = signature_line(line)?;
            let Some((id, rest)) = blob.split_first_chunk::<4>() else { return Err(NoteError::Form) };
            if name != self.name || *id != self.id {
                continue;
            }
            let (time, signature) = rest.split_first_chunk::<8>().ok_or(NoteError::Form)?;
            let time = u64::from_be_bytes(*time);
            let message = format!("cosignature/v1\ntime {time}\n{text}");
            UnparsedPublicKey::new(&ED25519, &self.key)
                .verify(message.as_bytes(), signature)
                .map_err(|_| NoteError::Signature)?;
            seen = Some(time);
        }
        Ok(seen)
    }
}

fn parse_key(text: &str, algorithm: u8) -> Result<(String, [u8; 4], [u8; 32]), NoteError> {
    let mut parts = text.trim().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key);
    };
    let tagged = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
    let (first, key) = tagged.split_first().ok_or(NoteError::Key)?;
    let key: [u8; 32] = key.try_into().map_err(|_| NoteError::Key)?;
    let full = digest(&[name.as_bytes(), b"\n", &tagged]);
    let stated = hex::decode(id).map_err(|_| NoteError::Key)?;
    if *first != algorithm || name.is_empty() || stated != full[..4] {
        return Err(NoteError::Key);
    }
    Ok((name.to_owned(), [full[0], full[1], full[2], full[3]], key))
}

fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let split = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    if !signatures.ends_with('\n') || text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::Form);
    }
    Ok((text, signatures))
}

fn signature_line(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let (name, blob) = line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or(NoteError::Form)?;
    Ok((name, STANDARD.decode(blob).map_err(|_| NoteError::Form)?))
}

/// The note's text, newline included, if `key` signed it. Signatures of others (witnesses) are passed over.
///
/// # Errors
/// The form is wrong, `key` did not sign, or what it signed was another text.
pub fn open<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    let (text, signatures) = split(note)?;
    let mut answer = Err(NoteError::Unsigned);
    for line in signatures.lines() {
        let (name, blob) = signature_line(line)?;
        let (id, signature) = blob.split_at_checked(4).ok_or(NoteError::Form)?;
        if name != key.name || id != key.id {
            continue;
        }
        UnparsedPublicKey::new(&ED25519, &key.key)
            .verify(text.as_bytes(), signature)
            .map_err(|_| NoteError::Signature)?;
        answer = Ok(text);
    }
    answer
}
