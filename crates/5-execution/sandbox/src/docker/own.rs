//! Whose a container is: this server's, another living one's, or one's that is no more.

use std::fs;

/// A process, told apart from all others of all machines that might use the same engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

impl Own {
    /// This process.
    pub fn now() -> Self {
        let pid = std::process::id();
        Self { boot: boot(), namespace: namespace(), pid, started: started(pid).unwrap_or_default() }
    }
    /// The value of the label.
    pub fn label(&self) -> String {
        format!("{} {} {} {}", self.boot, self.namespace, self.pid, self.started)
    }
    /// Whether `label` is of a process that is surely no more. One of another machine or namespace cannot be judged.
    pub fn is_gone(&self, label: &str) -> bool {
        let words: Vec<&str> = label.split(' ').collect();
        let [boot, namespace, pid, since] = words[..] else { return false };
        if boot != self.boot || namespace != self.namespace {
            return false;
        }
        pid.parse().is_ok_and(|pid| started(pid).is_none_or(|now| now != since))
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// When a process was started, in ticks since the machine was.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_dead_is_taken_for_dead() {
        let own = Own::now();
        assert!(!own.is_gone(&own.label()), "ourselves");
        assert!(own.is_gone(&Own { pid: u32::MAX, ..own.clone() }.label()));
        assert!(own.is_gone(&Own { started: "1".into(), ..own.clone() }.label()), "the number was given again");
        assert!(!own.is_gone(&Own { boot: "another".into(), pid: u32::MAX, ..own.clone() }.label()));
        assert!(!own.is_gone("nonsense"));
    }
}
