//! What is promised, whoever makes the containers: the same tests for every backend. Which one, the name of the test
//! program says; a backend that is not here is skipped, and the reason printed.

mod code;
pub mod common;
mod escapes;
mod leaks;
mod ordinary_user;
mod programs;
mod published;
