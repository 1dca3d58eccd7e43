//! The compiled model.

use serde::{Deserialize, Serialize};

use super::{Interface, ProveError, WeightCommitments};
use crate::graph::{Graph, Node, NodeId};
use crate::lower::{Filled, lower_with};
use crate::ops::{Input, Int, IntOp, Reveal, RevealedInput};
use crate::pcs::{CodeParameters, RecursionParameters};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, Kind};
use crate::quant::Quantized;

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

    /// With each input and output public or private by itself, in their order, and the rest of its privacy as it is. It must be chosen
    /// before setup. Where some are private and some are public, [`Privacy`] says private, and the integer network says which are
    /// revealed.
    ///
    /// # Errors
    /// [`ProveError::Malformed`] for another number of inputs or outputs.
    pub fn with_visibility(
        mut self,
        inputs: &[Visibility],
        outputs: &[Visibility],
    ) -> Result<Self, ProveError> {
        let graph = &mut self.network.graph;
        let ids: Vec<NodeId> = graph.inputs().collect();
        expect_count("visibility of inputs", ids.len(), inputs.len())?;
        expect_count("visibility of outputs", graph.outputs.len(), outputs.len())?;
        (self.privacy.input, self.privacy.output) = (overall(inputs), overall(outputs));
        for (id, visibility) in ids.into_iter().zip(inputs) {
            let revealed = self.privacy.input.is_private() && !visibility.is_private();
            graph.nodes[id.0].op = if revealed {
                RevealedInput.into()
            } else {
                Input.into()
            };
        }
        for (index, visibility) in outputs.iter().enumerate() {
            let revealed = self.privacy.output.is_private() && !visibility.is_private();
            reveal_output(graph, index, revealed);
        }
        Ok(self)
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
    pub fn lower(&self) -> Result<Filled, ProveError> {
        let Quantized {
            graph,
            limb_bits,
            lowering,
            ..
        } = &self.network;
        Ok(lower_with(&graph.skeleton(), *limb_bits, &self.privacy, lowering)?.fill(graph)?)
    }
}

/// Makes an output that of a [`Reveal`] node, or of what stands under one.
fn reveal_output(graph: &mut Graph<Int>, index: usize, revealed: bool) {
    let output = graph.outputs[index];
    match (&graph[output].op, revealed) {
        (IntOp::Reveal(_), true) => {}
        (IntOp::Reveal(_), false) => graph.outputs[index] = graph[output].inputs[0],
        (_, false) => {}
        (_, true) => {
            let mut name = format!("output.{index}/revealed");
            while graph.find(&name).is_some() {
                name.push('\'');
            }
            graph.nodes.push(Node {
                name,
                op: Reveal.into(),
                inputs: vec![output],
                fact: graph[output].fact.clone(),
            });
            graph.outputs[index] = NodeId(graph.nodes.len() - 1);
        }
    }
}

/// Private as soon as one is.
fn overall(visibilities: &[Visibility]) -> Visibility {
    match visibilities.iter().any(|visibility| visibility.is_private()) {
        true => Visibility::Private,
        false => Visibility::Public,
    }
}

fn expect_count(place: &str, expected: usize, found: usize) -> Result<(), ProveError> {
    if expected == found {
        return Ok(());
    }
    Err(ProveError::Malformed {
        place: place.to_owned(),
        expected: format!("{expected} of them"),
        found: found.to_string(),
    })
}

/// What setup decides of the commitments.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The code.
    pub(crate) code: CodeParameters,
    /// How a row combination is shown.
    pub(crate) recursion: RecursionParameters,
    /// The commitments to the weights; their roots are not known yet.
    pub(crate) weights: WeightCommitments,
}
