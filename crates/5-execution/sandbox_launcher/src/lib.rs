//! The small process that turns into a sandbox.
//!
//! It is a static binary of its own, so that it starts in a millisecond, costs little memory while it waits, and never
//! is a fork of the many-threaded server. It has given up the host's files, network and rights before it reads its
//! first job. For each job it makes one child in namespaces of its own, watches it, kills it at its deadline and reports.
//!
//! What it never does: decide what is allowed (that is [`filter`] and the job), read the host's files after start-up,
//! or run two jobs at a time.
//!
//! Where a container engine makes the walls, the same program is the container's first process instead ([`keeper`]).
//!
//! Start reading at [`launcher`], then [`child`]. [`sys`] is the one module of NodeLoom with `unsafe`.

pub mod child;
pub mod filter;
pub mod janitor;
pub mod keeper;
pub mod launcher;
pub mod root;
pub mod self_check;
pub mod sys;
pub mod wire;
