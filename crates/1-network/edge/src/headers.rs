//! The headers that every answer carries, whatever made it: handler, refusal, file or panic (R015, R020–R025).
//!
//! A handler cannot loosen them: what stands here replaces what it wrote. Only `Cache-Control` may be chosen by a
//! handler, because files want to be kept.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::front::Surface;

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const REQUIRE_CORP: HeaderValue = HeaderValue::from_static("require-corp");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(self), \
     geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     publickey-credentials-get=(self), screen-wake-lock=(), usb=(), xr-spatial-tracking=()",
);
const API_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
);
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; object-src 'none'",
);

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");

/// Writes the headers of `surface` over those of an answer.
pub fn stamp(headers: &mut HeaderMap, surface: &Surface) {
    headers.reserve(12);
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
    headers.remove(header::SERVER);
    match surface {
        Surface::Api => {
            headers.insert(header::CONTENT_SECURITY_POLICY, API_POLICY);
            headers.insert(header::X_FRAME_OPTIONS, DENY);
            headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
            headers.insert(EMBEDDER_POLICY, REQUIRE_CORP);
        }
        Surface::Page => {
            // With "no-referrer" browsers say "Origin: null" when a form of ours is sent, and we refuse that.
            headers.insert(header::REFERRER_POLICY, SAME_ORIGIN);
            headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
            headers.insert(header::X_FRAME_OPTIONS, DENY);
            headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
            headers.insert(EMBEDDER_POLICY, REQUIRE_CORP);
        }
        Surface::Embed(ancestors) => {
            headers.insert(header::CONTENT_SECURITY_POLICY, ancestors.policy.clone());
            headers.remove(header::X_FRAME_OPTIONS);
            headers.insert(RESOURCE_POLICY, CROSS_ORIGIN);
            headers.remove(EMBEDDER_POLICY);
        }
    }
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
}

/// Who may frame an embed route (D13). There, and nowhere else, `frame-ancestors` stands in for `X-Frame-Options`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestors {
    policy: HeaderValue,
}

impl Ancestors {
    /// Exactly these origins; none at all means that nobody may frame it.
    ///
    /// # Errors
    /// [`crate::Error::Origin`] or [`crate::Error::WildcardOrigin`] for what is no origin.
    pub fn new<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<Self, crate::Error> {
        let mut list = String::new();
        for origin in origins {
            list.push(' ');
            list.push_str(&crate::cors::origin(origin.as_ref())?);
        }
        if list.is_empty() {
            list.push_str(" 'none'");
        }
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors{list}"
        );
        let policy = HeaderValue::from_str(&policy).map_err(|_| crate::Error::Origin { origin: list })?;
        Ok(Self { policy })
    }
}
