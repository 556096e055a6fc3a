//! What others got wrong, each by its name; the escapes that are one attempt of one program are in `hostile/published.rs`.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use super::common::{HOSTILE, is_native, is_root, javascript, limits, python, shell, start};
use sandbox::{Exit, Failure, Guarantee, Language, Root, SandboxConfig, Spec};
use serde_json::json;

/// R115, R166: n8n CVE-2025-68613, its bypass by template literals, and CVE-2026-1470: JavaScript that climbs from a value to
/// the constructor of functions, and from there to the server's process.
#[tokio::test]
async fn n8n_cve_2025_68613_constructors_lead_to_no_host_object() {
    let sandbox = start().await;
    for source in [
        "return this.constructor.constructor('return process')().platform",
        "return (function () { return this })().process.mainModule.require('child_process').execSync('id').toString()",
        "return [][`constructor`][`constructor`](`return process`)().env",
        "return (() => {}).constructor('return require')()('child_process')",
        "with ({}) { return (function () {}).constructor('return process.getBuiltinModule(\"fs\")')() }",
        "return Reflect.construct(Object.getPrototypeOf(async () => {}).constructor, ['return process.binding'])()",
        "return Error.prepareStackTrace.constructor('return globalThis.process.pid')()",
        "return new Proxy({}, {}).constructor.constructor('return Bun.spawnSync')()",
    ] {
        let result = javascript(&sandbox, source, json!(null)).await;
        assert!(matches!(result, Err(Failure::Threw { .. })), "{source}: {result:?}");
    }
}

/// R115: n8n CVE-2025-68668 and CVE-2026-0863: Python that gets past what a language forbids. Here the language forbids
/// nothing, and whatever it then tries meets the walls.
#[tokio::test]
async fn n8n_cve_2025_68668_python_that_runs_anything_reaches_nothing() {
    let sandbox = start().await;
    for (source, found) in [
        ("import os\nresult = sorted(set(os.environ) - {'PATH', 'LANG', 'HOME', 'TMPDIR', 'LC_CTYPE'})", json!([])),
        ("import os\nresult = os.getuid() == 0 or os.getppid() > 20", json!(false)),
        (
            "import os\nresult = os.system('cat /etc/passwd 2>/dev/null || cat /etc/shadow 2>/dev/null') == 0",
            json!(false),
        ),
        ("import ctypes\nresult = ctypes.CDLL(None).socket(2, 1, 0)", json!(-1)),
        // an exception whose formatting runs code of the attacker's
        (
            "class E(Exception):\n  def __str__(self): return open('/etc/passwd').read()\n\
             try:\n  raise E()\nexcept E as e:\n  try:\n    result = f'{e}'\n  except OSError:\n    result = 'refused'",
            json!("refused"),
        ),
        (
            "try:\n  open('/usr/lib/nodeloom', 'w')\n  result = 'written'\nexcept OSError:\n  result = 'refused'",
            json!("refused"),
        ),
    ] {
        assert_eq!(python(&sandbox, source, json!(null)).await, Ok(found), "{source}");
    }
}

/// R115: Windmill ran code without isolation unless somebody switched it on. Here nobody has to, and settings can ask for more
/// promises and not for fewer.
#[test]
fn windmill_isolation_is_on_by_default() {
    let required = SandboxConfig::default().required;
    let missing: Vec<_> = Guarantee::ALL.iter().filter(|guarantee| !required.contains(*guarantee)).collect();
    assert_eq!(missing, [&Guarantee::SecondFileWall], "not every kernel has it");
}

/// R115, R118, R121: Windmill's Deno ran beside the layer that held the other languages. Here every language is seen from outside
/// behind the same walls: filtered, without a capability, without new privileges, in namespaces of its own, not root.
#[tokio::test]
async fn windmill_no_language_runs_beside_the_walls() {
    if !is_native() {
        return; // an engine's processes are not below ours
    }
    let sandbox = start().await;
    for (language, source) in [(Language::Javascript, "for (;;) {}"), (Language::Python, "while True: pass")] {
        let run = tokio::spawn({
            let (sandbox, spec) = (sandbox.clone(), Spec::code(language, source, json!(null)).limits(limits()));
            async move { sandbox.run(spec).await }
        });
        let until = Instant::now() + Duration::from_secs(60);
        let status = loop {
            let guests: Vec<String> = guests().into_iter().filter(|status| status.contains("State:\tR")).collect();
            if let Some(status) = guests.into_iter().next() {
                break status;
            }
            assert!(Instant::now() < until, "{language:?} does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        run.abort();
        let line =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(line(set), "0000000000000000", "{language:?} {set}");
        }
        assert_eq!((line("NoNewPrivs:").as_str(), line("Seccomp:").as_str()), ("1", "2"), "{language:?}");
        assert!(!line("Uid:").split_whitespace().any(|id| id == "0"), "{language:?} {}", line("Uid:"));
        assert!(line("NSpid:").split_whitespace().count() >= 2, "{language:?} {}", line("NSpid:"));
    }
}

/// What the kernel says of processes below this one that are in a namespace of their own.
fn guests() -> Vec<String> {
    let mine = format!("PPid:\t{}\n", std::process::id());
    let all = || {
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
    };
    let number =
        |status: &str, name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(|n| n.trim().to_owned());
    let mut family: BTreeSet<String> =
        all().filter(|status| status.contains(&mine)).filter_map(|s| number(&s, "Pid:")).collect();
    for _ in 0..4 {
        let more: Vec<_> = all()
            .filter(|status| number(status, "PPid:").is_some_and(|parent| family.contains(&parent)))
            .filter_map(|status| number(&status, "Pid:"))
            .collect();
        family.extend(more);
    }
    let inside = |status: &String| number(status, "NSpid:").is_some_and(|all| all.split_whitespace().count() > 1);
    all().filter(|status| number(status, "Pid:").is_some_and(|pid| family.contains(&pid))).filter(inside).collect()
}

/// CVE-2025-4598 and its kin: a host that pipes crashes into a program of its own (systemd-coredump, apport) starts that as root,
/// for every crash, with a limit of 0 too, and keeps the memory of the crashed. No crash of a guest starts it.
#[tokio::test]
async fn crash_handlers_of_the_host_are_not_started() {
    if !is_root() || std::env::var_os("NODELOOM_TEST_OWN_MACHINE").is_none() {
        return; // the pattern is the whole machine's: tests/vm/run.sh has one to spare
    }
    let pattern = "/proc/sys/kernel/core_pattern";
    let before = fs::read_to_string(pattern).unwrap();
    let mark = format!("nodeloom-core-{}-", std::process::id());
    fs::write(pattern, format!("|/usr/bin/touch /run/{mark}%P")).unwrap();
    let seen = || -> Vec<PathBuf> {
        let all = fs::read_dir("/run").unwrap().flatten().map(|entry| entry.path());
        all.filter(|path| path.to_string_lossy().contains(&mark)).collect()
    };
    let crash_outside = |so_far: usize| {
        Command::new("/usr/bin/sh").args(["-c", "kill -SEGV $$"]).status().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while seen().len() <= so_far {
            assert!(Instant::now() < until, "the control does not start the handler");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    crash_outside(0);
    let sandbox = start().await;
    assert_eq!(shell(&sandbox, "kill -SEGV $$", limits()).await.exit, Exit::Signal(11));
    let lowered = "ulimit -c 0 2>/dev/null; kill -ABRT $$";
    assert_eq!(shell(&sandbox, lowered, limits()).await.exit, Exit::Signal(6));
    let deadly = sandbox.run(Spec::program(&*HOSTILE, ["trace-me"], Root::HostUsr).limits(limits())).await.unwrap();
    assert_eq!(deadly.exit, Exit::KilledByFilter);
    crash_outside(1);
    let all = seen();
    fs::write(pattern, before).unwrap();
    assert_eq!(all.len(), 2, "{all:?}");
}
