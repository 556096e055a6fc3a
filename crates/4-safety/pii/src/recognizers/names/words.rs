//! The words of a text, and what their letters and neighbours say.

/// One word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'t> {
    pub text: &'t str,
    pub start: usize,
    pub end: usize,
    /// Begins with a capital and is not all capitals (an initial may be).
    pub capital: bool,
    /// Nothing but one blank, or a point and a blank behind an abbreviation, lies between it and the word before.
    pub joined: bool,
}

const MOST: usize = 200_000;
/// Their point ends no sentence.
const SHORT: &[&str] = &["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Sr", "Sra", "Sig", "Mme", "Mlle", "Hr", "Fr", "Capt"];

pub(super) fn of(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if !c.is_alphabetic() {
            continue;
        }
        let mut end = start + c.len_utf8();
        while let Some(&(at, next)) = chars.peek() {
            let rest = &text[at + next.len_utf8()..];
            let mut following = rest.chars();
            // A possessive is no part of the word.
            let possessive = following.next() == Some('s') && !following.next().is_some_and(char::is_alphanumeric);
            let inner = matches!(next, '\'' | '’' | '-')
                && rest.chars().next().is_some_and(char::is_alphabetic)
                && (next == '-' || !possessive);
            if !(next.is_alphanumeric() || inner) {
                break;
            }
            end = at + next.len_utf8();
            chars.next();
        }
        let word = &text[start..end];
        let letters = word.chars().count();
        let capital = c.is_uppercase() && (letters == 1 || word.chars().skip(1).any(char::is_lowercase));
        let gap = words.last().map_or("\n", |last| &text[last.end..start]);
        let initial =
            words.last().is_some_and(|last| last.capital && (last.end - last.start == 1 || SHORT.contains(&last.text)));
        let joined = gap == " " || gap == "\u{a0}" || initial && (gap == ". " || gap == ".");
        words.push(Word { text: word, start, end, capital, joined });
        if words.len() >= MOST {
            break;
        }
    }
    words
}
