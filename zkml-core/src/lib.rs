//! The compiler, prover and verifier of zkml.
//!
//! The folders stand in the order data flows, and each imports only from those above it. A network is described
//! ([`nn`]), traced to a typed [`graph`], optimized ([`optimize`]), executed ([`execute`]), quantized ([`quant`]) and
//! lowered ([`lower`]) to a [`circuit`]. Its weights are committed ([`setup`]), its answers proved ([`prove`]) and
//! verified ([`verify`]). The argument itself is [`sumcheck`], [`lookup`], [`pcs`], [`masking`], [`reduce`] and
//! [`argument`]. `floor_plan.rs` has the order, and a test that keeps it.
//!
//! Without the feature `prover` only what a verifier needs is built.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests may compare with the system's functions"
    )
)]

// Shapes of up to 2^36 cells are computed in `usize`.
const _: () = assert!(usize::BITS >= 64, "zkml needs a 64-bit target");

mod debug;
pub mod untrusted;

// Foundation.
pub mod error;
pub mod field;
pub mod files;
#[cfg(feature = "prover")]
pub mod float;
#[cfg(feature = "prover")]
pub mod int8;
#[cfg(feature = "prover")]
mod mapped;
pub mod poly;
#[cfg(feature = "prover")]
pub mod secret;
pub mod sumcheck;
pub mod transcript;

// The statement.
pub mod circuit;
pub mod lookup;
pub mod privacy;

// The language of models.
pub mod graph;
#[cfg(feature = "prover")]
pub mod nn;
pub mod ops;

// The compiler.
#[cfg(feature = "prover")]
pub mod execute;
pub mod lower;
pub mod optimize;
#[cfg(feature = "prover")]
pub mod quant;

// The argument.
pub mod masking;
pub mod pcs;
pub mod reduce;

// Keys, proofs, and those who make and check them.
pub mod argument;
pub mod keys;
pub mod proof;
#[cfg(feature = "prover")]
pub mod prove;
#[cfg(feature = "prover")]
pub mod setup;
pub mod verify;

#[cfg(test)]
mod floor_plan;

pub use privacy::{Privacy, Visibility};
