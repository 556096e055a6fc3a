//! What the load generator and the torture share: a client that only ever talks to a loopback address.

pub mod client;
