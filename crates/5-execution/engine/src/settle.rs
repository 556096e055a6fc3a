//! Taking a machine as far as it goes without the world: pure nodes, and calls that are answered at once.

use domain::{Scope, Timestamp};
use workflow::{Answer, Change, Machine, Task, Work};

use crate::{found::Screening, ports::Effects, view::RunLog};

/// What came of it.
#[derive(Default)]
pub(crate) struct Settled {
    /// What the world is asked for.
    pub work: Vec<Work>,
    /// Nodes that began or ended.
    pub changes: Vec<Change>,
    /// Guardrails that have looked.
    pub screenings: Vec<Screening>,
}

/// Advances until nothing is left but work for the world. `clock` says when: now, or then in a replay.
pub(crate) fn settle(
    machine: &mut Machine,
    effects: &dyn Effects,
    scope: Scope,
    log: &mut RunLog,
    clock: &dyn Fn() -> Timestamp,
) -> Settled {
    let mut settled = Settled::default();
    loop {
        let work = machine.advance();
        note(machine, log, clock(), &mut settled);
        let mut answered = false;
        for work in work {
            let at_once = match &work.task {
                Task::Call(call) => effects.at_once(scope, call),
                Task::Wait(_) | Task::Workflow { .. } => None,
            };
            match at_once {
                None => settled.work.push(work),
                Some(result) => {
                    let answer = match result {
                        Ok(performed) => performed.answer,
                        Err(failure) => Answer::Failed { failure },
                    };
                    log.answered(&work.step, &answer, 1, None);
                    settled.screenings.extend(Screening::of(&work.step, &answer));
                    answered |= machine.apply(&work.step, answer).is_ok();
                    note(machine, log, clock(), &mut settled);
                }
            }
        }
        if !answered {
            return settled;
        }
    }
}

fn note(machine: &mut Machine, log: &mut RunLog, now: Timestamp, settled: &mut Settled) {
    for change in machine.changes() {
        log.note(&change, now);
        settled.changes.push(change);
    }
}
