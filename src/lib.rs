//! Zero-knowledge machine learning: write a PyTorch model as a Rust struct, prove its answers, verify them
//! anywhere.
//!
//! Five lines lead from trained weights to a verified answer, one type each:
//!
//! ```no_run
//! use zkml::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let samples: Vec<zkml::ndarray::ArrayD<f32>> = vec![];
//! # let image = &samples[0];
//! let model = zkml::models::LeNet::new().load("lenet.safetensors")?;
//! let model = model.quantize(&samples)?;
//! let (prover, verifier) = model.setup()?;
//! let answer = prover.prove(image, b"nonce")?;
//! let verified = verifier.verify(answer.proof(), b"nonce")?;
//! # Ok(()) }
//! ```
//!
//! This crate is the front of the workspace: it re-exports `zkml-core` (everything), `zkml-macros`
//! (`#[zk_model]`) and `zkml-models` (well-known networks). A verifier needs none of the prover's code: build
//! with `default-features = false`. The README has an example, `docs/your-own-model.md` both sides of it: a prover, and
//! a verifier on another machine.

// The programs in these documents run with the tests.
#[cfg(all(doctest, feature = "prover"))]
#[doc = include_str!("../README.md")]
struct Readme;
#[cfg(all(doctest, feature = "prover"))]
#[doc = include_str!("../docs/your-own-model.md")]
struct YourOwnModel;

#[cfg(feature = "prover")]
pub mod architecture;
mod steps;

#[cfg(feature = "prover")]
pub use steps::{Answer, Favour, Load, Model, Prover, QuantizedModel};
pub use steps::{Error, QuantizedTensor, Verified, Verifier};

pub use zkml_core::proof::Proof;

pub use zkml_core::{Privacy, Visibility};
pub use zkml_core::{
    argument, circuit, error, field, files, graph, keys, lookup, lower, masking, ops, optimize, pcs, poly,
    privacy, proof, reduce, sumcheck, transcript, verify,
};

#[cfg(feature = "prover")]
pub mod data;
pub mod language;
#[cfg(feature = "prover")]
pub mod memory;
pub mod observe;
#[cfg(feature = "prover")]
pub mod prelude;

/// The arrays that networks take and give.
#[cfg(feature = "prover")]
pub use ndarray;

#[cfg(feature = "prover")]
pub use zkml_core::{execute, nn, prove, quant, secret, setup};
#[cfg(feature = "prover")]
pub use zkml_macros::zk_model;
#[cfg(feature = "prover")]
pub use zkml_models as models;
