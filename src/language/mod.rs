//! Language models: text in, text out, and one proof of all of it.
//!
//! ```no_run
//! use zkml::language::{Continuation, LanguageModel};
//!
//! # fn main() -> Result<(), zkml::Error> {
//! let model = LanguageModel::from_pretrained("examples/assets/shakespeare-llama3")?;
//! let texts = model.sample(Default::default(), || {})?;
//! let model = model.quantize(&texts)?;
//! let prompt = model.vocabulary().encode("ROMEO:\nBut soft")?;
//! let written = model.write(&prompt, 16, |piece| print!("{piece}"))?;
//! let (prover, verifier) = model.setup(Default::default())?;
//! let answer = prover.prove(&written.input(), b"nonce")?;
//! let verified = verifier.verify(answer.proof(), b"nonce")?;
//! let continuation = Continuation::of(&verified, &prompt)?;
//! assert_eq!(continuation.answer, written.answer());
//! # Ok(()) }
//! ```
//!
//! One key serves texts of any length.
//!
//! The proof shows the ids of the text and, after each of them, the token that the integer model gives the largest
//! logit; weights and logits stay private. [`Continuation`] checks that each token of the answer is the one that the
//! model gives after all before it.

mod continuation;
#[cfg(feature = "prover")]
mod limits;
#[cfg(feature = "prover")]
mod model;
#[cfg(feature = "prover")]
mod vocabulary;
#[cfg(feature = "prover")]
mod write;

pub use continuation::Continuation;
#[cfg(feature = "prover")]
pub use model::{LanguageModel, QuantizedLanguageModel};
#[cfg(feature = "prover")]
pub use vocabulary::{Vocabulary, WINDOW};
#[cfg(feature = "prover")]
pub use write::Written;
#[cfg(feature = "prover")]
pub use zkml_models::hugging_face::Sampling;
