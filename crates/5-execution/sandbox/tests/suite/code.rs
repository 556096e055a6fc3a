//! What code in each language gets, gives, and how it fails.

use super::common::{code, config, javascript, limits, python, start, start_with};
use sandbox::{Error, Exit, Failure, Language, Limits, SandboxConfig, Spec};
use serde_json::json;
use std::{path::PathBuf, time::Duration};

/// R115, R166: each accepted form of JavaScript gives the same.
#[tokio::test]
async fn javascript_forms() {
    let sandbox = start().await;
    for source in [
        "return input.n * 2",
        "input.n * 2",
        "(input) => input.n * 2",
        "async (input) => input.n * 2",
        "function main(input) { return input.n * 2 }",
        "const k = 2; function main(input) { return input.n * k }",
        "export default (input) => input.n * 2",
        "const k = 2;\nexport default async function (input) { return input.n * k }",
        "module.exports = (input) => input.n * 2",
        "exports.default = (input) => input.n * 2",
        "const n = await Promise.resolve(input.n); return n * 2 // with a comment",
        "return [1n, 2n].length * (input?.n ?? 0)",
    ] {
        assert_eq!(javascript(&sandbox, source, json!({ "n": 21 })).await, Ok(json!(42)), "{source}");
    }
    assert_eq!(javascript(&sandbox, "", json!(1)).await, Ok(json!(null)));
    assert_eq!(
        javascript(&sandbox, "return input", json!({ "é": [1.5, null, true] })).await,
        Ok(json!({ "é": [1.5, null, true] }))
    );
}

/// Python takes `result`, `main` and a plain `return`.
#[tokio::test]
async fn python_forms() {
    let sandbox = start().await;
    for source in ["result = input['n'] * 2", "def main(input):\n    return input['n'] * 2", "return input['n'] * 2"] {
        assert_eq!(python(&sandbox, source, json!({ "n": 21 })).await, Ok(json!(42)), "{source}");
    }
    let all = json!({ "é": [1.5, null, true, -7, "\u{1F600}\"\\\n"] });
    assert_eq!(python(&sandbox, "result = input", all.clone()).await, Ok(all));
    assert_eq!(
        python(&sandbox, "import json, re, asyncio\nresult = json.loads('[1]')", json!(null)).await,
        Ok(json!([1]))
    );
}

#[tokio::test]
async fn console_and_print_are_captured() {
    let sandbox = start().await;
    let source = "console.log('a', 1, {b: [2]}); console.error('bad'); return 0";
    let outcome = code(&sandbox, Language::Javascript, source, json!(null), limits()).await;
    assert_eq!((outcome.stdout.text().as_str(), outcome.stderr.text().as_str()), ("a 1 {\"b\":[2]}\n", "bad\n"));
    let source = "import sys\nprint('a', 1)\nprint('bad', file=sys.stderr)\nresult = 0";
    let outcome = code(&sandbox, Language::Python, source, json!(null), limits()).await;
    assert_eq!((outcome.stdout.text().as_str(), outcome.stderr.text().as_str()), ("a 1\n", "bad\n"));
    assert_eq!(outcome.result, Ok(json!(0)));
}

#[tokio::test]
async fn what_is_thrown_has_its_line() {
    let sandbox = start().await;
    let thrown = javascript(&sandbox, "const a = 1;\n\nthrow new TypeError('no')", json!(null)).await;
    assert_eq!(thrown, Err(Failure::Threw { message: "TypeError: no".into(), line: Some(3) }));
    let thrown = javascript(&sandbox, "const a = 1;\nreturn a b c", json!(null)).await;
    assert!(
        matches!(&thrown, Err(Failure::Threw { message, line: Some(2) }) if message.starts_with("SyntaxError")),
        "{thrown:?}"
    );
    let thrown = python(&sandbox, "a = 1\n\nraise ValueError('no')", json!(null)).await;
    assert_eq!(thrown, Err(Failure::Threw { message: "ValueError: no".into(), line: Some(3) }));
    let thrown = python(&sandbox, "a = 1\nb = = 2", json!(null)).await;
    assert!(
        matches!(&thrown, Err(Failure::Threw { message, line: Some(2) }) if message.starts_with("SyntaxError")),
        "{thrown:?}"
    );
}

/// Issue 4, bad input: each has a name of its own, and none hangs.
#[tokio::test]
async fn bad_sources_and_inputs_are_named() {
    let sandbox = start().await;
    for language in [Language::Javascript, Language::Python] {
        let refused = |spec: Spec| {
            let sandbox = sandbox.clone();
            async move { sandbox.run(spec).await.unwrap_err() }
        };
        let not_text = refused(Spec::code(language, *b"return '\xff'", json!(null))).await;
        assert!(matches!(not_text, Error::SourceNotUtf8 { at: 8 }), "{not_text}");
        let long = refused(Spec::code(language, vec![b' '; 10 << 20], json!(null))).await;
        assert!(matches!(long, Error::SourceTooLarge { .. }), "{long}");
        let large = refused(Spec::code(language, "return 1", json!("x".repeat(50 << 20)))).await;
        assert!(matches!(large, Error::InputTooLarge { .. }), "{large}");
    }
    let nowhere = SandboxConfig { python: PathBuf::from("/usr/bin/python9"), ..config() };
    let missing = start_with(nowhere).await.run(Spec::python("result = 1", json!(null))).await.unwrap_err();
    assert!(matches!(missing, Error::LanguageNotInstalled { language: Language::Python, .. }), "{missing}");
}

/// R122: an endless loop ends at its deadline, and says so.
#[tokio::test]
async fn endless_loops_time_out() {
    let sandbox = start().await;
    let short = Limits { wall_clock: Duration::from_millis(300), ..limits() };
    for (language, source) in [
        (Language::Javascript, "for (;;) {}"),
        (Language::Javascript, "while (true) { try { for (;;) {} } catch {} }"),
        (Language::Javascript, "return /(a+)+$/.test('a'.repeat(60) + 'b')"),
        (Language::Python, "while True: pass"),
        (Language::Python, "import time\nwhile True:\n  try: time.sleep(100)\n  except BaseException: pass"),
    ] {
        let outcome = code(&sandbox, language, source, json!(null), short.clone()).await;
        assert_eq!(outcome.exit, Exit::TimedOut, "{source}");
        assert_eq!(outcome.result, Err(Failure::TimedOut { limit_ms: 300 }), "{source}");
        assert!(outcome.usage.wall() < Duration::from_secs(3), "{source} {:?}", outcome.usage);
    }
    let fuel = Limits { fuel: 100, ..limits() };
    assert_eq!(
        code(&sandbox, Language::Javascript, "for (;;) {}", json!(null), fuel).await.result,
        Err(Failure::OutOfFuel)
    );
}

/// R119: processor time is limited apart from the deadline.
#[tokio::test]
async fn processor_time_runs_out() {
    let sandbox = start().await;
    let one = Limits { cpu_time: Duration::from_secs(1), ..limits() };
    for (language, source) in [(Language::Javascript, "for (;;) {}"), (Language::Python, "while True: pass")] {
        let outcome = code(&sandbox, language, source, json!(null), one.clone()).await;
        assert_eq!(outcome.exit, Exit::CpuExhausted, "{source} {:?}", outcome.usage);
    }
}

/// R120: too much memory is told apart from every other death.
#[tokio::test]
async fn too_much_memory_is_named() {
    let sandbox = start().await;
    let small = Limits { memory_bytes: 48 << 20, ..limits() };
    for (language, source) in [
        (Language::Javascript, "const a = []; for (;;) a.push(new Array(1000).fill(7))"),
        (Language::Javascript, "return new ArrayBuffer(1e9).byteLength"),
        (Language::Javascript, "let s = 'x'; for (;;) s += s"),
        (Language::Python, "a = []\nwhile True: a.append(bytearray(1 << 20))"),
        (Language::Python, "a = 'x' * (1 << 33)"),
    ] {
        let outcome = code(&sandbox, language, source, json!(null), small.clone()).await;
        let named = matches!(outcome.result, Err(Failure::OutOfMemory { .. }))
            || matches!(&outcome.result, Err(Failure::Threw { message, .. }) if message.contains("invalid") || message.contains("too long"));
        assert!(named, "{source}: {:?} {:?}", outcome.exit, outcome.result);
    }
}

#[tokio::test]
async fn deep_recursion_is_named() {
    let sandbox = start().await;
    for (language, source) in [
        (Language::Javascript, "function f() { return f() + 1 }\nreturn f()"),
        (Language::Javascript, "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a"),
        (Language::Python, "def f(): return f() + 1\nf()"),
        (Language::Python, "a = []\nfor i in range(100000): a = [a]\nresult = a"),
    ] {
        let result = code(&sandbox, language, source, json!(null), limits()).await.result;
        let named = matches!(result, Err(Failure::TooDeep { .. } | Failure::OutputNotJson { .. }));
        assert!(named, "{source}: {result:?}");
    }
}

/// R123: output past the limit is dropped and marked, and gigabytes end the run.
#[tokio::test]
async fn output_is_cut_and_floods_end() {
    let sandbox = start().await;
    let little = Limits { output_bytes: 1000, ..limits() };
    for (language, source) in [
        (Language::Javascript, "for (let i = 0; i < 1000; i++) console.log('line ' + i); return 7"),
        (Language::Python, "for i in range(1000): print('line', i)\nresult = 7"),
    ] {
        let outcome = code(&sandbox, language, source, json!(null), little.clone()).await;
        assert_eq!(outcome.result, Ok(json!(7)));
        assert!(outcome.stdout.truncated && outcome.stdout.text().ends_with("\n[output truncated]\n"));
        assert!(outcome.stdout.bytes.len() < 1100);
    }
    for (language, source) in [
        (Language::Javascript, "return 'x'.repeat(5000)"),
        (Language::Python, "result = 'x' * 5000"),
        (Language::Python, "import sys\nwhile True: sys.stdout.write('x' * 65536)"),
        (Language::Python, "import os\nwhile True: os.write(3, b'x' * 65536)"),
    ] {
        let result = code(&sandbox, language, source, json!(null), little.clone()).await.result;
        assert_eq!(result, Err(Failure::OutputTooLarge { limit_bytes: 1000 }), "{source}");
    }
    let many = "for (;;) console.log('x'.repeat(65536))";
    let short = Limits { wall_clock: Duration::from_millis(500), ..little };
    let outcome = code(&sandbox, Language::Javascript, many, json!(null), short).await;
    assert_eq!(outcome.result, Err(Failure::TimedOut { limit_ms: 500 }));
}

#[tokio::test]
async fn values_without_a_json_form_are_named() {
    let sandbox = start().await;
    for (language, source) in [
        (Language::Javascript, "return [10n]"),
        (Language::Javascript, "const a = {}; a.a = a; return a"),
        (Language::Javascript, "return Symbol('x')"),
        (Language::Python, "result = object()"),
        (Language::Python, "result = {1, 2}"),
        (Language::Python, "result = float('nan')"),
        (Language::Python, "result = []\nresult.append(result)"),
        (Language::Python, "import os\nos.write(3, b'1 0 0 2 0 0 0 0\\n{]')\nos._exit(0)"),
    ] {
        let result = code(&sandbox, language, source, json!(null), limits()).await.result;
        assert!(matches!(result, Err(Failure::OutputNotJson { .. })), "{source}: {result:?}");
    }
}

/// A script that ends without an answer is not taken for one that returned nothing.
#[tokio::test]
async fn an_early_death_is_named() {
    let sandbox = start().await;
    let died = python(&sandbox, "import os\nos._exit(3)", json!(null)).await;
    assert_eq!(died, Err(Failure::Died { exit_code: Some(3), signal: None }));
    let died = python(&sandbox, "import os\nos._exit(0)", json!(null)).await;
    assert_eq!(died, Err(Failure::Died { exit_code: Some(0), signal: None }));
    let never = javascript(&sandbox, "await new Promise(() => {})", json!(null)).await;
    assert!(matches!(never, Err(Failure::Threw { .. })), "{never:?}");
}

/// R166: language-level escapes of other products find no host object to reach.
#[tokio::test]
async fn javascript_reaches_no_host_object() {
    let sandbox = start().await;
    for source in [
        "return this.constructor.constructor('return process')()",
        "return require('fs')",
        "return process.env",
        "return Deno.readTextFileSync('/etc/passwd')",
        "return std.open('/etc/passwd', 'r')",
        "return os.exec(['id'])",
        "return (await import('os')).exec(['id'])",
        "return (await import('/etc/passwd'))",
        "return new Worker('x')",
        "return fetch('http://127.0.0.1')",
        "return new WebSocket('ws://127.0.0.1')",
        "return new XMLHttpRequest()",
        "export { default } from '/etc/passwd'",
        "import x from 'std'\nexport default x",
    ] {
        let result = javascript(&sandbox, source, json!(null)).await;
        assert!(matches!(result, Err(Failure::Threw { .. })), "{source}: {result:?}");
    }
}
