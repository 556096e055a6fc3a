//! What is asked to be ignored or overridden every day, and is no attack.

use std::sync::LazyLock;

use super::floor;
use crate::normalise::fold::fold;

/// "forget my last message": what somebody sent earlier, not what an assistant was told.
pub fn own_message(text: &str, start: usize, end: usize) -> bool {
    const MINE: [&str; 9] = ["my", "ma", "mon", "mi", "minha", "mio", "mia", "meinen", "meine"];
    const WRITTEN_ON: &str = "我上|我的|我刚|我前|私の|내 |제 |मेरा|मेरे|मेरी";
    const SENT: &str = "消息|信息|メッセージ|메시지|संदेश|commande|message|mensaje|mensagem|messaggio|nachricht";
    static FOLDED: LazyLock<[Vec<String>; 2]> =
        LazyLock::new(|| [WRITTEN_ON, SENT].map(|list| list.split('|').map(|word| fold(word).text).collect()));
    let [on, sent] = &*FOLDED;
    // Whose it is may stand before both words.
    let text = &text[floor(text, start.saturating_sub(12))..end];
    let holds = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));
    holds(sent) && (holds(on) || text.split(|c: char| !c.is_alphabetic()).any(|word| MINE.contains(&word)))
}

/// What every program has, and nobody but an attacker speaks of to an assistant as its own.
pub fn mechanical(word: &str) -> bool {
    matches!(
        word,
        "settings"
            | "default settings"
            | "configuration"
            | "parameters"
            | "pattern"
            | "patterns"
            | "task"
            | "tasks"
            | "requests"
            | "statements"
    )
}

pub fn of_an_assistant(word: &str) -> bool {
    word.starts_with("you")
        || matches!(word, "safety" | "openai" | "openai's" | "ethical" | "content" | "moral" | "of the assistant")
}
