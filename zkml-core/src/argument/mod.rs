//! The argument: what prover and verifier both derive from the verifying key, and the steps they walk through.
//!
//! Every count, length and index comes from the verifying key. Nothing here panics on the verifier's side.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod bindings;
mod check;
mod chunks;
mod dry_run;
mod limits;
pub mod link;
mod opened;
mod public;
mod separate;
mod sizes;
mod soundness;
mod statement;
mod trace;
mod walk;
mod work;

pub use bindings::bindings;
#[cfg(feature = "prover")]
pub use check::{Violation, check};
pub use chunks::Chunks;
#[cfg(feature = "prover")]
pub(crate) use chunks::SETUP_CHUNK;
pub use link::{CommittedTensors, TensorLayout};
pub use public::PublicCells;
pub use separate::SeparateTensors;
pub use sizes::opening_bytes;
pub use soundness::{SECURITY_BITS, SoundnessReport, soundness};
pub use statement::{Statement, Subject};
#[cfg(feature = "prover")]
pub use trace::{Answer, Trace};
pub use walk::claims_to_open;
#[cfg(feature = "prover")]
pub use walk::claims_to_prove;

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
