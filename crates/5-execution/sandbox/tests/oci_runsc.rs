//! The same promises, kept with gVisor's runsc, for whoever has it: NODELOOM_TEST_RUNSC=1.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod suite;
