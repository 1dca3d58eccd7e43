//! One key for texts of any length: its network is resized and lowered, and its weights stay where they are.

use std::sync::Arc;

use super::{SetupOptions, refuse_insecure};
use crate::circuit::Circuit;
use crate::graph::Lengths;
use crate::keys::{CompiledModel, NetworkSkeleton, ProveError, ProvingKey};
use crate::reduce::Backend;

/// A network at one length of the text, and its circuit.
pub(super) struct AtLength {
    pub(super) network: NetworkSkeleton,
    pub(super) circuit: Circuit,
}

impl AtLength {
    fn of(model: &CompiledModel, lengths: Lengths) -> Result<Self, ProveError> {
        let network = model.skeleton().at(lengths);
        let network = network.map_err(|error| ProveError::Lengths { error })?;
        let circuit = network.lower(&model.privacy)?.circuit;
        Ok(Self { network, circuit })
    }

    /// The network for a text of this number of tokens; with a cache, for one token behind so many.
    fn of_tokens(model: &CompiledModel, from: Lengths, tokens: u32) -> Result<Self, ProveError> {
        let lengths = match from.past {
            0 => Lengths::text(tokens),
            _ => Lengths {
                tokens: 1,
                past: tokens,
            },
        };
        Self::of(model, lengths)
    }
}

/// What a code is chosen for, and what else must be sound with it.
pub(super) struct Purposes {
    /// What the costs are computed for.
    pub(super) typical: AtLength,
    /// The longest text; `None` for a network of one size.
    pub(super) longest: Option<AtLength>,
}

impl Purposes {
    /// Those of a model with this circuit.
    pub(super) fn of(
        model: &CompiledModel,
        circuit: &Circuit,
        options: &SetupOptions,
    ) -> Result<Self, ProveError> {
        let Some(from) = model.network.sizing.any_length() else {
            return Ok(Self {
                typical: AtLength {
                    network: model.skeleton(),
                    circuit: circuit.clone(),
                },
                longest: None,
            });
        };
        let at = |tokens| AtLength::of_tokens(model, from, tokens);
        let mut tokens = options.maximum_tokens;
        let longest = loop {
            match at(tokens) {
                Ok(longest) => break longest,
                // Attention grows with the square of the length, and circuits are limited.
                Err(_) if tokens > options.typical_tokens => tokens /= 2,
                Err(error) => return Err(error),
            }
        };
        Ok(Self {
            typical: at(options.typical_tokens.min(tokens))?,
            longest: Some(longest),
        })
    }
}

/// The network of a key's own proofs. One for texts of any length is resized to those that it is written down at, for
/// every proof is of a resized network.
pub(super) fn own_network(network: &NetworkSkeleton) -> Result<NetworkSkeleton, ProveError> {
    match network.sizing.any_length() {
        None => Ok(network.clone()),
        Some(lengths) => {
            let resized = network.at(lengths);
            resized.map_err(|error| ProveError::Lengths { error })
        }
    }
}

impl<B: Backend> ProvingKey<B> {
    /// The same key for texts of other lengths. Both share the committed weights and the count of openings, and their
    /// proofs verify with one verifying key.
    ///
    /// # Errors
    /// [`ProveError::Lengths`] for a network of one size, or one that does not hold together at these lengths;
    /// [`ProveError::Unsupported`] for one without a circuit; [`ProveError::Insecure`] for a text that is too long for
    /// the key's code.
    pub fn at(&self, lengths: Lengths) -> Result<Self, ProveError> {
        let general = match &self.general {
            Some(general) => Arc::clone(general),
            None => Arc::new(self.model.clone()),
        };
        let model = general.at(lengths)?;
        let network = model.skeleton();
        let lowered = network
            .lower(&model.privacy)?
            .filled_as(&self.lowered)
            .ok_or_else(|| ProveError::Malformed {
                place: "weights".into(),
                expected: "the same at all lengths".into(),
                found: format!("others at {lengths}"),
            })?;
        refuse_insecure(&self.verifying, &network, &lowered.circuit)?;
        Ok(Self {
            model,
            general: Some(general),
            verifying: self.verifying.clone(),
            network,
            lowered,
            commitments: Arc::clone(&self.commitments),
            budget: self.budget.clone(),
            layers: Arc::clone(&self.layers),
        })
    }

    /// The model that the verifying key speaks of.
    pub(super) fn model_of_key(&self) -> &CompiledModel {
        self.general.as_deref().unwrap_or(&self.model)
    }
}
