//! Handles: names for credentials that nodes, scripts and models may hold, because they are worth nothing by themselves.
//!
//! A handle is made of a key that only the vault has, the run, its team and environment, and the credential's name. It is
//! swapped for the value on the way out, where egress knows the host: only for a host that the credential is bound to,
//! only in the header or query field that the credential declares, never in a body or a path. A handle of another run,
//! team or environment is not recognised, because there it would have been another.

use std::ops::Range;

use domain::{RunId, Scope, Secret};

use crate::{CredentialValue, Vault, credential::Carrier};

/// How every handle begins.
pub const PREFIX: &str = "nlh_";
const DIGITS: usize = 40;

/// Makes the handles of one run. The same name gives the same handle, so that a replay sees what the run saw.
#[derive(Clone)]
pub struct Handles {
    seed: Secret<Vec<u8>>,
}

impl Vault {
    /// The handles of a run.
    pub fn handles(&self, scope: Scope, run: RunId) -> Handles {
        let place = format!("{}/{}/{run}", scope.team, scope.environment.as_str());
        Handles { seed: Secret::new(self.keyed_hash("handles/v1", place.as_bytes()).to_vec()) }
    }
}

impl Handles {
    /// The handle of the credential that goes by `name`, a name or an id; whether there is one is not asked.
    pub fn of(&self, name: &str) -> String {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.seed.expose());
        let hex = hex::encode(aws_lc_rs::hmac::sign(&key, name.as_bytes()).as_ref());
        format!("{PREFIX}{}", &hex[..DIGITS])
    }
    /// Whether `handle` is this run's for one of these names.
    pub fn is_one_of<'a>(&self, handle: &str, names: impl IntoIterator<Item = &'a str>) -> bool {
        names.into_iter().any(|name| self.of(name) == handle)
    }
}
impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handles(..)")
    }
}

/// Where things that look like handles stand in `text`.
pub fn spans(text: &str) -> Vec<Range<usize>> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let starts = text.match_indices(PREFIX).map(|(at, _)| at);
    let whole = starts.filter_map(|at| {
        let end = at + PREFIX.len() + DIGITS;
        let digits = text.as_bytes().get(at + PREFIX.len()..end)?;
        digits.iter().all(is_digit).then_some(at..end)
    });
    whole.collect()
}

/// Where in a request a handle stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    Header(&'a str),
    Query(&'a str),
}

/// Why a handle was not swapped. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleProblem {
    #[error("the credential goes in {declared}, and its handle stands in {found}")]
    Field { declared: String, found: String },
    #[error("the credential's handle must stand alone in {found}, after its prefix at most")]
    Form { found: String },
    #[error("a credential of this kind is in no header and no query field; name it in a node instead")]
    NoField,
}

/// What stands in `field` in place of `text`, which holds `handle`, when the credential's value is put there.
///
/// # Errors
/// [`HandleProblem`]: the handle stands where the credential does not declare it, or not alone.
pub fn swapped(
    value: &CredentialValue,
    field: Field<'_>,
    text: &str,
    handle: &str,
) -> Result<Secret<String>, HandleProblem> {
    let carrier = value.carrier().ok_or(HandleProblem::NoField)?;
    let found = match field {
        Field::Header(name) => format!("the header {name}"),
        Field::Query(name) => format!("the query field {name}"),
    };
    let (right, declared) = match (&carrier, field) {
        (Carrier::Header { name, .. }, Field::Header(here)) => {
            (name.eq_ignore_ascii_case(here), format!("the header {name}"))
        }
        (Carrier::Query { name }, Field::Query(here)) => (name == here, format!("the query field {name}")),
        (Carrier::Header { name, .. }, _) => (false, format!("the header {name}")),
        (Carrier::Query { name }, _) => (false, format!("the query field {name}")),
    };
    if !right {
        return Err(HandleProblem::Field { declared, found });
    }
    let text = text.trim();
    let alone = match &carrier {
        Carrier::Header { prefix: Some(prefix), .. } => {
            text == handle || text.strip_suffix(handle).is_some_and(|before| before.trim() == prefix.as_str())
        }
        _ => text == handle,
    };
    if alone { Ok(carrier.carried(value)) } else { Err(HandleProblem::Form { found }) }
}
