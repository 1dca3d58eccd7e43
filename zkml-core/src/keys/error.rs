//! Why something cannot be proved.

use thiserror::Error;

use crate::circuit::CircuitError;
use crate::execute::ExecutionError;
use crate::ops::ResizeError;
use crate::pcs::PcsError;
use crate::reduce::ReduceError;
use crate::secret::RandomnessError;
use crate::transcript::VerifyError;

/// Why setup or proving failed.
#[derive(Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The input does not fit the model, or a value left the domain of a table on it.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] ExecutionError),
    /// The model cannot be turned into a circuit.
    #[error("unsupported model: {0}")]
    Unsupported(#[from] CircuitError),
    /// A looked-up value is not in its table although execution accepted it.
    #[error("{lookup}: value {value} is not in its table (row {row})")]
    NotInTable {
        /// Name of the lookup.
        lookup: String,
        /// The value.
        value: i64,
        /// Which row.
        row: usize,
    },
    /// The key is unusable, or an equation of the argument does not hold for an honest trace.
    #[error("invariant violated: {0}")]
    InvariantViolation(#[from] VerifyError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] crate::proof::FileError),
    /// The opening of private weights cannot be counted, or none is left.
    #[error(transparent)]
    Budget(#[from] crate::keys::BudgetError),
    /// The commitment failed.
    #[error("commitment: {0}")]
    Commitment(#[from] PcsError),
    /// A proof that was just made is none. It was dropped: what it shows is not bounded by what a valid proof shows.
    #[error(
        "the proof that was made does not verify, so it was not handed out ({0}). The opening of the weights that it \
         used is spent. The key changed while it was in use: never write into the file of a key, rename another over it"
    )]
    Invalid(VerifyError),
    /// No setting of the code reaches the required soundness.
    #[error("no code parameters reach {wanted} bits for this circuit (best: {found:.1})")]
    Insecure {
        /// Bits asked for.
        wanted: f64,
        /// Best found.
        found: f64,
    },
    /// A committed tensor of another proof cannot be the input of this one.
    #[error("cannot link the proofs: {what}: expected {expected}, found {found}")]
    Link {
        /// What does not fit.
        what: &'static str,
        /// What this model asks for.
        expected: String,
        /// What the tensor, or its commitment, has.
        found: String,
    },
    /// The model cannot read a text of these lengths.
    #[error("expected a length that the network can read, found {error}")]
    Lengths {
        /// Why not.
        error: ResizeError,
    },
    /// A file, a key or an option is not as it must be, or its parts do not fit together.
    #[error("{place}: expected {expected}, found {found}")]
    Malformed {
        /// The file, part or option.
        place: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl From<ReduceError> for ProveError {
    fn from(error: ReduceError) -> Self {
        match error {
            ReduceError::Invariant(error) => Self::InvariantViolation(error),
            ReduceError::Backend(error) => Self::Commitment(error),
        }
    }
}

impl From<RandomnessError> for ProveError {
    fn from(error: RandomnessError) -> Self {
        Self::Commitment(error.into())
    }
}

crate::debug_as_display!(ProveError);
