//! The verifying key: the circuit, the code and the commitment to the weights.

use serde::{Deserialize, Serialize};

use crate::circuit::{Circuit, ColumnId, ColumnKind, Public};
use crate::pcs::{CodeParameters, Commitment};
use crate::proof::{Artifact, Kind};
use crate::transcript::VerifyError;

/// Everything a verifier needs to know of a model. Weights are in it only as a commitment.
///
/// The key of a model with private weights must come from someone the verifier trusts to have committed integers in
/// `[-128, 127]` with zero padding (who has the proving key, weights and the seed of the salts, can recompute the commitment).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyingKey {
    /// Name of the model.
    pub name: String,
    /// What is proved.
    pub circuit: Circuit,
    /// How the public integers read as real numbers.
    pub interface: Interface,
    /// The code of both commitments.
    pub code: CodeParameters,
    /// The commitment to the weights.
    pub weights: Commitment,
    /// Number of sequential hashes after the first message.
    pub hardening: u64,
}

/// The public input and outputs of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// `real input = input_scale * integer`.
    pub input_scale: f64,
    /// For each output: `real output = scale * integer`; 1 for an index.
    pub output_scales: Vec<f64>,
}

impl Artifact for VerifyingKey {
    const KIND: Kind = Kind::VerifyingKey;
    const VERSION: u32 = 1;
    // Decoded columns take some thirty times their bytes.
    const MAXIMUM_BYTES: u64 = 1 << 24;
}

/// A public tensor of the circuit: its column and the range its values must lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTensor {
    /// The column.
    pub column: ColumnId,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
}

impl VerifyingKey {
    /// BLAKE3 over the key's canonical encoding; the first thing a proof is bound to.
    ///
    /// # Errors
    /// [`VerifyError::Key`] when the key cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        let bytes = postcard::to_stdvec(self).map_err(|error| VerifyError::Key(error.to_string()))?;
        let mut hasher = blake3::Hasher::new_derive_key("zkml verifying key v1");
        hasher.update(&bytes);
        Ok(*hasher.finalize().as_bytes())
    }

    /// The column of the public input.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless the circuit has exactly one.
    pub fn input(&self) -> Result<PublicTensor, VerifyError> {
        let mut inputs = self
            .circuit
            .ids()
            .filter_map(|column| match self.circuit[column].kind {
                ColumnKind::Public(Public::Input { minimum, maximum }) => Some(PublicTensor {
                    column,
                    minimum,
                    maximum,
                }),
                _ => None,
            });
        match (inputs.next(), inputs.next()) {
            (Some(input), None) => Ok(input),
            _ => Err(VerifyError::Key("the circuit must have exactly one input".into())),
        }
    }

    /// The columns of the public outputs, by number.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless they are numbered 0, 1, 2, ... and have a positive scale each.
    pub fn outputs(&self) -> Result<Vec<PublicTensor>, VerifyError> {
        let mut outputs: Vec<(u32, PublicTensor)> = self
            .circuit
            .ids()
            .filter_map(|column| match self.circuit[column].kind {
                ColumnKind::Public(Public::Output {
                    index,
                    minimum,
                    maximum,
                }) => Some((
                    index,
                    PublicTensor {
                        column,
                        minimum,
                        maximum,
                    },
                )),
                _ => None,
            })
            .collect();
        let scales = core::iter::once(&self.interface.input_scale).chain(&self.interface.output_scales);
        if let Some(scale) = scales
            .into_iter()
            .find(|scale| !(scale.is_finite() && **scale > 0.0))
        {
            return Err(VerifyError::Key(format!(
                "expected positive, finite scales, found {scale}"
            )));
        }
        outputs.sort_by_key(|output| output.0);
        let numbered = outputs
            .iter()
            .enumerate()
            .all(|(position, output)| output.0 as usize == position);
        if !numbered || outputs.is_empty() || outputs.len() != self.interface.output_scales.len() {
            return Err(VerifyError::Key(format!(
                "expected outputs numbered from 0 with one scale each, found {} outputs and {} scales",
                outputs.len(),
                self.interface.output_scales.len()
            )));
        }
        Ok(outputs.into_iter().map(|output| output.1).collect())
    }
}
