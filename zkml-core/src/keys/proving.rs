//! The proving key: what a prover keeps of one model.

use std::sync::{Arc, OnceLock};

use ndarray::ArrayD;

use super::commitments::Commitments;
use super::{Budget, CompiledModel, NetworkSkeleton, ProveError, Purpose, VerifyingKey};
use crate::execute::{Execution, Layers};
use crate::lower::Filled;
use crate::pcs::MatrixOracle;
use crate::reduce::{Backend, Cpu};

/// The model, its circuit, the verifying key, and the secret of the committed weights.
///
/// With private weights it counts its openings; see [`Budget`]. A [`Backend`] keeps its committed weights and makes its
/// proofs.
pub struct ProvingKey<B: Backend = Cpu> {
    // Closed to others: a key whose parts do not belong together would open more columns than its rows have randomness
    // for.
    pub(crate) model: CompiledModel,
    /// The model for texts of any length that this one was resized from; `None` if it was not resized.
    pub(crate) general: Option<Arc<CompiledModel>>,
    pub(crate) verifying: VerifyingKey,
    /// The network of its proofs: that of the verifying key, at the lengths of the model.
    pub(crate) network: NetworkSkeleton,
    pub(crate) lowered: Filled,
    pub(crate) commitments: Arc<Commitments<B>>,
    pub(crate) budget: Option<Arc<Budget>>,
    /// The weights as the execution wants them, on the backend, once a proof was made.
    pub(crate) layers: Arc<OnceLock<Layers<B::Layer>>>,
}

impl<B: Backend> ProvingKey<B> {
    /// The same key on another backend, which lays the weights out and commits to them when their turn comes. The count
    /// of openings goes with it.
    pub fn on<C: Backend>(self, backend: C) -> ProvingKey<C> {
        ProvingKey {
            model: self.model,
            general: self.general,
            verifying: self.verifying,
            network: self.network,
            lowered: self.lowered,
            commitments: Arc::new(self.commitments.on(backend)),
            budget: self.budget,
            layers: Arc::default(),
        }
    }

    /// The model.
    pub fn model(&self) -> &CompiledModel {
        &self.model
    }

    /// The verifying key.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The circuit and how it is filled.
    pub fn lowered(&self) -> &Filled {
        &self.lowered
    }

    /// Where its proofs are made.
    pub fn backend(&self) -> &B {
        &self.commitments.backend
    }

    /// The value of every node of the network on `inputs`; weights are laid out once.
    pub(crate) fn execute(&self, inputs: &[ArrayD<i64>]) -> Result<Execution, ProveError> {
        let (graph, backend) = (&self.model.network.graph, self.backend());
        let layers = match self.layers.get() {
            Some(layers) => layers,
            None => {
                let layers = Layers::laid_out(graph, |layers| -> Result<_, ProveError> {
                    Ok(backend.lay_out(layers)?)
                })?;
                self.layers.get_or_init(|| layers)
            }
        };
        layers.run_on(graph, inputs, |layer, operand, shape| {
            Ok(backend.multiply(layer, operand, shape)?)
        })
    }

    /// The count and the limit of openings of the weights; `None` for public weights.
    pub fn budget(&self) -> Option<&Budget> {
        self.budget.as_deref()
    }

    /// Commitment `number` to the weights, checked against the verifying key.
    pub(crate) fn commitment(&self, number: usize) -> Result<Arc<B::Matrix>, ProveError> {
        let matrix = self.commitments.get(&self.verifying.weights, number)?;
        if self.verifying.weights.commitments.roots.get(number) != Some(&matrix.commitment().root) {
            return Err(ProveError::Malformed {
                place: format!("commitment {number} to the weights"),
                expected: "the one its own weights give".into(),
                found: "another".into(),
            });
        }
        Ok(matrix)
    }

    /// Counts an opening for `purpose` and returns its number with the commitment to open.
    pub(crate) fn next_commitment(&self, purpose: Purpose) -> Result<(u64, Arc<B::Matrix>), ProveError> {
        let weights = &self.verifying.weights.commitments;
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
        let opening = match &self.budget {
            Some(budget) => budget.take(purpose)?,
            None => 0,
        };
        let number = weights.commitment_of(opening);
        self.commitments.drop_before(number);
        Ok((opening, self.commitment(number)?))
    }
}
