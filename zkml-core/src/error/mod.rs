//! Why a proof is rejected, and why a key or a circuit is refused.
//!
//! The verifier says it with [`VerifyError`]. What is wrong with a key is a [`KeyError`], with an enum for each part of
//! the argument; a caller can match on it. These errors stand below all folders that return them.

mod argument;
mod circuit;
mod commitment;
mod key;
mod table;

pub use argument::{LookupError, ReductionError, SumcheckError};
pub use circuit::CircuitError;
pub use commitment::{ClaimError, CodeError, OpeningError, PackingError, RecursionError};
pub use key::{KeyError, RotationError, SizesError, WeightsKeyError};
pub use table::TableError;

use thiserror::Error;

/// Why a proof was rejected. Every check of the verifier has a name; see `transcript::Check`.
#[derive(Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// An equation of the argument does not hold.
    #[error("{}check `{name}` failed at {place}", hint(name))]
    Check {
        /// Name of the check, as listed in `docs/protocol`.
        name: &'static str,
        /// Layer, round, instance or column of the check.
        place: String,
    },
    /// The proof ends before a message is complete.
    #[error(
        "proof is truncated: message `{label}` needs {expected} bytes at offset {offset}, {found} are left"
    )]
    Truncated {
        /// Label of the message.
        label: &'static str,
        /// Offset of the message in the proof.
        offset: usize,
        /// Bytes the circuit implies.
        expected: usize,
        /// Bytes left.
        found: usize,
    },
    /// Bytes follow the last message.
    #[error("proof has {found} bytes after its last message (it should end at offset {offset})")]
    TrailingBytes {
        /// Offset at which the proof should have ended.
        offset: usize,
        /// Bytes left over.
        found: usize,
    },
    /// A field element is not in its canonical encoding.
    #[error("message `{label}` at offset {offset} holds a field element that is not canonical")]
    NonCanonical {
        /// Label of the message.
        label: &'static str,
        /// Offset of the element in the proof.
        offset: usize,
    },
    /// A public value does not fit the circuit.
    #[error("public values: {place}: expected {expected}, found {found}")]
    PublicValue {
        /// Which value.
        place: String,
        /// What the circuit asks for.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The proof was made for another verifying key.
    #[error("the proof speaks of another model: expected key {expected}, found {found}")]
    OtherKey {
        /// Digest of the verifier's key, hexadecimal.
        expected: String,
        /// Digest in the proof, hexadecimal.
        found: String,
    },
    /// The proof is of a text of other lengths, or of lengths that the key's network cannot have.
    #[error("the length of the text: expected {expected}, found {found}")]
    Lengths {
        /// What the network asks for.
        expected: String,
        /// What the proof says, or what is wrong with it.
        found: String,
    },
    /// The number of the proof's opening is none of the key's.
    #[error("the proof says that it is opening {found} of the weights, the key has openings 0 to {}", .budget.saturating_sub(1))]
    Opening {
        /// The number in the proof.
        found: u64,
        /// How many openings there are.
        budget: u64,
    },
    /// Two parts of the verifier disagree, which is a mistake in it: nothing was verified.
    #[error("broken invariant: {what}")]
    Invariant {
        /// What does not fit.
        what: String,
    },
    /// The verifying key is unusable.
    #[error("verifying key: {0}")]
    Key(#[source] KeyError),
}

impl<E: Into<KeyError>> From<E> for VerifyError {
    fn from(error: E) -> Self {
        Self::Key(error.into())
    }
}

crate::debug_as_display!(VerifyError);

/// What the failure of a check most often means. A proof of work fails first where anything that is bound differs.
fn hint(name: &str) -> &'static str {
    match name {
        "transcript.grind" => "the context differs, or the proof was altered: ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_says_where_what_was_expected_and_what_was_found() {
        let error = CodeError::LogRow { found: 0, most: 26 };
        let level = RecursionError::Code { level: 1, error };
        assert_eq!(
            VerifyError::from(level).to_string(),
            "verifying key: recursion: level 1: log_row is 0, expected 1 to 26"
        );
        let rows = WeightsKeyError::Unpacked { expected: true };
        assert_eq!(
            VerifyError::from(rows).to_string(),
            "verifying key: weights: each column: the network has rows of its own, the weights key shared rows"
        );
        let bits = KeyError::Insecure {
            bits: 99.94,
            least: 100.0,
        };
        assert_eq!(
            VerifyError::from(bits).to_string(),
            "verifying key: the argument has 99.9 bits of soundness, at least 100 are asked for"
        );
    }
}
