//! The verifying key: the circuit, the code and the commitment to the weights.

use serde::{Deserialize, Serialize};

use crate::circuit::{Circuit, ColumnId, ColumnKind, Home, Public};
use crate::pcs::{CodeParameters, Commitment};
use crate::privacy::{Privacy, Visibility};
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
    /// How the integers of input and outputs read as real numbers.
    pub interface: Interface,
    /// What its proofs show.
    pub privacy: Privacy,
    /// The code of both commitments.
    pub code: CodeParameters,
    /// The commitment to the weights.
    pub weights: Commitment,
    /// Number of sequential hashes after the first message.
    pub hardening: u64,
}

/// The input and outputs of a model, public or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// `real input = input_scale * integer`.
    pub input_scale: f64,
    /// For each output: `real output = scale * integer`; 1 for an index.
    pub output_scales: Vec<f64>,
}

impl Artifact for VerifyingKey {
    const KIND: Kind = Kind::VerifyingKey;
    const VERSION: u32 = 2;
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

    /// The column of the public input; none if it is private.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless the circuit has exactly what privacy asks for: one public input, or none; and one
    /// column of a committed input, or none.
    pub fn input(&self) -> Result<Option<PublicTensor>, VerifyError> {
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
        let expected = usize::from(self.privacy.commit_input);
        let found = self.circuit.tensors(Home::Input).count();
        if expected != found || !self.privacy.is_consistent() {
            return Err(VerifyError::Key(format!(
                "expected {expected} committed inputs, all of them private, found {found}, {}",
                self.privacy.input
            )));
        }
        match (inputs.next(), inputs.next(), self.privacy.input) {
            (Some(input), None, Visibility::Public) => Ok(Some(input)),
            (None, None, Visibility::Private) => Ok(None),
            (_, _, Visibility::Public) => Err(VerifyError::Key(
                "the circuit must have exactly one public input".into(),
            )),
            (_, _, Visibility::Private) => Err(VerifyError::Key(
                "the circuit has a public input, it should be private".into(),
            )),
        }
    }

    /// The columns of the public outputs, by number; none if they are private.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless they are numbered 0, 1, 2, ... and have a positive scale each; private ones have a
    /// committed column and a scale each.
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
        let (private, scales) = (
            self.circuit.tensors(Home::Output).count(),
            self.interface.output_scales.len(),
        );
        if self.privacy.output.is_private() {
            if !outputs.is_empty() || private == 0 || private != scales {
                return Err(VerifyError::Key(format!(
                    "expected private outputs with one scale each, found {private} and {} public ones, {scales} scales",
                    outputs.len()
                )));
            }
            return Ok(Vec::new());
        }
        if private != 0 {
            return Err(VerifyError::Key(format!(
                "the circuit has {private} private outputs, they should be public"
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
