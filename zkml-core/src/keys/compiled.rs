//! The compiled model.

use serde::{Deserialize, Serialize};

use super::{Interface, ProveError, WeightCommitments};
use crate::lower::{Filled, lower_with};
use crate::pcs::{CodeParameters, RecursionParameters};
use crate::privacy::Privacy;
use crate::proof::{Artifact, Kind};
use crate::quant::Quantized;

/// A quantized network with a name, ready for setup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompiledModel {
    /// Name of the model.
    pub name: String,
    /// The integer network, weights included, and how its integers read as real numbers.
    pub network: Quantized,
    /// What its proofs may show.
    pub privacy: Privacy,
}

impl Artifact for CompiledModel {
    const KIND: Kind = Kind::CompiledModel;
    const VERSION: u32 = 5;
    const MAXIMUM_BYTES: u64 = 1 << 38;
}

impl CompiledModel {
    /// Names a quantized network, with private input and weights and public outputs.
    pub fn new(name: impl Into<String>, network: Quantized) -> Self {
        Self {
            name: name.into(),
            network,
            privacy: Privacy::default(),
        }
    }

    /// With another choice of what is private. It must be made before setup.
    pub fn with_privacy(self, privacy: Privacy) -> Self {
        Self { privacy, ..self }
    }

    /// How public integers read as real numbers.
    pub fn interface(&self) -> Interface {
        Interface {
            input_scale: self.network.input_scale,
            output_scales: self.network.output_scales.clone(),
        }
    }

    /// The circuit of the model.
    ///
    /// # Errors
    /// [`ProveError::Unsupported`] naming the layer.
    pub fn lower(&self) -> Result<Filled, ProveError> {
        let Quantized {
            graph,
            limb_bits,
            lowering,
            ..
        } = &self.network;
        Ok(lower_with(&graph.skeleton(), *limb_bits, &self.privacy, lowering)?.fill(graph)?)
    }
}

/// What setup decides of the commitments.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The code.
    pub(crate) code: CodeParameters,
    /// How a row combination is shown.
    pub(crate) recursion: RecursionParameters,
    /// The commitments to the weights; their roots are not known yet.
    pub(crate) weights: WeightCommitments,
}
