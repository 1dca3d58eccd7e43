//! Decision forests: gradient-boosted trees and random forests, proved as an integer network.
//!
//! [`Forest::open`] reads XGBoost's JSON (`model.save_model("model.json")`); `scripts/forest_to_json.py` writes the same
//! JSON for scikit-learn's forests. [`Forest::compile`] makes the integer network ([`network`]): a comparison for each
//! split, a bit for each leaf, and the sum of the leaves that are reached.
//!
//! Thresholds, leaves, the feature that a split asks for and the shape of each tree are weights, and private with them.
//! Public are: the number of trees, the largest number of splits and of leaves of a tree, the numbers of features and
//! targets, the step and the range of each feature, and the step of the leaves.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let rows: Vec<ndarray::ArrayD<f32>> = Vec::new();
//! use zkml_models::forest::{Forest, ForestOptions};
//!
//! let forest = Forest::open("credit.json")?;
//! let (network, report) = forest.compile(&rows, &ForestOptions::default())?;
//! println!("{report}");
//! # Ok(()) }
//! ```

mod builder;
mod error;
mod grid;
mod measure;
pub mod network;
mod rows;
#[cfg(test)]
mod tests;
mod xgboost;

use std::path::Path;

pub use error::ForestError;
pub use network::ForestOptions;
pub use rows::{FEATURES, FEATURES_OR_MISSING, with_missing};
use zkml_core::files;

/// Most bytes of a file.
pub const MAXIMUM_BYTES: u64 = 1 << 30;

/// What the sums of the leaves are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A number for each target.
    Regression,
    /// One number; class 1 where it is above 0.
    Binary,
    /// A score for each class; the class is the first largest.
    Classes,
}

/// A node of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TreeNode {
    /// To the left where the feature is below the threshold, else to the right.
    Split {
        feature: usize,
        threshold: f32,
        /// Where a missing value goes.
        default_left: bool,
        /// Indices of the children, in the tree.
        children: [usize; 2],
    },
    /// What the tree adds to the targets from `first` on.
    Leaf { first: usize, values: Vec<f32> },
}

/// A tree; its root is node 0, and every node is reached from it once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<TreeNode>,
}

impl Tree {
    /// The leaf that a row comes to: its target and values.
    fn leaf(&self, row: &[f32]) -> Option<(usize, &[f32])> {
        let mut node = self.nodes.first()?;
        loop {
            match node {
                TreeNode::Leaf { first, values } => return Some((*first, values)),
                TreeNode::Split {
                    feature,
                    threshold,
                    default_left,
                    children: [left, right],
                } => {
                    let value = row.get(*feature)?;
                    let goes_left = if value.is_nan() {
                        *default_left
                    } else {
                        value < threshold
                    };
                    node = self.nodes.get(if goes_left { *left } else { *right })?;
                }
            }
        }
    }

    pub(crate) fn splits(&self) -> usize {
        let is_split = |node: &&TreeNode| matches!(node, TreeNode::Split { .. });
        self.nodes.iter().filter(is_split).count()
    }

    pub(crate) fn leaves(&self) -> usize {
        self.nodes.len() - self.splits()
    }
}

/// A trained forest.
#[derive(Clone, PartialEq)]
pub struct Forest {
    pub(crate) features: usize,
    pub(crate) trees: Vec<Tree>,
    /// What is added to the leaves, for each target.
    pub(crate) base: Vec<f64>,
    pub(crate) task: Task,
    names: Vec<String>,
}

impl Forest {
    /// Reads XGBoost's JSON, of at most [`MAXIMUM_BYTES`].
    ///
    /// # Errors
    /// [`ForestError`] naming the file, the tree and the node, and what is not supported: categorical splits, linear
    /// boosters, objectives of survival analysis.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ForestError> {
        let path = path.as_ref();
        let read = files::read(path, MAXIMUM_BYTES);
        let bytes = read.map_err(|error| ForestError::Io {
            path: path.to_path_buf(),
            error: error.to_string(),
        })?;
        Self::from_json(&bytes).map_err(|error| ForestError::File {
            path: path.to_path_buf(),
            error: Box::new(error),
        })
    }

    /// As [`Self::open`], of the contents of a file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ForestError> {
        xgboost::read(bytes)
    }

    /// How many features a row has.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The names of the features; none where the file has none.
    pub fn feature_names(&self) -> &[String] {
        &self.names
    }

    /// How many numbers the forest gives.
    pub fn targets(&self) -> usize {
        self.base.len()
    }

    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// What the sums of the leaves are.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The sums of the leaves for each target ("margins"), in floating point. NaN is a missing value.
    ///
    /// # Errors
    /// A row of another number of features.
    pub fn margins(&self, row: &[f32]) -> Result<Vec<f64>, ForestError> {
        if row.len() != self.features {
            return Err(ForestError::Features {
                expected: self.features,
                found: row.len(),
            });
        }
        let mut margins = self.base.clone();
        for (first, values) in self.trees.iter().filter_map(|tree| tree.leaf(row)) {
            for (margin, value) in margins.iter_mut().skip(first).zip(values) {
                *margin += f64::from(*value);
            }
        }
        Ok(margins)
    }
}

impl core::fmt::Debug for Forest {
    /// Sizes alone: thresholds and leaves are as secret as weights.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Forest")
            .field("features", &self.features)
            .field("trees", &self.trees.len())
            .field("targets", &self.base.len())
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
