//! Text to tokens and back, built from the vocabulary and the merges in the file (byte-level BPE).
//!
//! Control tokens (`<|im_start|>` …) are not known to the BPE: only the template can write them
//! ([`Tokenizer::encode_template`]), so text that spells one stays text.

use std::collections::HashMap;

use tokenizers::Model as _;
use tokenizers::{
    OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _, PreTokenizerWrapper,
    models::bpe::BPE,
    pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence},
};

use crate::{Error, weights::Gguf};

/// A token that is part of no text, by `tokenizer.ggml.token_type`.
const CONTROL: i64 = 3;

pub(crate) struct Tokenizer {
    bpe: BPE,
    split: Sequence,
    /// What each token stands for; empty for control tokens.
    bytes: Vec<Vec<u8>>,
    /// Longest first.
    control: Vec<(String, u32)>,
    pub end: Vec<u32>,
}

impl Tokenizer {
    pub fn load(gguf: &Gguf) -> Result<Self, Error> {
        let kind = gguf.text("tokenizer.ggml.model")?;
        if kind != "gpt2" {
            return Err(Error::Unsupported { what: format!("the tokenizer {kind}") });
        }
        let bytes = ByteLevel::new(false, false, true);
        let split: Vec<PreTokenizerWrapper> = match gguf.text("tokenizer.ggml.pre").unwrap_or("default") {
            "smollm" => vec![Digits::new(true).into(), bytes.into()],
            "default" | "gpt-2" => vec![bytes.into()],
            other => return Err(Error::Unsupported { what: format!("the pre-tokenizer {other}") }),
        };
        let tokens = gguf.texts("tokenizer.ggml.tokens")?;
        let types = gguf.numbers("tokenizer.ggml.token_type").unwrap_or_default();
        let is_control = |index: usize| types.get(index) == Some(&CONTROL);
        let merges = gguf.texts("tokenizer.ggml.merges")?;
        let merges = merges
            .iter()
            .map(|merge| merge.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::Damaged { what: "a merge is not a pair".into() })?;
        let to_byte = byte_of_char();
        let decode = |(index, token): (usize, &String)| match is_control(index) {
            true => Vec::new(),
            false => token.chars().filter_map(|c| to_byte.get(&c).copied()).collect(),
        };
        let all = tokens.iter().enumerate();
        let bytes = all.clone().map(decode).collect();
        let id = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let mut control: Vec<_> = all
            .clone()
            .filter(|(index, _)| is_control(*index))
            .map(|(index, token)| (token.clone(), id(index)))
            .collect();
        control.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
        let vocabulary: HashMap<String, u32> = all.map(|(index, token)| (token.clone(), id(index))).collect();
        let bpe = BPE::builder()
            .vocab_and_merges(vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
            .build()
            .map_err(|error| Error::Damaged { what: format!("its merges do not fit its vocabulary ({error})") })?;
        let end = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"];
        let mut end: Vec<u32> = end.into_iter().filter_map(|key| gguf.number(key).ok()).map(id).collect();
        // A model that falls back to the marker it was pre-trained with has ended too.
        end.extend(control.iter().filter(|(token, _)| token == "<|endoftext|>").map(|(_, id)| *id));
        if end.is_empty() {
            return Err(Error::Missing { key: "tokenizer.ggml.eos_token_id".into() });
        }
        Ok(Self { bpe, split: Sequence::new(split), bytes, control, end })
    }

    /// The tokens of a text. Nothing in it is a control token.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let failed = |error| Error::Damaged { what: format!("a text could not be split into tokens ({error})") };
        let mut pieces = PreTokenizedString::from(text);
        self.split.pre_tokenize(&mut pieces).map_err(failed)?;
        let mut tokens = Vec::new();
        for (piece, ..) in pieces.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            tokens.extend(self.bpe.tokenize(piece).map_err(failed)?.into_iter().map(|token| token.id));
        }
        Ok(tokens)
    }

    /// The tokens of what the template wrote, control tokens included.
    pub fn encode_template(&self, mut text: &str) -> Result<Vec<u32>, Error> {
        let mut tokens = Vec::new();
        while let Some((at, name, id)) = self
            .control
            .iter()
            .filter_map(|(name, id)| text.find(name.as_str()).map(|at| (at, name, *id)))
            .min_by_key(|(at, name, _)| (*at, std::cmp::Reverse(name.len())))
        {
            tokens.extend(self.encode(&text[..at])?);
            tokens.push(id);
            text = &text[at + name.len()..];
        }
        tokens.extend(self.encode(text)?);
        Ok(tokens)
    }

    /// What `token` stands for: a piece of UTF-8, maybe not whole characters.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }
}

/// Byte-level BPE writes every byte as a printable character: those that are printable as themselves, the others as
/// the characters from U+0100 on, in order.
fn byte_of_char() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100_u32;
    (0..=255_u8)
        .filter_map(|byte| {
            let code = if printable(byte) {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).map(|c| (c, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_character() {
        let map = byte_of_char();
        assert_eq!((map.len(), map[&'Ġ'], map[&'Ċ'], map[&'a']), (256, b' ', b'\n', b'a'));
    }
}
