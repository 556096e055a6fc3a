//! CODE: a customer's JavaScript or Python, run in a container.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Call, CodeCall, Failure, Language, Next, Node, NodeContext, NodeType};

pub(crate) struct Code;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "javascript")]
    language: Language,
    code: String,
    input: Option<Json>,
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    #[serde(default = "usual_memory")]
    memory_mb: u64,
}

const fn javascript() -> Language {
    Language::Javascript
}
const fn ten_seconds() -> u64 {
    10_000
}
const fn usual_memory() -> u64 {
    128
}

impl Node for Code {
    fn kind(&self) -> NodeType {
        NodeType::Code
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "language": { "title": "Language", "enum": ["javascript", "python"], "default": "javascript" },
            "code": { "title": "Code", "type": "string", "minLength": 1, "maxLength": 1_000_000, "x-editor": "code",
                "description": "Sees `input`; what it returns is the output. Braces in it are not expressions.",
                "examples": ["return { shout: input.text.toUpperCase() };"] },
            "input": crate::schema::input("What the code sees as `input`."),
            "timeout_ms": { "title": "Longest run, in ms", "type": "integer", "minimum": 10, "maximum": 300_000, "default": 10_000 },
            "memory_mb": { "title": "Memory, in MiB", "type": "integer", "minimum": 16, "maximum": 4096, "default": 128 }
        });
        crate::schema::object("Code", "Runs JavaScript or Python in a container.", &["code"], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["code", "language"]
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => {
                let Parameters { language, code, input, timeout_ms, memory_mb } = cx.read()?;
                if !(10..=300_000).contains(&timeout_ms) || !(16..=4096).contains(&memory_mb) {
                    return Err(cx.bad("the time is from 10 to 300000 ms and the memory from 16 to 4096 MiB"));
                }
                let input = input.unwrap_or_else(|| cx.input.json.clone());
                Ok(Next::Call(Call::Code(CodeCall { language, code, input, timeout_ms, memory_mb })))
            }
            Some(Answer::Code(answer)) => Ok(cx.done(answer.result.clone())),
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}
