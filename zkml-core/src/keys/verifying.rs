//! The verifying key: the circuit, the code and the commitment to the weights.

use serde::{Deserialize, Serialize};

use crate::circuit::Circuit;
use crate::pcs::{CodeParameters, RecursionParameters};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, Kind};
use crate::transcript::VerifyError;

/// Everything a verifier needs to know of a model. Weights are in it only as commitments.
///
/// The setup proof shows that the commitments hold integers in `[-128, 127]` with zero padding. Nothing shows that the
/// circuit is that of the network you were promised: take a key, or its digest, from someone you trust.
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
    /// The recursion for a row combination that is too long to be sent; without levels it is sent.
    pub recursion: RecursionParameters,
    /// The commitments to the weights.
    pub weights: WeightCommitments,
    /// A root of the key that this one replaces. The setup proof shows that both keys hold the same weights.
    pub previous: Option<[u8; 32]>,
    /// Number of sequential hashes after the first message.
    pub hardening: u64,
    /// Shows that the committed weights are integers in `[-128, 127]`, zero on padding, and the same in all
    /// commitments. It is bound to the key's digest, and so is no part of it.
    #[serde(with = "serde_bytes")]
    pub setup_proof: Vec<u8>,
}

/// Commitments to the same weights, each with randomness of its own.
///
/// Every proof opens columns of one of them. A commitment to private weights allows a limited number of openings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightCommitments {
    /// Roots of the Merkle trees.
    pub roots: Vec<[u8; 32]>,
    /// Rows of each matrix.
    pub rows: usize,
    /// Openings that each commitment allows, the setup proof's included; 0 for public weights, which allow any number.
    pub openings: u32,
}

/// Most commitments to the weights of one key.
const MAXIMUM_COMMITMENTS: usize = 1 << 10;

/// Openings that are kept for a rotation. A rotation needs one; an interrupted rotation has spent its own.
pub const ROTATION_RESERVE: u64 = 4;

impl WeightCommitments {
    /// Commitments that the setup proof opens: all of this key, and one of the key before if it has one.
    pub(crate) fn commitments(&self, previous: Option<[u8; 32]>) -> usize {
        self.roots.len().saturating_add(usize::from(previous.is_some()))
    }

    /// Openings that private weights allow after setup, those kept for rotation included. Example: 2 commitments of 9
    /// openings allow 16.
    pub fn budget(&self) -> u64 {
        (self.roots.len() as u64).saturating_mul(u64::from(self.openings.saturating_sub(1)))
    }

    /// The commitment that opening `number` of the budget uses. Example: with 9 openings of each commitment, one of
    /// them for the setup proof, openings 0 to 7 use commitment 0, and opening 8 uses commitment 1.
    pub fn commitment_of(&self, number: u64) -> usize {
        let each = u64::from(self.openings.saturating_sub(1)).max(1);
        usize::try_from(number.checked_div(each).unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// Random coefficients that a row of weights needs, with `queries` columns in each opening and narrow rows of
    /// `stride`.
    ///
    /// The mask's rows are narrow. One opened column of them fixes the row combination at `stride` positions, and with
    /// it the sum of the weights' rows there. With enough rows the combinations of all openings are independent, and
    /// only one opening needs room for the positions that it does not open. Otherwise every opening needs room for all
    /// `stride` positions. See `docs/protocol/zero-knowledge.md`, "Randomness".
    pub fn tail(&self, queries: usize, stride: usize) -> usize {
        let openings = self.openings as usize;
        if openings == 0 {
            return 0;
        }
        let columns = match self.rows > openings.saturating_mul(2) {
            true => openings.saturating_add(stride).saturating_sub(1),
            false => openings.saturating_mul(stride),
        };
        columns.saturating_mul(queries).saturating_add(2)
    }
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
    const VERSION: u32 = 4;
    // Decoded columns take some thirty times their bytes.
    const MAXIMUM_BYTES: u64 = 1 << 24;
}

/// Openings of a tensor with a commitment of its own: the proof that makes the commitment, and one that links to it.
const TENSOR_OPENINGS: usize = 2;

/// The least tail for a key with this privacy: as long as its most demanding row needs, for `queries` columns in each
/// opening. A coefficient of a narrow row takes `stride` places.
pub(crate) fn needed_tail(
    privacy: &Privacy,
    weights: &WeightCommitments,
    queries: usize,
    stride: usize,
) -> usize {
    let trace = match privacy.zero_knowledge() {
        true => queries.saturating_add(2),
        false => 0,
    };
    let tensors = match privacy.commits_tensors() {
        true => tensor_tail(queries),
        false => 0,
    };
    let narrow = trace.max(tensors).saturating_mul(stride);
    let needed = weights.tail(queries, stride).max(narrow);
    needed.checked_next_multiple_of(stride).unwrap_or(needed)
}

/// Random coefficients of a row of a tensor with a commitment of its own.
fn tensor_tail(queries: usize) -> usize {
    queries.saturating_mul(TENSOR_OPENINGS).saturating_add(2)
}

impl VerifyingKey {
    /// The parameters of every opening of its commitments.
    pub fn opening(&self) -> (&CodeParameters, &RecursionParameters) {
        (&self.code, &self.recursion)
    }

    /// Random coefficients of a row of the trace: `t + 2` for `t` opened columns. With only `t`, the values at `t`
    /// points of the circle could depend on each other.
    pub fn trace_tail(&self) -> usize {
        match self.privacy.zero_knowledge() {
            true => self.code.queries.saturating_add(2),
            false => 0,
        }
    }

    /// Random coefficients of a row of a tensor with a commitment of its own: enough for two openings.
    pub fn tensor_tail(&self) -> usize {
        tensor_tail(self.code.queries)
    }

    /// Checks that the commitments to the weights, and the room for randomness in the code, suffice for the key's
    /// privacy.
    pub(crate) fn check_weights(&self) -> Result<(), VerifyError> {
        let refuse = |what: String| Err(VerifyError::Key(format!("weight commitments: {what}")));
        let (weights, count) = (&self.weights, self.weights.roots.len());
        if count == 0 || count > MAXIMUM_COMMITMENTS {
            return refuse(format!("expected 1 to {MAXIMUM_COMMITMENTS}, found {count}"));
        }
        match self.privacy.weights {
            Visibility::Public if weights.openings != 0 || count != 1 => {
                return refuse("public weights have one commitment and any number of openings".into());
            }
            Visibility::Private if weights.budget() <= ROTATION_RESERVE => {
                return refuse(format!(
                    "expected room for a proof and {ROTATION_RESERVE} rotations, found {count} commitments of {} \
                     openings, one of them for the setup proof",
                    weights.openings
                ));
            }
            _ => {}
        }
        let tail = needed_tail(&self.privacy, weights, self.code.queries, self.code.stride());
        // A longer tail is allowed: keys whose proofs are linked share a code. Without secrets the tail is 0.
        if self.code.tail < tail || (tail == 0 && self.code.tail != 0) {
            return Err(VerifyError::Key(format!(
                "commitment code: expected a tail of {tail} for {} columns an opening, found {}",
                self.code.queries, self.code.tail
            )));
        }
        Ok(())
    }

    /// BLAKE3 over the key's canonical encoding without the setup proof; the first thing a proof is bound to.
    ///
    /// # Errors
    /// [`VerifyError::Key`] when the key cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        // Field by field, in the order of the structure: all but the setup proof.
        let Self {
            name,
            circuit,
            interface,
            privacy,
            code,
            recursion,
            weights,
            previous,
            hardening,
            setup_proof: _,
        } = self;
        let fields = (
            name, circuit, interface, privacy, code, recursion, weights, previous, hardening,
        );
        let bytes = postcard::to_stdvec(&fields).map_err(|error| VerifyError::Key(error.to_string()))?;
        let mut hasher = blake3::Hasher::new_derive_key("zkml verifying key v1");
        hasher.update(&bytes);
        Ok(*hasher.finalize().as_bytes())
    }
}
