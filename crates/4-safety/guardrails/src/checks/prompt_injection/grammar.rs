//! What words make together.

use domain::Channel;

use super::{
    everyday::{mechanical, of_an_assistant, own_message},
    matcher::{self, Class, Hit},
    orders::{begins_with_a_verb, called, imperative},
    windows,
};

/// The six families that the security overview names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    InstructionOverride,
    Jailbreak,
    PromptExtraction,
    RoleReassignment,
    FakeMarkup,
    DelimiterAttack,
}

impl Family {
    /// The word in findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstructionOverride => "instruction_override",
            Self::Jailbreak => "jailbreak",
            Self::PromptExtraction => "system_prompt_extraction",
            Self::RoleReassignment => "role_reassignment",
            Self::FakeMarkup => "context_manipulation",
            Self::DelimiterAttack => "delimiter_attack",
        }
    }
    /// Why it counts.
    pub const fn words(self) -> &'static str {
        match self {
            Self::InstructionOverride => "tells the assistant to put its instructions out of force or to follow others",
            Self::Jailbreak => "asks for an assistant without its limits",
            Self::PromptExtraction => "asks for the assistant's own instructions or secrets",
            Self::RoleReassignment => "gives the assistant another role that sheds its limits",
            Self::FakeMarkup => "imitates the markup of system or assistant messages",
            Self::DelimiterAttack => "pretends that the data ends here and instructions follow",
        }
    }
}

/// A suspicious place in one reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raw {
    pub family: Family,
    pub score: f32,
    pub start: usize,
    pub end: usize,
    pub rule: &'static str,
}

/// Everything the grammar sees in `text` (folded).
pub fn signals(text: &str, loose: bool, channel: Channel) -> Vec<Raw> {
    let hits = matcher::hits(text, loose);
    if hits.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let talk = Talk::of(text, &hits);
    let mut from = 0;
    let sentences = if loose { vec![(0, text.len())] } else { windows::sentences(text) };
    for (index, &(start, end)) in sentences.iter().enumerate() {
        from += hits[from..].partition_point(|hit| hit.start < start);
        let to = from + hits[from..].partition_point(|hit| hit.start < end);
        let here = Window { text, start, end, hits: &hits[from..to], first: index == 0 };
        if here.hits.is_empty() {
            continue;
        }
        let begun = out.len();
        here.overriding(&mut out);
        here.extraction(&mut out);
        here.roles(&mut out);
        if channel == Channel::Data {
            here.addressed(&mut out);
        }
        for raw in &mut out[begun..] {
            raw.score = talk.dampen(text, raw);
        }
    }
    out
}

/// A sentence and its words.
struct Window<'w> {
    text: &'w str,
    start: usize,
    end: usize,
    hits: &'w [Hit],
    first: bool,
}

impl Window<'_> {
    fn all(&self, class: Class) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(move |hit| hit.class == class)
    }

    fn has(&self, class: Class) -> bool {
        self.all(class).next().is_some()
    }

    /// The closest pair of two classes, at most `reach` bytes apart, not overlapping; the first may stand after the
    /// second (as in German, Japanese, Korean, Hindi).
    fn pair(&self, a: Class, b: Class, reach: usize) -> Option<(usize, usize, usize)> {
        let mut best: Option<(usize, usize, usize)> = None;
        // Bounded: beyond this many words of one class in a sentence the nearest ones decide.
        for x in self.all(a).take(64) {
            for y in self.all(b).take(64) {
                let (start, end) = (x.start.min(y.start), x.end.max(y.end));
                let gap = if x.end <= y.start {
                    y.start - x.end
                } else if y.end <= x.start {
                    // Backwards only where the language puts its verb last, or close by.
                    let ascii = self.text[start..end].is_ascii();
                    if ascii && x.start - y.end > 24 {
                        continue;
                    }
                    x.start - y.end + 8
                } else {
                    continue;
                };
                if gap <= reach && best.is_none_or(|(_, _, g)| gap < g) {
                    best = Some((start, end, gap));
                }
            }
        }
        best
    }

    fn between(&self, start: usize, end: usize, class: Class) -> bool {
        self.all(class).any(|hit| hit.start < end + 24 && hit.end + 4 > start)
    }

    /// What is put out of force belongs to any program, and nothing says that it is the assistant's.
    fn everyday(&self, class: Class) -> bool {
        let said = |hit: &Hit| &self.text[hit.start..hit.end];
        self.all(class).all(|hit| mechanical(said(hit))) && !self.all(Class::Your).any(|hit| of_an_assistant(said(hit)))
    }

    /// "ignore … previous … instructions", "forget everything above".
    fn overriding(&self, out: &mut Vec<Raw>) {
        let mut push = |score: f32, start: usize, end: usize, rule| {
            out.push(Raw { family: Family::InstructionOverride, score, start, end, rule });
        };
        if let Some((start, end, gap)) = self.pair(Class::Ignore, Class::Instr, 70) {
            let owned = self.between(start, end, Class::Prior) || self.between(start, end, Class::Your);
            let replaced = self.has(Class::NewInstr) || self.has(Class::Say) || self.has(Class::Prompt);
            let score = match (owned, gap <= 40) {
                (true, true) => 0.95,
                (true, false) => 0.8,
                (false, true) => {
                    if replaced {
                        0.75
                    } else {
                        0.56
                    }
                }
                (false, false) => 0.4,
            };
            let mail = self.all(Class::Instr).nth(1).is_none() && own_message(self.text, start, end);
            push(if mail { 0.6 * score } else { score }, start, end, "override/verb-instructions");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::InstrWeak, 50)
            && self.between(start, end, Class::Your)
        {
            push(if self.everyday(Class::InstrWeak) { 0.48 } else { 0.72 }, start, end, "override/verb-own");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::InstrWeak, 30)
            && self.all(Class::Prior).any(|p| {
                let word = &self.text[p.start..p.end];
                p.start >= start
                    && p.end <= end
                    && !matches!(word, "any" | "all" | "every" | "these" | "those" | "last" | "first" | "current")
            })
        {
            push(0.66, start, end, "override/verb-earlier");
        }
        if let Some((start, end, _)) = self.pair(Class::IgnoreWeak, Class::Instr, 50)
            && self.between(start, end, Class::Your)
        {
            push(0.7, start, end, "override/weak-verb-own");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::AllPrior, 30) {
            let mail = self.all(Class::AllPrior).nth(1).is_none() && own_message(self.text, start, end);
            push(if mail { 0.5 } else { 0.88 }, start, end, "override/everything-before");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::NewInstr, 60)
            && (self.has(Class::Prior) || self.has(Class::Your))
        {
            push(0.55, start, end, "override/instead");
        }
        if let Some(hit) = self.all(Class::Hijack).next() {
            push(0.72, hit.start, hit.end, "override/hijack-phrase");
        }
        if let Some((start, end, _)) = self.pair(Class::Own, Class::Mine, 120) {
            push(0.74, start, end, "override/mine-over-yours");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::Own, 40) {
            push(if self.everyday(Class::Own) { 0.48 } else { 0.72 }, start, end, "override/own-ways");
        }
        if let Some((start, end, _)) = self.pair(Class::IgnoreWeak, Class::Own, 30) {
            push(0.64, start, end, "override/own-ways");
        }
        if let Some((start, end, _)) = self.pair(Class::Ignore, Class::Mine, 120) {
            push(0.66, start, end, "override/only-mine");
        }
        if let Some(hit) = self.all(Class::NewInstr).find(|hit| strong_replacement(&self.text[hit.start..hit.end])) {
            push(0.64, hit.start, hit.end, "override/authority");
        }
    }

    /// "reveal your system prompt", "repeat the words above".
    fn extraction(&self, out: &mut Vec<Raw>) {
        let mut push = |score: f32, start: usize, end: usize, rule| {
            out.push(Raw { family: Family::PromptExtraction, score, start, end, rule });
        };
        if let Some((start, end, gap)) = self.pair(Class::Reveal, Class::Prompt, 60)
            && !asks_about(&self.text[start..end])
        {
            push(if gap <= 30 { 0.85 } else { 0.7 }, start, end, "extraction/verb-prompt");
        }
        // A summary of the text above is asked for every day; its repetition word for word hardly ever.
        let verbatim = |hit: &&Hit| {
            matches!(
                &self.text[hit.start..hit.end],
                "repeat"
                    | "print"
                    | "output"
                    | "recite"
                    | "reveal"
                    | "echo"
                    | "dump"
                    | "display"
                    | "verbatim"
                    | "spell out"
            )
        };
        if let Some((start, end, gap)) = self.pair(Class::Reveal, Class::AllPrior, 24)
            && self.all(Class::Reveal).any(|hit| verbatim(&hit) && hit.start == start)
        {
            push(if gap <= 12 { 0.68 } else { 0.5 }, start, end, "extraction/everything-above");
        }
        if let Some((start, end, _)) = self.pair(Class::Core, Class::Instr, 24)
            && let Some((_, to, _)) = self.pair(Class::Instr, Class::Operate, 48)
        {
            push(0.7, start, end.max(to), "extraction/set-up");
        }
        if let Some((start, end, gap)) = self.pair(Class::Reveal, Class::Secret, 30) {
            let own = self.between(start, end, Class::Your);
            push(if own && gap <= 24 { 0.64 } else { 0.35 }, start, end, "extraction/verb-secret");
        }
    }

    /// "you are now … without restrictions", "act as DAN".
    fn roles(&self, out: &mut Vec<Raw>) {
        let mut push = |family, score: f32, start: usize, end: usize, rule| {
            out.push(Raw { family, score, start, end, rule });
        };
        if let Some((start, end, _)) = self.pair(Class::YouAre, Class::Free, 160) {
            let now = self.has(Class::NowOn);
            push(Family::RoleReassignment, if now { 0.9 } else { 0.68 }, start, end, "role/without-limits");
        }
        if let Some((start, end, _)) = self.pair(Class::NowOn, Class::Free, 120) {
            push(Family::RoleReassignment, 0.88, start, end, "role/from-now-on-without-limits");
        }
        if let Some((start, end, _)) = self.pair(Class::YouAre, Class::Jailbreak, 80) {
            push(Family::Jailbreak, 0.9, start, end, "jailbreak/role-name");
        }
        if let Some(hit) = self.all(Class::NowOn).next() {
            let ai = self.has(Class::Assist)
                || [" ai", "bot", "gpt", "model", "assistant"]
                    .iter()
                    .any(|word| self.text[self.start..self.end].contains(word));
            let score = if ai {
                0.62
            } else if self.first {
                0.45
            } else {
                0.5
            };
            push(Family::RoleReassignment, score, hit.start, hit.end, "role/from-now-on");
        }
        if let Some(hit) = self.all(Class::Jailbreak).next() {
            let word = &self.text[hit.start..hit.end];
            let strong = !matches!(
                word,
                "jailbreak"
                    | "jailbreaking"
                    | "jailbroken"
                    | "developer mode"
                    | "root access"
                    | "admin mode"
                    | "maintenance mode"
                    | "god mode"
                    | "godmode"
                    | "ucar"
                    | "machiavellian"
                    | "debug mode enabled"
                    | "machiavelli"
                    | "niccolo"
            );
            let used = self.has(Class::Free) || self.has(Class::Say) || self.has(Class::Ignore);
            let score = match (strong, used) {
                (true, _) => 0.8,
                (false, true) => 0.62,
                (false, false) => 0.4,
            };
            push(Family::Jailbreak, score, hit.start, hit.end, "jailbreak/name");
        }
        if let Some((start, end, _)) = self.pair(Class::Free, Class::Assist, 80) {
            push(Family::Jailbreak, 0.6, start, end, "jailbreak/answer-without-limits");
        }
        if let Some((start, end, _)) = self.pair(Class::Free, Class::Ignore, 80) {
            push(Family::Jailbreak, 0.62, start, end, "jailbreak/limits-ignored");
        }
    }

    /// DATA only: the text speaks to whoever processes it.
    fn addressed(&self, out: &mut Vec<Raw>) {
        let mut push = |score: f32, start: usize, end: usize, rule| {
            out.push(Raw { family: Family::InstructionOverride, score, start, end, rule });
        };
        let sentence = &self.text[self.start..self.end];
        let imperative = imperative(sentence) || self.has(Class::Assist) && begins_with_a_verb(sentence);
        if let Some(hit) = self.all(Class::Assist).next() {
            let asks = imperative || self.has(Class::NewInstr) || self.has(Class::Tool) || self.has(Class::Ignore);
            push(
                if asks { 0.66 } else { 0.3 },
                self.start.max(hit.start.saturating_sub(120)).min(hit.start),
                hit.end,
                "data/addressed",
            );
        }
        if called(sentence).is_some_and(begins_with_a_verb) {
            push(0.74, self.start, self.end, "data/called-by-name");
        }
        if let Some(hit) = self.all(Class::NewInstr).next()
            && imperative
        {
            push(0.52, hit.start, hit.end, "data/new-instructions");
        }
    }
}

/// "compare both system prompts and tell me …": what is to be told comes after. "System messages are listed below" is a
/// statement.
fn asks_about(text: &str) -> bool {
    const SAID: &[&str] =
        &["listed", "shown", "printed", "displayed", "described", "explained", "repeated", "copied", "translated"];
    ["and tell me", "and tell us", "and explain", "and describe"].iter().any(|asked| text.ends_with(asked))
        || [" are ", " is ", " were ", " was "].iter().any(|be| text.contains(be))
            && SAID.iter().any(|said| text.ends_with(said))
}

fn strong_replacement(word: &str) -> bool {
    word.contains("override")
        || word.contains("new system prompt")
        || word.contains("updated system prompt")
        || [
            "obey only",
            "obey me",
            "listen only to me",
            "i am your new",
            "i am from openai",
            "i am your developer",
            "i'm your developer",
            "i am your creator",
            "speaking as the developer",
        ]
        .iter()
        .any(|phrase| word.starts_with(phrase))
}

/// Signs that a text talks about attacks, or quotes one.
struct Talk {
    mentions: usize,
    length: usize,
}

impl Talk {
    fn of(text: &str, hits: &[Hit]) -> Self {
        Self { mentions: hits.iter().filter(|hit| hit.class == Class::Mention).count(), length: text.len() }
    }

    /// A quoted hit inside talk about it, or any hit in a text that is mostly such talk, says less.
    fn dampen(&self, text: &str, raw: &Raw) -> f32 {
        let quoted = quoted(text, raw.start, raw.end);
        let factor = match (self.mentions, quoted) {
            (0, false) => 1.0,
            (0, true) => 0.9,
            (_, true) => 0.55,
            // Long attacks mention many things; a short question with the word "attack" in it is about attacks.
            (n, false) if self.length / n < 160 && raw.score < 0.9 => 0.8,
            _ => 1.0,
        };
        raw.score * factor
    }
}

/// Whether `start..end` lies between two quotation marks on one line.
fn quoted(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let after = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let near = |part: &str, mark: char| part.matches(mark).count() % 2 == 1;
    let left = &text[before.max(floor(text, start.saturating_sub(400)))..start];
    let right = &text[end..after.min(floor(text, end + 400))];
    ['"', '\''].into_iter().any(|mark| near(left, mark) && right.contains(mark)) && left.len() + right.len() > 4
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
