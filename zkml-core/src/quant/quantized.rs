//! A quantized network, and the conversion of its inputs and outputs from and to real numbers.

use ndarray::{ArrayD, Dimension};

use super::clipping::{Clipping, Rounded};
use super::record::Record;
use crate::execute::{ExecutionError, check_inputs, float::check_input};
use crate::graph::{Graph, IntFact, NodeId, Stage};
use crate::ops::{Int, IntOp, Properties};
use crate::optimize::Switches;

/// The integer network, with the scales of its outputs.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Quantized {
    /// The exact meaning of the model.
    pub graph: Graph<Int>,
    /// `real = scale * integer` for each output; 1 for an index. One node may be several outputs, `x` and `2 x`.
    pub output_scales: Vec<f64>,
    /// Bits of a limb, and of the range table that limbs are looked up in; every shift is a multiple of it.
    pub limb_bits: u32,
    /// For each node of the float graph, the integer node of the same value, and its scale. `None` where a fused
    /// accumulator has a scale per channel.
    pub correspondence: Vec<Option<(NodeId, f64)>>,
    /// Which passes of the circuit level run when it is lowered and set up.
    pub lowering: Switches,
    /// How it was made; not part of its meaning.
    pub record: Record,
}

impl Quantized {
    /// `real = scale * integer` at the first input.
    pub fn input_scale(&self) -> f64 {
        self.graph[self.graph.input].fact.scale
    }

    /// As [`quantize_input`].
    ///
    /// # Errors
    /// As [`quantize_input`].
    pub fn quantize_input(&self, real: &ArrayD<f32>) -> Result<Rounded<ArrayD<i64>>, ExecutionError> {
        let graph = &self.graph;
        check_input(&graph[graph.input].fact.shape, real)?;
        check_ids(graph, graph.input, real)?;
        let number = graph.inputs().position(|id| id == graph.input).unwrap_or(0);
        Ok(rounded(
            real,
            &graph[graph.input].fact,
            self.record.inputs.get(number),
        ))
    }

    /// As [`Self::quantize_input`], of several inputs, in their order.
    ///
    /// # Errors
    /// As [`Self::quantize_input`]; another number of inputs.
    pub fn quantize_inputs(&self, real: &[ArrayD<f32>]) -> Result<Rounded<Vec<ArrayD<i64>>>, ExecutionError> {
        check_inputs(&self.graph, real, |fact, input| check_input(&fact.shape, input))?;
        for (id, input) in self.graph.inputs().zip(real) {
            check_ids(&self.graph, id, input)?;
        }
        let facts = self.graph.inputs().map(|id| &self.graph[id].fact).zip(real);
        let calibrated = self
            .record
            .inputs
            .iter()
            .map(Some)
            .chain(core::iter::repeat(None));
        let inputs = facts
            .zip(calibrated)
            .map(|((fact, real), calibrated)| rounded(real, fact, calibrated));
        let (integers, clippings): (_, Vec<Clipping>) =
            inputs.map(|input| (input.integers, input.clipping)).unzip();
        let clipping = clippings.into_iter().fold(Clipping::default(), Clipping::and);
        Ok(Rounded { integers, clipping })
    }

    /// The real numbers that integers of output number `output` stand for; `None` if there is no such output.
    pub fn dequantize_output(&self, output: usize, integers: &ArrayD<i64>) -> Option<ArrayD<f32>> {
        Some(self.real_output(output, integers)?.mapv(|value| value as f32))
    }

    /// As [`Self::dequantize_output`], in double precision.
    pub(super) fn real_output(&self, output: usize, integers: &ArrayD<i64>) -> Option<ArrayD<f64>> {
        let scale = *self.output_scales.get(output)?;
        Some(integers.mapv(|value| value as f64 * scale))
    }
}

/// The first input of an integer network, with or without the values of its weights: `round(x / scale)`, half to even,
/// clamped to the range of the input, `[-127, 127]` of 8 bits. What is clamped is counted; [`Quantized::quantize_input`]
/// also counts what lies outside of the range that calibration saw.
///
/// # Errors
/// Wrong shape; NaN or infinity, with its index; a number of a row that is none.
pub fn quantize_input<S>(graph: &Graph<S>, real: &ArrayD<f32>) -> Result<Rounded<ArrayD<i64>>, ExecutionError>
where
    S: Stage<Op = IntOp, Fact = IntFact>,
{
    let fact = &graph[graph.input].fact;
    check_input(&fact.shape, real)?;
    check_ids(graph, graph.input, real)?;
    Ok(rounded(real, fact, None))
}

/// Refuses an input of row numbers that holds anything else: it is no quantity, and must not be rounded or clamped.
fn check_ids<S>(graph: &Graph<S>, input: NodeId, real: &ArrayD<f32>) -> Result<(), ExecutionError>
where
    S: Stage<Op = IntOp, Fact = IntFact>,
{
    let mut users = graph.nodes.iter().filter(|node| node.inputs.contains(&input));
    let Some(layer) = users.find(|node| node.op.room().has(Properties::CHOOSES_ROWS)) else {
        return Ok(());
    };
    let rows = graph[input].fact.range.1 + 1;
    let is_id = |value: f32| value.fract() == 0.0 && (0.0..rows as f32).contains(&value);
    match real.indexed_iter().find(|(_, value)| !is_id(**value)) {
        None => Ok(()),
        Some((index, &value)) => Err(ExecutionError::TokenId {
            layer: layer.name.clone(),
            index: index.slice().to_vec(),
            value,
            vocabulary: rows as usize,
        }),
    }
}

/// Rounds an input, and counts what lies outside of the range that calibration saw, or that the integers have.
fn rounded(real: &ArrayD<f32>, fact: &IntFact, calibrated: Option<&(f32, f32)>) -> Rounded<ArrayD<i64>> {
    let (scale, (low, high)) = (fact.scale, fact.range);
    let round = |x: &f32| {
        let rounded = (f64::from(*x) / scale).round_ties_even();
        // A range from a file may be empty; the execution refuses it.
        rounded.max(low as f64).min(high as f64) as i64
    };
    let ends = (low as f64 * scale, high as f64 * scale);
    let calibrated = calibrated.map_or(ends, |(low, high)| (f64::from(*low), f64::from(*high)));
    let clipping = Clipping::of(real.iter().map(|x| f64::from(*x)), calibrated, ends, scale);
    Rounded {
        integers: real.as_standard_layout().map(round),
        clipping,
    }
}
