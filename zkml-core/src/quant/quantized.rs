//! A quantized network, and the conversion of its inputs and outputs from and to real numbers.

use ndarray::{ArrayD, Dimension};

use super::clipping::{Clipping, Rounded};
use super::record::Record;
use crate::execute::{ExecutionError, check_inputs, float::check_input};
use crate::graph::{ChannelScales, Graph, IntFact, Lengths, NodeId, Resizing, Sizing, Stage};
use crate::ops::{Int, IntOp, Properties, ResizeError, resized};
use crate::optimize::Switches;

/// The integer network, with what the integers of its inputs and outputs stand for.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Quantized {
    /// The exact meaning of the model.
    pub graph: Graph<Int>,
    /// For each input, with a scale and an offset for each feature where the network begins with an affine map of them.
    pub input_scales: Vec<ChannelScales>,
    /// For each output; 1 for an index. One node may be several outputs, `x` and `2 x`.
    pub output_scales: Vec<ChannelScales>,
    /// Bits of a limb, and of the range table that limbs are looked up in; every shift is a multiple of it.
    pub limb_bits: u32,
    /// For each node of the float graph, the integer node of the same value, and what its integers stand for. `None`
    /// where a pass left no such node.
    pub correspondence: Vec<Option<(NodeId, ChannelScales)>>,
    /// Which passes of the circuit level run when it is lowered and set up.
    pub lowering: Switches,
    /// Which inputs it reads: of one size, or texts of any length; see [`Self::at`].
    pub sizing: Sizing,
    /// How it was made; not part of its meaning.
    pub record: Record,
}

impl Quantized {
    /// The same network for a text of other lengths: the same weights, which stay where they are, and the same scales.
    ///
    /// # Errors
    /// As [`resized`]; [`ResizeError::OneSize`] for a network that does not read texts of any length.
    pub fn at(&self, lengths: Lengths) -> Result<Self, ResizeError> {
        let from = self.sizing.any_length().ok_or(ResizeError::OneSize)?;
        let resizing = Resizing { from, to: lengths };
        Ok(Self {
            graph: resized(&self.graph, resizing)?,
            sizing: Sizing::Resized(lengths),
            ..self.clone()
        })
    }

    /// A line for each input whose scales and offsets are those of an affine map behind it.
    pub(crate) fn mapped_inputs(&self) -> Vec<String> {
        let inputs = self.graph.inputs().zip(&self.input_scales);
        let mapped = inputs.filter(|(_, scales)| !scales.offsets.is_empty());
        mapped
            .map(|(id, scales)| format!("`{}` has scale {scales}", self.graph[id].name))
            .collect()
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
        Ok(self.rounded(number, graph.input, real))
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
        let inputs = self.graph.inputs().zip(real).enumerate();
        let inputs = inputs.map(|(number, (id, real))| self.rounded(number, id, real));
        let (integers, clippings): (_, Vec<Clipping>) =
            inputs.map(|input| (input.integers, input.clipping)).unzip();
        let clipping = clippings.into_iter().fold(Clipping::default(), Clipping::and);
        Ok(Rounded { integers, clipping })
    }

    fn rounded(&self, number: usize, id: NodeId, real: &ArrayD<f32>) -> Rounded<ArrayD<i64>> {
        let unknown = ChannelScales::one(f64::NAN);
        let scales = self.input_scales.get(number).unwrap_or(&unknown);
        let calibrated = self.record.inputs.get(number).copied();
        rounded(real, scales, self.graph[id].fact.range, calibrated)
    }

    /// The real numbers that integers of output number `output` stand for; `None` if there is no such output.
    pub fn dequantize_output(&self, output: usize, integers: &ArrayD<i64>) -> Option<ArrayD<f32>> {
        Some(self.real_output(output, integers)?.mapv(|value| value as f32))
    }

    /// As [`Self::dequantize_output`], in double precision.
    pub(super) fn real_output(&self, output: usize, integers: &ArrayD<i64>) -> Option<ArrayD<f64>> {
        let scales = self.output_scales.get(output)?.of_values(integers.shape());
        let reals = integers.iter().zip(scales);
        let reals = reals.map(|(&integer, (scale, offset))| scale * integer as f64 + offset);
        ArrayD::from_shape_vec(integers.shape(), reals.collect()).ok()
    }
}

/// The first input of an integer network, with or without the values of its weights: `round((x - offset) / scale)`, half
/// to even, clamped to the range of the input, `[-127, 127]` of 8 bits. What is clamped is counted;
/// [`Quantized::quantize_input`] also counts what lies outside of the range that calibration saw.
///
/// # Errors
/// Wrong shape; NaN or infinity, with its index; a number of a row that is none.
pub fn quantize_input<S>(
    graph: &Graph<S>,
    scales: &ChannelScales,
    real: &ArrayD<f32>,
) -> Result<Rounded<ArrayD<i64>>, ExecutionError>
where
    S: Stage<Op = IntOp, Fact = IntFact>,
{
    let fact = &graph[graph.input].fact;
    check_input(&fact.shape, real)?;
    check_ids(graph, graph.input, real)?;
    Ok(rounded(real, scales, fact.range, None))
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

/// Rounds an input, and counts what lies outside of the range that calibration saw, in steps of its scales, or that the
/// integers have.
fn rounded(
    real: &ArrayD<f32>,
    scales: &ChannelScales,
    (low, high): (i64, i64),
    calibrated: Option<(f64, f64)>,
) -> Rounded<ArrayD<i64>> {
    let mut scales = scales.of_values(real.shape());
    let ends = (low as f64, high as f64);
    let mut count = Clipping::counter(calibrated.unwrap_or(ends), ends);
    let round = |x: &f32| {
        let (scale, offset) = scales.next().unwrap_or((f64::NAN, 0.0));
        let steps = (f64::from(*x) - offset) / scale;
        count.add(steps);
        // A range from a file may be empty; the execution refuses it.
        steps.round_ties_even().max(low as f64).min(high as f64) as i64
    };
    let integers = real.iter().map(round).collect();
    Rounded {
        // As many as there are values.
        integers: ArrayD::from_shape_vec(real.shape(), integers).unwrap_or_default(),
        clipping: count.clipping(),
    }
}
