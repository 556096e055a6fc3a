//! Who may do what: one table, and a proof that it was asked.
//!
//! [`table`] is the security overview's table as data, with the further permissions of D8 in the same form; anything
//! not in it is refused. [`Permit`] is the proof: storage asks for one, and only [`Actor::may`] makes it.
//! This crate never decides by role name outside the table, never reads storage and never logs.

mod permit;
mod table;

pub use permit::{Action, Actor, Narrowing, Permit, Refused, SystemPermit, act_as_system, action};
pub use table::{Permission, allows, render};
