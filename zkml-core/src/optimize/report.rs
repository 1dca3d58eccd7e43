//! What a pass did, for people and for the record that a compiled model keeps.

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Level, Pass};

/// One quantity with and without a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// What is counted: `nodes`, `parameters`, `multiply-adds`, `committed cells`, `looked-up rows`.
    pub what: Cow<'static, str>,
    /// Without the pass.
    pub before: u64,
    /// With it.
    pub after: u64,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.what, self.before, self.after)
    }
}

/// What a pass changed, a line per change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    /// Where it runs.
    pub level: Level,
    /// Name of the pass.
    pub pass: Cow<'static, str>,
    /// Whether it ran; one that was switched off has no changes.
    pub enabled: bool,
    /// What it did, naming the nodes; empty when there was nothing to do.
    pub changes: Vec<String>,
    /// What that did to the sizes that count; sizes that stayed the same are left out.
    pub effect: Vec<Measure>,
}

impl PassReport {
    /// The report of a pass that was switched off.
    pub fn off(pass: &dyn Pass) -> Self {
        Self {
            level: pass.level(),
            pass: pass.name().into(),
            enabled: false,
            changes: Vec::new(),
            effect: Vec::new(),
        }
    }

    /// The report of a pass that ran, with the sizes before and after it, in one order.
    pub fn ran(
        pass: &dyn Pass,
        changes: Vec<String>,
        before: impl IntoIterator<Item = (&'static str, u64)>,
        after: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> Self {
        let compared = before.into_iter().zip(after);
        let measure = |((what, before), (_, after)): ((&'static str, u64), (_, u64))| Measure {
            what: what.into(),
            before,
            after,
        };
        Self {
            level: pass.level(),
            pass: pass.name().into(),
            enabled: true,
            changes,
            effect: compared
                .map(measure)
                .filter(|measure| measure.before != measure.after)
                .collect(),
        }
    }
}

impl fmt::Display for PassReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.enabled {
            return write!(f, "{}: switched off", self.pass);
        }
        write!(f, "{}: {} change(s)", self.pass, self.changes.len())?;
        let effect: Vec<String> = self.effect.iter().map(Measure::to_string).collect();
        if !effect.is_empty() {
            write!(f, " ({})", effect.join(", "))?;
        }
        for change in &self.changes {
            write!(f, "\n  {change}")?;
        }
        Ok(())
    }
}
