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
    /// Tensors that stand in a shard but not in the index, each with its shard: they are not loaded.
    pub outside_index: Vec<String>,
    /// What the file's names have in front of those of the model, and how many parameters would be found without it.
    pub prefix: Option<(String, usize)>,
}

impl LoadReport {
    /// Whether every parameter got its weights.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.wrong_shape.is_empty()
    }
}

/// How many of each kind are named in a report.
const NAMED: usize = 4;

/// The first of some names, and how many follow. Example: `a, b, c, d and 12 more`.
pub fn first_few(names: &[impl AsRef<str>]) -> String {
    let named: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let rest = match names.len() - named.len() {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    named.join(", ") + &rest
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
        if let Some((prefix, found)) = &self.prefix {
            write!(
                f,
                "\n  with the prefix `{prefix}` the file has {found} of the {} missing ones: `--strip-prefix {prefix}` \
                 on the command line, `Weights::open(path)?.without_prefix(\"{prefix}\")?` in Rust",
                self.missing.len()
            )?;
        }
        rows(f, "missing      ", &self.missing, |f, parameter| {
            write!(f, "{} {:?}", parameter.path, parameter.shape)?;
            match &parameter.suggestion {
                Some(suggestion) => write!(f, ", did you mean `{suggestion}`?"),
                None => Ok(()),
            }
        })?;
        rows(f, "wrong shape  ", &self.wrong_shape, |f, parameter| {
            let MisshapenParameter {
                path,
                expected,
                found,
            } = parameter;
            write!(f, "{path}: expected {expected:?}, found {found:?}")
        })?;
        rows(f, "unused       ", &self.unused, |f, path| f.write_str(path))?;
        rows(f, "not in the index: ", &self.outside_index, |f, path| {
            f.write_str(path)
        })
    }
}

/// The first of a list, a line each, and how many follow.
fn rows<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    list: &[T],
    row: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for entry in list.iter().take(NAMED) {
        write!(f, "\n  {title}")?;
        row(f, entry)?;
    }
    match list.len().saturating_sub(NAMED) {
        0 => Ok(()),
        rest => write!(f, "\n  {title}and {rest} more"),
    }
}
