//! The report of loading: the outcome for every parameter and every tensor of the file.

use core::fmt;

/// A parameter without weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingParameter {
    /// Its state-dict key.
    pub path: String,
    /// Its shape in the model.
    pub shape: Vec<usize>,
    /// An unused tensor that may be meant.
    pub suggestion: Option<String>,
}

/// A parameter whose weights have another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MisshapenParameter {
    /// Its state-dict key.
    pub path: String,
    /// Its shape in the model.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

/// The outcome of loading weights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters that got their weights.
    pub applied: Vec<String>,
    /// Parameters without weights.
    pub missing: Vec<MissingParameter>,
    /// Parameters whose weights have another shape.
    pub wrong_shape: Vec<MisshapenParameter>,
    /// Tensors of the file that no parameter asked for (PyTorch's `num_batches_tracked` counters left out).
    pub unused: Vec<String>,
}

impl LoadReport {
    /// Whether every parameter got its weights.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.wrong_shape.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} applied, {} missing, {} of wrong shape, {} unused",
            self.applied.len(),
            self.missing.len(),
            self.wrong_shape.len(),
            self.unused.len()
        )?;
        for MissingParameter {
            path,
            shape,
            suggestion,
        } in &self.missing
        {
            write!(f, "\n  missing      {path} {shape:?}")?;
            if let Some(suggestion) = suggestion {
                write!(f, ", did you mean `{suggestion}`?")?;
            }
        }
        for MisshapenParameter {
            path,
            expected,
            found,
        } in &self.wrong_shape
        {
            write!(
                f,
                "\n  wrong shape  {path}: expected {expected:?}, found {found:?}"
            )?;
        }
        for path in &self.unused {
            write!(f, "\n  unused       {path}")?;
        }
        Ok(())
    }
}
