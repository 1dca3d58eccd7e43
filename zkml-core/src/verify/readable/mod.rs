//! Public outputs for people: what stands in an `outputs.json` next to a proof.
//!
//! Such a file proves nothing. It is compared with the public values that a proof was checked for
//! ([`ReadableOutputs::check`]), so that people and programs may read it instead of them.

mod compare;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::compare::OutputMismatch;
use super::PublicValues;
use crate::argument::Statement;
use crate::keys::VerifyingKey;
use crate::transcript::VerifyError;

/// The outputs of one execution, as integers and as the real numbers they stand for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutputs {
    /// Name of the model, as in its verifying key.
    pub model: String,
    /// The class, if output 1 is public and one index: a model whose graph ends in an argmax of a batch of one.
    pub class: Option<i64>,
    /// The outputs, by number; `None` (in JSON `null`) if they are private.
    pub outputs: Option<Vec<ReadableOutput>>,
}

/// One output tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutput {
    /// Its shape, batch first.
    pub shape: Vec<usize>,
    /// `real = scale * integer`.
    pub scale: f64,
    /// The proved integers, row-major.
    pub integers: Vec<i64>,
    /// The real numbers they stand for; the logits of a classifier.
    pub values: Vec<f64>,
}

impl ReadableOutputs {
    /// The readable form of `public.outputs`.
    ///
    /// # Errors
    /// [`VerifyError`] for a bad key, or public values that do not fit it.
    pub fn new(key: &VerifyingKey, public: &PublicValues) -> Result<Self, VerifyError> {
        let statement = Statement::new(key)?;
        public.check(&statement)?;
        let Some(values) = &public.outputs else {
            return Ok(Self {
                model: key.name.clone(),
                class: None,
                outputs: None,
            });
        };
        let tensors = statement.outputs.iter().zip(values);
        let outputs: Vec<ReadableOutput> = tensors
            .map(|(tensor, integers)| ReadableOutput {
                shape: key.circuit[tensor.column].shape.sizes(),
                scale: tensor.scale,
                integers: integers.clone(),
                values: integers
                    .iter()
                    .map(|&integer| tensor.scale * integer as f64)
                    .collect(),
            })
            .collect();
        let class = match (outputs.get(1), statement.outputs.get(1)) {
            (
                Some(ReadableOutput {
                    scale: 1.0, integers, ..
                }),
                Some(tensor),
            ) if tensor.index == 1 && tensor.minimum == 0 => {
                integers.first().copied().filter(|_| integers.len() == 1)
            }
            _ => None,
        };
        Ok(Self {
            model: key.name.clone(),
            class,
            outputs: Some(outputs),
        })
    }
}
