//! The file of a proving key. A key from a file must be as sound as a new one before anything of its size is allocated.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lengths::own_network;
use super::{refuse_insecure, verifying_key};
use crate::graph::{IntParameter, IntTensor, ParameterRole};
use crate::int8::{Int8Cells, Int8Tensor};
use crate::keys::{
    Budget, BudgetError, Choice, Commitments, CompiledModel, Owner, ProveError, ProvingKey, Secret,
    VerifyingKey, WeightCommitments, weights,
};
use crate::lower::Filled;
use crate::pcs::hash::Digest;
use crate::pcs::{CodeParameters, RecursionParameters};
use crate::privacy::Visibility;
use crate::proof::{Artifact, Kind, Replacement, map_file_with_section, write_with_section};
use crate::reduce::Cpu;
use crate::untrusted::MAXIMUM_NAME;

/// A proving key on disk, without what follows from the rest. The section of the file holds the rows of weights.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredProvingKey {
    /// The model, without its parameters.
    pub(crate) model: CompiledModel,
    pub(crate) parameters: Vec<StoredParameter>,
    pub(crate) code: CodeParameters,
    pub(crate) recursion: RecursionParameters,
    pub(crate) secret: Secret,
    pub(crate) weights: WeightCommitments,
    pub(crate) previous: Option<[u8; 32]>,
    pub(crate) previous_opening: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) setup_proof: Vec<u8>,
    pub(crate) leaves: Vec<StoredLeaves>,
}

/// The leaves of a commitment whose encoding is too large to be kept. With them nothing is encoded when the key is read.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredLeaves {
    /// Number of the commitment.
    pub(crate) number: usize,
    #[serde(with = "serde_bytes")]
    pub(crate) digests: Vec<u8>,
}

/// A parameter of the integer network on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum StoredParameter {
    /// A weight that a layer uses: its values are in the rows, where the circuit says.
    InRows { path: String, shape: Vec<usize> },
    /// A bias, whose digits are in the rows, or what no layer uses.
    Here(IntParameter),
}

impl Artifact for StoredProvingKey {
    const KIND: Kind = Kind::ProvingKey;
    const VERSION: u32 = 14;
    const MAXIMUM_BYTES: u64 = 1 << 38;

    fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str, usize)) {
        self.model.visit_texts(visit);
        for parameter in &self.parameters {
            let (StoredParameter::InRows { path, .. } | StoredParameter::Here(IntParameter { path, .. })) =
                parameter;
            visit("name of a parameter", path, MAXIMUM_NAME);
        }
    }
}

impl StoredProvingKey {
    /// What is written of a key, besides its rows.
    pub(crate) fn of(key: &ProvingKey) -> Self {
        let rows = &key.commitments.cells;
        let mut model = key.model_of_key().clone();
        let parameters = core::mem::take(&mut model.network.graph.parameters);
        let store = |parameter: IntParameter| match is_view(&parameter, rows) {
            true => StoredParameter::InRows {
                shape: parameter.values.shape().to_vec(),
                path: parameter.path,
            },
            false => StoredParameter::Here(parameter),
        };
        let weights = &key.verifying.weights;
        Self {
            model,
            parameters: parameters.into_iter().map(store).collect(),
            code: weights.code.clone(),
            recursion: weights.recursion.clone(),
            secret: key.commitments.secret.clone(),
            weights: weights.commitments.clone(),
            previous: weights.previous,
            previous_opening: weights.previous_opening,
            setup_proof: weights.setup_proof.clone(),
            leaves: (key.commitments.leaves().into_iter())
                .map(|(number, digests)| StoredLeaves { number, digests })
                .collect(),
        }
    }
}

/// Whether the values of a parameter stand in `cells`.
fn is_view(parameter: &IntParameter, cells: &Int8Cells) -> bool {
    match &parameter.values {
        IntTensor::Int8(tensor) => tensor.cells().is_same_memory(cells),
        IntTensor::Int8Blocks(tensor) => tensor.is_in(cells),
        IntTensor::Int32(_) => false,
    }
}

/// A key from a file, before anything is committed.
struct Opened {
    model: CompiledModel,
    lowered: Filled,
    verifying: VerifyingKey,
    secret: Secret,
    cells: Int8Cells,
    leaves: Vec<StoredLeaves>,
}

impl Opened {
    /// Maps the file and lowers the model. Its weights stay in the pages of the file.
    fn read(path: &Path) -> Result<Self, ProveError> {
        let (stored, cells) = map_file_with_section::<StoredProvingKey>(path)?;
        let refused = |what: &str, expected: String, found: String| refused(path, what, expected, found);
        let mut model = stored.model;
        let is_in_rows = |parameter: &StoredParameter| matches!(parameter, StoredParameter::InRows { .. });
        let in_rows: Vec<bool> = stored.parameters.iter().map(is_in_rows).collect();
        add_parameters(path, &mut model, stored.parameters, cells.len())?;
        let mut lowered = model.lower()?;
        let choice = Choice {
            code: stored.code,
            recursion: stored.recursion,
            weights: stored.weights,
        };
        let mut verifying = verifying_key(
            model.skeleton(),
            &model.privacy,
            &lowered.circuit,
            choice,
            stored.previous,
        );
        verifying.weights.previous_opening = stored.previous_opening;
        verifying.weights.setup_proof = stored.setup_proof;
        // Sizes are judged before anything of that size is made.
        refuse_insecure(&verifying, &verifying.network, &lowered.circuit)?;
        let packing = weights::packing(&lowered, &verifying.weights.code)?;
        let expected = packing.rows << packing.log_row;
        if cells.len() != expected {
            let (expected, found) = (format!("{expected} bytes"), format!("{} bytes", cells.len()));
            return Err(refused("section of weights", expected, found));
        }
        let (count, length) = (
            verifying.weights.commitments.roots.len(),
            size_of::<Digest>() * verifying.weights.code.codeword_length(),
        );
        let leaves = stored.leaves;
        if let Some(wrong) = (leaves.iter()).find(|own| own.number >= count || own.digests.len() != length) {
            let expected = format!("{length} bytes of a commitment below {count}");
            let found = format!("{} bytes of commitment {}", wrong.digests.len(), wrong.number);
            return Err(refused("leaves", expected, found));
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
            leaves,
        })
    }

    /// Opens the counter beside the key; `None` for public weights.
    fn budget(
        &self,
        path: &Path,
        open: impl FnOnce(&Path, &Owner, u64) -> Result<Budget, BudgetError>,
    ) -> Result<Option<Budget>, ProveError> {
        let weights = &self.verifying.weights;
        Ok(match weights.visibility {
            Visibility::Public => None,
            Visibility::Private => {
                let owner = self.secret.owner(weights.digest()?);
                Some(open(path, &owner, weights.commitments.budget())?)
            }
        })
    }
}

impl ProvingKey {
    /// Writes the key to a file, atomically, and returns its size in bytes. The file is as secret as the weights. With
    /// private weights a counter file beside it counts the openings from now on. A key has one counter, so it can be
    /// written to one place.
    ///
    /// # Errors
    /// [`ProveError::File`] with the path, [`ProveError::Budget`] for a key that was written to another place.
    pub fn write_file(&self, path: &Path) -> Result<u64, ProveError> {
        self.write_into(Replacement::begin(path, true)?)
    }

    /// As [`Self::write_file`], to a file that was begun before the key was made.
    ///
    /// # Errors
    /// As [`Self::write_file`].
    pub fn write_into(&self, file: Replacement) -> Result<u64, ProveError> {
        if let Some(budget) = &self.budget {
            let owner = self.commitments.secret.owner(self.verifying.weights.digest()?);
            budget.move_beside(file.path(), &owner)?;
        }
        let stored = StoredProvingKey::of(self);
        Ok(write_with_section(file, &stored, &self.commitments.cells)?)
    }

    /// Reads only the model of a key written by [`ProvingKey::write_file`], without a commitment. Its weights are pages
    /// of the file.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_model(path: &Path) -> Result<CompiledModel, ProveError> {
        Ok(Opened::read(path)?.model)
    }

    /// Reads the model of a key and the verifying key that belongs to it, without a commitment.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_verifying(path: &Path) -> Result<(CompiledModel, VerifyingKey), ProveError> {
        let opened = Opened::read(path)?;
        Ok((opened.model, opened.verifying))
    }

    /// Opens only the counter of a key written by [`ProvingKey::write_file`]; `None` for public weights.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn read_budget(path: &Path) -> Result<Option<Budget>, ProveError> {
        Opened::read(path)?.budget(path, Budget::open_beside)
    }

    /// Takes over the counter of a key that was moved, with its counter, to another file system
    /// ([`BudgetError::Moved`]). It goes on from where it stands. If another copy of the two makes proofs, both use the
    /// same randomness, and the weights leak: the caller answers for it that there is none. `None` for public weights,
    /// which have no counter.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    pub fn adopt_budget(path: &Path) -> Result<Option<Budget>, ProveError> {
        Opened::read(path)?.budget(path, Budget::adopt_beside)
    }

    /// Reads a key written by [`ProvingKey::write_file`], and opens its counter. Lowers the model, makes the next
    /// commitment to the weights again (from its leaves, where the file has them), and checks its root against the key.
    ///
    /// The file is mapped, not read into memory, as long as the key lives. Another file may be renamed over it
    /// meanwhile. But nobody may write into it, or truncate it: truncation ends this process.
    ///
    /// # Errors
    /// [`ProveError::File`] for a file that cannot be read, [`ProveError::Budget`] without its counter,
    /// [`ProveError::Unsupported`], [`ProveError::Malformed`] and [`ProveError::InvariantViolation`] when its parts do
    /// not agree, [`ProveError::Insecure`].
    pub fn read_file(path: &Path) -> Result<Self, ProveError> {
        let opened = Opened::read(path)?;
        let budget = opened.budget(path, Budget::open_beside)?;
        let Opened {
            model,
            lowered,
            verifying,
            secret,
            cells,
            leaves,
        } = opened;
        let commitments = Commitments::new(Cpu, secret, cells);
        let key = Self {
            model,
            general: None,
            network: own_network(&verifying.network)?,
            verifying,
            lowered,
            commitments: Arc::new(commitments),
            budget: budget.map(Arc::new),
            layers: Arc::default(),
        };
        let used = key.budget().map_or(Ok(0), Budget::used)?;
        let weights = &key.verifying.weights.commitments;
        let last = weights.roots.len().saturating_sub(1);
        for StoredLeaves { number, digests } in &leaves {
            if *number >= weights.commitment_of(used).min(last) {
                key.commitments
                    .restore(&key.verifying.weights, *number, digests)?;
            }
        }
        drop(leaves);
        key.commitment(weights.commitment_of(used).min(last))
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
}

fn refused(path: &Path, what: &str, expected: String, found: String) -> ProveError {
    ProveError::Malformed {
        place: format!("{}: {what}", path.display()),
        expected,
        found,
    }
}

/// Gives the model of the file at `path` its parameters. Until their place in the rows is known, weights are zeros
/// without memory, at most `cells` in all.
fn add_parameters(
    path: &Path,
    model: &mut CompiledModel,
    parameters: Vec<StoredParameter>,
    cells: usize,
) -> Result<(), ProveError> {
    let own = &mut model.network.graph.parameters;
    if !own.is_empty() {
        let found = "parameters of its own".into();
        return Err(refused(path, "model", "parameters apart".into(), found));
    }
    let mut left = cells;
    for parameter in parameters {
        own.push(match parameter {
            StoredParameter::Here(parameter) => parameter,
            StoredParameter::InRows { path: name, shape } => {
                let zeros = Int8Tensor::zeros(&shape).filter(|zeros| zeros.len() <= left);
                let Some(zeros) = zeros else {
                    let expected = format!("at most {left} more weights, for all are in the section");
                    return Err(refused(path, &name, expected, format!("shape {shape:?}")));
                };
                left -= zeros.len();
                IntParameter {
                    path: name,
                    role: ParameterRole::Weight,
                    values: IntTensor::Int8(zeros),
                }
            }
        });
    }
    Ok(())
}
