//! Access tokens: a session's id under a signature, good for ten minutes (R032).
//!
//! The form is a JWT with HS256, but nothing is negotiated: the header must say exactly `HS256` and name one of our own
//! keys, unknown fields are refused, and issuer and audience must be ours. A token says which session, never which
//! rights: those are asked anew.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::{Secret, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Keys, error::NotIdentified};

/// Longest token that is looked at.
const MAX_BYTES: usize = 1024;
/// How far ahead of ours another server's clock may be.
const SKEW: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    pub ver: u8,
}

/// Who signs and for whom.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub(crate) keys: Keys,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) life: Duration,
}

impl Tokens {
    /// A token for `session`, good from `now` for the configured life.
    pub(crate) fn sign(&self, user: UserId, session: SessionId, now: Timestamp) -> Secret<String> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            sid: session,
            iat: seconds(now),
            exp: seconds(now + self.life),
            ver: 1,
        };
        let (kid, key) = self.keys.access();
        let part = |json: Result<Vec<u8>, serde_json::Error>| BASE64.encode(json.unwrap_or_default());
        let header = part(serde_json::to_vec(&Header { alg: "HS256", kid, typ: "JWT" }));
        let body = part(serde_json::to_vec(&claims));
        let signed = format!("{header}.{body}");
        let tag = hmac::sign(key, signed.as_bytes());
        Secret::new(format!("{signed}.{}", BASE64.encode(tag)))
    }

    /// What `token` says, if one of our keys signed it, for us, and it is in time.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, NotIdentified> {
        let claims = self.verify_at_any_time(token)?;
        if claims.iat > seconds(now + SKEW) || claims.exp <= seconds(now) || claims.exp <= claims.iat {
            return Err(NotIdentified::Expired);
        }
        Ok(claims)
    }

    /// The same for a token whose time may be over: good for ending what it names, and for nothing else.
    pub(crate) fn verify_at_any_time(&self, token: &str) -> Result<Claims, NotIdentified> {
        use NotIdentified::{BadSignature, Malformed};
        if token.len() > MAX_BYTES {
            return Err(Malformed);
        }
        let (signed, tag) = token.rsplit_once('.').ok_or(Malformed)?;
        let (header, body) = signed.split_once('.').ok_or(Malformed)?;
        let decode = |part: &str| BASE64.decode(part).map_err(|_| Malformed);
        let header = decode(header)?;
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| Malformed)?;
        if header.alg != "HS256" || header.typ != "JWT" {
            return Err(BadSignature);
        }
        let key = self.keys.access_by_id(header.kid).ok_or(BadSignature)?;
        hmac::verify(key, signed.as_bytes(), &decode(tag)?).map_err(|_| BadSignature)?;
        let claims: Claims = serde_json::from_slice(&decode(body)?).map_err(|_| Malformed)?;
        if claims.iss != self.issuer || claims.aud != self.audience || claims.ver != 1 {
            return Err(BadSignature);
        }
        Ok(claims)
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn tokens(seed: u8) -> Tokens {
        let master = Secret::new((0..32).map(|i| i ^ seed).collect::<Vec<u8>>());
        Tokens {
            keys: Keys::new(&master, &[]).unwrap(),
            issuer: "https://localhost:8443".into(),
            audience: "nodeloom".into(),
            life: Duration::from_secs(600),
        }
    }
    fn ids() -> (UserId, SessionId) {
        (UserId::new(NOW, [1; 10]), SessionId::new(NOW, [2; 10]))
    }
    /// A token of any header and body, rightly signed with `tokens`' own key.
    fn forge(tokens: &Tokens, header: &str, body: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(body));
        let tag = hmac::sign(tokens.keys.access().1, signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(tag))
    }
    fn body(token: &str) -> String {
        String::from_utf8(BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    /// R032: a signed token says who for ten minutes and not a second longer.
    #[test]
    fn a_token_is_good_for_its_life() {
        let (tokens, (user, session)) = (tokens(0), ids());
        let token = tokens.sign(user, session, NOW);
        let at = |seconds| tokens.verify(token.expose(), NOW + Duration::from_secs(seconds)).map(|c| (c.sub, c.sid));
        assert_eq!(at(0), Ok((user, session)));
        assert_eq!(at(599), Ok((user, session)));
        assert_eq!(at(600), Err(NotIdentified::Expired));
        assert_eq!(tokens.verify(token.expose(), NOW - Duration::from_secs(31)), Err(NotIdentified::Expired));
    }

    /// R032: one changed character anywhere is noticed.
    #[test]
    fn a_tampered_token_is_refused() {
        let (tokens, (user, session)) = (tokens(0), ids());
        let token = tokens.sign(user, session, NOW);
        for at in 0..token.expose().len() {
            let mut bytes = token.expose().clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(tokens.verify(std::str::from_utf8(&bytes).unwrap(), NOW).is_err(), "position {at}");
        }
    }

    /// Bad input of issue 5: a JWT with alg none or another alg, even one that our own key signed.
    #[test]
    fn no_other_algorithm_is_accepted() {
        let (tokens, (user, session)) = (tokens(0), ids());
        let good = tokens.sign(user, session, NOW);
        let (kid, body) = (tokens.keys.access().0, body(good.expose()));
        assert!(
            tokens
                .verify(&forge(&tokens, &format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"JWT"}}"#), &body), NOW)
                .is_ok()
        );
        for alg in ["none", "None", "NONE", "", "HS512", "HS384", "RS256", "ES256", "hs256"] {
            let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#);
            assert!(tokens.verify(&forge(&tokens, &header, &body), NOW).is_err(), "{alg}");
            let unsigned = format!("{}.{}.", BASE64.encode(&header), BASE64.encode(&body));
            assert!(tokens.verify(&unsigned, NOW).is_err(), "{alg} unsigned");
        }
        for header in [
            r#"{"alg":"HS256"}"#.to_owned(),
            format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"JWT","jwk":{{}}}}"#),
            format!(r#"{{"alg":"none","alg":"HS256","kid":"{kid}","typ":"JWT"}}"#),
            r#"{"alg":"HS256","kid":"../../dev/null","typ":"JWT"}"#.to_owned(),
        ] {
            assert!(tokens.verify(&forge(&tokens, &header, &body), NOW).is_err(), "{header}");
        }
    }

    #[test]
    fn a_token_of_another_server_or_for_another_audience_is_refused() {
        let (ours, (user, session)) = (tokens(0), ids());
        assert!(ours.verify(tokens(99).sign(user, session, NOW).expose(), NOW).is_err());
        for change in [|t: &mut Tokens| t.issuer.push('x'), |t: &mut Tokens| t.audience.push('x')] {
            let mut other = tokens(0);
            change(&mut other);
            assert_eq!(ours.verify(other.sign(user, session, NOW).expose(), NOW), Err(NotIdentified::BadSignature));
        }
    }

    #[test]
    fn a_token_survives_a_change_of_key_for_as_long_as_the_old_key_is_kept() {
        let key = |seed: u8| Secret::new((0..32).map(|i| i ^ seed).collect::<Vec<u8>>());
        let (user, session) = ids();
        let old = tokens(1).sign(user, session, NOW);
        let with = |keys| Tokens { keys, ..tokens(0) };
        assert!(with(Keys::new(&key(2), &[key(1)]).unwrap()).verify(old.expose(), NOW).is_ok());
        assert!(with(Keys::new(&key(2), &[]).unwrap()).verify(old.expose(), NOW).is_err());
    }

    #[test]
    fn junk_is_malformed_and_never_a_panic() {
        for junk in
            ["", ".", "..", "...", "a.b.c", "é.é.é", &"a".repeat(5000), &format!("{}.e30.e30", BASE64.encode("{}"))]
        {
            assert!(tokens(0).verify(junk, NOW).is_err(), "{junk}");
        }
    }
}
