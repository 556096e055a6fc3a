//! What a prepared entry carries to the linker beyond the searchable fields. It lives from `prepare` to `link`, in
//! memory only.

pub(crate) struct Body<'a> {
    pub duration_micros: Option<u64>,
    pub subject: &'a [u8],
    pub salt: [u8; 16],
    pub commitment: [u8; 32],
    pub detail: &'a [u8],
}

impl<'a> Body<'a> {
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.subject.len() + self.detail.len());
        out.push(u8::from(self.duration_micros.is_some()));
        out.extend_from_slice(&self.duration_micros.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&u32::try_from(self.subject.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(self.subject);
        out.extend_from_slice(self.detail);
        out
    }
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (timed, rest) = bytes.split_first()?;
        let (duration, rest) = rest.split_first_chunk::<8>()?;
        let (salt, rest) = rest.split_first_chunk::<16>()?;
        let (commitment, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (subject, detail) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let duration_micros = (*timed == 1).then(|| u64::from_be_bytes(*duration));
        Some(Self { duration_micros, subject, salt: *salt, commitment: *commitment, detail })
    }
}
