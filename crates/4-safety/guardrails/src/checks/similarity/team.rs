//! A team's own references and threshold.

use super::{References, STANDARD_THRESHOLD};
use crate::TeamReferences;

impl References {
    /// Adds a team's references, each attack under its category.
    pub(crate) fn add_team(&mut self, team: &TeamReferences) {
        self.add_safe(team.safe.clone());
        for (category, texts) in &team.attacks {
            self.attacks.extend(texts.iter().map(|text| (category.clone(), text.clone())));
        }
    }

    /// A team's threshold, where the node named none.
    pub(crate) fn set_default_threshold(&mut self, threshold: f32) {
        if self.threshold == STANDARD_THRESHOLD {
            self.threshold = threshold;
        }
    }
}
