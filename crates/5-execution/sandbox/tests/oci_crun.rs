//! The same promises, kept with crun where it is installed and can work.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod suite;
