//! Why a table cannot be computed.

use thiserror::Error;

/// Why a table cannot be computed.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A parameter is out of its bounds.
    #[error("{what}: expected {expected}, found {found}")]
    Parameter {
        /// Which one.
        what: &'static str,
        /// What is asked for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The domain has more values than a table may have rows.
    #[error("a domain of 2^{found} values; at most 2^{limit}")]
    Domain {
        /// `domain_bits + 1`
        found: u64,
        /// The most.
        limit: u32,
    },
    /// A value outside of the domain was asked for.
    #[error("value {value} leaves the domain [-2^{domain_bits}, 2^{domain_bits})")]
    Outside {
        /// The value.
        value: i64,
        /// The domain.
        domain_bits: u32,
    },
    /// An explicit table has too few or too many entries.
    #[error("{found} entries for a domain of {expected} values")]
    Length {
        /// Values of the domain.
        expected: u64,
        /// Entries.
        found: usize,
    },
    /// An explicit entry is not in the range of results.
    #[error("entry {entry} at {value} is not in [{minimum}, {maximum}]")]
    Entry {
        /// Where.
        value: i64,
        /// The entry.
        entry: i64,
        /// Smallest result.
        minimum: i64,
        /// Largest result.
        maximum: i64,
    },
    /// The smallest result is above the largest, or they are too large.
    #[error("results in [{minimum}, {maximum}]: expected a range below 2^60 in absolute value")]
    Results {
        /// Smallest result.
        minimum: i64,
        /// Largest result.
        maximum: i64,
    },
    /// At the largest precision an entry may still be either of two integers.
    #[error("{function}: the entry at {value} is not decided at {bits} bits")]
    Undecided {
        /// The function.
        function: String,
        /// Where.
        value: i64,
        /// The precision.
        bits: u32,
    },
    /// Too many entries are so close to a tie that the fast computation does not decide them.
    #[error("{function}: more than {limit} entries are within 2^-50 of a tie")]
    Ties {
        /// The function.
        function: String,
        /// The most.
        limit: u32,
    },
}

crate::debug_as_display!(TableError);
