//! WordPiece as the uncased BERT models read text: control characters dropped, accents stripped, lower case, every CJK
//! ideograph and every punctuation mark a word of its own, words cut into the longest known pieces. Every token knows
//! the bytes of the original that it came from.

use std::{collections::HashMap, ops::Range};

use regex_syntax::hir::{Class, HirKind};
use unicode_normalization::char::decompose_canonical;

use crate::Error;

/// Words longer than this many characters are unknown, as in the reference.
const MOST_CHARS: usize = 100;
const MOST_VOCABULARY: usize = 1 << 20;

/// Knows the vocabulary.
pub struct Tokenizer {
    first: HashMap<Box<str>, u32>,
    /// Pieces that go on, without their `##`.
    rest: HashMap<Box<str>, u32>,
    longest: usize,
    pub unknown: u32,
    pub start: u32,
    pub end: u32,
    punctuation: Ranges,
    marks: Ranges,
    others: Ranges,
}

/// One token and the bytes of the text that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: u32,
    pub span: Range<usize>,
    /// Goes on with the word of the token before it.
    pub inside: bool,
}

/// A sorted set of characters.
struct Ranges(Vec<(char, char)>);

impl Ranges {
    fn of(class: &str) -> Result<Self, Error> {
        let parsed = regex_syntax::parse(class).map_err(|error| Error::Vocabulary(error.to_string()))?;
        match parsed.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                Ok(Self(class.ranges().iter().map(|range| (range.start(), range.end())).collect()))
            }
            _ => Err(Error::Vocabulary(format!("{class} is not a class"))),
        }
    }

    fn has(&self, c: char) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= c);
        after > 0 && self.0[after - 1].1 >= c
    }
}

/// What a character does to the word it stands in.
enum Kind {
    Dropped,
    Blank,
    /// A word of its own.
    Alone,
    Letter,
}

impl Tokenizer {
    /// One piece a line, the line's number its id.
    pub fn new(vocabulary: &str) -> Result<Self, Error> {
        let (mut first, mut rest) = (HashMap::new(), HashMap::new());
        let mut longest = 0;
        for (id, line) in vocabulary.lines().enumerate() {
            if id >= MOST_VOCABULARY {
                return Err(Error::Vocabulary(format!("more than {MOST_VOCABULARY} pieces")));
            }
            let id = id as u32;
            let (table, piece) = match line.strip_prefix("##") {
                Some(piece) if !piece.is_empty() => (&mut rest, piece),
                _ => (&mut first, line),
            };
            longest = longest.max(piece.chars().count());
            table.insert(Box::from(piece), id);
        }
        let special = |name: &str| first.get(name).copied().ok_or_else(|| Error::Vocabulary(format!("no {name}")));
        let (unknown, start, end) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        Ok(Self {
            first,
            rest,
            longest: longest.min(MOST_CHARS),
            unknown,
            start,
            end,
            punctuation: Ranges::of(r"\p{P}")?,
            marks: Ranges::of(r"\p{Mn}")?,
            others: Ranges::of(r"\p{C}")?,
        })
    }

    /// How many pieces there are.
    pub fn size(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn kind(&self, c: char) -> Kind {
        match c {
            '\t' | '\n' | '\r' | ' ' => Kind::Blank,
            '0'..='9' | 'A'..='Z' | 'a'..='z' => Kind::Letter,
            '!'..='~' => Kind::Alone,
            '\u{FFFD}' => Kind::Dropped,
            _ if ideograph(c) => Kind::Alone,
            _ if self.others.has(c) => Kind::Dropped,
            _ if c.is_whitespace() => Kind::Blank,
            _ if self.punctuation.has(c) => Kind::Alone,
            _ => Kind::Letter,
        }
    }

    /// The tokens of `text`, without marks for start and end.
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        let mut out = Vec::with_capacity(text.len() / 4);
        let mut word = Word::default();
        for (at, c) in text.char_indices() {
            let end = at + c.len_utf8();
            match self.kind(c) {
                Kind::Dropped => {}
                Kind::Blank => self.cut(&mut word, &mut out),
                Kind::Alone => {
                    self.cut(&mut word, &mut out);
                    self.fold(c, at..end, &mut word);
                    self.cut(&mut word, &mut out);
                }
                Kind::Letter => self.fold(c, at..end, &mut word),
            }
        }
        self.cut(&mut word, &mut out);
        out
    }

    fn fold(&self, c: char, span: Range<usize>, word: &mut Word) {
        if c.is_ascii() {
            word.push(c.to_ascii_lowercase(), &span);
            return;
        }
        decompose_canonical(c, |part| {
            if !self.marks.has(part) {
                part.to_lowercase().for_each(|lower| word.push(lower, &span));
            }
        });
    }

    /// Cuts a word into the longest known pieces, from the left; a word with an unknown rest is unknown as a whole.
    fn cut(&self, word: &mut Word, out: &mut Vec<Token>) {
        if word.text.is_empty() {
            return;
        }
        let before = out.len();
        let whole = word.span(0, word.spans.len());
        let mut known = word.spans.len() <= MOST_CHARS;
        let mut from = 0;
        while known && from < word.spans.len() {
            let table = if from == 0 { &self.first } else { &self.rest };
            let most = (from + self.longest).min(word.spans.len());
            let found = (from + 1..=most).rev().find_map(|to| {
                let id = table.get(&word.text[word.offset(from)..word.offset(to)])?;
                Some((*id, to))
            });
            match found {
                Some((id, to)) => {
                    out.push(Token { id, span: word.span(from, to), inside: from > 0 });
                    from = to;
                }
                None => known = false,
            }
        }
        if !known {
            out.truncate(before);
            out.push(Token { id: self.unknown, span: whole, inside: false });
        }
        word.clear();
    }
}

/// A folded word and where each of its characters came from.
#[derive(Default)]
struct Word {
    text: String,
    /// Offset in `text`, and the original bytes.
    spans: Vec<(usize, Range<usize>)>,
    /// Where the word began and where it ends so far, in the original.
    bounds: Range<usize>,
}

impl Word {
    fn push(&mut self, c: char, span: &Range<usize>) {
        if self.spans.is_empty() {
            self.bounds.start = span.start;
        }
        self.bounds.end = span.end;
        // A word beyond the limit is unknown anyway: its letters need not be kept.
        if self.spans.len() <= MOST_CHARS {
            self.spans.push((self.text.len(), span.clone()));
            self.text.push(c);
        }
    }

    fn offset(&self, index: usize) -> usize {
        self.spans.get(index).map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn span(&self, from: usize, to: usize) -> Range<usize> {
        if from == 0 && to == self.spans.len() {
            return self.bounds.clone();
        }
        self.spans[from].1.start..self.spans[to - 1].1.end
    }

    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }
}

/// Ideographs, which BERT separates (kana and hangul it does not).
fn ideograph(c: char) -> bool {
    matches!(c,
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{2A6DF}'
        | '\u{2A700}'..='\u{2B73F}' | '\u{2B740}'..='\u{2B81F}' | '\u{2B820}'..='\u{2CEAF}' | '\u{2F800}'..='\u{2FA1F}')
}
