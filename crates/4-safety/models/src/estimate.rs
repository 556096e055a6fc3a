//! Token counts for providers that give none.

use crate::ChatRequest;

/// About how many tokens `text` has: a token per four bytes of ASCII, one per two bytes of anything else (other
/// scripts take more tokens than letters), rounded up. An estimate for budgets, not for context limits.
pub fn estimate_tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.len() as u64 - ascii;
    ascii.div_ceil(4) + other.div_ceil(2)
}

/// The same for everything that a request makes the model read.
pub(crate) fn of_request(request: &ChatRequest) -> u64 {
    let messages = request.messages.iter().map(|message| {
        let calls = match message {
            crate::Message::Assistant { tool_calls, .. } => tool_calls
                .iter()
                .map(|call| estimate_tokens(&call.name) + estimate_tokens(&call.arguments.to_text()))
                .sum(),
            _ => 0,
        };
        4 + estimate_tokens(message.text()) + calls
    });
    let tools = request.tools.iter().map(|tool| {
        estimate_tokens(&tool.name) + estimate_tokens(&tool.description) + estimate_tokens(&tool.parameters.to_string())
    });
    messages.sum::<u64>() + tools.sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_text_never_counts_less() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("hello world!"), 3);
        assert!(estimate_tokens("日本語") >= 3);
    }
}
