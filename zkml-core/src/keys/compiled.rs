//! The compiled model, from which setup makes keys.

use serde::{Deserialize, Serialize};

use super::skeleton::visit_names;
use super::{NetworkSkeleton, ProveError, WeightCommitments};
use crate::graph::{Graph, Lengths, Node, NodeId};
use crate::lower::Filled;
use crate::ops::{Input, Int, IntOp, Reveal, RevealedInput};
use crate::pcs::{CodeParameters, RecursionParameters};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, Kind};
use crate::quant::Quantized;
use crate::untrusted::MAXIMUM_NAME;

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
    const VERSION: u32 = 11;
    const MAXIMUM_BYTES: u64 = 1 << 38;

    fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str, usize)) {
        let Quantized { graph, record, .. } = &self.network;
        visit("name", &self.name, MAXIMUM_NAME);
        visit_names(graph, |parameter| &parameter.path, &record.classes, visit);
        for (layer, _) in &record.wider {
            visit("name of a layer", layer, MAXIMUM_NAME);
        }
        for warning in &record.warnings {
            visit("warning", &warning.to_string(), usize::MAX);
        }
        for change in &record.equalized {
            visit("report of a pass", change, usize::MAX);
        }
        for report in &record.passes {
            visit("name of a pass", &report.pass, MAXIMUM_NAME);
            for change in &report.changes {
                visit("report of a pass", change, usize::MAX);
            }
        }
    }
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

    /// With another privacy, the same for all inputs and for all outputs. It must be chosen before setup.
    pub fn with_privacy(mut self, privacy: Privacy) -> Self {
        let inputs: Vec<NodeId> = self.network.graph.inputs().collect();
        self.reveal(&inputs, |_| false, |_| false);
        Self { privacy, ..self }
    }

    /// With a visibility for each input and each output, in their order; the rest of the privacy stays. It must be
    /// chosen before setup. Where some are private and some are public, [`Privacy`] says private, and the network marks
    /// the revealed ones.
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
        let Privacy { input, output, .. } = self.privacy;
        self.reveal(
            &ids,
            |index| input.is_private() && !inputs[index].is_private(),
            |index| output.is_private() && !outputs[index].is_private(),
        );
        Ok(self)
    }

    /// Marks the inputs and outputs, by number, that are shown although [`Privacy`] says private.
    fn reveal(&mut self, inputs: &[NodeId], input: impl Fn(usize) -> bool, output: impl Fn(usize) -> bool) {
        let graph = &mut self.network.graph;
        for (index, id) in inputs.iter().enumerate() {
            graph.nodes[id.0].op = match input(index) {
                true => RevealedInput.into(),
                false => Input.into(),
            };
        }
        for index in 0..graph.outputs.len() {
            reveal_output(graph, index, output(index));
        }
    }

    /// The same model for texts of other lengths.
    ///
    /// # Errors
    /// [`ProveError::Lengths`] as [`Quantized::at`].
    pub fn at(&self, lengths: Lengths) -> Result<Self, ProveError> {
        let network = self.network.at(lengths);
        Ok(Self {
            name: self.name.clone(),
            network: network.map_err(|error| ProveError::Lengths { error })?,
            privacy: self.privacy,
        })
    }

    /// The network without the values of its weights: what a verifying key says of the model.
    pub fn skeleton(&self) -> NetworkSkeleton {
        let Quantized {
            graph,
            input_scales,
            output_scales,
            limb_bits,
            lowering,
            sizing,
            record,
            ..
        } = &self.network;
        NetworkSkeleton {
            name: self.name.clone(),
            graph: graph.skeleton(),
            input_scales: input_scales.clone(),
            output_scales: output_scales.clone(),
            limb_bits: *limb_bits,
            lowering: *lowering,
            sizing: *sizing,
            preprocessing: record.preprocessing.clone(),
            classes: record.classes.clone(),
        }
    }

    /// The circuit of the model.
    ///
    /// # Errors
    /// [`ProveError::Unsupported`] naming the layer.
    pub fn lower(&self) -> Result<Filled, ProveError> {
        Ok(self.skeleton().lower(&self.privacy)?.fill(&self.network.graph)?)
    }
}

/// Puts a [`Reveal`] node on an output, or takes it away.
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

/// Private if at least one of them is.
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

/// The choices of setup for the commitments.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The code.
    pub(crate) code: CodeParameters,
    /// The recursion for a row combination; without levels the combination is sent.
    pub(crate) recursion: RecursionParameters,
    /// The commitments to the weights; their roots may be placeholders.
    pub(crate) weights: WeightCommitments,
}
