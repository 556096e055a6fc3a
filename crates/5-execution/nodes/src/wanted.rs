//! An answer that must follow a schema. One that does not goes back to the model with everything that is wrong with it,
//! as often as `repair_attempts` allows; then the node fails.

use domain::Json;
use guardrails::checks::schema::{Schema, read_answer};
use serde_json::json;
use workflow::{ChatMessage, Defect, Failure, FailureKind, NodeContext, answer::Finish};

/// Errors in one answer that the model is told of.
const MOST_ERRORS: usize = 20;
/// Bytes of a wrong answer that go back to the model.
const MOST_QUOTED: usize = 32 * 1024;

/// Reads `text`, or says everything that is wrong with it.
pub(crate) fn read(text: &str, schema: &Schema, finish: Finish) -> Result<Json, Vec<String>> {
    if finish == Finish::Length {
        return Err(vec!["it was cut off by max_tokens".to_owned()]);
    }
    let json = read_answer(text).ok_or_else(|| vec!["it is not JSON".to_owned()])?;
    let wrong = schema.errors(&json, MOST_ERRORS);
    if wrong.is_empty() { Ok(json) } else { Err(wrong) }
}

/// What the conversation goes on with after a wrong answer.
pub(crate) fn again(text: &str, wrong: &[String]) -> [ChatMessage; 2] {
    let listed: Vec<String> = wrong.iter().map(|error| format!("- {error}")).collect();
    let content = format!(
        "Your answer cannot be used. What is wrong:\n{}\nAnswer again with the corrected JSON alone, nothing around it.",
        listed.join("\n")
    );
    let said = ChatMessage::Assistant { content: cut(text, MOST_QUOTED).to_owned(), tool_calls: Vec::new() };
    [said, ChatMessage::User { content }]
}

/// The end after `repairs` repairs.
pub(crate) fn refused(cx: &NodeContext<'_>, repairs: usize, wrong: &[String]) -> Failure {
    let times = if repairs == 0 { String::new() } else { format!(" after {repairs} repairs") };
    let message = format!("node {:?}: the model's answer{times} cannot be used: {}", cx.id, wrong.join("; "));
    Failure::new(FailureKind::Call, message).with_detail(json!({ "errors": wrong }))
}

/// Compiles the parameter `response_schema`.
pub(crate) fn schema(cx: &NodeContext<'_>, wanted: Option<&Json>) -> Result<Option<Schema>, Failure> {
    let schema = wanted.map(Schema::compile).transpose();
    schema.map_err(|error| cx.bad(format!("response_schema: {error}")))
}

/// The defect of a schema that cannot be used, such as one that would be fetched.
pub(crate) fn check(parameters: &Json) -> Option<Defect> {
    let error = parameters.get("response_schema").and_then(|schema| Schema::compile(schema).err())?;
    Some(Defect::new("/response_schema", "bad_schema", format!("this is not a JSON Schema: {error}")))
}

/// The form of both parameters.
pub(crate) fn fields() -> [(&'static str, Json); 2] {
    [
        (
            "response_schema",
            json!({ "title": "Answer as JSON", "type": "object", "x-editor": "json",
                "description": "JSON Schema that the answer must follow; it is then in `json`." }),
        ),
        (
            "repair_attempts",
            json!({ "title": "Asks again when the answer does not follow", "type": "integer",
                "minimum": 0, "maximum": 5, "default": 0,
                "description": "How often the model is told what is wrong and asked again." }),
        ),
    ]
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
