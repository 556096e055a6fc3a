//! The promises of this crate, against records in memory. Rows of the identity notes' bad-input table that fall here
//! are named in the tests.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in helpers too")]

mod api_keys;
mod csrf;
mod junk;
mod links;
mod requests;
mod second_factor;
mod set_up;
mod sign_in;
mod world;
