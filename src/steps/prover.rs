//! The fourth step: answers with their proofs.

use core::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayD;
use zkml_core::graph::Lengths;
use zkml_core::keys::{Budget, CompiledModel, ProveError, ProvingKey};
use zkml_core::prove::{Input, Proven, prove_with_secrets};
use zkml_core::quant::{Quantized, Rounded};
use zkml_core::setup::rotate;

use super::{Answer, Error, QuantizedTensor, Verifier};

/// Makes answers with proofs; what it holds is as secret as the weights.
///
/// With private weights it makes a limited number of proofs ([`remaining`](Self::remaining)): each opens a part of the
/// commitment to the weights. They are counted in memory, and once the key was [saved](Self::save) in a file beside it.
///
/// ```no_run
/// # fn main() -> Result<(), zkml::Error> {
/// # let image: zkml::ndarray::ArrayD<f32> = unimplemented!();
/// let prover = zkml::Prover::open("digits.pkey")?;
/// let answer = prover.prove(&image, b"nonce")?;
/// answer.proof().save("seven.proof")?;
/// println!("class {:?}, {:?} proofs left", answer.class(), prover.remaining()?);
/// # Ok(()) }
/// ```
pub struct Prover {
    key: ProvingKey,
    /// The key at the length of the last text, where it is for texts of any length.
    resized: Mutex<Option<Arc<ProvingKey>>>,
    allow_clipping: bool,
}

impl Prover {
    /// A prover with a key of [`zkml::setup::setup`](zkml_core::setup::setup).
    pub fn from_key(key: ProvingKey) -> Self {
        Self {
            key,
            resized: Mutex::default(),
            allow_clipping: false,
        }
    }

    /// Reads a key that [`save`](Self::save) or `zkml setup` wrote, and opens the counter of its proofs.
    ///
    /// # Errors
    /// [`Error::ProvingKey`] for a file that is missing or damaged, or without its counter.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let key = ProvingKey::read_file(path.as_ref()).map_err(|error| Error::ProvingKey { error })?;
        Ok(Self::from_key(key))
    }

    /// Proves answers to inputs unlike all samples too, of which values are clipped; they are refused otherwise
    /// ([`Clipping::is_suspicious`](zkml_core::quant::Clipping::is_suspicious)).
    pub fn allow_clipping(mut self) -> Self {
        self.allow_clipping = true;
        self
    }

    /// Writes the proving key, whole or not at all, over a file of that name. Proofs are counted beside it from now on:
    /// a key is saved to one place.
    ///
    /// # Errors
    /// [`Error::ProvingKey`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let written = self.key.write_file(path.as_ref());
        written.map(|_| ()).map_err(|error| Error::ProvingKey { error })
    }

    /// What the model answers on `input`, and a proof of it for whoever chose `context`.
    ///
    /// `input` has the [shape](Self::input_shape) of the model's input; a text may have any length. It is checked, and
    /// the model is run on it, before one of the key's proofs is used up; a proof that then fails, or is not handed out,
    /// counts all the same.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, NaN or infinity; [`Error::Clipped`] and [`Error::Prove`] for an input far from
    /// all that the model was quantized with; [`Error::Prove`] for a key whose proofs are used up.
    pub fn prove(&self, input: &ArrayD<f32>, context: &[u8]) -> Result<Answer, Error> {
        let resized = self.key_for(input)?;
        let key = resized.as_deref().unwrap_or(&self.key);
        let model = key.model();
        let Rounded { integers, clipping } = rounded(&model.network, input, self.allow_clipping)?;
        let proven = prove_with_secrets(key, Input::Values(&integers), context);
        let Proven { proof, answer, .. } = proven.map_err(|error| Error::Prove { error })?;
        let outputs = outputs(model, answer.outputs);
        let classes = &model.network.record.classes;
        Ok(Answer::new(outputs, classes, proof, clipping))
    }

    /// The key at the length of a text, where the key is for texts of any length, and its own is another.
    fn key_for(&self, input: &ArrayD<f32>) -> Result<Option<Arc<ProvingKey>>, Error> {
        let (Some(own), [1, tokens]) = (self.key.model().network.sizing.lengths(), input.shape()) else {
            return Ok(None);
        };
        let lengths = Lengths {
            tokens: u32::try_from(*tokens).unwrap_or(u32::MAX),
            ..own
        };
        if lengths == own {
            return Ok(None);
        }
        let mut resized = self.resized.lock().unwrap_or_else(PoisonError::into_inner);
        let last = resized.as_ref();
        if let Some(key) = last.filter(|key| key.model().network.sizing.lengths() == Some(lengths)) {
            return Ok(Some(Arc::clone(key)));
        }
        let key = self.key.at(lengths).map_err(|error| Error::Prove { error })?;
        Ok(Some(Arc::clone(resized.insert(Arc::new(key)))))
    }

    /// How many more proofs the key can make; none for public weights, which bear any number.
    ///
    /// # Errors
    /// [`Error::ProvingKey`] for a counter that cannot be read.
    pub fn remaining(&self) -> Result<Option<u64>, Error> {
        let left = self.key.budget().map(Budget::proofs_left).transpose();
        left.map_err(|error| Error::ProvingKey {
            error: ProveError::Budget(error),
        })
    }

    /// A verifier of its proofs.
    ///
    /// # Errors
    /// [`Error::VerifyingKey`] for a key whose setup proof does not hold.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        Verifier::new(self.key.verifying())
    }

    /// New keys for the same private weights, with as many proofs again. Spends one of the openings that the old key
    /// reserves for rotations.
    ///
    /// # Errors
    /// [`Error::ProvingKey`] for public weights, which need no new keys, and for a key without a single opening left.
    pub fn rotate(&self) -> Result<(Self, Verifier), Error> {
        let key = rotate(&self.key).map_err(|error| Error::ProvingKey { error })?;
        let prover = Self {
            allow_clipping: self.allow_clipping,
            ..Self::from_key(key)
        };
        let verifier = prover.verifier()?;
        Ok((prover, verifier))
    }

    /// Shape of the input, batch first.
    pub fn input_shape(&self) -> &[usize] {
        input_shape(self.key.model())
    }

    /// The proving key.
    pub fn key(&self) -> &ProvingKey {
        &self.key
    }
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover")
            .field("model", &self.key.model().name)
            .field("input", &self.input_shape())
            .finish_non_exhaustive()
    }
}

/// The integers of an input; refuses one that is unlike all samples, unless that is allowed.
pub(super) fn rounded(
    network: &Quantized,
    input: &ArrayD<f32>,
    allow_clipping: bool,
) -> Result<Rounded<ArrayD<i64>>, Error> {
    let rounded = network.quantize_input(input);
    let rounded = rounded.map_err(|error| Error::Input { error })?;
    match rounded.clipping {
        clipping if clipping.is_suspicious() && !allow_clipping => Err(Error::Clipped { clipping }),
        _ => Ok(rounded),
    }
}

/// Shape of a model's input, batch first.
pub(super) fn input_shape(model: &CompiledModel) -> &[usize] {
    let graph = &model.network.graph;
    &graph[graph.input].fact.shape
}

/// The outputs of a model whose integers are given, by number and row-major.
pub(super) fn outputs(model: &CompiledModel, integers: Vec<Vec<i64>>) -> Vec<QuantizedTensor> {
    let network = &model.network;
    let shapes = network
        .graph
        .outputs
        .iter()
        .map(|id| network.graph[*id].fact.shape.clone());
    let outputs = shapes.zip(&network.output_scales).zip(integers);
    outputs
        .enumerate()
        .map(|(number, ((shape, scales), integers))| {
            QuantizedTensor::new(number, shape, scales.clone(), integers)
        })
        .collect()
}
