//! Keys: the verifier's key of a model, the prover's key, and the count of the prover's openings.

mod architecture;
#[cfg(feature = "prover")]
pub mod budget;
#[cfg(feature = "prover")]
mod commitments;
mod compare;
#[cfg(feature = "prover")]
mod compiled;
#[cfg(feature = "prover")]
mod error;
mod layout;
#[cfg(feature = "prover")]
mod proving;
mod skeleton;
mod tails;
mod tensors;
mod verifying;
#[cfg(feature = "prover")]
pub(crate) mod weights;
mod weights_key;

pub use architecture::Architecture;
#[cfg(feature = "prover")]
pub use budget::{Budget, BudgetError, Owner, Purpose};
#[cfg(feature = "prover")]
pub(crate) use commitments::{Commitments, MAXIMUM_CODEWORD_BYTES, Secret};
pub use compare::Difference;
#[cfg(feature = "prover")]
pub(crate) use compiled::Choice;
#[cfg(feature = "prover")]
pub use compiled::CompiledModel;
#[cfg(feature = "prover")]
pub use error::ProveError;
pub(crate) use layout::trace_extents;
#[cfg(feature = "prover")]
pub(crate) use layout::weight_extents;
#[cfg(feature = "prover")]
pub use proving::ProvingKey;
pub use skeleton::NetworkSkeleton;
pub(crate) use tails::{needed_tail, tensor_tail, trace_tail};
pub use tensors::PublicTensor;
pub(crate) use tensors::public_tensors;
pub use verifying::{Instance, VerifyingKey};
pub use weights_key::{ROTATION_RESERVE, WeightColumn, WeightCommitments, WeightsKey};
