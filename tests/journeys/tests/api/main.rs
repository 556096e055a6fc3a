//! Journeys through the HTTP API, one module a subject; one binary, because linking the server takes long.

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

mod access;
mod accounts;
mod audit;
mod audit_edges;
mod demo;
mod events;
mod guardrail_settings;
mod guardrails;
mod headers;
mod hostile;
mod layers;
mod limits;
mod openapi;
mod prepared;
mod prepared_more;
mod redaction;
mod runs;
mod second_factor;
mod sessions;
mod setup;
mod siem;
mod teams;
mod webhook;
mod workflows;
