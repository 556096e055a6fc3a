//! The promises, kept by NodeLoom's own launcher.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod suite;
