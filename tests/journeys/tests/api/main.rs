//! Journeys through the HTTP API, one module a subject; one binary, because linking the server takes long.

mod workflows;
