//! Why a circuit is refused.

use thiserror::Error;

use super::TableError;

/// Why a circuit cannot be built or used.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CircuitError {
    /// A part of the circuit does not fit the rest.
    #[error("circuit: {place}: expected {expected}, found {found}")]
    Malformed {
        /// Column, lookup, table or equality.
        place: String,
        /// What is asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A table cannot be computed.
    #[error("{place}: {error}")]
    Table {
        /// Table or layer.
        place: String,
        /// Why.
        error: TableError,
    },
    /// A sum over padded cells that nothing forces to zero.
    #[error("circuit: {place}: a sum runs over padding that no operand forces to zero")]
    UnsoundPadding {
        /// Column.
        place: String,
    },
    /// An integer could leave `(-p/2, p/2)`.
    #[error(
        "{layer}: {quantity} can reach {found}, the field holds values below {limit} (use fewer bits or a smaller layer)"
    )]
    Overflow {
        /// Layer.
        layer: String,
        /// Which value.
        quantity: String,
        /// Its bound.
        found: String,
        /// What is allowed.
        limit: String,
    },
    /// The lowering has no rule for this.
    #[error("{layer}: {what} is not supported")]
    Unsupported {
        /// Layer.
        layer: String,
        /// What.
        what: String,
    },
}

crate::debug_as_display!(CircuitError);
