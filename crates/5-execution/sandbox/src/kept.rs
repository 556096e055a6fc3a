//! The server's half of the conversation with a keeper: the first process of a container that an engine made. What it
//! sends was written next to hostile code and is read as such.

use sandbox_launcher::wire::{Frame, Job, Kept, MAX_FRAME};

use crate::{
    Captured, Error, Exit,
    backend::{Executable, Finished, SCRIPT, Task, exit_of, failed},
};

/// What a keeper needs for itself beside its guest: its own pages, and what it holds in memory files.
const KEEPER_BYTES: u64 = 6 << 20;

/// The container's memory limit for `task`.
pub fn memory_of(task: &Task<'_>) -> u64 {
    let (script, program) = handed_in(&task.program);
    let held = (task.stdin.len() + script.len() + program.len()) as u64;
    task.limits.memory_bytes.saturating_add(KEEPER_BYTES + held)
}

/// The size of the container's /tmp, if the guest has one.
pub fn scratch_of(task: &Task<'_>) -> Option<u64> {
    let script = match &task.program {
        Executable::Script(_, bytes) => (bytes.len() as u64).next_multiple_of(4096) + 4096,
        _ => 0,
    };
    let bytes = task.limits.scratch_bytes + script;
    (bytes > 0).then_some(bytes)
}

/// (script name in the job, what is handed in)
fn handed_in(program: &Executable) -> (&[u8], &[u8]) {
    match program {
        Executable::Javascript => (sandbox_launcher::keeper::RUN_JAVASCRIPT, &[]),
        Executable::SelfCheck => (sandbox_launcher::keeper::RUN_SELF_CHECK, &[]),
        Executable::Inside(_) => (&[], &[]),
        Executable::Bytes(bytes) => (&[], bytes),
        Executable::Script(_, bytes) => (SCRIPT.as_bytes(), bytes),
    }
}

/// Whether the kernel limits what by other means than the job.
pub struct Limited {
    pub memory: bool,
    pub processes: bool,
}

/// Everything that goes to the keeper's standard input.
pub fn packet(task: &Task<'_>, limited: &Limited) -> Vec<u8> {
    let limits = task.limits;
    let (script, program) = handed_in(&task.program);
    let path = match &task.program {
        Executable::Inside(path) | Executable::Script(path, _) => path.clone(),
        _ => Vec::new(),
    };
    let job = Job {
        wall_ms: (limits.wall_clock.as_millis() as u64).max(1),
        cpu_seconds: limits.cpu_time.as_secs_f64().ceil().max(1.0) as u64,
        address_space: if limited.memory { 0 } else { limits.memory_bytes.saturating_add(64 << 20) },
        processes: if limited.processes { 0 } else { limits.processes.into() },
        open_files: u64::from(limits.open_files.max(8)),
        scratch_bytes: limits.scratch_bytes,
        own_network: false,
        result_channel: task.result_bytes.is_some(),
        output_bytes: [task.output_bytes, limits.output_bytes, task.result_bytes.unwrap_or(0)],
        script: script.to_vec(),
        path,
        arguments: task.arguments.clone(),
    };
    let mut to = Vec::new();
    for part in [&job.encode()[..], &task.stdin, program] {
        to.extend((part.len() as u64).to_le_bytes());
        to.extend(part);
    }
    to
}

/// What a keeper has said so far.
#[derive(Default)]
pub struct Heard {
    buffer: Vec<u8>,
    kept: [Captured; 3],
    room: [u64; 3],
    end: Option<Result<Kept, String>>,
}

impl Heard {
    /// Nothing yet; `task` says how much is believed.
    pub fn new(task: &Task<'_>) -> Self {
        let room = [task.output_bytes, task.limits.output_bytes, task.result_bytes.unwrap_or(0)];
        Self { room, ..Self::default() }
    }
    /// Takes more; false = it is over, because the end came or because this is no keeper's language.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend(bytes);
        let mut at = 0;
        while let (None, Some(head)) = (&self.end, self.buffer[at..].first_chunk::<5>()) {
            let Some((kind, length)) = Frame::read(*head) else {
                self.end = Some(Err("it does not speak as a keeper does".into()));
                break;
            };
            let Some(content) = self.buffer.get(at + 5..at + 5 + length) else { break };
            match kind {
                Frame::Out | Frame::Err | Frame::Result => {
                    let stream = kind as usize;
                    let keep = self.room[stream].min(length as u64) as usize;
                    self.room[stream] -= keep as u64;
                    self.kept[stream].bytes.extend(&content[..keep]);
                    self.kept[stream].truncated |= keep < length;
                }
                Frame::End => self.end = Some(Kept::decode(content).ok_or("its report is not readable".into())),
                Frame::Failed => self.end = Some(Err(String::from_utf8_lossy(content).into_owned())),
            }
            at += 5 + length;
        }
        self.buffer.drain(..at);
        self.end.is_none() && self.buffer.len() <= MAX_FRAME + 5
    }
    /// The end, if it came.
    pub fn end(&self) -> Option<&Result<Kept, String>> {
        self.end.as_ref()
    }
    /// The outcome. `starved`: the engine saw a kill for want of memory; `clean`: nothing is left of the container.
    pub fn finish(self, task: &Task<'_>, starved: bool, clean: bool) -> Result<Finished, Error> {
        let [mut stdout, mut stderr, mut result] = self.kept;
        let kept = match self.end {
            Some(Ok(kept)) => kept,
            // the kernel may have chosen the keeper itself
            _ if starved => {
                let (exit, none) = (Exit::OutOfMemory, 0);
                let (wall_us, cpu_us, landlock) = (none, none, 0);
                return Ok(Finished { exit, stdout, stderr, result, wall_us, cpu_us, peak_bytes: 0, landlock, clean });
            }
            Some(Err(why)) => return Err(Error::broken("keep the guest")(std::io::Error::other(why))),
            None => {
                let why = "the container ended without a word";
                return Err(Error::broken("keep the guest")(std::io::Error::other(why)));
            }
        };
        let report = kept.report;
        if report.failed_step != 0 {
            return Err(failed(&report, task));
        }
        for (captured, cut) in [&mut stdout, &mut stderr, &mut result].into_iter().zip(kept.cut) {
            captured.truncated |= cut;
        }
        let starved = starved || kept.memory_kills.is_some_and(|kills| kills > 0);
        Ok(Finished {
            exit: exit_of(&report, task.limits, starved, kept.flooded),
            stdout,
            stderr,
            result,
            wall_us: report.wall_us,
            cpu_us: report.cpu_us,
            peak_bytes: report.peak_bytes,
            landlock: kept.landlock,
            clean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use sandbox_launcher::wire::Report;

    fn heard(parts: &[&[u8]]) -> Heard {
        let limits = Limits { output_bytes: 4, ..Limits::default() };
        let task = crate::trial::task(&limits, 4);
        let mut heard = Heard::new(&task);
        for part in parts {
            // byte by byte, as a slow pipe might
            for byte in *part {
                let _ = heard.take(&[*byte]);
            }
        }
        heard
    }
    fn frame(kind: Frame, content: &[u8]) -> Vec<u8> {
        [&kind.head(content.len() as u32)[..], content].concat()
    }

    #[test]
    fn frames_are_put_together_and_never_more_than_was_asked_for() {
        let kept = Kept { report: Report { wall_us: 7, ..Report::default() }, landlock: 5, ..Kept::default() };
        let end = frame(Frame::End, &kept.encode());
        let heard =
            heard(&[&frame(Frame::Out, b"abc"), &frame(Frame::Out, b"defgh"), &frame(Frame::Result, b"x"), &end]);
        assert_eq!(heard.end(), Some(&Ok(kept)));
        assert_eq!((&heard.kept[0].bytes[..], heard.kept[0].truncated), (&b"abcd"[..], true));
        assert_eq!((&heard.kept[2].bytes[..], heard.kept[2].truncated), (&b""[..], true), "none was asked for");
    }

    #[test]
    fn another_language_ends_the_conversation() {
        assert!(matches!(heard(&[b"hello world"]).end(), Some(Err(_))));
        assert!(matches!(heard(&[&frame(Frame::End, b"short")]).end(), Some(Err(_))));
        assert!(heard(&[&Frame::Out.head(100), b"abc"]).end().is_none());
    }
}
