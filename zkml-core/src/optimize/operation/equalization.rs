//! Channels between layers are brought to one size, by powers of two that cancel.
//!
//! An activation has one scale for all of its channels. If one channel reaches 1000 and another 0.001, the second is
//! lost in the rounding. But between two affine layers a channel has no size of its own: multiplied by `2^k` by the
//! layer that makes it and divided by `2^k` by the layer that takes it, it leaves the network as it was, to the bit,
//! also through a ReLU or a pooling in between (Nagel et al., "Data-Free Quantization Through Weight Equalization",
//! 2019; here the sizes are those of calibration).
//!
//! ```text
//! x_c 2^k:    row c of W and b before, times 2^k;     column c of W behind, times 2^-k
//! ```
//!
//! A channel is raised where it reaches less than 1/16 of the largest one, to more than half of it. One that is 0 most of
//! the time stays, for its size is not known well: a pixel in the corner of a digit, a nearly dead ReLU. Channels of an
//! input are raised without a layer before: the scale of the input says so. What else uses a channel, a sum, another
//! function, an output, leaves it as it is, and so does a layer to whose outputs it adds next to nothing. A ReLU6 allows
//! it, too: a raised channel stays below its bound on all samples. What comes before the ReLU grows with the channel. It
//! stays small enough for the table behind its rescale.

use crate::graph::{Graph, NodeId, ParameterId};
use crate::ops::{Float, Int, Properties};
use crate::optimize::pass;

pass!(Equalization, "equalization", Operation(changes) in "quant/equalize.rs",
    "brings channels between layers to one size, so that one scale of an activation serves all");

/// A channel of `2^-SMALL` of the largest one is raised.
const SMALL: i32 = 4;

/// A channel is left alone if it adds less than this part of the largest addend to every output.
const LEAST_PART: f64 = 1.0 / 256.0;

/// The largest power of two.
const MOST: i32 = 40;

/// How many times the largest value between the layers the values before a function may become: what a table that
/// covers `2^16` leaves, with a margin.
const BEFORE: f64 = 64.0;

/// How the values of a node, in row-major order, fall into channels: `inner` values of one follow one another, and the
/// channels repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channels {
    /// The number of each channel among all of the network.
    pub(crate) numbers: Vec<usize>,
    pub(crate) inner: usize,
}

/// How large a channel of a node is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    /// The largest magnitude.
    pub(crate) largest: f64,
    /// The part of its values that are not 0.
    pub(crate) part: f64,
}

/// The channels of a network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sites {
    /// For each node, its channels, where they have numbers.
    pub(crate) nodes: Vec<Option<Channels>>,
    /// For each number: may the channel be raised?
    free: Vec<bool>,
    /// The layers that take channels as they are.
    takers: Vec<NodeId>,
}

impl Sites {
    pub(crate) fn of(graph: &Graph<Float>) -> Self {
        let mut sites = Self::default();
        let uses = parameter_uses(graph);
        for (index, node) in graph.nodes.iter().enumerate() {
            let id = NodeId(index);
            let room = node.op.room();
            let own = match room.layer() {
                Some(layer) => {
                    let once = |id: &ParameterId| uses.get(id.0) == Some(&1);
                    let alone = once(&layer.weight) && layer.bias.as_ref().is_none_or(once);
                    let takes = alone && sites.columns(graph, id).is_some();
                    match takes {
                        true => sites.takers.push(id),
                        false => sites.pin_operands(graph, id),
                    }
                    let axis = match layer.window {
                        Some(_) => 1,
                        None => node.fact.len().saturating_sub(1),
                    };
                    Some(sites.new_channels(&node.fact, axis, alone))
                }
                None if room.has(Properties::INPUT) && node.fact.len() > 1 => {
                    let axis = if node.fact.len() == 4 {
                        1
                    } else {
                        node.fact.len() - 1
                    };
                    Some(sites.new_channels(&node.fact, axis, true))
                }
                None => {
                    let kept = sites.kept(graph, id);
                    if kept.is_none() {
                        sites.pin_operands(graph, id);
                    }
                    kept
                }
            };
            sites.nodes.push(own);
        }
        for output in &graph.outputs {
            sites.pin(*output);
        }
        sites
    }

    fn new_channels(&mut self, shape: &[usize], axis: usize, free: bool) -> Channels {
        let first = self.free.len();
        let count = shape.get(axis).copied().unwrap_or(1);
        self.free.resize(first + count, free);
        Channels {
            numbers: (first..first + count).collect(),
            inner: shape.iter().skip(axis + 1).product(),
        }
    }

    fn pin(&mut self, id: NodeId) {
        if let Some(channels) = self.nodes.get(id.0).and_then(Option::as_ref) {
            for number in &channels.numbers {
                self.free[*number] = false;
            }
        }
    }

    fn pin_operands(&mut self, graph: &Graph<Float>, id: NodeId) {
        for operand in &graph[id].inputs {
            self.pin(*operand);
        }
    }

    /// The channels of a node whose values are those of its operands times the factors of the channels.
    fn kept(&self, graph: &Graph<Float>, id: NodeId) -> Option<Channels> {
        let node = &graph[id];
        let (room, shape) = (node.op.room(), &node.fact);
        if room.has(Properties::JOINS) {
            return self.joined(graph, id);
        }
        let &[operand] = node.inputs.as_slice() else {
            return None;
        };
        let before = &graph[operand].fact;
        let channels = self.nodes[operand.0].as_ref()?;
        let permutes = room.has(Properties::MOVES_VALUES) && !room.has(Properties::SHAPES);
        if permutes || !(room.has(Properties::HOMOGENEOUS) || room.has(Properties::SELECTS_VALUES)) {
            return None;
        }
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        if before == shape || (room.has(Properties::SHAPES) && count(before) == count(shape)) {
            return Some(channels.clone());
        }
        // Height and width change.
        let inner = |shape: &[usize]| shape.iter().skip(2).product::<usize>();
        let along = |shape: &[usize]| shape.get(1) == Some(&channels.numbers.len());
        let fits = along(before) && along(shape) && inner(before) == channels.inner && before[0] == shape[0];
        fits.then(|| Channels {
            numbers: channels.numbers.clone(),
            inner: inner(shape),
        })
    }

    /// The channels of operands that are joined along axis 1.
    fn joined(&self, graph: &Graph<Float>, id: NodeId) -> Option<Channels> {
        let node = &graph[id];
        let inner: usize = node.fact.iter().skip(2).product();
        let mut numbers = Vec::new();
        for operand in &node.inputs {
            let (shape, channels) = (&graph[*operand].fact, self.nodes[operand.0].as_ref()?);
            if shape.iter().skip(2).ne(node.fact.iter().skip(2)) || channels.inner % inner != 0 {
                return None;
            }
            let repeated = channels.inner / inner;
            let each = channels.numbers.iter();
            numbers.extend(each.flat_map(|number| core::iter::repeat_n(*number, repeated)));
        }
        (node.fact.get(1) == Some(&numbers.len())).then_some(Channels { numbers, inner })
    }

    /// Which channels the columns of a layer's weight meet; `None` where its operand has no channels, or others.
    fn columns(&self, graph: &Graph<Float>, id: NodeId) -> Option<Columns<'_>> {
        let node = &graph[id];
        let layer = node.op.room().layer()?;
        let operand = *node.inputs.first()?;
        let Channels { numbers, inner } = self.nodes.get(operand.0)?.as_ref()?;
        let (shape, image) = (graph[layer.weight].values.shape(), &graph[operand].fact);
        let (&rows, &columns) = (shape.first()?, shape.get(1)?);
        let (fits, groups, inner) = match layer.window {
            // Of a flattened image, the values of a channel follow one another.
            None => (columns % (numbers.len() * inner) == 0, 1, *inner),
            Some(_) => {
                let same =
                    image.get(1) == Some(&numbers.len()) && image.iter().skip(2).product::<usize>() == *inner;
                (same && numbers.len() % columns == 0, numbers.len() / columns, 1)
            }
        };
        // Of channels that are none of the layer's, there may be fewer than it has columns.
        (fits && groups > 0 && rows % groups == 0).then(|| Columns {
            numbers,
            inner,
            group: (rows / groups, columns),
        })
    }

    /// How far each channel of the network is raised. `size` gives the size of a channel of a node, by its place.
    pub(crate) fn exponents(&self, graph: &Graph<Float>, size: &dyn Fn(NodeId, usize) -> Size) -> Vec<i32> {
        let mut exponents: Vec<Option<i32>> = vec![None; self.free.len()];
        let peaks = self.peaks(size);
        for taker in &self.takers {
            let Some(operand) = graph[*taker].inputs.first() else {
                continue;
            };
            let Some(channels) = &self.nodes[operand.0] else {
                continue;
            };
            let sizes: Vec<Size> = (0..channels.numbers.len()).map(|at| size(*operand, at)).collect();
            let most = sizes.iter().map(|size| size.largest).fold(0.0, f64::max);
            let least_part = match graph[*operand].op.room().has(Properties::INPUT) {
                true => 1.0 / 2.0,
                false => 1.0 / 8.0,
            };
            let matters = self.matters(graph, *taker, &sizes);
            for ((number, size), matters) in channels.numbers.iter().zip(sizes).zip(matters) {
                let reached = size.largest.max(peaks[*number] / BEFORE);
                let ratio = match matters && size.largest > 0.0 && size.part >= least_part {
                    true => libm::log2(most / reached).floor() as i32,
                    false => 0,
                };
                let raised = if ratio >= SMALL { ratio.min(MOST) } else { 0 };
                exponents[*number] = Some(exponents[*number].map_or(raised, |other| other.min(raised)));
            }
        }
        let of = |(exponent, free): (Option<i32>, &bool)| exponent.filter(|_| *free).unwrap_or(0);
        exponents.into_iter().zip(&self.free).map(of).collect()
    }

    /// The largest value of each channel of the network, at all nodes that it passes.
    fn peaks(&self, size: &dyn Fn(NodeId, usize) -> Size) -> Vec<f64> {
        let mut peaks = vec![0.0f64; self.free.len()];
        for (index, channels) in self.nodes.iter().enumerate() {
            for (at, number) in channels.iter().flat_map(|channels| &channels.numbers).enumerate() {
                peaks[*number] = peaks[*number].max(size(NodeId(index), at).largest);
            }
        }
        peaks
    }

    /// For each channel of a layer's operand: is there an output to which it may add more than a small part of what
    /// another one may?
    fn matters(&self, graph: &Graph<Float>, taker: NodeId, sizes: &[Size]) -> Vec<bool> {
        let mut matters = vec![false; sizes.len()];
        let (Some(layer), Some(columns)) = (graph[taker].op.room().layer(), self.columns(graph, taker))
        else {
            return matters;
        };
        let values = graph[layer.weight].values.as_standard_layout();
        let row: usize = values.shape().iter().skip(1).product();
        let kernel: usize = values.shape().iter().skip(2).product();
        for (number, row) in values
            .as_slice()
            .unwrap_or_default()
            .chunks(row.max(1))
            .enumerate()
        {
            let parts = row.chunks(kernel.max(1)).enumerate().map(|(column, kernel)| {
                let place = columns.place(number, column);
                let weight = kernel.iter().fold(0f32, |most, weight| most.max(weight.abs()));
                (place, f64::from(weight) * sizes[place].largest)
            });
            let most = parts.clone().map(|(_, part)| part).fold(0.0, f64::max);
            for (place, part) in parts {
                matters[place] |= part > 0.0 && part >= most * LEAST_PART;
            }
        }
        matters
    }

    /// How far each channel of a node is raised; empty where none is.
    pub(crate) fn of_node(&self, id: NodeId, exponents: &[i32]) -> Vec<i32> {
        let Some(Some(channels)) = self.nodes.get(id.0) else {
            return Vec::new();
        };
        let own: Vec<i32> = channels
            .numbers
            .iter()
            .map(|number| exponents.get(*number).copied().unwrap_or(0))
            .collect();
        match own.iter().all(|exponent| *exponent == 0) {
            true => Vec::new(),
            false => own,
        }
    }

    /// The network with raised channels, and a line for each layer that makes some.
    pub(crate) fn raised(&self, graph: &Graph<Float>, exponents: &[i32]) -> (Graph<Float>, Vec<String>) {
        let (mut raised, mut changes) = (graph.clone(), Vec::new());
        for (index, node) in graph.nodes.iter().enumerate() {
            let id = NodeId(index);
            let own = self.of_node(id, exponents);
            let room = node.op.room();
            if own.is_empty() || (room.layer().is_none() && !room.has(Properties::INPUT)) {
                continue;
            }
            let count = own.iter().filter(|exponent| **exponent > 0).count();
            let most = own.iter().copied().max().unwrap_or(0);
            changes.push(format!(
                "{count} of {} channels of `{}` are raised, by up to 2^{most}",
                own.len(),
                node.name
            ));
            let Some(layer) = room.layer() else { continue };
            for parameter in core::iter::once(layer.weight).chain(layer.bias) {
                let values = &mut raised.parameters[parameter.0].values;
                for (mut row, exponent) in values.outer_iter_mut().zip(&own) {
                    let factor = libm::ldexpf(1.0, *exponent);
                    row.mapv_inplace(|value| value * factor);
                }
            }
        }
        for taker in &self.takers {
            let (Some(layer), Some(columns)) = (graph[*taker].op.room().layer(), self.columns(graph, *taker))
            else {
                continue;
            };
            let values = &mut raised.parameters[layer.weight.0].values;
            let row: usize = values.shape().iter().skip(1).product();
            let kernel: usize = values.shape().iter().skip(2).product();
            let Some(cells) = values.as_slice_mut() else {
                continue;
            };
            for (number, row) in cells.chunks_mut(row.max(1)).enumerate() {
                for (column, kernel) in row.chunks_mut(kernel.max(1)).enumerate() {
                    let factor = libm::ldexpf(1.0, -exponents[columns.channel(number, column)]);
                    kernel.iter_mut().for_each(|value| *value *= factor);
                }
            }
        }
        (raised, changes)
    }
}

/// Which channels the columns of a weight meet.
struct Columns<'s> {
    numbers: &'s [usize],
    /// Columns of one channel that follow one another.
    inner: usize,
    /// Rows of a group, and columns of a row.
    group: (usize, usize),
}

impl Columns<'_> {
    /// The place of a column's channel among those of the operand.
    fn place(&self, row: usize, column: usize) -> usize {
        let (rows, columns) = self.group;
        let place = match self.inner {
            1 => row / rows * columns + column,
            inner => column / inner,
        };
        place % self.numbers.len()
    }

    /// The number of a column's channel.
    fn channel(&self, row: usize, column: usize) -> usize {
        self.numbers[self.place(row, column)]
    }
}

/// How many nodes use each parameter.
fn parameter_uses(graph: &Graph<Float>) -> Vec<usize> {
    let mut uses = vec![0; graph.parameters.len()];
    for node in &graph.nodes {
        let mut op = node.op.clone();
        for parameter in op.room_mut().parameters_mut() {
            if let Some(uses) = uses.get_mut(parameter.0) {
                *uses += 1;
            }
        }
    }
    uses
}

/// What was raised is not seen in the integer network; the record of the network has the lines.
fn changes(_: &Graph<Int>) -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::execute::float::execute_float;
    use crate::graph::{GraphBuilder, Parameter, Window2d};
    use crate::ops;

    fn values(shape: &[usize], size: impl Fn(usize) -> f32) -> ArrayD<f32> {
        let mut cell = 0;
        ArrayD::from_shape_simple_fn(shape, || {
            cell += 1;
            ((cell * 37 % 23) as f32 - 11.0) / 11.0 * size(cell - 1)
        })
    }

    /// A convolution in one dimension, over a signal that is shorter than it has channels: what the input's last axis
    /// numbers are none of the convolution's.
    #[test]
    fn short_signals_of_many_channels_have_no_channels_in_common() {
        let mut builder = GraphBuilder::<Float>::new();
        let weight = builder.parameter(Parameter {
            path: "w".into(),
            values: values(&[4, 8, 1, 1], |_| 1.0),
        });
        let x = builder.input("x", &[1, 8, 3]).unwrap();
        let image = builder.reshape("image", x, &[1, 8, 1, 3]).unwrap();
        let conv = ops::Conv2d {
            weight,
            bias: None,
            window: Window2d {
                kernel: [1, 1],
                stride: [1, 1],
                padding: [0, 0],
                dilation: [1, 1],
            },
            groups: 1,
        };
        let conv = builder.add("conv", conv, &[image]).unwrap();
        let graph = builder.finish(vec![conv]).unwrap();
        assert!(Sites::of(&graph).takers.is_empty());
    }

    /// Two convolutions that are joined, pooled and flattened before a linear layer, with channels of very different
    /// size.
    fn network() -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let mut parameter = |path: &str, values| {
            let path = path.to_owned();
            builder.parameter(Parameter { path, values })
        };
        let wide = parameter(
            "a",
            values(&[2, 3, 3, 3], |cell| if cell < 27 { 1.0 } else { 1e-4 }),
        );
        let bias = parameter("b", values(&[2], |_| 1e-4));
        let narrow = parameter("c", values(&[4, 3, 1, 1], |_| 1e-6));
        let linear = parameter(
            "d",
            values(&[5, 24], |cell| if cell % 24 < 4 { 1.0 } else { 1e5 }),
        );
        let mut builder = builder;
        let x = builder.input("x", &[1, 3, 4, 4]).unwrap();
        let window = |size, padding| Window2d {
            kernel: [size, size],
            stride: [1, 1],
            padding: [padding, padding],
            dilation: [1, 1],
        };
        let conv = |weight, bias, window| ops::Conv2d {
            weight,
            bias,
            window,
            groups: 1,
        };
        let wide = builder
            .add("wide", conv(wide, Some(bias), window(3, 1)), &[x])
            .unwrap();
        let narrow = builder
            .add("narrow", conv(narrow, None, window(1, 0)), &[x])
            .unwrap();
        let y = builder
            .add("cat", ops::Concat { axis: 1 }, &[wide, narrow])
            .unwrap();
        let y = builder.add("relu", ops::Relu, &[y]).unwrap();
        let pool = ops::MaxPool2d {
            window: Window2d {
                stride: [2, 2],
                ..window(2, 0)
            },
        };
        let y = builder.add("pool", pool, &[y]).unwrap();
        let y = builder.reshape("flatten", y, &[1, 24]).unwrap();
        let y = builder
            .add(
                "linear",
                ops::Linear {
                    weight: linear,
                    bias: None,
                },
                &[y],
            )
            .unwrap();
        builder.finish(vec![y]).unwrap()
    }

    #[test]
    fn raised_channels_cancel_to_the_bit() {
        let graph = network();
        let sites = Sites::of(&graph);
        let x = values(&[1, 3, 4, 4], |_| 1.0);
        let before = execute_float(&graph, &x).unwrap();
        let largest = |id: NodeId, at: usize| {
            let channels = sites.nodes[id.0].as_ref().unwrap();
            let own = before[id.0].iter().enumerate();
            let own = own.filter(|(cell, _)| cell / channels.inner % channels.numbers.len() == at);
            let largest = own.fold(0f64, |most, (_, value)| most.max(f64::from(value.abs())));
            Size { largest, part: 1.0 }
        };
        let exponents = sites.exponents(&graph, &largest);
        let (raised, changes) = sites.raised(&graph, &exponents);
        let after = execute_float(&raised, &x).unwrap();
        assert_eq!(before[graph.outputs[0].0], after[graph.outputs[0].0]);
        assert_eq!(changes.len(), 2, "{changes:?}");
        // All channels in front of the last layer reach 1/2 of the largest at least, or are 0.
        let flat = after[graph.find("flatten").unwrap().0].as_slice().unwrap();
        let sizes: Vec<f32> = flat
            .chunks(4)
            .map(|channel| channel.iter().copied().fold(0.0, f32::max))
            .collect();
        let most = sizes.iter().copied().fold(0.0, f32::max);
        assert!(
            sizes.iter().all(|size| *size == 0.0 || *size > most / 16.0),
            "{sizes:?}"
        );
        assert!(sizes.iter().filter(|size| **size > 0.0).count() >= 4, "{sizes:?}");
    }

    #[test]
    fn a_sum_or_an_output_leaves_channels_as_they_are() {
        let mut graph = network();
        let pool = graph.find("pool").unwrap();
        graph.outputs.push(pool);
        let sites = Sites::of(&graph);
        let exponents = sites.exponents(&graph, &|_, at| Size {
            largest: (-3.0 * at as f64).exp2(),
            part: if at == 1 { 0.1 } else { 1.0 },
        });
        let conv = sites.of_node(graph.find("narrow").unwrap(), &exponents);
        assert!(conv.is_empty(), "{conv:?}");
        assert_eq!(sites.of_node(NodeId(0), &exponents), [0, 0, 6]);
    }
}
