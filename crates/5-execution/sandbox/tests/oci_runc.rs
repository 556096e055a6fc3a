//! The same promises, kept with runc where it is installed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod suite;
