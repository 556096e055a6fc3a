//! The one way out. Every call that NodeLoom makes to another machine — HTTP, a database, a mail server, a model —
//! starts here, so that one place decides where data may go.
//!
//! What it promises: a name is resolved once, every address it answers with is judged, and the connection goes to one
//! of the judged addresses (a name that answers differently the next moment gains nothing); private, loopback,
//! link-local, shared, multicast, reserved and metadata addresses are refused unless the operator allows them;
//! redirects are followed here, and every hop is judged like the first; answers end at a limit and at a deadline.
//! What it never does: read a proxy or a certificate from the environment, follow a redirect from https to http, or
//! write a header, a query or a body to a log.
//!
//! Start reading in [`policy`] (what is allowed), then [`Egress::send`] (one call) and [`dial`] (one connection).

mod address;
mod body;
mod client;
mod dial;
mod domains;
mod error;
mod policy;
mod redirect;
mod request;
mod resolver;
mod tls;

pub use address::{Class, classify};
pub use body::Body;
pub use client::{Egress, Response};
pub use dial::Socket;
pub use domains::{DomainPattern, Domains, InvalidDomain};
pub use error::Error;
pub use policy::{AllowRule, InvalidRule, Policy};
pub use request::Request;
pub use resolver::{Resolver, SystemResolver};

// The vocabulary of HTTP that callers need; they name no HTTP library of their own.
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use url::Url;
