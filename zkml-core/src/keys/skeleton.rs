//! The network skeleton: which network a key speaks of.
//!
//! It is the integer network with everything but the values of its weights: operations, wiring, shapes, scales,
//! multipliers, shifts, tables, clamps; and how images become its input and what its classes are called. A verifier
//! checks the ranges and [lowers](NetworkSkeleton::lower) it himself. So a circuit is never read from a key, and nothing
//! in it has to be believed: no coefficient, no flag of padding, no entry of a named table.
//!
//! A skeleton has two digests. That of the skeleton covers every byte. That of its [architecture](Architecture) leaves
//! out what calibration chose: two trainings of one network have equal architectures.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::Architecture;
use crate::circuit::CircuitError;
use crate::graph::{
    ChannelScales, Graph, Lengths, MAXIMUM_NODES, MAXIMUM_OPERANDS, MAXIMUM_OUTPUTS, NodeId, Preprocessing,
    Resizing, Sizing, Stage,
};
use crate::lower::{Lowered, lower_with, validate};
use crate::ops::{ResizeError, Skeleton, resized};
use crate::optimize::Switches;
use crate::privacy::Privacy;
use crate::transcript::{VerifyError, domain};
use crate::untrusted::{MAXIMUM_NAME, at_most, check_text, excerpt};

/// The integer network without weight values, and the options of its lowering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkSkeleton {
    /// Name of the model.
    pub name: String,
    /// The network.
    pub graph: Graph<Skeleton>,
    /// What the integers of each input stand for.
    #[serde(deserialize_with = "at_most::<MAXIMUM_NODES, _, _>")]
    pub input_scales: Vec<ChannelScales>,
    /// What the integers of each output stand for; 1 for an index.
    #[serde(deserialize_with = "at_most::<MAXIMUM_OUTPUTS, _, _>")]
    pub output_scales: Vec<ChannelScales>,
    /// Bits of a limb, and of the range table that limbs are looked up in.
    pub limb_bits: u32,
    /// Which passes of the circuit level run.
    pub lowering: Switches,
    /// Which inputs it reads: of one size, or texts of any length; see [`Self::at`].
    pub sizing: Sizing,
    /// How an image becomes the input; `None` for a model that does not take images.
    pub preprocessing: Option<Preprocessing>,
    /// Names of the classes, by index; empty if they have none.
    #[serde(deserialize_with = "at_most::<MAXIMUM_CLASSES, _, _>")]
    pub classes: Vec<String>,
}

/// Most names of classes.
const MAXIMUM_CLASSES: usize = 1 << 16;

/// Most channels that a preprocessing distinguishes.
const MAXIMUM_CHANNELS: usize = 1 << 10;

impl NetworkSkeleton {
    /// The circuit of the network, with what privacy makes public or private in it.
    ///
    /// Time and memory are bounded by [`MAXIMUM_NODES`] and by the limits of the circuit
    /// (`docs/protocol/circuit.md`), whatever the file holds.
    ///
    /// # Errors
    /// [`CircuitError`], naming the layer.
    pub fn lower(&self, privacy: &Privacy) -> Result<Lowered, CircuitError> {
        self.validate()?;
        lower_with(&self.graph, self.limb_bits, privacy, &self.lowering)
    }

    /// The network at other lengths: what a proof of a text of these lengths speaks of. Example: a skeleton of 29 tokens
    /// has an input `[1, 29]`, and at 5 tokens one of `[1, 5]`.
    ///
    /// # Errors
    /// As [`resized`] and [`Self::lower`]; [`ResizeError::OneSize`] for a network that does not read texts of any length.
    pub fn at(&self, lengths: Lengths) -> Result<Self, ResizeError> {
        let from = self.sizing.any_length().ok_or(ResizeError::OneSize)?;
        // Counts and tables are bounded before ranges are derived for other lengths.
        self.validate()?;
        validate(&self.graph, self.limb_bits)?;
        let resizing = Resizing { from, to: lengths };
        Ok(Self {
            graph: resized(&self.graph, resizing)?,
            sizing: Sizing::Resized(lengths),
            ..self.clone()
        })
    }

    /// Checks what the lowering does not read: counts, scales and preprocessing.
    fn validate(&self) -> Result<(), CircuitError> {
        let Graph { nodes, outputs, .. } = &self.graph;
        let operands = nodes.iter().map(|node| node.inputs.len()).sum();
        for (what, limit, found) in [
            ("nodes", MAXIMUM_NODES, nodes.len()),
            ("operands", MAXIMUM_OPERANDS, operands),
            ("outputs", MAXIMUM_OUTPUTS, outputs.len()),
        ] {
            expect(found <= limit, "network", || {
                (format!("at most {limit} {what}"), found.to_string())
            })?;
        }
        self.check_names()?;
        let (count, length) = (self.classes.len(), self.class_count());
        let fits = count == 0 || length.is_none_or(|length| length == count);
        expect(fits && count <= MAXIMUM_CLASSES, "class names", || {
            let expected = length.map_or(format!("at most {MAXIMUM_CLASSES}"), |length| length.to_string());
            (expected, count.to_string())
        })?;
        for node in nodes {
            let scale = node.fact.scale;
            expect(scale.is_finite() && scale > 0.0, &node.name, || {
                ("a positive, finite scale".into(), scale.to_string())
            })?;
        }
        let inputs: Vec<NodeId> = self.graph.inputs().collect();
        self.validate_scales("scales of inputs", &inputs, &self.input_scales)?;
        self.validate_scales("scales of outputs", outputs, &self.output_scales)?;
        let Some(preprocessing) = &self.preprocessing else {
            return Ok(());
        };
        let channels = preprocessing.mean.len().max(preprocessing.deviation.len());
        let valid = channels <= MAXIMUM_CHANNELS && preprocessing.fits(channels);
        expect(valid, "preprocessing", || {
            (
                "one mean and one positive deviation, or one for each channel".into(),
                format!("{preprocessing:?}"),
            )
        })
    }

    /// Checks that each of these nodes has scales that fit it.
    fn validate_scales(
        &self,
        place: &str,
        ids: &[NodeId],
        scales: &[ChannelScales],
    ) -> Result<(), CircuitError> {
        expect(scales.len() == ids.len(), place, || {
            (ids.len().to_string(), scales.len().to_string())
        })?;
        for (id, scales) in ids.iter().zip(scales) {
            // A node that does not exist is refused with the graph.
            let shape = self.graph.nodes.get(id.0).map(|node| node.fact.shape.as_slice());
            let fits = scales.check(shape.unwrap_or_default());
            fits.or_else(|error| expect(false, place, || error))?;
        }
        Ok(())
    }

    /// Checks that every name can be shown to people.
    fn check_names(&self) -> Result<(), CircuitError> {
        let mut first = Ok(());
        self.visit_texts(&mut |what, name, most| {
            if let (Ok(()), Err(error)) = (&first, check_text(name, most)) {
                let place = format!("{what} \"{}\"", excerpt(name));
                first = expect(false, &place, || {
                    let expected = format!("at most {most} bytes without control characters");
                    (expected, error.found())
                });
            }
        });
        first
    }

    /// As [`Artifact::visit_texts`](crate::proof::Artifact::visit_texts).
    pub(super) fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str, usize)) {
        visit("name", &self.name, MAXIMUM_NAME);
        visit_names(&self.graph, |parameter| &parameter.path, &self.classes, visit);
    }

    /// How many classes the network tells apart: the values along the axis of the index that it gives out.
    fn class_count(&self) -> Option<usize> {
        let outputs = self.graph.outputs.iter();
        let mut indices = outputs.filter_map(|&output| self.graph.index_of(output));
        let index = self.graph.nodes.get(indices.next()?.0)?;
        usize::try_from(index.fact.range.1).ok()?.checked_add(1)
    }

    /// BLAKE3 of the whole skeleton.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] when it cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        domain::digest(domain::SKELETON, self)
    }

    /// The network without what calibration chose.
    pub fn architecture(&self) -> Architecture {
        Architecture::of(self)
    }
}

impl fmt::Display for NetworkSkeleton {
    /// As PyTorch prints a model: a line for each node, with shape, range and scale of its result.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}(", self.name)?;
        for line in self.graph.to_string().lines() {
            writeln!(f, "  {line}")?;
        }
        write!(f, ")")
    }
}

/// Calls `visit` with the names of nodes, parameters and classes.
pub(super) fn visit_names<S: Stage>(
    graph: &Graph<S>,
    path: impl Fn(&S::Parameter) -> &str,
    classes: &[String],
    visit: &mut dyn FnMut(&'static str, &str, usize),
) {
    for node in &graph.nodes {
        visit("name of a layer", &node.name, MAXIMUM_NAME);
    }
    for parameter in &graph.parameters {
        visit("name of a parameter", path(parameter), MAXIMUM_NAME);
    }
    for class in classes {
        visit("name of a class", class, MAXIMUM_NAME);
    }
}

/// Refuses a part of a skeleton.
fn expect(holds: bool, place: &str, error: impl FnOnce() -> (String, String)) -> Result<(), CircuitError> {
    if holds {
        return Ok(());
    }
    let (expected, found) = error();
    let place = place.to_owned();
    Err(CircuitError::Malformed {
        place,
        expected,
        found,
    })
}
