//! The compiled model and the proving key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::choose::Choice;
use super::setup::{commit_weights, refuse_insecure};
use super::{Budget, ProveError, Purpose};
use crate::circuit::lower::{Lowered, lower_with};
use crate::pcs::{CodeParameters, CommittedMatrix, Keep, RecursionParameters, Seed, Tails};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, FileError, Kind, read_file, write_file};
use crate::quant::Quantized;
use crate::verify::{Interface, VerifyingKey, WeightCommitments};
use crate::witness::{ExecutionError, Executor, Layers};

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
    const VERSION: u32 = 4;
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
    pub fn lower(&self) -> Result<Lowered, ProveError> {
        Ok(lower_with(
            &self.network.graph,
            self.network.limb_bits,
            &self.privacy,
            &self.network.lowering,
        )?)
    }
}

/// What the prover keeps: the model, its circuit, the verifying key, and the secret behind the committed weights.
///
/// With private weights it counts its openings; see [`Budget`].
pub struct ProvingKey {
    /// The model.
    pub model: CompiledModel,
    /// The verifying key.
    pub verifying: VerifyingKey,
    /// The circuit and how it is filled.
    pub lowered: Lowered,
    pub(super) commitments: Commitments,
    pub(super) budget: Option<Budget>,
    /// The weights as the execution wants them, once a proof was made.
    pub(super) layers: OnceLock<Layers>,
}

/// The commitments to the weights: those of a new key are at hand from setup on, those of a key from a file are made
/// when their turn comes. One whose turn is over is dropped.
pub(super) struct Commitments {
    pub(super) secret: Secret,
    made: Mutex<BTreeMap<usize, Arc<CommittedMatrix>>>,
}

/// What the seeds of all commitments come from; as secret as the weights. Nothing for public weights.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub(super) struct Secret(Option<[u8; 32]>);

impl Secret {
    /// A fresh secret from the operating system where the weights are private.
    pub(super) fn fresh(weights: Visibility) -> Result<Self, ProveError> {
        Ok(Self(match weights {
            Visibility::Private => Some(*Seed::from_os()?.as_bytes()),
            Visibility::Public => None,
        }))
    }

    /// The seed of commitment `number`.
    fn seed(&self, number: usize) -> Seed {
        match &self.0 {
            None => Seed::PUBLIC,
            Some(secret) => {
                let mut hasher = blake3::Hasher::new_keyed(secret);
                hasher.update(b"zkml weight commitment");
                hasher.update(&(number as u64).to_le_bytes());
                Seed::from_bytes(*hasher.finalize().as_bytes())
            }
        }
    }
}

/// Most bytes of encoded weights that a new key keeps at hand for proofs to come, besides those for the next proof.
const MAXIMUM_KEPT_BYTES: usize = 1 << 28;

/// Most bytes of one encoded commitment that are kept: of a larger one each proof computes the columns it opens again.
const MAXIMUM_CODEWORD_BYTES: usize = 1 << 30;

impl Commitments {
    pub(super) fn new(secret: Secret) -> Self {
        Self {
            secret,
            made: Mutex::default(),
        }
    }

    /// Commitment `number` to the weights of `lowered`, from memory or made again.
    pub(super) fn get(
        &self,
        lowered: &Lowered,
        verifying: &VerifyingKey,
        number: usize,
    ) -> Result<Arc<CommittedMatrix>, ProveError> {
        let keep = match encoded_bytes(verifying) > MAXIMUM_CODEWORD_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        };
        self.get_keeping(lowered, verifying, number, keep)
    }

    /// As [`Self::get`], keeping the codeword or not if it is made.
    pub(super) fn get_keeping(
        &self,
        lowered: &Lowered,
        verifying: &VerifyingKey,
        number: usize,
        keep: Keep,
    ) -> Result<Arc<CommittedMatrix>, ProveError> {
        if let Some(matrix) = self.lock().get(&number) {
            return Ok(Arc::clone(matrix));
        }
        // Made without the lock: a thread that waits for parallel work may take up another proof meanwhile. Two proofs at
        // once may both make it; it is the same one.
        let tails = Tails {
            length: verifying
                .weights
                .tail(verifying.code.queries, verifying.code.stride()),
            full: 0,
        };
        let _span = tracing::info_span!("commit weights", number).entered();
        let seed = self.secret.seed(number);
        let matrix = commit_weights(lowered, &verifying.code, seed, tails, keep)?;
        let matrix = Arc::new(matrix);
        Ok(Arc::clone(self.lock().entry(number).or_insert(matrix)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<CommittedMatrix>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the codewords of all commitments are little enough memory to be kept from setup on.
    pub(super) fn keep_all(verifying: &VerifyingKey) -> Keep {
        let count = verifying.weights.roots.len();
        match count.saturating_mul(encoded_bytes(verifying)) > MAXIMUM_KEPT_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        }
    }

    /// Drops all commitments: they are made again when their turn comes.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    /// Drops the commitments before `number`: openings are counted upwards.
    fn drop_before(&self, number: usize) {
        let mut made = self.lock();
        *made = made.split_off(&number);
    }
}

/// Bytes of one encoded commitment to the weights.
fn encoded_bytes(verifying: &VerifyingKey) -> usize {
    let cells = verifying
        .weights
        .rows
        .saturating_mul(verifying.code.codeword_length());
    cells.saturating_mul(8)
}

/// What a proving key is on disk: all but what follows from the rest.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredProvingKey {
    pub(super) model: CompiledModel,
    pub(super) code: CodeParameters,
    pub(super) recursion: RecursionParameters,
    pub(super) secret: Secret,
    pub(super) weights: WeightCommitments,
    pub(super) previous: Option<[u8; 32]>,
    #[serde(with = "serde_bytes")]
    pub(super) setup_proof: Vec<u8>,
}

impl Artifact for StoredProvingKey {
    const KIND: Kind = Kind::ProvingKey;
    const VERSION: u32 = 5;
    const MAXIMUM_BYTES: u64 = 1 << 38;
}

impl ProvingKey {
    /// Writes the key to a file, atomically, and returns its size in bytes. The secret in it is as secret as the
    /// weights. With private weights its openings are from now on counted in a file beside it, which belongs to it:
    /// there may be one such file, so a key is written to one place.
    ///
    /// # Errors
    /// [`ProveError::File`] with the path, [`ProveError::Budget`] for a key that was written to another place.
    pub fn write_file(&self, path: &Path) -> Result<u64, ProveError> {
        let stored = StoredProvingKey {
            model: self.model.clone(),
            code: self.verifying.code.clone(),
            recursion: self.verifying.recursion.clone(),
            secret: self.commitments.secret.clone(),
            weights: self.verifying.weights.clone(),
            previous: self.verifying.previous,
            setup_proof: self.verifying.setup_proof.clone(),
        };
        if let Some(budget) = &self.budget {
            budget.move_beside(path, &self.verifying.digest()?)?;
        }
        Ok(write_file(path, &stored)?)
    }

    /// Reads only the model of a key written by [`ProvingKey::write_file`], to look at: nothing is lowered or committed.
    ///
    /// # Errors
    /// [`FileError`] with the path.
    pub fn read_model(path: &Path) -> Result<CompiledModel, FileError> {
        Ok(read_file::<StoredProvingKey>(path)?.model)
    }

    /// Opens only the counter of a key written by [`ProvingKey::write_file`]; none for public weights.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_budget(path: &Path) -> Result<Option<Budget>, ProveError> {
        let stored: StoredProvingKey = read_file(path)?;
        let lowered = stored.model.lower()?;
        let verifying = super::setup::verifying_key(
            &stored.model,
            &lowered,
            Choice {
                code: stored.code,
                recursion: stored.recursion,
                weights: stored.weights,
            },
            stored.previous,
        );
        open_budget(path, &verifying)
    }

    /// Reads a key written by [`ProvingKey::write_file`]; lowers the model and commits the weights again, and checks
    /// that the commitment is the one in the file. Opens the file in which its openings are counted.
    ///
    /// # Errors
    /// [`ProveError::File`] for a file that cannot be read, [`ProveError::Budget`] without its counter,
    /// [`ProveError::Unsupported`], [`ProveError::Malformed`] and [`ProveError::InvariantViolation`] when its parts do
    /// not agree, [`ProveError::Insecure`].
    pub fn read_file(path: &Path) -> Result<Self, ProveError> {
        let stored: StoredProvingKey = read_file(path)?;
        let lowered = stored.model.lower()?;
        let mut verifying = super::setup::verifying_key(
            &stored.model,
            &lowered,
            Choice {
                code: stored.code,
                recursion: stored.recursion,
                weights: stored.weights,
            },
            stored.previous,
        );
        verifying.setup_proof = stored.setup_proof;
        // Sizes are judged before anything is committed.
        refuse_insecure(&verifying)?;
        let commitments = Commitments::new(stored.secret);
        let budget = open_budget(path, &verifying)?;
        let key = Self {
            model: stored.model,
            verifying,
            lowered,
            commitments,
            budget,
            layers: OnceLock::new(),
        };
        let used = key.budget.as_ref().map_or(Ok(0), Budget::used)?;
        let last = key.verifying.weights.roots.len().saturating_sub(1);
        key.commitment(key.verifying.weights.commitment_of(used).min(last))
            .map_err(|error| match error {
                ProveError::Malformed { expected, found, .. } => ProveError::Malformed {
                    place: format!("{}: commitment to the weights", path.display()),
                    expected,
                    found,
                },
                other => other,
            })?;
        Ok(key)
    }

    /// The network, ready to be executed; its weights are laid out once.
    pub(super) fn executor(&self) -> Result<Executor<'_>, ExecutionError> {
        let graph = &self.model.network.graph;
        let layers = match self.layers.get() {
            Some(layers) => layers,
            None => {
                let layers = Layers::new(graph)?;
                self.layers.get_or_init(|| layers)
            }
        };
        Ok(Executor::with_layers(graph, layers))
    }

    /// How often the key's weights may be opened, and how often they were; nothing for public weights.
    pub fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// Commitment `number` to the weights, checked against the verifying key.
    pub(super) fn commitment(&self, number: usize) -> Result<Arc<CommittedMatrix>, ProveError> {
        let matrix = self.commitments.get(&self.lowered, &self.verifying, number)?;
        if self.verifying.weights.roots.get(number) != Some(&matrix.commitment().root) {
            return Err(ProveError::Malformed {
                place: format!("commitment {number} to the weights"),
                expected: "the one its own weights give".into(),
                found: "another".into(),
            });
        }
        Ok(matrix)
    }

    /// Counts an opening for `purpose` and returns the commitment to open, with its number.
    pub(super) fn next_commitment(
        &self,
        purpose: Purpose,
    ) -> Result<(u32, Arc<CommittedMatrix>), ProveError> {
        let weights = &self.verifying.weights;
        if self
            .budget
            .as_ref()
            .is_some_and(|budget| budget.limit() != weights.budget())
        {
            return Err(ProveError::Malformed {
                place: "verifying key".into(),
                expected: "the one this key was made with".into(),
                found: "another number of openings".into(),
            });
        }
        let number = match &self.budget {
            Some(budget) => self.verifying.weights.commitment_of(budget.take(purpose)?),
            None => 0,
        };
        self.commitments.drop_before(number);
        Ok((
            u32::try_from(number).unwrap_or(u32::MAX),
            self.commitment(number)?,
        ))
    }
}

/// The counter beside a key; none for public weights.
fn open_budget(path: &Path, verifying: &VerifyingKey) -> Result<Option<Budget>, ProveError> {
    Ok(match verifying.privacy.weights {
        Visibility::Public => None,
        Visibility::Private => Some(Budget::open_beside(
            path,
            &verifying.digest()?,
            verifying.weights.budget(),
        )?),
    })
}
