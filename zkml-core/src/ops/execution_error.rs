//! Why an integer execution stops.

/// An input that does not fit, or a value that leaves a table's domain.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The input has another shape than the network takes.
    #[error("input: expected shape {expected:?}, found {found:?}")]
    InputShape {
        /// Shape of the network's input.
        expected: Vec<usize>,
        /// Shape of what was given.
        found: Vec<usize>,
    },
    /// An input integer outside the input's range.
    #[error("input: value {value} at index {index:?} is outside [{}, {}]", range.0, range.1)]
    InputRange {
        /// Where.
        index: Vec<usize>,
        /// What.
        value: i64,
        /// The range, both ends included.
        range: (i64, i64),
    },
    /// A rescaled accumulator outside the domain of its table: the input is far from what was calibrated.
    #[error(
        "`{layer}`: value {value} at index {index:?} leaves the table's domain [-2^{domain_bits}, 2^{domain_bits}): \
         the input is far outside of what the network was calibrated on"
    )]
    Domain {
        /// Name of the rescale.
        layer: String,
        /// Where in the layer's value.
        index: Vec<usize>,
        /// The rescaled accumulator.
        value: i64,
        /// The domain is `[-2^domain_bits, 2^domain_bits)`.
        domain_bits: u32,
    },
    /// A table cannot be computed.
    #[error("`{layer}`: {error}")]
    Table {
        /// Name of the rescale.
        layer: String,
        /// Why.
        error: crate::circuit::TableError,
    },
    /// The graph would not pass validation or range analysis.
    #[error("`{layer}`: the integer graph is inconsistent here, validate it first")]
    Inconsistent {
        /// Name of the node.
        layer: String,
    },
}

crate::debug_as_display!(ExecutionError);
