//! One file per provider: how it is asked, how its answers and its streams are read.

pub(crate) mod anthropic;
pub(crate) mod ollama;
pub(crate) mod openai;

use domain::{Json, Usage};

use crate::{ChatRequest, Error, Provider, TokenCount, estimate};

/// Checks what no provider accepts, before anything is sent.
fn check(request: &ChatRequest, provider: Provider) -> Result<(), Error> {
    let reject = |message: String| Err(Error::Rejected { provider, status: 0, message });
    if request.messages.is_empty() {
        return reject("the conversation is empty".into());
    }
    if request.model.trim().is_empty() {
        return Err(Error::Misconfigured { provider, what: "no model is named" });
    }
    let fits = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match request.tools.iter().find(|tool| !fits(&tool.name)) {
        Some(tool) => reject(format!("the tool name \"{}\" is not 1 to 64 of A-Z a-z 0-9 _ -", tool.name)),
        None => Ok(()),
    }
}

/// The provider's count, or an estimate that says so.
fn count(request: &ChatRequest, wrote: &str, given: Option<(u64, u64, u64)>) -> TokenCount {
    match given {
        Some((input_tokens, output_tokens, cached_input_tokens)) => {
            TokenCount { usage: Usage { input_tokens, output_tokens }, cached_input_tokens, estimated: false }
        }
        None => {
            let usage =
                Usage { input_tokens: estimate::of_request(request), output_tokens: estimate::estimate_tokens(wrote) };
            TokenCount { usage, cached_input_tokens: 0, estimated: true }
        }
    }
}

/// What the model wrote, tool calls included; for estimates.
fn written(text: &str, calls: &[crate::ToolCall]) -> String {
    let calls = calls.iter().map(|call| format!("{}{}", call.name, call.arguments.to_text()));
    std::iter::once(text.to_owned()).chain(calls).collect()
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// Adds `value` to an object when there is one.
fn put(body: &mut Json, name: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        body[name] = value.into();
    }
}

/// A float as people write it: 0.7, and not 0.699999988079071.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_default()
}

/// A vector of numbers.
fn vector(json: &Json) -> Option<Vec<f32>> {
    json.as_array()?.iter().map(|number| number.as_f64().map(|number| number as f32)).collect()
}
