//! The second factor: time-based codes (RFC 6238) and recovery codes.
//!
//! Six digits of SHA-1 every thirty seconds, which is what every authenticator understands; the code of one step before
//! and after is taken too. A code is taken once, and so is none older than it. Failures pause the next attempt per person,
//! however many sign-ins they begin.

use domain::{Secret, Timestamp, UserId};
use totp_rs::{Builder, Totp};

use crate::{
    Caller, Error, Identity, SignedIn, TokenHash,
    ports::SecondFactorRecord,
    session::{Browser, Method},
    token::random,
};

const STEP_SECONDS: u64 = 30;
const DIGITS: usize = 6;
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// 120 bits: past 112 a plain hash is enough (OWASP ASVS 6.5.2).
const RECOVERY_CHARACTERS: usize = 24;
/// Letters and digits that are not mistaken for one another; 32 of them, so that a byte's five bits choose without bias.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// A secret that waits to be confirmed; shown once.
#[derive(Debug)]
pub struct Enrolment {
    /// In base 32, for typing.
    pub secret: Secret<String>,
    /// `otpauth://…`, for scanning.
    pub uri: Secret<String>,
}

/// A person's second factor, as they may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub confirmed_at: Option<Timestamp>,
    pub recovery_codes_left: u32,
}

fn totp(secret: &Secret<Vec<u8>>, issuer: &str, account: &str) -> Option<Totp> {
    // A colon would end the issuer early in the address.
    let clean = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_secret(secret.expose().clone().into_boxed_slice())
        .with_skew(1)
        .with_step_duration(STEP_SECONDS)
        .with_issuer(Some(clean(issuer)))
        .with_account_name(clean(account))
        .build()
        .ok()
}

/// The step whose code this is, if it is one of now, a step ago or a step ahead.
fn step_of(secret: &Secret<Vec<u8>>, code: &str, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.micros().div_euclid(1_000_000)).ok()?;
    let step = totp(secret, "NodeLoom", "account")?.check(code, seconds)?;
    i64::try_from(step).ok()
}

fn recovery_code() -> Secret<String> {
    let bytes: [u8; RECOVERY_CHARACTERS] = random();
    let mut text = String::with_capacity(RECOVERY_CHARACTERS + 5);
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Secret::new(text)
}

/// As people type it: case, blanks and dashes do not matter.
fn recovery_hash(user: UserId, code: &str) -> TokenHash {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    TokenHash::of(&format!("recovery:{user}:{plain}"))
}

fn new_codes(user: UserId) -> (Vec<Secret<String>>, Vec<TokenHash>) {
    let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes = codes.iter().map(|code| recovery_hash(user, code.expose())).collect();
    (codes, hashes)
}

impl Identity {
    /// Takes a code of the second factor, or a recovery code.
    pub(crate) async fn check_code(&self, user: UserId, code: &Secret<String>, now: Timestamp) -> Result<(), Error> {
        let key = self.second_factor_cooldown(user);
        self.not_cooling_down(&key, now).await?;
        if self.takes(user, code.expose().trim(), now).await? {
            self.records().clear_cooldown(&key).await?;
            return Ok(());
        }
        self.records().record_failure(&key, key.action.policy(), now).await?;
        Err(Error::WrongCode)
    }

    async fn takes(&self, user: UserId, code: &str, now: Timestamp) -> Result<bool, Error> {
        let digits: String = code.chars().filter(|c| *c != ' ').collect();
        if digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
            let factor = self.records().second_factor(user).await?.filter(|factor| factor.confirmed_at.is_some());
            return match factor.and_then(|factor| step_of(&factor.secret, &digits, now)) {
                Some(step) => Ok(self.records().take_step(user, step).await?),
                None => Ok(false),
            };
        }
        if code.len() > 64 {
            return Ok(false);
        }
        Ok(self.records().use_recovery_code(user, &recovery_hash(user, code), now).await?)
    }

    /// How the caller's second factor stands.
    ///
    /// # Errors
    /// [`Error::NotIdentified`] for callers without a session, [`Error::Unavailable`].
    pub async fn second_factor(&self, caller: &Caller) -> Result<Standing, Error> {
        let user = caller.session_user()?;
        let confirmed_at = self.records().second_factor(user).await?.and_then(|factor| factor.confirmed_at);
        Ok(Standing { confirmed_at, recovery_codes_left: self.records().recovery_codes_left(user).await? })
    }

    /// Begins an enrolment; an earlier one that was not confirmed is forgotten.
    ///
    /// # Errors
    /// [`Error::SecondFactorExists`], [`Error::NotIdentified`].
    pub async fn begin_second_factor(&self, caller: &Caller, now: Timestamp) -> Result<Enrolment, Error> {
        let id = caller.session_user()?;
        let user = self.records().user(id).await?.ok_or(crate::NotIdentified::Unknown)?;
        let secret = Secret::new(random::<20>().to_vec());
        if !self.records().begin_second_factor(id, &secret, now).await? {
            return Err(Error::SecondFactorExists);
        }
        let host = self.policy().issuer.trim_start_matches("https://");
        let made = totp(&secret, &format!("NodeLoom {host}"), user.email.as_str());
        let made = made.ok_or(Error::Configuration("a second factor cannot be made for this address"))?;
        let uri = made.to_url().map_err(|_| Error::Configuration("an otpauth address could not be made"))?;
        Ok(Enrolment { secret: Secret::new(made.secret().to_base32()), uri: Secret::new(uri) })
    }

    /// Confirms the enrolment with a code. All other sessions end, this one gets another id, and the recovery codes are
    /// shown once.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::CoolingDown`], [`Error::NoSecondFactor`], [`Error::SecondFactorExists`].
    pub async fn confirm_second_factor(
        &self,
        caller: &Caller,
        code: &Secret<String>,
        browser: Browser,
        now: Timestamp,
    ) -> Result<(Vec<Secret<String>>, SignedIn), Error> {
        let id = caller.session_user()?;
        let key = self.second_factor_cooldown(id);
        self.not_cooling_down(&key, now).await?;
        let SecondFactorRecord { secret, confirmed_at } =
            self.records().second_factor(id).await?.ok_or(Error::NoSecondFactor)?;
        if confirmed_at.is_some() {
            return Err(Error::SecondFactorExists);
        }
        let (codes, hashes) = new_codes(id);
        let taken = match step_of(&secret, &code.expose().replace(' ', ""), now) {
            Some(step) => self.records().confirm_second_factor(id, step, &hashes, now).await?,
            None => false,
        };
        if !taken {
            self.records().record_failure(&key, key.action.policy(), now).await?;
            return Err(Error::WrongCode);
        }
        self.records().clear_cooldown(&key).await?;
        self.forget_second_factors();
        let signed_in = self.anew(id, Method::SecondFactor, browser, now).await?;
        Ok((codes, signed_in))
    }

    /// New recovery codes in place of all earlier ones.
    ///
    /// # Errors
    /// [`Error::NoSecondFactor`].
    pub async fn new_recovery_codes(&self, caller: &Caller) -> Result<Vec<Secret<String>>, Error> {
        let id = caller.session_user()?;
        if !self.records().has_second_factor(id).await? {
            return Err(Error::NoSecondFactor);
        }
        let (codes, hashes) = new_codes(id);
        self.records().replace_recovery_codes(id, &hashes).await?;
        Ok(codes)
    }

    /// Takes the second factor away. Whoever calls this has asked for proof just now ([`Identity::step_up`]).
    ///
    /// # Errors
    /// [`Error::NoSecondFactor`].
    pub async fn end_second_factor(
        &self,
        caller: &Caller,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let id = caller.session_user()?;
        if !self.records().has_second_factor(id).await? {
            return Err(Error::NoSecondFactor);
        }
        self.records().remove_second_factor(id).await?;
        self.forget_second_factors();
        self.anew(id, Method::Password, browser, now).await
    }

    /// Ends every session of a person and opens one.
    async fn anew(&self, id: UserId, method: Method, browser: Browser, now: Timestamp) -> Result<SignedIn, Error> {
        self.end_other_sessions(id, None, now).await?;
        let user = self.records().user(id).await?.ok_or(crate::NotIdentified::Unknown)?;
        self.open(&user, method, browser, now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }
    /// RFC 6238, appendix B: the secret of SHA-1.
    fn secret() -> Secret<Vec<u8>> {
        Secret::new(b"12345678901234567890".to_vec())
    }

    /// RFC 6238, appendix B, the last six digits of each code.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(step_of(&secret(), code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    /// Bad input of issue 5: a clock that jumps finds no code, in either direction.
    #[test]
    fn a_code_is_good_one_step_before_and_after() {
        let step = 1_111_111_111 / 30;
        for (off, good) in [(-61, false), (-30, true), (0, true), (30, true), (61, false), (86_400, false)] {
            let found = step_of(&secret(), "050471", at(1_111_111_111 + off));
            assert_eq!(found, good.then_some(step), "{off}");
        }
        assert_eq!(step_of(&secret(), "050471", at(-5)), None);
        for junk in ["", "05047", "0504711", "abcdef", "\u{0660}50471"] {
            assert_eq!(step_of(&secret(), junk, at(1_111_111_111)), None, "{junk}");
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_read_however_they_are_typed() {
        let user = UserId::new(at(0), [1; 10]);
        let (codes, hashes) = new_codes(user);
        assert!(codes.len() == 10 && hashes.iter().collect::<std::collections::BTreeSet<_>>().len() == 10);
        let code = codes[0].expose();
        assert_eq!(code.len(), 29);
        for typed in [code.to_uppercase(), code.replace('-', ""), code.replace('-', " ")] {
            assert_eq!(recovery_hash(user, &typed), hashes[0]);
        }
        assert_ne!(recovery_hash(UserId::new(at(0), [2; 10]), code), hashes[0], "another person's");
    }
}
