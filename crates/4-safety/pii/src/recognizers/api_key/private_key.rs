//! Private keys as PEM and PGP armour write them, whole or cut off.

use crate::{Entity, Kind};

const BEGIN: &str = "-----BEGIN ";
/// A key longer than this is not one.
const MOST_BYTES: usize = 64 * 1024;
/// Letters of the key itself that have to be there.
const LEAST: usize = 40;

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let mut from = 0;
    while let Some(offset) = text[from..].find(BEGIN) {
        let start = from + offset;
        from = start + BEGIN.len();
        let rest = &text[from..];
        let Some(title) = rest.find("-----").filter(|at| *at <= 64).map(|at| &rest[..at]) else { continue };
        if !title.contains("PRIVATE KEY") {
            continue;
        }
        let body = from + title.len() + 5;
        let mut limit = text.len().min(body + MOST_BYTES);
        while !text.is_char_boundary(limit) {
            limit -= 1;
        }
        let (length, end) = match text[body..limit].find("-----END ") {
            Some(at) => {
                let tail = body + at + "-----END ".len();
                (at, text[tail..limit].find("-----").map_or(tail, |at| tail + at + 5))
            }
            // Cut off, or hidden behind something: as far as it is written in the letters of a key.
            None => {
                let letters = text[body..limit]
                    .bytes()
                    .take_while(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\\') || b.is_ascii_whitespace()
                    })
                    .count();
                (letters, body + letters)
            }
        };
        let inside = &text[body..body + length];
        let solid = inside.bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
        let dotted = inside.contains("...") && solid < 200;
        if solid >= LEAST && !dotted && !super::entropy::is_filler(inside) {
            found.push(Entity::new(Kind::ApiKey, start, end, 0.99, "key/private-key"));
            from = end;
        }
    }
}
