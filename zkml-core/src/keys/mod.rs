//! Keys: the verifier's key of a model, the prover's key, and the count of the prover's openings.

#[cfg(feature = "prover")]
pub mod budget;
#[cfg(feature = "prover")]
mod commitments;
#[cfg(feature = "prover")]
mod compiled;
#[cfg(feature = "prover")]
mod error;
mod layout;
#[cfg(feature = "prover")]
mod proving;
mod tensors;
mod verifying;
#[cfg(feature = "prover")]
pub(crate) mod weights;

#[cfg(feature = "prover")]
pub use budget::{Budget, BudgetError, Purpose};
#[cfg(feature = "prover")]
pub(crate) use commitments::{Commitments, Secret};
#[cfg(feature = "prover")]
pub(crate) use compiled::Choice;
#[cfg(feature = "prover")]
pub use compiled::CompiledModel;
#[cfg(feature = "prover")]
pub use error::ProveError;
pub(crate) use layout::{trace_extents, weight_extents};
#[cfg(feature = "prover")]
pub use proving::ProvingKey;
pub use tensors::PublicTensor;
#[cfg(feature = "prover")]
pub(crate) use verifying::needed_tail;
pub use verifying::{Interface, ROTATION_RESERVE, VerifyingKey, WeightCommitments};
