//! The verifying key: the network skeleton, what its proofs show, and the weights key.

use serde::{Deserialize, Serialize};

use super::{NetworkSkeleton, WeightsKey};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, Kind};
use crate::transcript::{VerifyError, domain};
use crate::untrusted::MAXIMUM_NAME;

/// Everything a verifier needs to know of a model. Weights are in it only as commitments.
///
/// It says which network it is: the verifier lowers the [skeleton](NetworkSkeleton) himself. The setup proof shows that
/// the commitments hold integers in `[-128, 127]` with zero padding. What a key cannot say is who trained the weights:
/// for that its digest must come from someone you trust.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyingKey {
    /// Which network.
    pub network: NetworkSkeleton,
    /// What its proofs show of inputs and outputs.
    pub instance: Instance,
    /// The commitments to its weights.
    pub weights: WeightsKey,
}

/// What the proofs of a key show: all that two keys for one network and one weights key may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The inputs, but for those that the network reveals.
    pub input: Visibility,
    /// The outputs, but for those that the network reveals.
    pub output: Visibility,
    /// Does each proof carry a commitment to the private input, by which two proofs can be linked?
    pub commit_input: bool,
}

impl Artifact for VerifyingKey {
    const KIND: Kind = Kind::VerifyingKey;
    const VERSION: u32 = 10;
    const MAXIMUM_BYTES: u64 = 1 << 24;

    fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str, usize)) {
        self.network.visit_texts(visit);
        for column in &self.weights.columns {
            visit("name of a column", &column.name, MAXIMUM_NAME);
        }
    }
}

impl Instance {
    /// The part of `privacy` that is not about weights.
    pub fn of(privacy: &Privacy) -> Self {
        let Privacy {
            input,
            output,
            weights: _,
            commit_input,
        } = *privacy;
        Self {
            input,
            output,
            commit_input,
        }
    }
}

impl VerifyingKey {
    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.network.name
    }

    /// What proofs show, of the weights too.
    pub fn privacy(&self) -> Privacy {
        let Instance {
            input,
            output,
            commit_input,
        } = self.instance;
        Privacy {
            input,
            output,
            weights: self.weights.visibility,
            commit_input,
        }
    }

    /// BLAKE3 over the digests of skeleton and weights key and over the instance. The setup proof is no part of it.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] when the key cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        self.digest_of(&self.network.digest()?, &self.weights.digest()?)
    }

    /// As [`Self::digest`], from the digests of skeleton and weights key.
    pub(crate) fn digest_of(&self, network: &[u8; 32], weights: &[u8; 32]) -> Result<[u8; 32], VerifyError> {
        domain::digest(domain::VERIFYING_KEY, &(network, &self.instance, weights))
    }
}
