//! The third step: what is private, and the keys.

use core::fmt;
use std::path::Path;

use ndarray::ArrayD;
use zkml_core::execute::Executor;
use zkml_core::keys::{CompiledModel, ProveError};
use zkml_core::proof::write_file;
use zkml_core::quant::{AccuracyReport, Quantized, Warning};
use zkml_core::setup::{SetupOptions, setup};
use zkml_core::{Privacy, Visibility};

use super::prover::{input_shape, outputs, rounded};
use super::{Error, Favour, Prover, QuantizedTensor, Verifier};

/// The integer network that is proved, and the choices of its keys. [`Model::quantize`](super::Model::quantize) makes
/// one.
///
/// The input and the weights are private and the outputs public, unless chosen otherwise:
///
/// ```no_run
/// # use zkml::prelude::*;
/// # fn main() -> Result<(), zkml::Error> {
/// # let model: QuantizedModel = unimplemented!();
/// let (prover, verifier) = model.public_input().proofs(1000).favour(Favour::Size).setup()?;
/// prover.save("digits.pkey")?; // as secret as the weights
/// verifier.save("digits.vkey")?; // for everyone
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct QuantizedModel {
    model: CompiledModel,
    report: AccuracyReport,
    options: SetupOptions,
    allow_clipping: bool,
}

impl QuantizedModel {
    pub(super) fn new(model: CompiledModel, report: AccuracyReport) -> Self {
        Self {
            model,
            report,
            options: SetupOptions::default(),
            allow_clipping: false,
        }
    }

    /// How close the integer network is to the float one, on the samples it was quantized with.
    pub fn report(&self) -> &AccuracyReport {
        &self.report
    }

    /// What is doubtful about the integer network, with the layer and the reason.
    pub fn warnings(&self) -> &[Warning] {
        &self.model.network.record.warnings
    }

    /// The integer network.
    pub fn network(&self) -> &Quantized {
        &self.model.network
    }

    /// Shape of the input, batch first.
    pub fn input_shape(&self) -> &[usize] {
        input_shape(&self.model)
    }

    /// The outputs on an input, as a proof would give them, without a proof.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, NaN or infinity; [`Error::Clipped`] and [`Error::Prove`] for an input far from
    /// all samples.
    pub fn run(&self, input: &ArrayD<f32>) -> Result<Vec<QuantizedTensor>, Error> {
        let network = &self.model.network;
        let input = rounded(network, input, self.allow_clipping)?.integers;
        let executor = Executor::new(&network.graph);
        let execution = executor.and_then(|executor| executor.run(&input));
        let execution = execution.map_err(|error| Error::Prove {
            error: ProveError::InvalidInput(error),
        })?;
        let values = execution.outputs(&network.graph);
        let values = values.map(|output| output.iter().copied().collect()).collect();
        Ok(outputs(&self.model, values))
    }

    /// Takes inputs unlike all samples too, of which values are clipped; see [`Prover::allow_clipping`].
    pub fn allow_clipping(mut self) -> Self {
        self.allow_clipping = true;
        self
    }

    /// What proofs show and hide, all at once.
    pub fn privacy(mut self, privacy: Privacy) -> Self {
        self.model.privacy = privacy;
        self
    }

    /// Proofs show the input.
    pub fn public_input(mut self) -> Self {
        self.model.privacy.input = Visibility::Public;
        self
    }

    /// Proofs hide the outputs, and carry a commitment to them.
    pub fn private_output(mut self) -> Self {
        self.model.privacy.output = Visibility::Private;
        self
    }

    /// The weights are known to all: a key makes any number of proofs.
    pub fn public_weights(mut self) -> Self {
        self.model.privacy.weights = Visibility::Public;
        self
    }

    /// Everything is public: smaller proofs that hide nothing.
    pub fn public(self) -> Self {
        self.privacy(Privacy::PUBLIC)
    }

    /// With private weights: how many proofs the keys are good for, at least; 64 unless chosen.
    pub fn proofs(mut self, count: u32) -> Self {
        self.options.proofs_per_key = count;
        self
    }

    /// What counts: small proofs, or a short time to make them.
    pub fn favour(mut self, favour: Favour) -> Self {
        let proofs_per_key = self.options.proofs_per_key;
        self.options = SetupOptions {
            proofs_per_key,
            ..favour.options()
        };
        self
    }

    /// Commits to the weights, proves that the commitment holds what it should, and makes both keys. The verifier has
    /// checked that proof.
    ///
    /// # Errors
    /// [`Error::Setup`] naming the layer that has no circuit, or saying that no code is good enough.
    pub fn setup(self) -> Result<(Prover, Verifier), Error> {
        let name = self.model.name.clone();
        let key = setup(self.model, &self.options).map_err(|error| Error::Setup {
            model: name,
            error: Box::new(error),
        })?;
        let mut prover = Prover::from_key(key);
        if self.allow_clipping {
            prover = prover.allow_clipping();
        }
        let verifier = prover.verifier()?;
        Ok((prover, verifier))
    }

    /// Writes the model as `zkml setup` reads it, whole or not at all, over a file of that name.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_file(path, &self.model)?;
        Ok(())
    }

    /// The model, for [`zkml::setup::setup`](zkml_core::setup::setup).
    pub fn into_compiled(self) -> CompiledModel {
        self.model
    }
}

impl fmt::Debug for QuantizedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuantizedModel")
            .field("name", &self.model.name)
            .field("input", &self.input_shape())
            .field("privacy", &self.model.privacy)
            .finish_non_exhaustive()
    }
}
