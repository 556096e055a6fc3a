//! The masker for text that arrives in pieces: a value that is cut anywhere is still found.

use crate::Masker;

/// Masks a stream. What it gives out, put together, is what [`Masker::text`] makes of the whole.
#[derive(Debug, Clone)]
pub struct StreamMasker {
    masker: Masker,
    held: String,
}

impl StreamMasker {
    pub const fn new(masker: Masker) -> Self {
        Self { masker, held: String::new() }
    }
    /// Takes the next piece and gives what is certain by now: whatever may still turn out to be the beginning of a value
    /// is held back, at most as long as the longest form of a value.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        if self.masker.is_empty() {
            return std::mem::take(&mut self.held);
        }
        // A match that begins before this place is certain: the longest form would end within what is here.
        let certain = (self.held.len() + 1).saturating_sub(self.masker.longest());
        let (out, used) = self.masker.until(&self.held, certain);
        self.held.drain(..used);
        out
    }
    /// The rest, when nothing more comes.
    pub fn finish(mut self) -> String {
        let held = std::mem::take(&mut self.held);
        self.masker.text(&held).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use domain::Secret;
    use proptest::prelude::*;

    use super::*;

    fn masker(values: &[&str]) -> Masker {
        Masker::new(&values.iter().map(|v| Secret::new((*v).to_owned())).collect::<Vec<_>>())
    }
    fn streamed(masker: &Masker, pieces: &[&str]) -> String {
        let mut stream = StreamMasker::new(masker.clone());
        let mut out: String = pieces.iter().map(|piece| stream.push(piece)).collect();
        out.push_str(&stream.finish());
        out
    }

    /// R095: every way of cutting a text gives the same.
    #[test]
    fn every_chunking_masks_alike() {
        let masker = masker(&["abcdef", "defabc"]);
        for text in ["xabcdefabcx", "abcdefdefab", "abcabcdef", "é abcdef é"] {
            let cuts: Vec<usize> = (1..text.len()).filter(|at| text.is_char_boundary(*at)).collect();
            let whole = masker.text(text);
            for chosen in 0..1_u32 << cuts.len() {
                let (mut pieces, mut from) = (Vec::new(), 0);
                for (n, cut) in cuts.iter().enumerate() {
                    if chosen >> n & 1 == 1 {
                        pieces.push(&text[from..*cut]);
                        from = *cut;
                    }
                }
                pieces.push(&text[from..]);
                assert_eq!(streamed(&masker, &pieces), whole, "{pieces:?}");
            }
        }
    }

    proptest! {
        /// R095: whatever stands around the values, in whatever form, wherever the stream is cut.
        #[test]
        fn a_stream_is_masked_like_the_whole(
            parts in prop::collection::vec((0..6_usize, "[a-f ]{0,9}"), 0..8),
            cuts in prop::collection::vec(0..400_usize, 0..12),
        ) {
            use base64::Engine as _;
            let secrets = ["s3cr3t-value/+1", "abcabcabd", "line one of it\nline two of this key"];
            let masker = masker(&secrets);
            let mut text = String::new();
            for (which, around) in parts {
                text.push_str(&around);
                match which {
                    0..=2 => text.push_str(secrets[which]),
                    3 => text.push_str(&base64::engine::general_purpose::STANDARD.encode(secrets[0])),
                    4 => text.push_str(&hex::encode(secrets[1])),
                    _ => text.push_str("abcabcab"),
                }
            }
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|c| *c < text.len()).collect();
            cuts.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in cuts {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            pieces.push(&text[from..]);
            let out = streamed(&masker, &pieces);
            prop_assert_eq!(&out, &masker.text(&text).into_owned());
            for secret in secrets {
                prop_assert!(!out.contains(secret));
            }
        }
    }
}
