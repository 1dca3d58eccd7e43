//! The compiled model and the proving key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::choose::Choice;
use super::setup::refuse_insecure;
use super::{Budget, ProveError, Purpose, weights};
use crate::circuit::lower::{Lowered, lower_with};
use crate::graph::{IntParameter, IntTensor, ParameterRole};
use crate::int8::{Int8Cells, Int8Tensor};
use crate::pcs::{CodeParameters, CommittedMatrix, Keep, RecursionParameters, Rows, Seed, Tails};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, Kind, map_file_with_section, write_file_with_section};
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
/// when their turn comes. One whose turn is over is dropped. All of them, and all others who read weights, refer to the
/// same rows.
pub(super) struct Commitments {
    pub(super) secret: Secret,
    /// The rows: memory of the process for a new key, pages of its file for a key from a file.
    pub(super) cells: Int8Cells,
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
    pub(super) fn new(secret: Secret, cells: Int8Cells) -> Self {
        Self {
            secret,
            cells,
            made: Mutex::default(),
        }
    }

    /// Commitment `number` to the weights, from memory or made again.
    pub(super) fn get(
        &self,
        verifying: &VerifyingKey,
        number: usize,
    ) -> Result<Arc<CommittedMatrix>, ProveError> {
        let keep = match encoded_bytes(verifying) > MAXIMUM_CODEWORD_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        };
        self.get_keeping(verifying, number, keep)
    }

    /// As [`Self::get`], keeping the codeword or not if it is made.
    pub(super) fn get_keeping(
        &self,
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
        let rows = Rows::Int8(self.cells.clone());
        let matrix = CommittedMatrix::commit_with(rows, verifying.code.wide(), seed, tails, keep)?;
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

/// What a proving key is on disk, besides the rows of weights in the section of its file: all but what follows from the
/// rest.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredProvingKey {
    /// The model, without its parameters.
    pub(super) model: CompiledModel,
    pub(super) parameters: Vec<StoredParameter>,
    pub(super) code: CodeParameters,
    pub(super) recursion: RecursionParameters,
    pub(super) secret: Secret,
    pub(super) weights: WeightCommitments,
    pub(super) previous: Option<[u8; 32]>,
    #[serde(with = "serde_bytes")]
    pub(super) setup_proof: Vec<u8>,
}

/// A parameter of the integer network on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum StoredParameter {
    /// A weight that a layer uses: its values are in the rows, where the circuit says.
    InRows { path: String, shape: Vec<usize> },
    /// A bias, whose digits are in the rows, or what no layer uses.
    Here(IntParameter),
}

impl Artifact for StoredProvingKey {
    const KIND: Kind = Kind::ProvingKey;
    const VERSION: u32 = 6;
    const MAXIMUM_BYTES: u64 = 1 << 38;
}

impl StoredProvingKey {
    /// What is written of a key, besides its rows.
    pub(super) fn of(key: &ProvingKey) -> Self {
        let rows = &key.commitments.cells;
        let mut model = key.model.clone();
        let parameters = core::mem::take(&mut model.network.graph.parameters);
        let store = |parameter: IntParameter| match is_view(&parameter, rows) {
            true => StoredParameter::InRows {
                shape: parameter.values.shape().to_vec(),
                path: parameter.path,
            },
            false => StoredParameter::Here(parameter),
        };
        Self {
            model,
            parameters: parameters.into_iter().map(store).collect(),
            code: key.verifying.code.clone(),
            recursion: key.verifying.recursion.clone(),
            secret: key.commitments.secret.clone(),
            weights: key.verifying.weights.clone(),
            previous: key.verifying.previous,
            setup_proof: key.verifying.setup_proof.clone(),
        }
    }
}

/// Whether the values of a parameter stand in `cells`.
fn is_view(parameter: &IntParameter, cells: &Int8Cells) -> bool {
    matches!(&parameter.values, IntTensor::Int8(tensor) if tensor.cells().is_same_memory(cells))
}

/// A key from a file, before anything is committed.
struct Opened {
    model: CompiledModel,
    lowered: Lowered,
    verifying: VerifyingKey,
    secret: Secret,
    cells: Int8Cells,
}

impl Opened {
    /// Maps the file and lowers the model, whose weights are then those of the file, in place.
    fn read(path: &Path) -> Result<Self, ProveError> {
        let (stored, cells) = map_file_with_section::<StoredProvingKey>(path)?;
        let refused = |what: &str, expected: String, found: String| ProveError::Malformed {
            place: format!("{}: {what}", path.display()),
            expected,
            found,
        };
        let mut model = stored.model;
        if !model.network.graph.parameters.is_empty() {
            let found = "parameters of its own".into();
            return Err(refused("model", "parameters apart".into(), found));
        }
        // Until it is known where they lie, weights are zeros without memory: of no more cells than there are rows for.
        let mut left = cells.len();
        let is_in_rows = |parameter: &StoredParameter| matches!(parameter, StoredParameter::InRows { .. });
        let in_rows: Vec<bool> = stored.parameters.iter().map(is_in_rows).collect();
        for parameter in stored.parameters {
            let parameter = match parameter {
                StoredParameter::Here(parameter) => parameter,
                StoredParameter::InRows { path, shape } => {
                    let zeros = Int8Tensor::zeros(&shape).filter(|zeros| zeros.len() <= left);
                    let Some(zeros) = zeros else {
                        let expected = format!("at most {left} more weights, for all are in the section");
                        return Err(refused(&path, expected, format!("shape {shape:?}")));
                    };
                    left -= zeros.len();
                    IntParameter {
                        path,
                        role: ParameterRole::Weight,
                        values: IntTensor::Int8(zeros),
                    }
                }
            };
            model.network.graph.parameters.push(parameter);
        }
        let mut lowered = model.lower()?;
        let choice = Choice {
            code: stored.code,
            recursion: stored.recursion,
            weights: stored.weights,
        };
        let mut verifying = super::setup::verifying_key(&model, &lowered, choice, stored.previous);
        verifying.setup_proof = stored.setup_proof;
        // Sizes are judged before anything of that size is made.
        refuse_insecure(&verifying)?;
        let packing = weights::packing(&lowered, &verifying.code)?;
        let expected = packing.rows << packing.log_row;
        if cells.len() != expected {
            let (expected, found) = (format!("{expected} bytes"), format!("{} bytes", cells.len()));
            return Err(refused("section of weights", expected, found));
        }
        let before = lowered.parameters.clone();
        weights::share(&mut model, &mut lowered, &packing, &cells)?;
        if !weights::agree(&before, &lowered) {
            let expected = "the digits of the biases".into();
            return Err(refused("section of weights", expected, "others".into()));
        }
        for (parameter, in_rows) in model.network.graph.parameters.iter().zip(in_rows) {
            if is_view(parameter, &cells) != in_rows {
                let expected = "in the section, as weights of layers are and nothing else";
                return Err(refused(&parameter.path, expected.into(), "elsewhere".into()));
            }
        }
        Ok(Self {
            model,
            lowered,
            verifying,
            secret: stored.secret,
            cells,
        })
    }
}

impl ProvingKey {
    /// Writes the key to a file, atomically, and returns its size in bytes. The secret in it is as secret as the
    /// weights. With private weights its openings are from now on counted in a file beside it, which belongs to it:
    /// there may be one such file, so a key is written to one place.
    ///
    /// # Errors
    /// [`ProveError::File`] with the path, [`ProveError::Budget`] for a key that was written to another place.
    pub fn write_file(&self, path: &Path) -> Result<u64, ProveError> {
        if let Some(budget) = &self.budget {
            budget.move_beside(path, &self.verifying.digest()?)?;
        }
        let stored = StoredProvingKey::of(self);
        Ok(write_file_with_section(path, &stored, &self.commitments.cells)?)
    }

    /// Reads only the model of a key written by [`ProvingKey::write_file`], to look at: nothing is committed. Its weights
    /// are pages of the file.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_model(path: &Path) -> Result<CompiledModel, ProveError> {
        Ok(Opened::read(path)?.model)
    }

    /// Opens only the counter of a key written by [`ProvingKey::write_file`]; none for public weights.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_budget(path: &Path) -> Result<Option<Budget>, ProveError> {
        open_budget(path, &Opened::read(path)?.verifying)
    }

    /// Reads a key written by [`ProvingKey::write_file`]; lowers the model and commits the weights again, and checks
    /// that the commitment is the one in the file. Opens the file in which its openings are counted.
    ///
    /// The weights are not read into memory: the file is mapped, and stays so as long as the key lives. Another file may
    /// be renamed over it meanwhile; but nobody may write into it, or truncate it, which ends this process.
    ///
    /// # Errors
    /// [`ProveError::File`] for a file that cannot be read, [`ProveError::Budget`] without its counter,
    /// [`ProveError::Unsupported`], [`ProveError::Malformed`] and [`ProveError::InvariantViolation`] when its parts do
    /// not agree, [`ProveError::Insecure`].
    pub fn read_file(path: &Path) -> Result<Self, ProveError> {
        let Opened {
            model,
            lowered,
            verifying,
            secret,
            cells,
        } = Opened::read(path)?;
        let commitments = Commitments::new(secret, cells);
        let budget = open_budget(path, &verifying)?;
        let key = Self {
            model,
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
        let matrix = self.commitments.get(&self.verifying, number)?;
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
