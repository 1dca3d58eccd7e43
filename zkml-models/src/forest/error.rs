//! Why a forest cannot be read or compiled.

use std::path::PathBuf;

use zkml_core::graph::GraphError;
use zkml_core::ops::RangeError;

/// Why a forest cannot be read or compiled.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForestError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        error: String,
    },
    /// The file is not what it should be.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Box<ForestError>,
    },
    /// Not the JSON of a forest.
    #[error(
        "expected XGBoost's JSON (`model.save_model(\"model.json\")`; for scikit-learn see scripts/forest_to_json.py), \
         found {found}"
    )]
    Json {
        /// What the parser says.
        found: String,
    },
    /// Something that is not supported.
    #[error("{place}: expected {expected}, found {found}")]
    Unsupported {
        /// Where in the file.
        place: String,
        /// What is supported.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A row of another number of features.
    #[error("a row: expected {expected} features, found {found}")]
    Features {
        /// How many the forest has.
        expected: usize,
        /// How many the row has.
        found: usize,
    },
    /// A row that is no array `[1, features]`, or has a value that is not finite.
    #[error("row {row}: expected {expected}, found {found}")]
    Row {
        /// Its number.
        row: usize,
        /// What a row is.
        expected: String,
        /// What it is.
        found: String,
    },
    /// No rows, to compare the integers on.
    #[error("compiling a forest needs at least one row of features")]
    NoRows,
    /// Bits of a feature that are out of range.
    #[error("bits of a feature: expected 8 to 16, found {found}")]
    Bits {
        /// What was given.
        found: u32,
    },
    /// A forest that is too large.
    #[error(
        "expected at most {limit} {what}, found {found}; train with fewer or shallower trees (max_depth, max_leaf_nodes)"
    )]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: u64,
        /// How much there is.
        found: u64,
    },
    /// The integer network is not valid.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A value of the integer network could wrap.
    #[error(transparent)]
    Range(#[from] RangeError),
}

zkml_core::debug_as_display!(ForestError);
