//! See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "launch", kind, user] => sandbox_launcher::launcher::main(kind, *user == "given", None),
        [_, "launch", kind, user, tree] => sandbox_launcher::launcher::main(kind, *user == "given", Some(tree)),
        [_, "keep", kind] => sandbox_launcher::keeper::main(kind),
        [_, "janitor", directories @ ..] => sandbox_launcher::janitor::main(directories),
        [_, "self-check", what @ ..] => sandbox_launcher::self_check::main(what),
        _ => {
            eprintln!("this is a part of nodeloom and is started by it");
            ExitCode::from(2)
        }
    }
}
