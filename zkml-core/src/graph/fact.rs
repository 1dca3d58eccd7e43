//! What is known of the edges of an integer graph.

use serde::{Deserialize, Serialize};

/// What is known of an integer edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntFact {
    /// Shape.
    pub shape: Vec<usize>,
    /// Every value lies in `[range.0, range.1]`, for every input in the input's range and every weight in its range.
    pub range: (i64, i64),
    /// `real = scale * integer`; 1 where the value is an index. Per-channel accumulators carry the scale of channel 0
    /// (it only informs; the integer semantics do not use it).
    pub scale: f64,
}

/// The shape of an edge, whatever else is known of it.
pub trait Fact {
    /// The sizes.
    fn shape(&self) -> &[usize];
}

impl Fact for Vec<usize> {
    fn shape(&self) -> &[usize] {
        self
    }
}

impl Fact for IntFact {
    fn shape(&self) -> &[usize] {
        &self.shape
    }
}
