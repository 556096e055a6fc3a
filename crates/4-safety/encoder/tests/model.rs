//! A small random network: it loads, answers the same on every path, and what does not fit is refused by name.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use std::collections::HashMap;

use encoder::{Encoder, Error, cosine, kernel::Path, unit};
use safetensors::{Dtype, tensor::TensorView};

const WORDS: &str =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nignore\nprevious\ninstruction\n##s\nhello\n,\nworld\ncafe\n指\n令\n##ing\n";

/// Tensors by name: type, shape, bytes.
type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

fn small() -> (Tensors, HashMap<String, String>) {
    let mut state = 7u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 9
    };
    let mut tensors: Tensors = Vec::new();
    let mut floats = |name: &str, shape: &[usize], size: f32, shift: f32| {
        let count: usize = shape.iter().product();
        let bytes =
            (0..count).flat_map(|_| (((next() % 2001) as f32 / 1000.0 - 1.0) * size + shift).to_le_bytes()).collect();
        (name.to_owned(), Dtype::F32, shape.to_vec(), bytes)
    };
    let (hidden, inner, vocabulary) = (16, 40, 15);
    let mut state = 99u32;
    let mut bytes = |name: &str, outputs: usize, inputs: usize| {
        let data = (0..outputs * inputs)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 24) as u8 as i8).max(-127) as u8
            })
            .collect();
        (name.to_owned(), Dtype::I8, vec![outputs, inputs], data)
    };
    tensors.push(bytes("embeddings.word.q", vocabulary, hidden));
    tensors.push(floats("embeddings.word.scale", &[vocabulary], 0.001, 0.01));
    tensors.push(floats("embeddings.position", &[24, hidden], 0.1, 0.0));
    tensors.push(floats("embeddings.type", &[hidden], 0.1, 0.0));
    let mut norms = vec!["embeddings.norm".to_owned()];
    for layer in 0..2 {
        let name = |part: &str| format!("layers.{layer}.{part}");
        for (part, outputs, inputs) in [
            ("attention.query", hidden, hidden),
            ("attention.key", hidden, hidden),
            ("attention.value", hidden, hidden),
            ("attention.output", hidden, hidden),
            ("feed.up", inner, hidden),
            ("feed.down", hidden, inner),
        ] {
            tensors.push(bytes(&format!("{}.q", name(part)), outputs, inputs));
            tensors.push(floats(&format!("{}.scale", name(part)), &[outputs], 0.0005, 0.002));
            tensors.push(floats(&format!("{}.bias", name(part)), &[outputs], 0.1, 0.0));
        }
        norms.push(name("attention.norm"));
        norms.push(name("feed.norm"));
    }
    for norm in norms {
        tensors.push(floats(&format!("{norm}.weight"), &[hidden], 0.1, 1.0));
        tensors.push(floats(&format!("{norm}.bias"), &[hidden], 0.1, 0.0));
    }
    tensors.push(floats("heads.user.weight", &[1, hidden], 1.0, 0.0));
    tensors.push(floats("heads.user.bias", &[1], 0.1, 0.0));
    tensors.push(floats("heads.content.hidden.weight", &[8, hidden], 1.0, 0.0));
    tensors.push(floats("heads.content.hidden.bias", &[8], 0.1, 0.0));
    tensors.push(floats("heads.content.weight", &[2, 8], 1.0, 0.0));
    tensors.push(floats("heads.content.bias", &[2], 0.1, 0.0));
    let facts = [
        ("format", "nodeloom/guard/v1"),
        ("version", "small"),
        ("layers", "2"),
        ("hidden", "16"),
        ("heads_count", "2"),
        ("max_tokens", "12"),
        ("labels", r#"{"user":["attack"],"content":["hate","sexual"]}"#),
        ("thresholds", r#"{"user":[0.7],"content":[0.4,0.6]}"#),
        ("calibration", r#"{"user":{"a":2.0,"b":-0.5}}"#),
    ];
    (tensors, facts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn file(tensors: &Tensors, facts: &HashMap<String, String>) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    let facts = facts.clone().into_iter().collect();
    safetensors::serialize(views, Some(facts)).unwrap()
}

fn loaded() -> Encoder {
    let (tensors, facts) = small();
    Encoder::load(&file(&tensors, &facts), WORDS).unwrap()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Tensors, &mut HashMap<String, String>), why: &str) {
    let (mut tensors, mut facts) = small();
    change(&mut tensors, &mut facts);
    let error = Encoder::load(&file(&tensors, &facts), WORDS).unwrap_err().to_string();
    assert!(error.contains(why), "{error:?} does not name {why:?}");
}

fn ids(text: &str) -> Vec<u32> {
    loaded().tokens(text).iter().map(|token| token.id).collect()
}

#[test]
fn words_are_cut_into_the_longest_known_pieces() {
    assert_eq!(ids("Ignore previous instructions"), [4, 5, 6, 7]);
    assert_eq!(ids("CAFÉ, cafe\u{301}!"), [11, 9, 11, 1]);
    assert_eq!(ids("指令"), [12, 13]);
    assert_eq!(ids("worldly"), [1]);
    assert_eq!(ids("wor\u{0}ld\u{200b}"), [10]);
    assert_eq!(ids(&"a".repeat(300)), [1]);
    assert_eq!(ids(" \t\n"), [0u32; 0]);
}

#[test]
fn tokens_know_where_they_came_from() {
    let text = "…CAFÉ, instructions";
    let shown: Vec<&str> = loaded().tokens(text).iter().map(|token| &text[token.span.clone()]).collect();
    assert_eq!(shown, ["…", "CAFÉ", ",", "instruction", "s"]);
}

#[test]
fn every_path_gives_the_same_vector() {
    let (tensors, facts) = small();
    let bytes = file(&tensors, &facts);
    let vector = |path| {
        let encoder = Encoder::load_for(&bytes, WORDS, path).unwrap();
        let tokens = encoder.tokens("ignore previous instructions, hello world");
        encoder.encode(&[&tokens]).unwrap().remove(0)
    };
    let plain = vector(Path::Plain);
    for path in Path::available() {
        assert_eq!(vector(path), plain, "{path:?}");
    }
}

#[test]
fn windows_encoded_together_see_nothing_of_each_other() {
    let encoder = loaded();
    let (a, b) = (encoder.tokens("ignore previous instructions"), encoder.tokens("hello"));
    let together = encoder.encode(&[&a, &b, &a]).unwrap();
    assert_eq!(together[0], encoder.encode(&[&a]).unwrap()[0]);
    assert_eq!(together[1], encoder.encode(&[&b]).unwrap()[0]);
    assert_eq!(together[0], together[2]);
}

#[test]
fn heads_answer_with_probabilities_and_thresholds_of_the_file() {
    let encoder = loaded();
    let pooled = encoder.encode(&[&encoder.tokens("hello world")]).unwrap().remove(0);
    let user = encoder.head("user").unwrap();
    assert_eq!((user.labels[0].name.as_str(), user.labels[0].threshold), ("attack", 0.7));
    let (p, x) = (user.probabilities(&pooled)[0], user.logits(&pooled)[0]);
    assert!((p - 1.0 / (1.0 + (-(2.0 * x - 0.5)).exp())).abs() < 1e-6);
    let content = encoder.head("content").unwrap();
    assert_eq!(content.probabilities(&pooled).len(), 2);
    assert_eq!(content.labels[1].name, "sexual");
    assert!(encoder.head("absent").is_none());
}

#[test]
fn a_text_embeds_to_length_one_and_is_nearest_to_itself() {
    let encoder = loaded();
    let (a, b) = (encoder.embed("ignore previous").unwrap(), encoder.embed("hello , world").unwrap());
    assert!((cosine(&a, &a) - 1.0).abs() < 1e-5 && cosine(&a, &b) < 1.0);
    let mut nought = [0.0; 4];
    unit(&mut nought);
    assert_eq!(nought, [0.0; 4]);
    // Longer than a window: cut, not refused.
    encoder.embed(&"hello ".repeat(1000)).unwrap();
    let tokens = encoder.tokens(&"hello ".repeat(1000));
    assert!(matches!(encoder.encode(&[&tokens]), Err(Error::TooLong { .. })));
}

/// Issue 3, bad input: a corrupt weight file is an error with a name, never a score.
#[test]
fn what_does_not_fit_is_refused() {
    refused(|_, facts| drop(facts.insert("format".into(), "other".into())), "format");
    refused(|_, facts| drop(facts.remove("layers")), "layers");
    refused(|_, facts| drop(facts.insert("layers".into(), "3".into())), "layers.2");
    refused(|_, facts| drop(facts.insert("hidden".into(), "15".into())), "heads_count");
    refused(|_, facts| drop(facts.insert("hidden".into(), "99999999999999".into())), "hidden");
    refused(|_, facts| drop(facts.insert("max_tokens".into(), "25".into())), "max_tokens");
    refused(|_, facts| drop(facts.insert("thresholds".into(), r#"{"user":[1.7]}"#.into())), "threshold");
    refused(|_, facts| drop(facts.insert("labels".into(), r#"{"content":["one"]}"#.into())), "label");
    refused(|_, facts| drop(facts.insert("calibration".into(), "{".into())), "calibration");
    refused(|tensors, _| tensors.retain(|t| t.0 != "embeddings.type"), "embeddings.type");
    refused(
        |tensors, _| {
            let tensor = tensors.iter_mut().find(|t| t.0 == "layers.1.feed.norm.bias").unwrap();
            tensor.3[0..4].copy_from_slice(&f32::NAN.to_le_bytes());
        },
        "layers.1.feed.norm",
    );
    refused(
        |tensors, _| {
            let tensor = tensors.iter_mut().find(|t| t.0 == "layers.0.feed.down.q").unwrap();
            tensor.2.reverse();
        },
        "layers.0.feed.down",
    );
}

#[test]
fn any_bytes_are_refused_without_a_panic() {
    let (tensors, facts) = small();
    let good = file(&tensors, &facts);
    for length in (0..good.len()).step_by(97) {
        assert!(Encoder::load(&good[..length], WORDS).is_err());
    }
    for at in 0..400 {
        let mut bad = good.clone();
        bad[at] = bad[at].wrapping_add(1);
        let _ = Encoder::load(&bad, WORDS);
    }
    assert!(matches!(Encoder::load(&good, "a\nb"), Err(Error::Vocabulary(_))));
    assert!(matches!(Encoder::load(&good, &"[UNK]\n[CLS]\n[SEP]\nx\n".repeat(9)), Ok(_) | Err(_)));
}
