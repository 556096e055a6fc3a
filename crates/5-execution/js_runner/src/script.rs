//! The script itself: how it is wrapped, run and answered.

use std::{cell::Cell, rc::Rc};

use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Promise, Runtime, Value, context::EvalOptions,
    promise::MaybePromise,
};

use crate::{
    console::Console,
    frame::{Answer, Job, Kind, Text},
};

/// Name of the user's text in messages.
const FILE: &str = "code.js";

struct Stopped {
    kind: Kind,
    line: u32,
    message: String,
}

impl Stopped {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, line: 0, message: message.into() }
    }
}

/// Runs the job to its end.
pub fn evaluate(job: &Job) -> Answer {
    let console = Console::default();
    let result = run(job, &console);
    let (out, err) = console.take();
    match result {
        Ok(json) => Answer { kind: Kind::Value, line: 0, value: json.into_bytes(), out, err },
        Err(stopped) => answer_stopped(stopped, out, err),
    }
}

fn answer_stopped(stopped: Stopped, out: Text, err: Text) -> Answer {
    Answer { kind: stopped.kind, line: stopped.line, value: stopped.message.into_bytes(), out, err }
}

fn run(job: &Job, console: &Console) -> Result<String, Stopped> {
    let memory = |_| Stopped::new(Kind::OutOfMemory, "out of memory");
    let runtime = Runtime::new().map_err(memory)?;
    runtime.set_memory_limit(job.heap);
    runtime.set_max_stack_size(job.stack);
    let spent = Rc::new(Cell::new(false));
    if job.fuel > 0 {
        let (spent, mut left) = (spent.clone(), job.fuel);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            left = left.saturating_sub(1);
            spent.set(left == 0);
            left == 0
        })));
    }
    let context = Context::full(&runtime).map_err(memory)?;
    let result = context.with(|ctx| {
        let value = console
            .install(&ctx, job.max_console)
            .and_then(|()| value_of(&ctx, job))
            .catch(&ctx)
            .map_err(|error| explain(&ctx, error))?;
        to_json(&ctx, value)
    });
    // dropping these would walk the whole heap for nothing
    std::mem::forget((context, runtime));
    result.map_err(|stopped| if spent.get() { Stopped::new(Kind::OutOfFuel, "out of fuel") } else { stopped })
}

/// What the script gives, whichever of its forms it has.
fn value_of<'js>(ctx: &Ctx<'js>, job: &Job) -> rquickjs::Result<Value<'js>> {
    let input = ctx.json_parse(job.input.as_slice())?;
    let source = String::from_utf8_lossy(&job.source);
    let given = if is_module(&source) {
        let (module, loaded) = Module::declare(ctx.clone(), FILE, source.as_bytes())?.eval()?;
        settle(ctx, loaded.into_value())?;
        let namespace: Object<'js> = module.namespace()?;
        namespace.get::<_, Value<'js>>("default")?
    } else {
        let body = wrap(ctx, &source)?;
        settle(ctx, body.call((input.clone(),))?)?
    };
    match given.as_function() {
        Some(function) => {
            let given = function.call((input,))?;
            settle(ctx, given)
        }
        None => Ok(given),
    }
}

/// `export` where a statement can begin.
fn is_module(source: &str) -> bool {
    source.lines().any(|line| {
        line.split(';').any(|part| {
            let part = part.trim_start();
            part.strip_prefix("export").is_some_and(|rest| rest.starts_with([' ', '\t', '{', '*']) || rest.is_empty())
        })
    })
}

/// The function that the user's text becomes the body of; `module` and `exports` serve texts in CommonJS form.
const HEAD: &str = "async function (input, module = { exports: {} }, exports = module.exports)";

/// The text as an expression if it is one (`input.x * 2`, `(input) => …`), else as the body of a function.
fn wrap<'js>(ctx: &Ctx<'js>, source: &str) -> rquickjs::Result<Function<'js>> {
    let options = || {
        let mut options = EvalOptions::default();
        options.strict = false;
        options.filename = Some(FILE.into());
        options
    };
    let looks_empty = source.trim().is_empty();
    if !looks_empty {
        let expression = format!("({HEAD} {{ return ({source}\n); }})");
        match ctx.eval_with_options::<Function<'js>, _>(expression, options()) {
            Ok(function) => return Ok(function),
            Err(_) => {
                let _ = ctx.catch();
            }
        }
    }
    // after the body: a `main`, or what CommonJS modules leave behind
    let body = format!(
        "({HEAD} {{ {source}\n\
         ; if (typeof main === 'function') return main(input);\n\
         if (module.exports !== exports || Object.keys(exports).length > 0)\n\
         return typeof module.exports.default === 'function' ? module.exports.default : module.exports; }})"
    );
    ctx.eval_with_options(body, options())
}

/// Runs waiting jobs until `value` is settled.
fn settle<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Value<'js>> {
    if Promise::from_value(value.clone()).is_err() {
        return Ok(value);
    }
    let waiting = MaybePromise::from_value(value);
    match waiting.finish() {
        Err(rquickjs::Error::WouldBlock) => {
            Err(rquickjs::Exception::throw_message(ctx, "the returned promise never settles"))
        }
        other => other,
    }
}

fn to_json<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<String, Stopped> {
    if value.is_undefined() {
        return Ok("null".into());
    }
    let kind = value.type_name();
    match ctx.json_stringify(value).catch(ctx) {
        Ok(Some(text)) => text.to_string().map_err(|e| Stopped::new(Kind::NotJson, e.to_string())),
        Ok(None) => Err(Stopped::new(Kind::NotJson, format!("a {kind} has no JSON form"))),
        Err(error) => {
            let stopped = explain(ctx, error);
            match stopped.kind {
                Kind::Threw => Err(Stopped::new(Kind::NotJson, stopped.message)),
                _ => Err(stopped),
            }
        }
    }
}

fn explain(_ctx: &Ctx<'_>, error: CaughtError<'_>) -> Stopped {
    let (message, stack) = match &error {
        CaughtError::Exception(exception) => {
            let name: String = exception.as_object().get("name").unwrap_or_default();
            let message = exception.message().unwrap_or_default();
            let said = match (name.is_empty(), message.is_empty()) {
                (true, _) => message,
                (false, true) => name,
                (false, false) => format!("{name}: {message}"),
            };
            (said, exception.stack().unwrap_or_default())
        }
        CaughtError::Value(value) if value.is_null() => return Stopped::new(Kind::OutOfMemory, "out of memory"),
        CaughtError::Value(value) => {
            let shown = value.as_string().and_then(|text| text.to_string().ok());
            (shown.unwrap_or_else(|| format!("a {} was thrown", value.type_name())), String::new())
        }
        CaughtError::Error(error) => (error.to_string(), String::new()),
    };
    let kind = match message.as_str() {
        "InternalError: out of memory" => Kind::OutOfMemory,
        m if m.contains("stack overflow") || m.contains("Maximum call stack size exceeded") => Kind::TooDeep,
        _ => Kind::Threw,
    };
    Stopped { kind, line: line_of(&stack), message }
}

/// The first place in the user's text: `… (code.js:3:9)`.
fn line_of(stack: &str) -> u32 {
    let Some((_, rest)) = stack.split_once("code.js:") else { return 0 };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
