//! Names and sentences that people typed and that clients show: the API's own pass over what may be rendered.

use serde::Serializer;

/// Serialises a text without anything a browser would run. Use on every field that holds words of a person:
/// `#[serde(serialize_with = "crate::display::shown")]`.
pub fn shown<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match markup::plain(text) {
        Ok(text) => serializer.serialize_str(&text),
        Err(too_large) => serializer.serialize_str(&too_large.to_string()),
    }
}

#[cfg(test)]
mod tests {
    /// R127: names and messages leave the API without what would run in a browser, and are else as they were typed.
    #[test]
    fn words_of_people_are_shown_without_what_runs() {
        let workflow = |name: &str| crate::Workflow {
            id: String::new(),
            name: name.to_owned(),
            created_at: String::new(),
            created_by: String::new(),
            latest_version: String::new(),
            published: std::collections::BTreeMap::new(),
            webhooks: Vec::new(),
        };
        let shown = |name: &str| serde_json::to_value(workflow(name)).unwrap_or_default()["name"].clone();
        assert_eq!(shown("a < b & <img src=x onerror=alert(1)>c"), "a &lt; b &amp; <img src=\"x\">c");
        assert_eq!(shown("Rückfragen < 5 & \"Tom\""), "Rückfragen < 5 & \"Tom\"");
    }
}
