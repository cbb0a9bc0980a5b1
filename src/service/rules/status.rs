//! What operators see of the rules: in force, on disk, and when it was last tried.

use super::{Rules, State};
use crate::console::{LastAttempt, RuleStatus, RulesStatus, RulesTrouble};
use crate::rule::Rule;
use crate::rule::diagnostic::render_all;
use crate::rule::model::Mode;

/// Mistakes that are told at most; a directory of something else has thousands.
const MOST: usize = 100;

impl Rules {
    /// For the console.
    pub fn status(&self) -> RulesStatus {
        let rules = self.current.load();
        let state = self.state();
        RulesStatus {
            directory: self.directory.display().to_string(),
            version: rules.version().to_owned(),
            loaded_at: state.loaded_at.to_string(),
            rules: rules.rules().iter().map(|rule| of_rule(rule)).collect(),
            trouble: trouble(&state),
            last_attempt: LastAttempt {
                at: state.tried_at.to_string(),
                success: state.trouble.is_none(),
            },
        }
    }
}

fn of_rule(rule: &Rule) -> RuleStatus {
    RuleStatus {
        id: rule.id.to_string(),
        title: rule.title.clone(),
        mode: mode_name(rule.mode).to_owned(),
        file: rule.place.file.to_string(),
        line: rule.place.line,
        digest: rule.digest.clone(),
    }
}

fn trouble(state: &State) -> Option<RulesTrouble> {
    let trouble = state.trouble.as_ref()?;
    let shown = &trouble.diagnostics[..trouble.diagnostics.len().min(MOST)];
    Some(RulesTrouble {
        since: trouble.since.to_string(),
        errors: trouble.diagnostics.len(),
        diagnostics: shown.iter().map(|told| told.to_json()).collect(),
        text: render_all(shown, false),
    })
}

pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}
