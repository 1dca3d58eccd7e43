//! The compiler, prover and verifier of zkml.
//!
//! The folders stand in the order data flows: a network is described ([`nn`]), traced to a typed
//! [`graph`], quantized ([`quant`]), optimized ([`optimize`]), lowered to a [`circuit`], executed
//! ([`witness`]) and proved ([`prove`]); the proof travels in the formats of [`proof`] and is checked by
//! [`verify`]. The argument itself is [`field`], [`poly`], [`transcript`], [`sumcheck`], [`lookup`], [`pcs`].
//!
//! Without the feature `prover` only what a verifier needs is built.

// Shapes of up to 2^36 cells are computed in `usize`.
const _: () = assert!(usize::BITS >= 64, "zkml needs a 64-bit target");

mod debug;

#[cfg(feature = "prover")]
pub mod nn;

#[cfg(feature = "prover")]
mod mapped;

#[cfg(feature = "prover")]
pub mod int8;

#[cfg(feature = "prover")]
pub mod graph;

#[cfg(feature = "prover")]
pub mod quant;

#[cfg(feature = "prover")]
pub mod optimize;

pub mod circuit;

#[cfg(feature = "prover")]
pub mod witness;

pub mod field;
pub mod lookup;
pub mod masking;
pub mod pcs;
pub mod poly;
pub mod privacy;
pub mod reduce;
pub mod sumcheck;
pub mod transcript;

#[cfg(feature = "prover")]
pub mod prove;

pub mod proof;
pub mod verify;

pub use privacy::{Privacy, Visibility};
