//! Runs one piece of JavaScript: a job on standard input, a framed answer on standard output, then the end.
//!
//! It stands in a sandbox, never opens a file or a socket, and trusts nothing it reads beyond its own size limits. There is no file, socket, clock
//! setter or module loader in reach of the script; what is not in the language is not there. Limits on heap, stack and
//! steps inside give better messages than the walls outside, which hold whatever happens here.
//!
//! Start reading at [`evaluate`](script::evaluate); [`frame`] is the format of jobs and answers.

mod console;
mod frame;
mod script;

use std::process::exit;

fn main() {
    std::panic::set_hook(Box::new(|_| exit(70)));
    let Some(job) = frame::read_job() else { exit(64) };
    frame::write_answer(&script::evaluate(&job), job.max_value);
    // no tear-down: the container takes the memory back in one piece
    exit(0);
}
