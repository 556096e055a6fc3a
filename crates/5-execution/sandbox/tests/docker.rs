//! The same promises, kept by a Docker engine: NODELOOM_TEST_DOCKER names its socket.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod suite;
