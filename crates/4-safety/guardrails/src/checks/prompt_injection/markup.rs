//! Fake markup (R137) and delimiters (R138): text that pretends to be a message of another role, or the end of data.

use std::sync::LazyLock;

use domain::Channel;
use regex::Regex;

use super::grammar::{Family, Raw};
use crate::normalise::fold;

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
        r"(?:^|\n|\s|#)[\[({]{1,2}\s?(?:system|system[ _-](?:message|prompt|override|note|instructions?)|admin|administrator|developer|assistant|new instructions?|instructions? override|important instructions?|root)\s?[\])}]{1,2}",
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
    // Weak: people write it to themselves. It counts where the learned tier nearly does.
    rule(DelimiterAttack, 0.4, "data/todo", r"(?:^|\n|\s)todo ?: ?[a-z]"),
    rule(FakeMarkup, 0.62, "data/important-tag", r"<(?:important|information|info|attention|urgent|note)>"),
];

/// The same in eleven more languages; `WORDS` stands for the words, folded as the text is.
const ELSEWHERE: &[(Rule, &str)] = &[
    (
        rule(
            FakeMarkup,
            0.78,
            "markup/role-bracket",
            r"(?:^|\n|\s|#)[\[({<]{1,2}\s?(?:WORDS)\s?:?\s?[\])}>]{1,2}|(?:^|\n)\s?(?:#{1,6} ?)(?:WORDS)\s?(?::|\n|$)",
        ),
        "systemnachricht|systemanweisung|system-nachricht|systemmeldung|message système|message du système|consigne système|mensaje del sistema|mensaje de sistema|instrucción del sistema|mensagem do sistema|mensagem de sistema|instrução do sistema|messaggio di sistema|messaggio del sistema|istruzione di sistema|системное сообщение|сообщение системы|системная инструкция|系统消息|系统提示|系統訊息|系统指令|システムメッセージ|システム指示|システム命令|시스템 메시지|시스템 지시|시스템 명령|सिस्टम संदेश|सिस्टम निर्देश|प्रणाली संदेश|رسالة النظام|تعليمات النظام|أمر النظام",
    ),
    (
        rule(DelimiterAttack, 0.82, "delimiter/end-of", r#"(?:[-=*#~_"'`<\[(/]{2,}|\[|<|\()\s?(?:WORDS)"#),
        "ende des dokuments|ende des textes|ende der daten|ende der eingabe|ende der nutzereingabe|ende der e-mail|ende des prompts|dokumentende|fin du document|fin du texte|fin des données|fin de l'entrée|fin du message|fin del documento|fin del texto|fin de los datos|fin de la entrada|fin del mensaje|fim do documento|fim do texto|fim dos dados|fim da entrada|fim da mensagem|fine del documento|fine del testo|fine dei dati|fine dell'input|fine del messaggio|конец документа|конец текста|конец данных|конец ввода|конец сообщения|文档结束|文件结束|文本结束|数据结束|输入结束|正文结束|文書の終わり|文書終わり|文章の終わり|データの終わり|入力の終わり|ここまでが文書|문서 끝|문서의 끝|텍스트 끝|데이터 끝|입력 끝|दस्तावेज़ समाप्त|दस्तावेज समाप्त|पाठ समाप्त|डेटा समाप्त|दस्तावेज़ का अंत|نهاية المستند|نهاية الوثيقة|نهاية النص|نهاية البيانات|نهاية الرسالة",
    ),
    (
        rule(
            DelimiterAttack,
            0.66,
            "delimiter/new-instructions-line",
            r"(?:^|\n|[-=*#]{2,})\s?(?:\W{0,6})(?:WORDS)\s?[:\-=>]",
        ),
        "neue anweisungen|neue anweisung|neue instruktionen|neuer auftrag|nouvelles instructions|nouvelle consigne|nouvelles consignes|nuevas instrucciones|nueva instrucción|novas instruções|nova instrução|nuove istruzioni|nuova istruzione|новые инструкции|новая инструкция|новое задание|新的指令|新指令|新的任务|新しい指示|新しい命令|新指示|새로운 지시|새 지시|새로운 명령|नए निर्देश|नया निर्देश|تعليمات جديدة|أوامر جديدة",
    ),
];

static COMPILED: LazyLock<Vec<(Option<Regex>, &'static Rule, bool)>> = LazyLock::new(|| {
    let plain = RULES.iter().map(|rule| (Regex::new(rule.pattern).ok(), rule, false));
    let of_data = DATA_RULES.iter().map(|rule| (Regex::new(rule.pattern).ok(), rule, true));
    let elsewhere = ELSEWHERE.iter().map(|(rule, words)| {
        let words: Vec<String> = words.split('|').map(|word| regex::escape(&fold::fold(word).text)).collect();
        (Regex::new(&rule.pattern.replace("WORDS", &words.join("|"))).ok(), rule, false)
    });
    plain.chain(of_data).chain(elsewhere).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// R137, R138: a pattern that does not compile finds nothing and says nothing.
    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), RULES.len() + DATA_RULES.len() + ELSEWHERE.len());
        for (pattern, rule, _) in COMPILED.iter() {
            assert!(pattern.is_some(), "{}", rule.rule);
        }
    }
}
