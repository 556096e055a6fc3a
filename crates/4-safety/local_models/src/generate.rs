//! One answer: read the conversation, write token by token, stop for a reason.

use std::time::Instant;

use models::{ChatRequest, Finish, Phase, Provider};

use crate::{Error, network::Network, sampling::Sampler, template::Template, tokenizer::Tokenizer, weights::Gguf};

/// Tokens that are read at a time; between two bites the caller may go away.
const BITE: usize = 128;

/// A loaded model.
pub(crate) struct Loaded {
    network: Network,
    tokenizer: Tokenizer,
    template: Template,
}

/// What ended well.
pub(crate) struct Written {
    pub text: String,
    pub finish: Finish,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// Bounds of one answer.
pub(crate) struct Bounds {
    pub context: usize,
    pub default_max_tokens: u32,
    pub deadline: Instant,
}

/// The one who asked, as far as the model's thread sees them.
pub(crate) trait Caller {
    /// Takes a piece of the answer.
    fn take(&mut self, piece: &str);
    /// Waits no more.
    fn is_gone(&self) -> bool;
}

impl Loaded {
    pub fn load(path: &std::path::Path) -> Result<Self, Error> {
        let mut gguf = Gguf::open(path)?;
        let tokenizer = Tokenizer::load(&gguf)?;
        let template = Template::load(&gguf)?;
        Ok(Self { network: Network::load(&mut gguf)?, tokenizer, template })
    }

    /// Answers `request`. `Ok(None)` when the caller has gone.
    pub fn answer(
        &self,
        request: &ChatRequest,
        bounds: &Bounds,
        caller: &mut impl Caller,
    ) -> Result<Option<Written>, models::Error> {
        let prompt = self.template.encode(&self.tokenizer, &request.messages)?;
        let context = bounds.context.min(self.network.shape.context);
        if prompt.len() >= context {
            return Err(models::Error::TooLong { provider: Provider::Local });
        }
        let limit = request.max_tokens.unwrap_or(bounds.default_max_tokens) as usize;
        let limit = limit.min(context - prompt.len());
        let mut state = self.network.begin(prompt.len() + limit);
        let mut sampler = Sampler::new(request.temperature, request.top_p, request.seed);
        let mut scores = Vec::new();
        for bite in prompt.chunks(BITE) {
            if still(bounds, caller)? {
                scores = self.network.read(&mut state, bite)?;
            } else {
                return Ok(None);
            }
        }
        let mut text = Text::new(&request.stop);
        let mut written = 0;
        let finish = loop {
            if written == limit {
                break Finish::Length;
            }
            if !still(bounds, caller)? {
                return Ok(None);
            }
            scores.truncate(self.network.shape.vocabulary);
            let token = sampler.choose(&scores);
            if self.tokenizer.end.contains(&token) {
                break Finish::Stop;
            }
            written += 1;
            let (piece, stopped) = text.push(self.tokenizer.bytes(token));
            if !piece.is_empty() {
                caller.take(&piece);
            }
            if stopped {
                break Finish::Stop;
            }
            scores = self.network.read(&mut state, &[token])?;
        };
        let (rest, text) = text.finish();
        if !rest.is_empty() {
            caller.take(&rest);
        }
        let (input_tokens, output_tokens) = (prompt.len() as u64, written as u64);
        Ok(Some(Written { text, finish, input_tokens, output_tokens }))
    }
}

fn still(bounds: &Bounds, caller: &impl Caller) -> Result<bool, models::Error> {
    if Instant::now() >= bounds.deadline {
        return Err(models::Error::TimedOut { provider: Provider::Local, phase: Phase::Total });
    }
    Ok(!caller.is_gone())
}

/// The answer so far: whole characters are handed out, what may be the beginning of a stop sequence is not.
struct Text<'a> {
    stops: &'a [String],
    /// Handed out.
    out: String,
    /// Whole characters that may yet belong to a stop sequence.
    held: String,
    /// Bytes of a character that is not whole.
    part: Vec<u8>,
    stopped: bool,
}

impl<'a> Text<'a> {
    fn new(stops: &'a [String]) -> Self {
        Self { stops, out: String::new(), held: String::new(), part: Vec::new(), stopped: false }
    }

    /// Takes a token's bytes; gives what may be shown and whether a stop sequence came.
    fn push(&mut self, bytes: &[u8]) -> (String, bool) {
        self.part.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.part) {
            Ok(text) => text.len(),
            // A character that is broken for good is shown as such.
            Err(error) => error.error_len().map_or(error.valid_up_to(), |broken| error.valid_up_to() + broken),
        };
        let rest = self.part.split_off(whole);
        self.held.push_str(&String::from_utf8_lossy(&self.part));
        self.part = rest;
        let stops = self.stops.iter().filter(|stop| !stop.is_empty());
        if let Some(at) = stops.clone().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            self.stopped = true;
            return (self.release(self.held.len()), true);
        }
        let doubt = stops.map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        (self.release(self.held.len() - doubt), false)
    }

    fn release(&mut self, bytes: usize) -> String {
        let rest = self.held.split_off(bytes);
        let piece = std::mem::replace(&mut self.held, rest);
        self.out.push_str(&piece);
        piece
    }

    /// What was held back, and the whole text.
    fn finish(mut self) -> (String, String) {
        if !self.stopped {
            self.held.push_str(&String::from_utf8_lossy(&self.part));
        }
        let rest = self.release(self.held.len());
        (rest, self.out)
    }
}

/// How many bytes at the end of `text` are a beginning of `stop`.
fn overlap(text: &str, stop: &str) -> usize {
    let ends = stop.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
    ends.rev().find(|&at| text.ends_with(&stop[..at])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, String) {
        let stops: Vec<String> = stops.iter().map(|&stop| stop.to_owned()).collect();
        let mut text = Text::new(&stops);
        let mut shown = Vec::new();
        for piece in pieces {
            let (piece, stopped) = text.push(piece);
            shown.push(piece);
            if stopped {
                break;
            }
        }
        let (rest, all) = text.finish();
        shown.push(rest);
        assert_eq!(shown.concat(), all);
        (shown, all)
    }

    #[test]
    fn characters_are_shown_whole() {
        assert_eq!(run(&[], &[b"a\xc3", b"\xa9b"]).0, ["a", "éb", ""]);
        assert_eq!(run(&[], &[b"a\xff", b"b"]).1, "a\u{fffd}b");
        assert_eq!(run(&[], &[b"a\xc3"]).1, "a\u{fffd}");
    }

    #[test]
    fn a_stop_sequence_is_never_shown_in_part() {
        assert_eq!(run(&["END"], &[b"one E", b"N", b"D two"]).0, ["one ", "", "", ""]);
        assert_eq!(run(&["END"], &[b"one E", b"xit"]).1, "one Exit");
        assert_eq!(run(&["END"], &[b"one EN"]).1, "one EN");
    }
}
