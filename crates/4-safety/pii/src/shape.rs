//! What a text could possibly hold, seen in one pass over its bytes: most texts hold nothing, and say so here.

/// Which recognizers are worth running.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Shape {
    pub at_sign: bool,
    pub digits: usize,
    pub dot: bool,
    pub colon: bool,
    /// The longest run of letters, digits, `_` and `-`.
    pub longest_token: usize,
    pub equals: bool,
    /// The text speaks of a password: what follows may be short.
    pub password: bool,
}

impl Shape {
    pub fn of(text: &str) -> Self {
        let mut shape = Self::default();
        let mut run = 0;
        for &byte in text.as_bytes() {
            match byte {
                b'0'..=b'9' => {
                    shape.digits += 1;
                    run += 1;
                    continue;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' => {
                    run += 1;
                    continue;
                }
                b'@' => shape.at_sign = true,
                b'.' => shape.dot = true,
                b':' => shape.colon = true,
                b'=' => shape.equals = true,
                _ => {}
            }
            if run > shape.longest_token {
                shape.longest_token = run;
            }
            run = 0;
        }
        shape.longest_token = shape.longest_token.max(run);
        shape.password = shape.digits > 0
            && ["assword", "ASSWORD", "asswd", "pwd", "PWD", "assphrase"].iter().any(|word| text.contains(word));
        shape
    }

    /// Nothing that any recognizer looks for can stand in this text.
    pub fn is_plain(self) -> bool {
        let telling = self.at_sign || self.equals || self.password || self.colon && self.digits > 0;
        !telling && self.digits < 4 && self.longest_token < 16
    }
}
