//! What every file with SQL in it stands on: statements and binds ([`sql`]), rows ([`row`]), many rows at once
//! ([`rows`]), one connection of either kind ([`conn`]), readers ([`db`]) and the transaction ([`tx`]).

pub(crate) mod conn;
pub(crate) mod db;
pub(crate) mod row;
mod rows;
pub(crate) mod sql;
pub(crate) mod tx;
