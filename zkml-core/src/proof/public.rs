//! Public values: the integers that a proof speaks of.

use serde::{Deserialize, Serialize};

/// The public part of input and outputs: row-major, as the integers that the circuit computes with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicValues {
    /// The quantized input; `None` if it is private.
    pub input: Option<Vec<i64>>,
    /// The outputs, by number; `None` if they are private.
    pub outputs: Option<Vec<Vec<i64>>>,
}
