//! The kinds of node and the ports that edges leave them by.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! node_types {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What a node does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum NodeType { $($(#[$doc])* $name,)* }

        impl NodeType {
            /// All of them, in the order of the palette.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The word in the file format.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

node_types! {
    /// Started by a person or through the API.
    ManualTrigger = "MANUAL_TRIGGER",
    /// Started by an HTTP request from outside.
    Webhook = "WEBHOOK",
    /// Started by the clock.
    Schedule = "SCHEDULE",
    /// Screens what flows through it.
    Guardrail = "GUARDRAIL",
    /// A model that calls tools until it has an answer.
    AiAgent = "AI_AGENT",
    /// One call of a chat model.
    ChatModel = "CHAT_MODEL",
    /// Turns text into vectors.
    Embedding = "EMBEDDING",
    /// Runs a customer's code in a container.
    Code = "CODE",
    /// Calls a URL.
    HttpRequest = "HTTP_REQUEST",
    /// Asks a customer's database.
    SqlQuery = "SQL_QUERY",
    /// True or false.
    Condition = "CONDITION",
    /// One of several cases.
    Switch = "SWITCH",
    /// Runs a body for each item.
    ForEach = "FOR_EACH",
    /// Joins branches.
    Merge = "MERGE",
    /// Builds a value from a template.
    Transform = "TRANSFORM",
    /// Waits for a time.
    Delay = "DELAY",
    /// Runs another workflow.
    SubWorkflow = "SUB_WORKFLOW",
    /// Waits for people to decide.
    HumanApproval = "HUMAN_APPROVAL",
    /// Says what the caller is answered.
    Respond = "RESPOND",
    /// Ends the run with an error.
    StopWithError = "STOP_WITH_ERROR",
}

impl NodeType {
    /// Starts runs; has no incoming edges.
    pub const fn is_trigger(self) -> bool {
        matches!(self, Self::ManualTrigger | Self::Webhook | Self::Schedule)
    }
    /// The type whose name is closest to `word`, if any is close.
    pub fn nearest(word: &str) -> Option<Self> {
        let word = word.to_ascii_uppercase().replace(['-', ' ', '.'], "_");
        let word: String = word.chars().take(40).collect();
        Self::ALL
            .iter()
            .map(|kind| (distance(&word, kind.as_str()), *kind))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, kind)| *distance <= kind.as_str().len() / 2)
            .map(|(_, kind)| kind)
    }
}
impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no node type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no node type with this name")]
pub struct UnknownNodeType;

impl FromStr for NodeType {
    type Err = UnknownNodeType;
    fn from_str(text: &str) -> Result<Self, UnknownNodeType> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownNodeType)
    }
}

/// Edits (insert, delete, replace) between two short words.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Where an edge leaves a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Port {
    /// The usual way out; for HUMAN_APPROVAL this is "approved".
    #[default]
    Main,
    /// CONDITION held.
    True,
    /// CONDITION did not hold.
    False,
    /// HUMAN_APPROVAL was refused.
    Rejected,
    /// No case of a SWITCH matched.
    Default,
    /// A case of a SWITCH, by its name.
    Case(String),
    /// The node failed and `on_error` is `branch`.
    Error,
}

impl Port {
    /// From the file format.
    pub fn parse(word: &str) -> Self {
        match word {
            "main" => Self::Main,
            "true" => Self::True,
            "false" => Self::False,
            "rejected" => Self::Rejected,
            "default" => Self::Default,
            "error" => Self::Error,
            other => Self::Case(other.to_owned()),
        }
    }
    /// The word in the file format.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Main => "main",
            Self::True => "true",
            Self::False => "false",
            Self::Rejected => "rejected",
            Self::Default => "default",
            Self::Error => "error",
            Self::Case(name) => name,
        }
    }
}
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl Serialize for Port {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(d)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_its_word() {
        for kind in NodeType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn a_misspelt_type_has_a_nearest() {
        assert_eq!(NodeType::nearest("GUARDRAILS"), Some(NodeType::Guardrail));
        assert_eq!(NodeType::nearest("http-request"), Some(NodeType::HttpRequest));
        assert_eq!(NodeType::nearest("xyzzy"), None);
    }
}
