//! Journeys through the HTTP API, one module a subject; one binary, because linking the server takes long.

mod access;
mod audit;
mod demo;
mod events;
mod guardrails;
mod headers;
mod hostile;
mod openapi;
mod prepared;
mod redaction;
mod runs;
mod setup;
mod webhook;
mod workflows;
