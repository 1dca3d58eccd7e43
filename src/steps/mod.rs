//! The five steps from trained weights to a verified answer, one type each:
//!
//! ```text
//! Load::load ──▶ Model ──quantize──▶ QuantizedModel ──setup──▶ Prover ──prove──▶ Answer
//!                                                         └──▶ Verifier ──verify──▶ Verified
//! ```
//!
//! Each step checks what it is given and takes the defaults of the functions below it (`zkml::quant`, `zkml::prove`,
//! `zkml::verify`), which stay there for whoever wants to choose more.

mod error;
mod tensor;
mod verified;
mod verifier;

#[cfg(feature = "prover")]
mod answer;
#[cfg(feature = "prover")]
mod favour;
#[cfg(feature = "prover")]
mod load;
#[cfg(feature = "prover")]
mod model;
#[cfg(feature = "prover")]
mod prover;
#[cfg(feature = "prover")]
mod quantized;

pub use error::Error;
pub use tensor::QuantizedTensor;
pub use verified::Verified;
pub use verifier::Verifier;

#[cfg(feature = "prover")]
pub use answer::Answer;
#[cfg(feature = "prover")]
pub use favour::Favour;
#[cfg(feature = "prover")]
pub use load::Load;
#[cfg(feature = "prover")]
pub use model::Model;
#[cfg(feature = "prover")]
pub use prover::Prover;
#[cfg(feature = "prover")]
pub use quantized::QuantizedModel;
