//! Hides the values of leased credentials in whatever comes back: node output, logs, errors, model answers (R095).

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use domain::{Json, Secret};

/// What stands in place of a secret.
pub const MASK: &str = "[secret]";
/// Shorter values are not looked for: masking every "abc" would destroy the text and tell the value besides.
const MIN_VALUE: usize = 6;
/// Shorter encoded cores would be found in innocent text.
const MIN_ENCODED: usize = 8;

/// Finds values in all the forms in which they come back. Empty when nothing was leased.
#[derive(Clone, Default)]
pub struct Masker {
    find: Option<AhoCorasick>,
    longest: usize,
}

impl Masker {
    /// A masker for these values; see [`crate::CredentialValue::secrets`].
    pub fn new<'a>(values: impl IntoIterator<Item = &'a Secret<String>>) -> Self {
        let mut patterns: Vec<String> = values.into_iter().flat_map(|value| forms(value.expose())).collect();
        patterns.sort_unstable();
        patterns.dedup();
        if patterns.is_empty() {
            return Self::default();
        }
        let longest = patterns.iter().map(String::len).max().unwrap_or(0);
        let find = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Self { find, longest }
    }
    pub const fn is_empty(&self) -> bool {
        self.find.is_none()
    }
    /// The length of the longest form in bytes: whoever masks a stream holds back one byte less than that.
    pub const fn longest(&self) -> usize {
        self.longest
    }
    /// `text` with every form of every value replaced by [`MASK`].
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.find {
            Some(find) if find.is_match(text) => {
                let mut out = String::with_capacity(text.len());
                let mut from = 0;
                for found in find.find_iter(text) {
                    out.push_str(&text[from..found.start()]);
                    out.push_str(MASK);
                    from = found.end();
                }
                out.push_str(&text[from..]);
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(text),
        }
    }
    /// What is certain of `text` up to the byte `certain`, masked, and how many bytes of it that used up.
    pub(crate) fn until(&self, text: &str, certain: usize) -> (String, usize) {
        let Some(find) = &self.find else { return (text.to_owned(), text.len()) };
        let (mut out, mut from) = (String::new(), 0);
        for found in find.find_iter(text).take_while(|found| found.start() < certain) {
            out.push_str(&text[from..found.start()]);
            out.push_str(MASK);
            from = found.end();
        }
        let mut end = certain.clamp(from, text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let end = end.max(from);
        out.push_str(&text[from..end]);
        (out, end)
    }
    /// Masks every string in `json`, keys included.
    pub fn json(&self, json: &mut Json) {
        if self.is_empty() {
            return;
        }
        match json {
            Json::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Json::Object(map) => {
                let leaking: Vec<String> =
                    map.keys().filter(|key| matches!(self.text(key), Cow::Owned(_))).cloned().collect();
                for key in leaking {
                    if let Some(value) = map.remove(&key) {
                        map.insert(self.text(&key).into_owned(), value);
                    }
                }
                map.values_mut().for_each(|value| self.json(value));
            }
            Json::Number(number) => {
                if let Cow::Owned(masked) = self.text(&number.to_string()) {
                    *json = Json::String(masked);
                }
            }
            Json::Null | Json::Bool(_) => {}
        }
    }
}
impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(..)")
    }
}

/// Every spelling under which a value is looked for.
fn forms(value: &str) -> Vec<String> {
    let value = value.trim();
    if value.len() < MIN_VALUE {
        return Vec::new();
    }
    let json = json_escaped(value);
    let mut all = vec![
        value.to_owned(),
        json.replace('/', "\\/"),
        json_escaped(&json),
        json,
        ascii_json(value),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
    ];
    for upper in [true, false] {
        let encoded = percent_encoded(value, upper, UNRESERVED);
        all.push(encoded.replace("%20", "+"));
        all.push(encoded);
        // as forms have it, and as an address has what is put into it as it is
        all.push(percent_encoded(value, upper, IN_FORMS).replace("%20", "+"));
        all.push(percent_encoded(value, upper, IN_ADDRESSES));
    }
    // What is echoed is often what was sent, and that was encoded already: all of these may be encoded once more.
    all.sort_unstable();
    all.dedup();
    let mut again = Vec::new();
    for text in &all {
        again.push(hex::encode(text));
        again.push(hex::encode_upper(text));
        for offset in 0..3 {
            again.extend(base64_cores(text.as_bytes(), offset).into_iter().filter(|core| core.len() >= MIN_ENCODED));
        }
        again.push(json_escaped(text));
        again.push(percent_encoded(text, true, UNRESERVED));
    }
    all.extend(again);
    // a value of several lines (a key file) comes back line by line
    if value.contains('\n') {
        all.extend(
            value
                .lines()
                .map(str::trim)
                .filter(|line| line.len() >= 16 && !line.starts_with("-----"))
                .map(str::to_owned),
        );
    }
    all
}

/// The characters that `value` alone decides when it stands `offset` bytes into what is encoded, so that it is found
/// inside longer encoded text (`user:password`) too.
fn base64_cores(value: &[u8], offset: usize) -> [String; 2] {
    let padded = [vec![0; offset], value.to_vec()].concat();
    let (first, bits) = ((offset * 8).div_ceil(6), padded.len() * 8);
    [&STANDARD, &URL_SAFE].map(|engine| engine.encode(&padded)[first..bits / 6].to_owned())
}

/// Characters besides letters and digits that are left as they are.
const UNRESERVED: &[u8] = b"-._~";
const IN_FORMS: &[u8] = b"*-._";
const IN_ADDRESSES: &[u8] = b"!$%&()*+,-./:;=?@[\\]^_`{|}~'";

fn percent_encoded(value: &str, upper: bool, kept: &[u8]) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ if kept.contains(&byte) => out.push(char::from(byte)),
            _ if upper => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

/// What stands between the quotes in JSON.
fn json_escaped(text: &str) -> String {
    let quoted = Json::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// JSON with everything beyond ASCII as `\uXXXX`, as Python writes it.
fn ascii_json(value: &str) -> String {
    let mut out = String::new();
    for c in json_escaped(value).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VALUE: &str = "s3cr3t/+\"quo te\u{e9}&<x>";

    fn masks(text: &str) {
        let masker = Masker::new([&Secret::new(VALUE.to_owned())]);
        let masked = masker.text(text);
        assert!(masked.contains(MASK), "not masked: {text}");
        assert!(!masked.contains("s3cr3t"), "{masked}");
    }

    /// R095: raw and encoded forms.
    #[test]
    fn every_encoded_form_is_masked() {
        masks(VALUE);
        masks(&format!("error: token {VALUE} is unknown"));
        masks(&json!(VALUE).to_string());
        masks(&json!(json!(VALUE).to_string()).to_string());
        masks(&ascii_json(VALUE));
        for upper in [true, false] {
            for kept in [UNRESERVED, IN_FORMS, IN_ADDRESSES] {
                let encoded = percent_encoded(VALUE, upper, kept);
                if kept != IN_ADDRESSES {
                    masks(&encoded.replace("%20", "+"));
                }
                masks(&hex::encode(&encoded));
                masks(&STANDARD.encode(format!("api_key={encoded}")));
                masks(&json!(encoded).to_string());
                masks(&encoded);
            }
        }
        masks(&STANDARD.encode(VALUE));
        masks(&URL_SAFE.encode(VALUE));
        masks(&hex::encode(VALUE));
    }

    /// R095: `Authorization: Basic` carries the value in the middle of the encoded text.
    #[test]
    fn a_value_inside_longer_base64_is_masked_at_every_offset() {
        for user in ["", "a", "ab", "abc", "abcd"] {
            masks(&STANDARD.encode(format!("{user}{VALUE}")));
            masks(&STANDARD.encode(format!("{user}{VALUE}:more")));
        }
    }

    #[test]
    fn json_is_masked_in_values_keys_and_numbers() {
        let masker = Masker::new([&Secret::new("123456789".to_owned())]);
        let mut json = json!({"a": ["x123456789"], "123456789": 1, "n": 123_456_789});
        masker.json(&mut json);
        assert_eq!(json, json!({"a": ["x[secret]"], "[secret]": 1, "n": "[secret]"}));
    }

    #[test]
    fn nothing_leased_masks_nothing() {
        assert!(Masker::default().is_empty());
        assert_eq!(Masker::new([&Secret::new("abc".to_owned())]).text("abc"), "abc");
    }
}
