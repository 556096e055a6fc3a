//! Fake markup (R137) and delimiters (R138): text that pretends to be a message of another role, or the end of data.

use std::sync::LazyLock;

use domain::Channel;
use regex::Regex;

use super::grammar::{Family, Raw};

struct Rule {
    family: Family,
    score: f32,
    rule: &'static str,
    pattern: &'static str,
}

const fn rule(family: Family, score: f32, rule: &'static str, pattern: &'static str) -> Rule {
    Rule { family, score, rule, pattern }
}

use Family::{DelimiterAttack, FakeMarkup};

/// Over folded text: lower case, one blank at a time.
const RULES: &[Rule] = &[
    rule(
        FakeMarkup,
        0.9,
        "markup/chat-template",
        r"<\|(?:im_start|im_end|system|user|assistant|end_of_turn|start_header_id|end_header_id|eot_id|begin_of_text|endoftext)\|>",
    ),
    rule(FakeMarkup, 0.88, "markup/llama", r"\[/?inst\]|<<sys>>|<</sys>>|<start_of_turn>|<end_of_turn>"),
    rule(
        FakeMarkup,
        0.75,
        "markup/role-tag",
        r"</?(?:system|sys|system_prompt|system_message|system-message|system_instruction|system-instruction|system-reminder|assistant|admin|developer|instructions?|new_instructions?|override|important|secret|priority|user_input|user_query|user_message|user_data)(?: [^<>\n]{0,60})?>",
    ),
    rule(
        FakeMarkup,
        0.78,
        "markup/role-bracket",
        r"(?:^|\n|\s)[\[({]{1,2}\s?(?:system|system message|system prompt|admin|administrator|developer|system override|system note|system instruction|assistant|new instructions?|instructions? override|important instructions?|root)\s?[\])}]{1,2}",
    ),
    rule(
        FakeMarkup,
        0.78,
        "markup/role-heading",
        r"(?:^|\n)\s?#{1,6} ?(?:system|system prompt|system message|new instructions?|instructions? override|new system|admin|assistant instructions?|override) ?(?::|\n|$)",
    ),
    rule(
        FakeMarkup,
        0.72,
        "markup/role-line",
        r"(?:^|\n)\s?(?:system|system prompt|system message|system note|system override|sysadmin|developer|admin override|assistant) ?(?:\([^)\n]{0,20}\))? ?: ?[a-z]",
    ),
    rule(FakeMarkup, 0.8, "markup/role-json", r#""role" ?: ?"(?:system|developer)""#),
    rule(
        FakeMarkup,
        0.7,
        "markup/comment",
        r"<!-- ?(?:[^>]{0,40})(?:ignore|system|instruction|assistant|ai |prompt|override)[^>]{0,200}",
    ),
    rule(
        DelimiterAttack,
        0.82,
        "delimiter/end-of",
        r#"(?:[-=*#~_"'`<\[(/]{2,}|\[|<|\() ?(?:end|stop|finish|close|begin|start)(?: of)?(?: the)? (?:system |user |original |previous |initial |above )?(?:prompt|instructions?|context|document|text|input|data|user input|user query|query|message|conversation|system|article|email|content|session|task|rules?)\b"#,
    ),
    rule(
        DelimiterAttack,
        0.78,
        "delimiter/end-marker",
        r"(?:^|\n|\s)(?:end of (?:prompt|instructions?|context|document|user input|input|system prompt|conversation|data|text|email|article)|end_of_(?:prompt|text|input|context|document|instructions?)|\[end\]|\[end of text\]|<end>|<eos>|</s>|eof)\b ?[^a-z]{0,20}(?:new|now|system|ignore|the following|real|actual|instructions?|please|begin|start)",
    ),
    rule(
        DelimiterAttack,
        0.75,
        "delimiter/rule-then-order",
        r#"(?:-{3,}|={3,}|\*{3,}|#{3,}|~{3,}|"{3}|'{3}|`{3})\s{0,4}(?:new|updated|real|actual|system|important|urgent|override|admin)\s(?:instructions?|task|prompt|rules?|directive|message|command|override|role)"#,
    ),
    rule(
        DelimiterAttack,
        0.7,
        "delimiter/fence-then-ignore",
        r#"(?:-{3,}|={3,}|\*{3,}|#{3,}|"{3}|'{3}|`{3}|\}\}|\]\])\s{0,4}(?:ignore|disregard|forget|override)\b"#,
    ),
    rule(
        DelimiterAttack,
        0.66,
        "delimiter/new-instructions-line",
        r"(?:^|\n)\s?(?:\W{0,6})(?:new|updated|revised|real|actual|important|urgent|critical|hidden|secret|system|override|special|priority) (?:instructions?|directives?|task|prompt|orders?|command)\b ?[:\-=>]",
    ),
];

/// Counts only where the text is data.
const DATA_RULES: &[Rule] = &[
    rule(
        DelimiterAttack,
        0.6,
        "data/instruction-line",
        r"(?:^|\n|\. )\s?(?:instructions?|important|attention|note|todo|action required|urgent|system|prompt|command|assistant|ai)( to (?:the )?(?:ai|assistant|model|llm|agent|chatbot|reader)| for (?:the )?(?:ai|assistant|model|llm|agent|chatbot)s?)? ?[:!]{1,3} ?(?:ignore|disregard|forget|you must|you should|please|do not|don't|send|forward|include|add|say|tell|reply|respond|print|output|write|before|when|always|execute|call|use)\b",
    ),
    rule(FakeMarkup, 0.62, "data/important-tag", r"<(?:important|information|info|attention|urgent|note)>"),
];

static COMPILED: LazyLock<Vec<(Option<Regex>, &'static Rule, bool)>> = LazyLock::new(|| {
    let plain = RULES.iter().map(|rule| (Regex::new(rule.pattern).ok(), rule, false));
    plain.chain(DATA_RULES.iter().map(|rule| (Regex::new(rule.pattern).ok(), rule, true))).collect()
});

/// Everything in `text` (folded) that imitates structure.
pub fn signals(text: &str, channel: Channel) -> Vec<Raw> {
    let mut out = Vec::new();
    // Every rule needs one of these somewhere.
    if !text.contains(['<', '[', '#', ':', '-', '=', '*', '"', '\'', '`', '{', '(']) {
        return out;
    }
    for (pattern, rule, data_only) in COMPILED.iter() {
        if *data_only && channel != Channel::Data {
            continue;
        }
        let Some(pattern) = pattern else { continue };
        for hit in pattern.find_iter(text).take(16) {
            out.push(Raw {
                family: rule.family,
                score: rule.score,
                start: hit.start(),
                end: hit.end(),
                rule: rule.rule,
            });
        }
    }
    out
}
