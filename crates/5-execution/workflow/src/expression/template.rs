//! Parameters with their expressions compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use domain::Json;
use minijinja::{Environment, Error, ErrorKind};

use super::{Expressions, VARIABLES, convert, is_expression};
use crate::{Defect, Failure, FailureKind, limits, read::pointer};

/// A parameter tree.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    /// Holds no expression.
    Plain(Json),
    /// Exactly one expression: yields JSON.
    Whole {
        name: String,
        source: String,
    },
    /// Text with expressions: yields text.
    Text {
        name: String,
        source: String,
    },
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

/// Which variables a tree may look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    /// By id, with the path of the parameter that was first to name it.
    pub nodes: BTreeMap<String, String>,
    /// `nodes` is used in a way that cannot be told beforehand.
    pub all_nodes: bool,
    pub variables: BTreeSet<String>,
}

/// Tags that cannot make a value grow from round to round.
const TAGS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"];
const RESULT: &str = "__result";

/// Gathers what one parameter tree needs.
pub(crate) struct Compiler<'a> {
    pub expressions: &'a mut Expressions,
    pub reads: Reads,
    pub defects: Vec<Defect>,
}

impl<'a> Compiler<'a> {
    pub fn new(expressions: &'a mut Expressions) -> Self {
        Self { expressions, reads: Reads::default(), defects: Vec::new() }
    }

    pub fn compile(&mut self, value: &Json, path: &str) -> Template {
        match value {
            Json::String(text) if is_expression(text) => self.text(text, path),
            Json::Array(items) => {
                let list: Vec<_> =
                    items.iter().enumerate().map(|(i, item)| self.compile(item, &format!("{path}/{i}"))).collect();
                if list.iter().all(Template::is_plain) { Template::Plain(value.clone()) } else { Template::List(list) }
            }
            Json::Object(map) => {
                let map: Vec<_> =
                    map.iter().map(|(key, item)| (key.clone(), self.compile(item, &pointer(path, key)))).collect();
                let plain = map.iter().all(|(_, t)| t.is_plain());
                if plain { Template::Plain(value.clone()) } else { Template::Map(map) }
            }
            plain => Template::Plain(plain.clone()),
        }
    }

    fn text(&mut self, text: &str, path: &str) -> Template {
        if let Err(message) = bounded(text) {
            self.defects.push(Defect::new(path, "bad_template", message));
            return Template::Plain(Json::Null);
        }
        let name = format!("t{}", self.expressions.count);
        self.expressions.count += 1;
        let whole = whole(text).filter(|inner| self.expressions.env.compile_expression_owned(*inner).is_ok());
        let source = whole.map_or_else(|| text.to_owned(), |inner| format!("{{% set {RESULT} = ({inner}) %}}"));
        match self.expressions.env.add_template_owned(name.clone(), source) {
            Ok(()) => self.note_reads(&name, path),
            Err(error) => {
                self.defects.push(Defect::new(path, "bad_template", format!("{} in {:?}", say(&error), cut(text))));
            }
        }
        let source = cut(text);
        if whole.is_some() { Template::Whole { name, source } } else { Template::Text { name, source } }
    }

    fn note_reads(&mut self, name: &str, path: &str) {
        let Ok(template) = self.expressions.env.get_template(name) else { return };
        for read in template.undeclared_variables(true) {
            let mut parts = read.split('.');
            let root = parts.next().unwrap_or_default();
            if !VARIABLES.contains(&root) {
                let message = format!(
                    "there is no variable {root:?}; there are input, nodes, previous, run, warnings, and item inside a FOR_EACH"
                );
                self.defects.push(Defect::new(path, "unknown_variable", message));
            }
            if root == "nodes" {
                match parts.next() {
                    Some(id) => {
                        self.reads.nodes.entry(id.to_owned()).or_insert_with(|| path.to_owned());
                    }
                    None => self.reads.all_nodes = true,
                }
            }
            self.reads.variables.insert(root.to_owned());
        }
    }
}

impl Template {
    const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// With the values of `context` filled in.
    pub fn render(&self, env: &Environment<'static>, context: &minijinja::Value, node: &str) -> Result<Json, Failure> {
        Ok(match self {
            Self::Plain(json) => json.clone(),
            Self::List(items) => {
                Json::Array(items.iter().map(|item| item.render(env, context, node)).collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                let fields = map.iter().map(|(key, item)| Ok((key.clone(), item.render(env, context, node)?)));
                Json::Object(fields.collect::<Result<_, Failure>>()?)
            }
            Self::Whole { name, source } => whole_value(env, name, context).map_err(|e| failure(&e, node, source))?,
            Self::Text { name, source } => {
                Json::String(text_value(env, name, context).map_err(|e| failure(&e, node, source))?)
            }
        })
    }
}

fn whole_value(env: &Environment<'static>, name: &str, context: &minijinja::Value) -> Result<Json, Error> {
    let captured = env.get_template(name)?.render_captured(context.clone())?;
    let value = captured.state().lookup(RESULT).unwrap_or(minijinja::Value::UNDEFINED);
    convert::to_json(&value)
}

fn text_value(env: &Environment<'static>, name: &str, context: &minijinja::Value) -> Result<String, Error> {
    let mut out = Bounded(Vec::new());
    env.get_template(name)?.render_captured_to(context.clone(), &mut out)?;
    String::from_utf8(out.0).map_err(|_| convert::too_large())
}

/// Stops writing at the limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::EXPRESSION_BYTES {
            return Err(io::Error::other(format!("more than {} bytes", limits::EXPRESSION_BYTES)));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The expression of a string that is exactly one `{{ … }}`.
fn whole(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let trims = inner.starts_with(['-', '+']) || inner.ends_with(['-', '+']);
    (!trims).then_some(inner)
}

/// Refuses what could make a short text cost much.
fn bounded(text: &str) -> Result<(), String> {
    if text.matches(['~', '+']).count() > 200 {
        return Err("at most 200 ~ and + in one text with expressions".to_owned());
    }
    for after in text.split("{%").skip(1) {
        let word: String =
            after.trim_start_matches(['-', '+']).trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        if !TAGS.contains(&word.as_str()) {
            return Err(format!("the tag {word:?} is not supported here; there are if, for and raw"));
        }
    }
    Ok(())
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn say(error: &Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "the expression takes too many steps".to_owned();
    }
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn failure(error: &Error, node: &str, source: &str) -> Failure {
    let message = format!("node {node:?}: the expression {source:?} failed: {}", say(error));
    Failure::new(FailureKind::Expression, message)
}
