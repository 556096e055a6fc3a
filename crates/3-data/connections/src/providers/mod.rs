//! One file per provider.

mod asana;
mod github;
mod google;
mod hubspot;
mod jira;
mod linear;
mod microsoft;
mod notion;
mod salesforce;
mod shopify;
mod slack;
mod zoom;

use crate::{Error, Provider, provider::PLAIN};

const ALL: &[Provider] = &[
    google::PROVIDER,
    github::PROVIDER,
    slack::PROVIDER,
    microsoft::PROVIDER,
    salesforce::PROVIDER,
    hubspot::PROVIDER,
    shopify::PROVIDER,
    zoom::PROVIDER,
    asana::PROVIDER,
    linear::PROVIDER,
    jira::PROVIDER,
    notion::PROVIDER,
];

/// The providers that are known by name. Any other is `custom` or `custom-…`, with its addresses in the client's
/// settings.
pub const fn all() -> &'static [Provider] {
    ALL
}

/// A provider by name.
///
/// # Errors
/// [`Error::UnknownProvider`].
pub fn find(name: &str) -> Result<&'static Provider, Error> {
    static CUSTOM: Provider = PLAIN;
    let custom = || {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let rest = name.strip_prefix("custom")?;
        let good = rest.is_empty() || (rest.starts_with('-') && rest.len() <= 40 && rest.bytes().all(fits));
        good.then_some(&CUSTOM)
    };
    let known = ALL.iter().find(|provider| provider.name == name);
    known.or_else(custom).ok_or_else(|| Error::UnknownProvider { name: name.chars().take(60).collect() })
}
