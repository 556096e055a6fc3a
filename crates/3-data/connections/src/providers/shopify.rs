//! Shopify: a host per shop, a signature over the way back, scopes with commas, a header of its own, and tokens that expire
//! only when asked to.

use aws_lc_rs::hmac;

use crate::provider::{PLAIN, Parameter, Provider, Revoke};

pub(super) const PROVIDER: Provider = Provider {
    name: "shopify",
    title: "Shopify",
    authorize: "https://{shop}.myshopify.com/admin/oauth/authorize",
    token: "https://{shop}.myshopify.com/admin/oauth/access_token",
    revoke: Revoke::DeleteAsSelf { url: "https://{shop}.myshopify.com/admin/api_permissions/current.json" },
    parameters: &[Parameter {
        name: "shop",
        title: "Shop",
        default: None,
        fits,
        expected: "the shop's name, as in name.myshopify.com",
    }],
    default_scopes: &["read_products"],
    scope_separator: ",",
    pkce: false,
    token_extra: &[("expiring", "1")],
    header: Some("X-Shopify-Access-Token"),
    gone: &["invalid_subject_token", "invalid_refresh_token"],
    hosts: &["{shop}.myshopify.com"],
    probe: Some("https://{shop}.myshopify.com/admin/api/2026-07/shop.json"),
    callback: Some(is_signed),
    ..PLAIN
};

/// The one label before `.myshopify.com`.
fn fits(shop: &str) -> bool {
    let first = shop.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first && shop.len() <= 60 && shop.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `hmac` is HMAC-SHA256 by the client secret over the other fields, sorted and joined.
fn is_signed(query: &[(String, String)], secret: &str) -> bool {
    let Some((_, given)) = query.iter().find(|(name, _)| name == "hmac") else { return false };
    let Ok(given) = hex::decode(given) else { return false };
    let mut fields: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "hmac" && name != "signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.sort_unstable();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, fields.join("&").as_bytes(), &given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R070: the shop becomes a host, so nothing but a shop's name fits.
    #[test]
    fn only_a_shops_name_fits() {
        assert!(fits("my-shop-1"));
        for bad in ["", "My-shop", "-a", "a.b", "a/b", "evil.com#", "a@b", "a:1", &"a".repeat(61), "shop\n"] {
            assert!(!fits(bad), "{bad:?}");
        }
    }
}
