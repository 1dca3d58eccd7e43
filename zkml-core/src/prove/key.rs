//! The compiled model and the proving key.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ProveError;
use crate::circuit::lower::{Lowered, lower};
use crate::pcs::{CodeParameters, Commitment, CommittedMatrix, Seed};
use crate::privacy::Privacy;
use crate::proof::{Artifact, FileError, Kind, read_file, write_file};
use crate::quant::Quantized;
use crate::verify::{Interface, Statement, VerifyingKey};

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
    const VERSION: u32 = 2;
    const MAXIMUM_BYTES: u64 = 1 << 38;
}

impl CompiledModel {
    /// Names a quantized network, all of which is public.
    pub fn new(name: impl Into<String>, network: Quantized) -> Self {
        Self {
            name: name.into(),
            network,
            privacy: Privacy::PUBLIC,
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
    pub fn lower(&self) -> Result<Lowered, ProveError> {
        Ok(lower(&self.network.graph, self.network.limb_bits, &self.privacy)?)
    }
}

/// What the prover keeps: the model, its circuit, the verifying key and the committed weights.
pub struct ProvingKey {
    /// The model.
    pub model: CompiledModel,
    /// The verifying key.
    pub verifying: VerifyingKey,
    /// The circuit and how it is filled.
    pub lowered: Lowered,
    /// The committed weights.
    pub weights: CommittedMatrix,
}

/// What a proving key is on disk: all but what follows from the rest.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredProvingKey {
    pub(super) model: CompiledModel,
    pub(super) code: CodeParameters,
    pub(super) seed: [u8; 32],
    pub(super) weights: Commitment,
}

impl Artifact for StoredProvingKey {
    const KIND: Kind = Kind::ProvingKey;
    const VERSION: u32 = 2;
    const MAXIMUM_BYTES: u64 = 1 << 38;
}

impl ProvingKey {
    /// Writes the key to a file, atomically, and returns its size in bytes. The seed in it is as secret as the weights.
    ///
    /// # Errors
    /// [`FileError`] with the path.
    pub fn write_file(&self, path: &Path) -> Result<u64, FileError> {
        let stored = StoredProvingKey {
            model: self.model.clone(),
            code: self.verifying.code.clone(),
            seed: *self.weights.seed().as_bytes(),
            weights: self.verifying.weights,
        };
        write_file(path, &stored)
    }

    /// Reads only the model of a key written by [`ProvingKey::write_file`], to look at: nothing is lowered or committed.
    ///
    /// # Errors
    /// [`FileError`] with the path.
    pub fn read_model(path: &Path) -> Result<CompiledModel, FileError> {
        Ok(read_file::<StoredProvingKey>(path)?.model)
    }

    /// Reads a key written by [`ProvingKey::write_file`]; lowers the model and commits the weights again, and checks
    /// that the commitment is the one in the file.
    ///
    /// # Errors
    /// [`ProveError::File`] for a file that cannot be read, [`ProveError::Unsupported`], [`ProveError::Malformed`] and
    /// [`ProveError::InvariantViolation`] when its parts do not agree.
    pub fn read_file(path: &Path) -> Result<Self, ProveError> {
        let stored: StoredProvingKey = read_file(path)?;
        let lowered = stored.model.lower()?;
        // Sizes are judged before anything is committed.
        let claimed =
            super::setup::verifying_key(&stored.model, &lowered, stored.code.clone(), stored.weights);
        Statement::new(&claimed)?;
        let key = super::setup::assemble(stored.model, lowered, stored.code, Seed::from_bytes(stored.seed))?;
        if key.verifying.weights != stored.weights {
            return Err(ProveError::Malformed {
                place: format!("{}: commitment to the weights", path.display()),
                expected: "the one its own weights give".into(),
                found: "another".into(),
            });
        }
        Ok(key)
    }
}
