//! The proving key: what a prover keeps of one model.

use std::sync::{Arc, OnceLock};

use super::commitments::Commitments;
use super::{Budget, CompiledModel, ProveError, Purpose, VerifyingKey};
use crate::execute::{ExecutionError, Executor, Layers};
use crate::lower::Filled;
use crate::pcs::MatrixOracle;
use crate::reduce::{Backend, Cpu};

/// The model, its circuit, the verifying key, and the secret of the committed weights.
///
/// With private weights it counts its openings; see [`Budget`]. A [`Backend`] keeps its committed weights and makes its
/// proofs.
pub struct ProvingKey<B: Backend = Cpu> {
    /// The model.
    pub model: CompiledModel,
    /// The verifying key.
    pub verifying: VerifyingKey,
    /// The circuit and how it is filled.
    pub lowered: Filled,
    pub(crate) commitments: Commitments<B>,
    pub(crate) budget: Option<Budget>,
    /// The weights in the layout of the kernels, after the first execution.
    pub(crate) layers: OnceLock<Layers>,
}

impl<B: Backend> ProvingKey<B> {
    /// Moves the key to another backend, which commits to the weights again on demand. The count of openings moves
    /// along.
    pub fn on<C: Backend>(self, backend: C) -> ProvingKey<C> {
        ProvingKey {
            model: self.model,
            verifying: self.verifying,
            lowered: self.lowered,
            commitments: self.commitments.on(backend),
            budget: self.budget,
            layers: self.layers,
        }
    }

    /// Where its proofs are made.
    pub fn backend(&self) -> &B {
        &self.commitments.backend
    }

    /// An executor of the network. The first call lays out the weights.
    pub(crate) fn executor(&self) -> Result<Executor<'_>, ExecutionError> {
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

    /// The count and the limit of openings of the weights; `None` for public weights.
    pub fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// Commitment `number` to the weights, checked against the verifying key.
    pub(crate) fn commitment(&self, number: usize) -> Result<Arc<B::Matrix>, ProveError> {
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
    pub(crate) fn next_commitment(&self, purpose: Purpose) -> Result<(u32, Arc<B::Matrix>), ProveError> {
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
