//! What a pass did, for people and for the record that a compiled model keeps.

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The level of the optimizer a pass belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// On the floating-point graph.
    Model,
    /// On single operations, when they are quantized.
    Operation,
    /// On the circuit: columns, tables, lookups.
    Circuit,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Operation => "operation",
            Self::Circuit => "circuit",
        })
    }
}

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
    pub fn off(level: Level, pass: &'static str) -> Self {
        Self {
            level,
            pass: pass.into(),
            enabled: false,
            changes: Vec::new(),
            effect: Vec::new(),
        }
    }

    /// The report of a pass that ran, with the sizes before and after it, in one order.
    pub fn ran(
        level: Level,
        pass: &'static str,
        changes: Vec<String>,
        sizes: impl IntoIterator<Item = (&'static str, u64, u64)>,
    ) -> Self {
        let measure = |(what, before, after): (&'static str, u64, u64)| Measure {
            what: what.into(),
            before,
            after,
        };
        Self {
            level,
            pass: pass.into(),
            enabled: true,
            changes,
            effect: sizes
                .into_iter()
                .filter(|(_, before, after)| before != after)
                .map(measure)
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
