//! `nodeloom sandbox probe | run | exec`: the same sandbox from the command line, so that anyone can attack it.

use std::{
    ffi::OsString,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{Clock, Json};

use crate::{
    BackendChoice, Error, Exit, Failure, Language, Limits, Outcome, Root, Sandbox, SandboxConfig, Spec,
    tree::{self, Recipe},
};

const HELP: &str = "\
nodeloom sandbox probe [--json] [BACKEND]
    attacks a sandbox on this machine and prints what it guarantees
nodeloom sandbox run --language javascript|python [OPTIONS] FILE
    runs code once (FILE - is standard input); prints what it returned as JSON, and what it printed on standard error
nodeloom sandbox exec [--root empty|host-usr|PATH] [--stdin] [OPTIONS] -- PROGRAM [ARGUMENTS]
    runs any program once under the same guarantees; --stdin hands on standard input; the default root is host-usr
nodeloom sandbox build-root [--python PATH] [--program PATH]... DIRECTORY
    puts a small root with Python together from this machine's packages, for --root and the setting sandbox.root

OPTIONS
    --input JSON|@FILE the value of `input`, or a file that holds it (run only; default null)
    --timeout S        seconds until everything is killed (default 5)
    --cpu S            seconds of processor time (default: the timeout)
    --memory MB        memory of all processes together, at least 8 (default 128)
    --processes N      processes and threads at one moment (default 32)
    --output KB        output kept (default 1024)
    --scratch MB       a private writable /tmp (default 0: none)
    --report           a line of JSON about the run on standard error

BACKEND, for probe, run and exec
    --backend NAME         native (default), docker, oci, or auto: whichever keeps the most promises here
    --oci-runtime NAME     runc, crun, runsc or a path (default: the first that is there)
    --docker-socket PATH   default /var/run/docker.sock

EXIT CODES of exec: the program's own, 128 + signal, 124 timed out, 125 the sandbox did not start it,
126 not executable, 137 out of memory, 159 killed by the system call filter, 153 output flood
EXIT CODES of run: 0, 1 the code failed, 2 wrong arguments, 124, 125, 137 and 159 as above
";

/// Runs the command line after `nodeloom sandbox` and gives the exit code. Makes a runtime of its own, so it must not
/// be called from inside one.
pub fn main(arguments: Vec<OsString>, clock: Clock) -> i32 {
    let options = match Options::parse(arguments) {
        Ok(Some(Options { task: Task::BuildRoot { directory, recipe }, .. })) => {
            return build_root(&directory, &recipe);
        }
        Ok(Some(options)) => options,
        Ok(None) => {
            put(&mut std::io::stdout(), HELP.as_bytes());
            return 0;
        }
        Err(problem) => {
            put(&mut std::io::stderr(), format!("nodeloom sandbox: {problem}\n\n{HELP}").as_bytes());
            return 2;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(perform(options, clock)).unwrap_or_else(|error| refuse(&error)),
        Err(error) => refuse(&Error::broken("start a runtime")(error)),
    }
}

enum Task {
    Probe,
    Run { language: Language, file: PathBuf },
    Exec { root: Root, program: PathBuf, arguments: Vec<OsString> },
    BuildRoot { directory: PathBuf, recipe: Recipe },
}

struct Options {
    task: Task,
    config: SandboxConfig,
    limits: Limits,
    input: Json,
    json: bool,
    stdin: bool,
    report: bool,
}

impl Options {
    fn parse(arguments: Vec<OsString>) -> Result<Option<Self>, String> {
        let mut words = arguments.into_iter();
        let Some(command) = words.next().and_then(|word| word.into_string().ok()) else { return Ok(None) };
        let known = ["probe", "run", "exec", "build-root", "help", "--help", "-h"];
        if !known.contains(&command.as_str()) {
            return Err(format!("{command} is not a command: probe, run, exec or build-root"));
        }
        let mut limits = Limits::default();
        // one run needs no spare launchers
        let mut config = SandboxConfig { idle_launchers: 1, ..SandboxConfig::default() };
        let mut recipe = Recipe { python: config.python.clone(), programs: Vec::new() };
        let (mut input, mut json, mut stdin, mut report) = (Json::Null, false, false, false);
        let (mut language, mut root, mut cpu, mut rest) = (None, Root::HostUsr, None, Vec::new());
        while let Some(word) = words.next() {
            let text = word.to_str().unwrap_or("").to_owned();
            let mut value = || {
                let given = words.next().and_then(|word| word.into_string().ok());
                given.ok_or_else(|| format!("{text} needs a value"))
            };
            match text.as_str() {
                "-h" | "--help" => return Ok(None),
                "--json" => json = true,
                "--stdin" => stdin = true,
                "--report" => report = true,
                "--language" => {
                    let name = value()?;
                    let known = Language::parse(&name);
                    language =
                        Some(known.ok_or_else(|| format!("language {name} is not known: javascript or python"))?);
                }
                "--root" => {
                    root = match value()?.as_str() {
                        "empty" => Root::Empty,
                        "host-usr" => Root::HostUsr,
                        path if path.contains('/') => {
                            // code of `run` sees the same tree
                            config.root = Some(path.into());
                            Root::Tree(path.into())
                        }
                        other => {
                            let words = "empty, host-usr, or the path of a directory made by build-root";
                            return Err(format!("root {other} is not known: {words}"));
                        }
                    }
                }
                "--backend" => {
                    let name = value()?;
                    let words = "native, docker, oci or auto";
                    let known = BackendChoice::parse(&name);
                    config.backend = known.ok_or_else(|| format!("backend {name} is not known: {words}"))?;
                }
                "--oci-runtime" => config.oci_runtime = Some(value()?.into()),
                "--docker-socket" => config.docker_socket = value()?.into(),
                "--python" => recipe.python = value()?.into(),
                "--program" => recipe.programs.push(value()?.into()),
                "--input" => {
                    let given = value()?;
                    let text = match given.strip_prefix('@') {
                        Some(path) => fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?,
                        None => given.into_bytes(),
                    };
                    input = serde_json::from_slice(&text).map_err(|error| format!("--input is not JSON: {error}"))?;
                }
                "--timeout" => limits.wall_clock = seconds(&value()?)?,
                "--cpu" => cpu = Some(seconds(&value()?)?),
                "--memory" => limits.memory_bytes = number(&value()?)?.saturating_mul(1 << 20),
                "--processes" => limits.processes = u32::try_from(number(&value()?)?).unwrap_or(u32::MAX),
                "--output" => limits.output_bytes = number(&value()?)?.saturating_mul(1 << 10),
                "--scratch" => limits.scratch_bytes = number(&value()?)?.saturating_mul(1 << 20),
                "--" => {
                    rest.extend(words);
                    break;
                }
                text if text.starts_with("--") => return Err(format!("{text} is not an option")),
                _ => {
                    rest.push(word);
                    if command == "exec" {
                        rest.extend(words);
                        break;
                    }
                }
            }
        }
        limits.cpu_time = cpu.unwrap_or(limits.wall_clock);
        let mut rest = rest.into_iter();
        let task = match (command.as_str(), rest.next()) {
            ("probe", None) => Task::Probe,
            ("run", Some(file)) if rest.len() == 0 => {
                Task::Run { language: language.ok_or("run needs --language")?, file: file.into() }
            }
            ("exec", Some(program)) => Task::Exec { root, program: find(program.into()), arguments: rest.collect() },
            ("build-root", Some(directory)) if rest.len() == 0 => {
                Task::BuildRoot { directory: directory.into(), recipe }
            }
            ("help" | "--help" | "-h", _) => return Ok(None),
            ("build-root", None) => return Err("build-root needs a directory".into()),
            ("run", None) => return Err("run needs a file".into()),
            ("exec", None) => return Err("exec needs a program".into()),
            ("probe" | "run" | "build-root", Some(_)) => return Err("there is one argument too many".into()),
            (other, _) => return Err(format!("{other} is not a command")),
        };
        Ok(Some(Self { task, config, limits, input, json, stdin, report }))
    }
}

/// A bare name is looked for where the guest would look.
fn find(program: PathBuf) -> PathBuf {
    if program.components().count() != 1 || program.is_absolute() {
        return program;
    }
    let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];
    places.iter().map(|place| PathBuf::from(place).join(&program)).find(|path| path.is_file()).unwrap_or(program)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let given: f64 = text.parse().map_err(|_| format!("{text} is not a number of seconds"))?;
    Duration::try_from_secs_f64(given).map_err(|_| format!("{text} is not a number of seconds"))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is not a whole number"))
}

async fn perform(options: Options, clock: Clock) -> Result<i32, Error> {
    let sandbox = Sandbox::start(options.config, clock).await?;
    match options.task {
        Task::Probe => {
            let (table, choice) = (sandbox.guarantees(), sandbox.choice());
            let text = match options.json {
                true => serde_json::to_string_pretty(&table).unwrap_or_default(),
                false => format!("{choice}{table}"),
            };
            put(&mut std::io::stdout(), format!("{}\n", text.trim_end()).as_bytes());
            sandbox.ready().map(|()| 0)
        }
        // done before there was a runtime
        Task::BuildRoot { .. } => Ok(2),
        Task::Run { language, file } => {
            let most = options.limits.source_bytes + 1;
            let mut source = Vec::new();
            let read_in = if file.as_os_str() == "-" {
                std::io::stdin().take(most).read_to_end(&mut source)
            } else {
                fs::File::open(&file).and_then(|open| open.take(most).read_to_end(&mut source))
            };
            if let Err(error) = read_in {
                let text = format!("nodeloom sandbox: {} cannot be read: {error}\n", file.display());
                put(&mut std::io::stderr(), text.as_bytes());
                return Ok(2);
            }
            let spec = Spec::code(language, source, options.input).limits(options.limits);
            let outcome = sandbox.run(spec).await?;
            put(&mut std::io::stderr(), &outcome.stdout.bytes);
            put(&mut std::io::stderr(), &outcome.stderr.bytes);
            tell(&outcome, options.report);
            Ok(match &outcome.result {
                Ok(value) => {
                    put(&mut std::io::stdout(), format!("{value}\n").as_bytes());
                    0
                }
                Err(failure) => {
                    put(
                        &mut std::io::stderr(),
                        format!("nodeloom sandbox: {}: {failure}\n", failure.code()).as_bytes(),
                    );
                    failed(failure)
                }
            })
        }
        Task::Exec { root, program, arguments } => {
            let mut spec = Spec::program(program, arguments, root).limits(options.limits);
            if let (true, crate::Program::Executable { stdin, .. }) = (options.stdin, &mut spec.program) {
                let most = spec.limits.input_bytes;
                let n =
                    std::io::stdin().take(most + 1).read_to_end(stdin).map_err(Error::broken("read standard input"))?;
                if n as u64 > most {
                    return Err(Error::InputTooLarge { bytes: n as u64, limit_bytes: most });
                }
            }
            let outcome = sandbox.run(spec).await?;
            put(&mut std::io::stdout(), &outcome.stdout.bytes);
            put(&mut std::io::stderr(), &outcome.stderr.bytes);
            tell(&outcome, options.report);
            Ok(ended(&outcome))
        }
    }
}

fn build_root(directory: &Path, recipe: &Recipe) -> i32 {
    match tree::build(directory, recipe) {
        Ok(built) => {
            let mb = built.bytes.div_ceil(1 << 20);
            let text = format!(
                "{}: {} files, {mb} MiB, list {} with SHA-256 {}\nuse it with --root {0}, or sandbox.root in the settings\n",
                directory.display(),
                built.files,
                built.list.display(),
                built.sha256,
            );
            put(&mut std::io::stdout(), text.as_bytes());
            0
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            put(&mut std::io::stderr(), format!("nodeloom sandbox: {error}{cause}\n").as_bytes());
            1
        }
    }
}

fn tell(outcome: &Outcome, report: bool) {
    if report {
        let about = serde_json::json!({
            "exit": outcome.exit, "usage": outcome.usage, "stdout_truncated": outcome.stdout.truncated,
            "stderr_truncated": outcome.stderr.truncated, "attestation": outcome.attestation,
        });
        put(&mut std::io::stderr(), format!("{about}\n").as_bytes());
    }
}

fn ended(outcome: &Outcome) -> i32 {
    let code = match outcome.exit {
        Exit::Code(code) => return code,
        Exit::Signal(signal) => return 128 + signal,
        Exit::TimedOut | Exit::CpuExhausted => 124,
        Exit::OutOfMemory => 137,
        Exit::KilledByFilter => 159,
        Exit::OutputFlood => 153,
    };
    let why = match &outcome.result {
        Err(failure) => failure.to_string().replace("the code", "the program"),
        Ok(_) => String::new(),
    };
    put(&mut std::io::stderr(), format!("nodeloom sandbox: {why}\n").as_bytes());
    code
}

fn failed(failure: &Failure) -> i32 {
    match failure {
        Failure::TimedOut { .. } | Failure::OutOfFuel => 124,
        Failure::OutOfMemory { .. } => 137,
        Failure::KilledByFilter => 159,
        _ => 1,
    }
}

fn refuse(error: &Error) -> i32 {
    let source = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    put(&mut std::io::stderr(), format!("nodeloom sandbox: {}: {error}{source}\n", error.code()).as_bytes());
    if matches!(error, Error::NotExecutable { .. }) { 126 } else { 125 }
}

fn put(to: &mut dyn Write, bytes: &[u8]) {
    // a reader that went away is no reason to fail
    let _ = to.write_all(bytes).and_then(|()| to.flush());
}
