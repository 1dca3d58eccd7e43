//! Public outputs for people: what stands in an `outputs.json` next to a proof.
//!
//! Such a file proves nothing. It is compared with the public values that a proof was checked for
//! ([`ReadableOutputs::check`]), so that people and programs may read it instead of them.

mod compare;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::compare::OutputMismatch;
use crate::argument::Statement;
use crate::graph::ChannelScales;
use crate::proof::PublicValues;
use crate::transcript::VerifyError;

/// The outputs of one execution, as integers and as the real numbers they stand for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutputs {
    /// Name of the model, as in its verifying key.
    pub model: String,
    /// The class, if output 1 is public and one index: a model whose graph ends in an argmax of a batch of one.
    pub class: Option<i64>,
    /// The public outputs, in order; `None` (in JSON `null`) if all are private.
    pub outputs: Option<Vec<ReadableOutput>>,
}

/// One output tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutput {
    /// Its number among the model's outputs. Absent where it equals the place in the list: always, if all outputs are
    /// public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Its shape, batch first.
    pub shape: Vec<usize>,
    /// What the integers stand for.
    pub scale: ChannelScales,
    /// The proved integers, row-major.
    pub integers: Vec<i64>,
    /// The real numbers they stand for; the logits of a classifier.
    pub values: Vec<f64>,
}

impl ReadableOutputs {
    /// The readable form of `public.outputs`.
    ///
    /// # Errors
    /// [`VerifyError`] for public values that do not fit the statement.
    pub fn new(statement: &Statement<'_>, public: &PublicValues) -> Result<Self, VerifyError> {
        public.check(statement)?;
        let Some(values) = &public.outputs else {
            return Ok(Self {
                model: statement.name.clone().into_owned(),
                class: None,
                outputs: None,
            });
        };
        let tensors = statement.outputs.iter().zip(values);
        let outputs: Vec<ReadableOutput> = tensors
            .enumerate()
            .map(|(place, (tensor, integers))| {
                let shape = statement.circuit()[tensor.column].shape.sizes();
                ReadableOutput {
                    number: Some(tensor.index).filter(|&number| number as usize != place),
                    scale: tensor.scales.clone(),
                    values: tensor.scales.reals(&shape, integers).collect(),
                    integers: integers.clone(),
                    shape,
                }
            })
            .collect();
        let mut indices = statement.outputs.iter().zip(values);
        let class = indices.find_map(|(tensor, integers)| match integers.as_slice() {
            [class] if tensor.index == 1 && tensor.minimum == 0 && tensor.scales.only() == Some(1.0) => {
                Some(*class)
            }
            _ => None,
        });
        Ok(Self {
            model: statement.name.clone().into_owned(),
            class,
            outputs: Some(outputs),
        })
    }
}
