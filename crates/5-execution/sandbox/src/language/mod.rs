//! Languages: how a piece of code becomes a task, and what its runner answers.

mod frame;

use std::path::Path;

use domain::Json;
use sandbox_launcher::wire::Profile;

pub use frame::Answer;

use crate::{
    Captured, Error, Exit, Failure, Language, Limits,
    backend::{Executable, Finished, Task},
    executable,
};

/// The Python side of [`frame`].
const HARNESS: &str = include_str!("harness.py");

/// What a runner may write beside its value: numbers and separators.
const FRAME_BYTES: u64 = 4096;

/// Checks source and input and makes the task.
pub fn task<'a>(
    python: &Path,
    tree: Option<&Path>,
    language: Language,
    source: &[u8],
    input: &Json,
    limits: &'a Limits,
) -> Result<Task<'a>, Error> {
    let bytes = source.len() as u64;
    if bytes > limits.source_bytes {
        return Err(Error::SourceTooLarge { bytes, limit_bytes: limits.source_bytes });
    }
    if let Err(error) = std::str::from_utf8(source) {
        return Err(Error::SourceNotUtf8 { at: error.valid_up_to() });
    }
    let input = serde_json::to_vec(input).map_err(|error| Error::broken("write the input")(error.into()))?;
    let bytes = input.len() as u64;
    if bytes > limits.input_bytes {
        return Err(Error::InputTooLarge { bytes, limit_bytes: limits.input_bytes });
    }
    let stdin = frame::job(source, &input, limits);
    let room = limits.output_bytes + FRAME_BYTES;
    match language {
        Language::Javascript => Ok(Task {
            profile: Profile::Javascript,
            tree: None,
            program: Executable::Javascript,
            arguments: vec![b"javascript".to_vec()],
            stdin,
            result_bytes: None,
            own_network: false,
            output_bytes: 3 * room,
            limits,
        }),
        Language::Python => Ok(Task {
            profile: if tree.is_some() { Profile::Tree } else { Profile::HostUsr },
            tree: tree.map(Path::to_owned),
            program: Executable::Inside(interpreter(python, tree)?),
            arguments: ["python3", "-I", "-S", "-B", "-c", HARNESS].map(|word| word.as_bytes().to_vec()).into(),
            stdin,
            result_bytes: Some(room),
            own_network: false,
            output_bytes: limits.output_bytes,
            limits,
        }),
    }
}

/// The interpreter's own path, below /usr or in the tree.
fn interpreter(python: &Path, tree: Option<&Path>) -> Result<Vec<u8>, Error> {
    let missing = |reason: String| Error::LanguageNotInstalled { language: Language::Python, reason };
    let found = match tree {
        None => python.canonicalize().map_err(|error| missing(format!("{}: {error}", python.display())))?,
        Some(tree) => executable::inside(tree, python)
            .ok_or_else(|| missing(format!("{} is not in {}", python.display(), tree.display())))?,
    };
    if tree.is_none() && !found.starts_with("/usr") {
        return Err(missing(format!("{} does not lie below /usr", found.display())));
    }
    Ok(std::os::unix::ffi::OsStrExt::as_bytes(found.as_os_str()).to_vec())
}

/// From what the runner did to what the code gave.
pub fn answer(language: Language, finished: &mut Finished, limits: &Limits) -> Result<Json, Failure> {
    let told = match language {
        Language::Javascript => std::mem::take(&mut finished.stdout),
        Language::Python => std::mem::take(&mut finished.result),
    };
    match finished.exit {
        Exit::TimedOut => return Err(Failure::TimedOut { limit_ms: limits.wall_clock.as_millis() as u64 }),
        Exit::CpuExhausted => return Err(Failure::TimedOut { limit_ms: limits.cpu_time.as_millis() as u64 }),
        Exit::OutOfMemory => return Err(Failure::OutOfMemory { limit_bytes: limits.memory_bytes }),
        Exit::KilledByFilter => return Err(Failure::KilledByFilter),
        Exit::OutputFlood => return Err(Failure::OutputTooLarge { limit_bytes: limits.output_bytes }),
        Exit::Signal(signal) => return Err(Failure::Died { exit_code: None, signal: Some(signal) }),
        Exit::Code(code) if told.bytes.is_empty() || code != 0 => {
            return Err(Failure::Died { exit_code: Some(code), signal: None });
        }
        Exit::Code(_) => {}
    }
    if told.truncated {
        return Err(Failure::OutputTooLarge { limit_bytes: limits.output_bytes });
    }
    let Some(answer) = Answer::read(&told.bytes) else {
        return Err(Failure::OutputNotJson { reason: "the runner's answer was overwritten by the code".into() });
    };
    if language == Language::Javascript {
        finished.stdout = Captured { bytes: answer.out.to_vec(), truncated: answer.out_cut };
        finished.stderr = Captured { bytes: answer.err.to_vec(), truncated: answer.err_cut };
    }
    answer.result(limits)
}
