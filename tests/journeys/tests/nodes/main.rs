//! Every node type for real, through the server, against doubles of the world outside.

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

mod code;
mod flow;
mod http;
mod model;
mod models_bad;
mod one_product;
mod sql;
mod usage;
