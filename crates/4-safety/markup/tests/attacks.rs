//! The corpus of tests/fixtures/xss, and whatever proptest thinks of, against the API's own pass.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Attack {
    name: String,
    text: String,
    keeps: Option<String>,
}

const HTML: &str = include_str!("../../../../tests/fixtures/xss/html.json");
const CSS: &str = include_str!("../../../../tests/fixtures/xss/css.json");
const HARMLESS: &str = include_str!("../../../../tests/fixtures/xss/harmless.json");

fn corpus(text: &str) -> Vec<Attack> {
    serde_json::from_str(text).unwrap()
}

/// Elements that hold text and structure; none of them runs, loads (but pictures) or asks.
const ELEMENTS: &str = " a abbr acronym article aside b bdi blockquote br caption center cite code col colgroup data dd del \
    details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li mark nav ol p \
    pre q rp rt rtc ruby s samp section small span strike strong sub summary sup table tbody td th thead time tr tt u ul \
    var wbr tfoot ";

/// What a browser could still do with cleaned HTML: every tag and attribute, read from the serialised form by rules that
/// the cleaner does not know.
fn dangers(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            rest = end;
            continue;
        }
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if name.is_empty() || !ELEMENTS.contains(&format!(" {name} ")) {
            found.push(format!("element {name:?}"));
        }
        rest = &rest[name.len()..];
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let Some((attribute, after)) = rest.split_once("=\"") else {
                found.push(format!("unreadable rest {rest:?}"));
                return found;
            };
            let Some((value, after)) = after.split_once('"') else {
                found.push(format!("open value of {attribute:?}"));
                return found;
            };
            rest = after;
            found.extend(attribute_danger(attribute, value));
        }
    }
    found
}

fn attribute_danger(name: &str, value: &str) -> Option<String> {
    let plain: String = value.replace("&amp;", "&").chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let lower = plain.to_lowercase();
    let bad = match name {
        "href" | "src" | "cite" => lower.split_once(':').is_some_and(|(scheme, _)| {
            !["http", "https", "mailto", "tel"].contains(&scheme) && !scheme.contains(['/', '?', '#'])
        }),
        "style" => ["url", "expression", "javascript", "import", "behavior", "binding", "position", "\\", "@", "var("]
            .iter()
            .any(|word| lower.contains(word)),
        name => {
            name.starts_with("on")
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                || ["id", "name", "srcset", "srcdoc", "action", "formaction", "ping", "target", "background"]
                    .contains(&name)
        }
    };
    bad.then(|| format!("{name}={value:?}"))
}

/// R125, R127, R130: the API's pass leaves nothing of an attack and keeps what is not part of it.
#[test]
fn no_attack_of_the_corpus_survives() {
    for Attack { name, text, keeps } in corpus(HTML) {
        let cleaned = markup::html(&text).unwrap();
        assert_eq!(dangers(&cleaned), Vec::<String>::new(), "{name}: {cleaned}");
        assert_eq!(markup::html(&cleaned).unwrap(), cleaned, "{name}: a second pass changes it, so browsers may too");
        assert_eq!(dangers(&markup::plain(&text).unwrap()), Vec::<String>::new(), "{name}, as plain text");
        assert!(keeps.is_none_or(|word| cleaned.contains(&word)), "{name}: lost its text: {cleaned}");
    }
}

/// The control: the oracle sees the attacks where the defence is off.
#[test]
fn the_attacks_are_attacks() {
    let (mut seen, all) = (0, corpus(HTML));
    for attack in &all {
        seen += usize::from(!dangers(&attack.text).is_empty());
    }
    assert!(seen * 100 / all.len() >= 85, "only {seen} of {} are seen as dangerous", all.len());
}

/// R130: dangerous CSS is removed.
#[test]
fn no_style_attack_survives() {
    for Attack { name, text, keeps } in corpus(CSS) {
        let cleaned = markup::css(&text).unwrap();
        for word in
            ["url", "expression", "javascript", "@", "<", "behavior", "binding", "position", "[", "\\", "var(", "--"]
        {
            assert!(!cleaned.to_lowercase().contains(word), "{name}: {word} is left in {cleaned}");
        }
        assert!(keeps.is_none_or(|word| cleaned.contains(&word)), "{name}: lost its harmless part: {cleaned}");
        assert_eq!(markup::css(&cleaned).unwrap(), cleaned, "{name}");
    }
}

/// R127: texts that are only texts stay as they are.
#[test]
fn harmless_texts_stay_as_they_are() {
    for text in serde_json::from_str::<Vec<String>>(HARMLESS).unwrap() {
        assert_eq!(markup::plain(&text).unwrap(), text);
    }
    let styled = "<p style=\"color: red; font-family: \"></p>";
    assert_eq!(
        markup::html("<p style='color:RED; font-family:\"Open Sans\", serif; width:calc(1px + 2em)'>x</p>").unwrap(),
        "<p style=\"color: RED; font-family: &quot;Open Sans&quot;, serif; width: calc(1px + 2em)\">x</p>",
        "{styled}"
    );
}

#[test]
fn what_is_too_large_or_too_deep_is_not_rendered() {
    assert_eq!(markup::html(&"a".repeat(markup::MAX_BYTES + 1)), Err(markup::TooLarge));
    let deep = "<div>".repeat(100_000);
    assert!(!markup::html(&deep).unwrap().contains('<'));
    assert!(markup::css(&format!("p {{ width: {}1px", "calc(".repeat(100_000))).unwrap().is_empty());
    assert!(markup::html(&"<br>".repeat(5000)).unwrap().contains("<br>"));
}

/// Pieces that matter to an HTML parser, in any order.
fn soup() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "/",
        "\"",
        "'",
        "`",
        "=",
        " ",
        "\n",
        "\t",
        "\0",
        "&",
        ";",
        "#",
        "!--",
        "-->",
        "<!",
        "]]>",
        "script",
        "style",
        "svg",
        "math",
        "img",
        "a",
        "p",
        "table",
        "select",
        "noscript",
        "template",
        "title",
        "mtext",
        "mglyph",
        "foreignObject",
        "annotation-xml",
        "onerror",
        "onload",
        "href",
        "src",
        "style",
        "javascript:",
        "data:",
        "alert(1)",
        "&lt;",
        "&quot;",
        "&#x6A;",
        "&colon;",
        "x",
        "é",
        "\u{202e}",
        "url(",
        "expression(",
        "/*",
        "*/",
        "\\65",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_dangerous_comes_out_of_any_soup(text in soup()) {
        let cleaned = markup::html(&text).unwrap();
        prop_assert_eq!(dangers(&cleaned), Vec::<String>::new(), "{}", cleaned);
        prop_assert_eq!(markup::html(&cleaned).unwrap(), cleaned);
        let plain = markup::plain(&text).unwrap();
        prop_assert_eq!(markup::plain(&plain).unwrap(), plain);
    }

    #[test]
    fn nothing_dangerous_comes_out_of_any_style(text in soup(), property in "color|width|font-family|background-color") {
        let style = markup::declarations(&format!("{property}: {text}"));
        prop_assert!(!style.contains("url(") && !style.contains("expression") && !style.contains('<'), "{}", style);
        prop_assert_eq!(markup::declarations(&style), style);
    }
}
