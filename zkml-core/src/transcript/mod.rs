//! The Fiat-Shamir transcript and the channels through which every part of the argument speaks.

pub mod channel;
pub mod error;

pub use channel::{Check, ProverChannel, Scalar, VerifierChannel};
pub use error::VerifyError;
