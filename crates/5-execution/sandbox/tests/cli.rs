//! `nodeloom sandbox …` as a person meets it, mostly with what is wrong: every mistake has a sentence and an exit code, none
//! hangs, and none is taken for another.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn said(words: &[&str], stdin: &[u8]) -> Said {
    let at = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox-hostile"))
        .arg("--cli")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(at.elapsed() < Duration::from_secs(100), "{words:?} took {:?}", at.elapsed());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[track_caller]
fn check(words: &[&str], code: i32, word: &str) {
    let Said { code: ended, out, err } = said(words, b"");
    assert!(ended == code && err.contains(word) && !err.contains("panicked"), "{words:?}: {ended} {out} {err}");
}

/// A file that goes away.
struct Scrap(PathBuf);

impl Scrap {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("nodeloom-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn help_is_given_and_wrong_words_are_named() {
    for words in [&[][..], &["--help"], &["-h"], &["help"], &["run", "--help"]] {
        let Said { code, out, .. } = said(words, b"");
        assert!(code == 0 && out.contains("nodeloom sandbox build-root"), "{words:?}: {code} {out}");
    }
    let huge = "99999999999999999999999";
    for (words, word) in [
        (&["burn"][..], "burn is not a command"),
        (&["run"], "run needs a file"),
        (&["run", "x.js"], "run needs --language"),
        (&["run", "--language", "cobol", "x"], "language cobol is not known"),
        (&["run", "--language"], "--language needs a value"),
        (&["run", "--language", "js", "a", "b"], "one argument too many"),
        (&["run", "--language", "js", "--input", "{", "x"], "--input is not JSON"),
        (&["run", "--language", "js", "--frobnicate", "x"], "--frobnicate is not an option"),
        (&["run", "--language", "js", "/nowhere/x.js"], "/nowhere/x.js cannot be read"),
        (&["run", "--language", "js", "/usr"], "/usr cannot be read"),
        (&["exec"], "exec needs a program"),
        (&["exec", "--root", "moon", "--", "true"], "root moon is not known"),
        (&["exec", "--timeout", "soon", "--", "true"], "soon is not a number of seconds"),
        (&["exec", "--timeout", "-1", "--", "true"], "-1 is not a number of seconds"),
        (&["exec", "--timeout", "NaN", "--", "true"], "NaN is not a number of seconds"),
        (&["exec", "--timeout", "1e400", "--", "true"], "1e400 is not a number of seconds"),
        (&["exec", "--memory", "much", "--", "true"], "much is not a whole number"),
        (&["exec", "--memory", huge, "--", "true"], "is not a whole number"),
        (&["exec", "--processes", "-3", "--", "true"], "-3 is not a whole number"),
        (&["exec", "--output", "1.5", "--", "true"], "1.5 is not a whole number"),
        (&["exec", "--backend", "podman", "--", "true"], "backend podman is not known"),
        (&["exec", "--timeout"], "--timeout needs a value"),
        (&["probe", "hard"], "one argument too many"),
        (&["build-root"], "build-root needs a directory"),
        (&["build-root", "a", "b"], "one argument too many"),
    ] {
        check(words, 2, word);
    }
}

#[test]
fn limits_that_make_no_sense_are_named() {
    let most = "18446744073709551615";
    for (option, value, limit) in [
        ("--timeout", "0", "wall_clock"),
        ("--timeout", "1000000", "wall_clock"),
        ("--memory", "1", "memory_bytes"),
        ("--memory", most, "memory_bytes"),
        ("--processes", "0", "processes"),
        ("--processes", most, "processes"),
        ("--output", most, "output_bytes"),
        ("--scratch", most, "scratch_bytes"),
    ] {
        check(&["exec", option, value, "--", "true"], 125, &format!("sandbox_bad_limit: limit {limit}"));
    }
}

#[test]
fn what_cannot_be_executed_or_shown_is_named() {
    let script = Scrap::new("script", b"#!/usr/bin/no-such-interpreter\n");
    let plain = Scrap::new("plain", b"neither a program nor a script");
    for path in [script.path(), plain.path()] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    for path in ["/nowhere/x", "/etc/passwd", "/usr/lib", "no-such-program", script.path(), plain.path(), ""] {
        check(&["exec", "--", path], 126, "program_not_executable: ");
    }
    check(&["exec", "--root", "empty", "--", "/usr/bin/id"], 126, "its loader");
    for (root, why) in [("/nowhere/at/all", "No such file"), ("/", "host-usr"), ("/etc", "holds no directory usr")] {
        check(&["exec", "--root", root, "--", "true"], 125, why);
    }
    let long = "x".repeat(100_000);
    check(&["exec", "--", "true", &long, &long], 126, "program_not_executable: ");
    let many = vec!["x"; 20_000];
    check(&[&["exec", "--", "true"][..], &many].concat(), 126, "its arguments are");
}

/// Issue 4, bad input, from the shell.
#[test]
fn bad_code_has_an_exit_code_and_a_word() {
    let run = |name: &str, language: &str, content: &[u8], options: &[&str]| {
        let file = Scrap::new(name, content);
        said(&[&["run", "--language", language, "--timeout", "20"], options, &[file.path()]].concat(), b"")
    };
    let big = vec![b' '; 10 << 20];
    for (language, content, options, code, word) in [
        ("js", &b"return '\xff'"[..], &[][..], 125, "code_not_utf8: "),
        ("python", b"x = '\xff'", &[], 125, "code_not_utf8: "),
        ("js", &big, &[], 125, "code_too_large: "),
        ("js", b"for (;;) {}", &["--timeout", "0.3"], 124, "code_timed_out: "),
        ("python", b"while True: pass", &["--timeout", "0.3"], 124, "code_timed_out: "),
        (
            "js",
            b"const a = []; for (;;) a.push(new Array(1000).fill(7))",
            &["--memory", "48"],
            137,
            "code_out_of_memory: ",
        ),
        ("js", b"function f() { return f() + 1 }\nreturn f()", &[], 1, "code_too_deep: "),
        (
            "python",
            b"import os\nwhile True: os.write(1, b'x' * 65536)",
            &["--output", "4"],
            1,
            "code_output_too_large: ",
        ),
        ("js", b"return 10n", &[], 1, "code_output_not_json: "),
        ("js", b"throw new Error('no')", &[], 1, "code_threw: Error: no (line 1)"),
        ("python", b"import os\nos._exit(9)", &[], 1, "code_died: "),
    ] {
        let Said { code: ended, out, err } = run("code", language, content, options);
        assert!(ended == code && err.contains(word) && out.is_empty(), "{language} {word}: {ended} {out} {err}");
    }
    let Said { code, out, .. } = said(&["run", "--language", "js", "--input", "[20, 22]", "-"], b"input[0] + input[1]");
    assert_eq!((code, out.trim()), (0, "42"));
    // an input of 50 MB does not fit on a command line
    let input = Scrap::new("input", format!("[20, 22, {:?}]", "x".repeat(50 << 20)).as_bytes());
    let from = format!("@{}", input.path());
    for language in ["js", "python"] {
        let Said { code, out, err } = said(&["run", "--language", language, "--input", &from, "-"], b"return 1");
        assert!(
            code == 125 && err.contains("code_input_too_large: ") && out.is_empty(),
            "{language}: {code} {out} {err}"
        );
    }
    std::fs::write(&input.0, "[20, 22]").unwrap();
    let Said { code, out, .. } = said(&["run", "--language", "js", "--input", &from, "-"], b"input[0] + input[1]");
    assert_eq!((code, out.trim()), (0, "42"));
    check(&["run", "--language", "js", "--input", "@/nowhere/input", "-"], 2, "/nowhere/input cannot be read");
}

#[test]
fn endings_of_programs_are_exit_codes() {
    for (line, options, code, word) in [
        ("exit 7", &[][..], 7, ""),
        ("kill -SEGV $$", &[], 139, ""),
        ("sleep 60", &["--timeout", "0.3"], 124, "longer than"),
        ("exec yes", &["--output", "1"], 153, "bytes of output"),
        ("exec /usr/bin/python3 -S -c 'import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)'", &[], 159, "not allowed"),
    ] {
        let words = [&["exec", "--timeout", "20"], options, &["--", "/usr/bin/sh", "-c", line]].concat();
        check(&words, code, word);
    }
    let Said { code, out, .. } = said(&["exec", "--stdin", "--", "cat"], b"handed on");
    assert_eq!((code, out.as_str()), (0, "handed on"));
    let Said { code, out, .. } = said(&["exec", "--", "cat"], b"not handed on");
    assert_eq!((code, out.as_str()), (0, ""));
}

#[test]
fn other_backends_that_are_not_there_are_named_and_not_replaced() {
    for words in [
        &["exec", "--backend", "docker", "--docker-socket", "/nowhere/docker.sock", "--", "true"][..],
        &["exec", "--backend", "oci", "--oci-runtime", "/nowhere/runc", "--", "true"],
        &["exec", "--backend", "oci", "--oci-runtime", "/usr/bin/true", "--", "true"],
        &["probe", "--backend", "docker", "--docker-socket", "/dev/null"],
    ] {
        check(words, 125, "sandbox_unavailable: ");
    }
}

#[test]
fn the_table_is_for_people_and_for_programs() {
    let Said { code, out, err } = said(&["probe"], b"");
    assert!(code == 0 && out.contains("backend: native") && out.contains("system_call_filter"), "{code} {out} {err}");
    let Said { code, out, .. } = said(&["probe", "--json"], b"");
    let table: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, table.as_array().unwrap().len()), (0, sandbox::Guarantee::ALL.len()));
}

#[test]
fn a_root_is_built_once_and_mistakes_are_named() {
    let folder = std::env::temp_dir().join(format!("nodeloom-cli-root-{}", std::process::id()));
    let at = folder.to_str().unwrap();
    check(&["build-root", "--python", "/nowhere/python3", at], 1, "/nowhere/python3");
    let _ = std::fs::remove_dir_all(&folder);
    check(&["build-root", "--program", "/nowhere/tool", at], 1, "/nowhere/tool could not be copied");
    let _ = std::fs::remove_dir_all(&folder);
    let Said { code, out, err } = said(&["build-root", at], b"");
    assert!(code == 0 && out.contains("use it with --root"), "{code} {out} {err}");
    check(&["build-root", at], 1, "is not an empty directory");
    let Said { code, out, err } = said(&["run", "--language", "python", "--root", at, "-"], b"return 6 * 7");
    assert_eq!((code, out.trim()), (0, "42"), "{err}");
    std::fs::remove_dir_all(&folder).unwrap();
    check(&["build-root", "/proc/nowhere"], 1, "could not be copied");
}
