//! The Fiat-Shamir transcript, and the channels through which every part of the argument speaks.
//!
//! Statement: everything that prover and verifier say changes a state `s` of 32 bytes:
//!
//! ```text
//! absorb     s <- BLAKE3("absorb" | s | kind | len(label) | label | len(bytes) | bytes)
//! squeeze    BLAKE3-XOF("squeeze" | s)            after absorbing the request (kind, label, parameters)
//! grind      leading_zeros(BLAKE3("grind" | s | nonce)) >= bits, then the nonce is absorbed
//! harden     s <- BLAKE3("harden" | i | s), i = 0 .. k-1   sequential: no tree to shortcut
//! ```
//!
//! A challenge therefore depends on every message before it, its type, label and length, and on every challenge before
//! it. Challenges are uniform in `K`, positions uniform and distinct, both by rejection. Lengths are absorbed, never
//! sent: the circuit implies them. The proof is the concatenation of the messages and nothing else.
//!
//! - [`channel`]: the view of the parts of the argument;
//! - [`state`]: the hash chain;
//! - `prover`, [`verifier`]: the two ends;
//! - [`event`]: the list of items, for `zkml verify --transcript` and for tests that change every byte of a proof;
//! - [`label`]: every label of the protocol, what it is, and the page that defines it;
//! - [`domain`]: the version of the protocol;
//! - [`term`]: the account of soundness.
//!
//! See `docs/protocol/transcript.md` and `docs/decisions/0001-transcript.md`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod channel;
pub mod domain;
pub mod event;
pub mod label;
#[cfg(feature = "prover")]
pub mod prover;
pub mod state;
pub mod term;
pub mod verifier;
#[cfg(feature = "prover")]
mod work;

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

pub use crate::error::VerifyError;
pub use channel::{Check, ProverChannel, Quadratic, Scalar, VerifierChannel};
pub use domain::{PROTOCOL, PROTOCOL_SETUP};
pub use event::{Content, Event, Kind, lines};
pub use label::{LABELS, Label, Occurs};
#[cfg(feature = "prover")]
pub use prover::ProverTranscript;
#[cfg(test)]
#[cfg(feature = "prover")]
pub(crate) use state::State;
pub use term::{ErrorRule, ErrorTerm};
pub use verifier::VerifierTranscript;
