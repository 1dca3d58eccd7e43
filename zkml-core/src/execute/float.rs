//! Execution of a `Graph<Float>` in `f32`, as PyTorch computes it in evaluation mode.
//!
//! Calibration measures it, and the integer network is compared with it. So it has to be fast, and the same on every
//! machine: what is derived from its values is in the key. Sums have one order ([`float`](crate::float)), functions such
//! as `exp` are those of the crate `libm`. A [`FloatExecutor`] runs many samples node by node: a layer multiplies all of
//! them at once, other operations run in parallel over samples.

use ndarray::{ArrayD, Dimension};
use rayon::prelude::*;

use super::{ExecutionError, check_inputs, check_shape};
use crate::graph::{Graph, Node, NodeId, Operation};
use crate::ops::{Float, FloatLayer, FloatSite, PARALLEL_CELLS};

/// Weights of a graph up to which an executor keeps a second copy of them, laid out: 1 GiB of them.
const KEPT_WEIGHTS: usize = 1 << 28;

/// Values of a block of samples that a thread has alive at a time, about: 16 MiB of them.
const BLOCK_CELLS: usize = 1 << 22;

/// A sample that cannot be executed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("sample {sample}: {reason}")]
pub struct FailedSample {
    /// Its index.
    pub sample: usize,
    /// What is wrong with it.
    pub reason: ExecutionError,
}

/// The value of every node on one input, by node index. An `Argmax` yields its index as a float.
///
/// # Errors
/// Wrong shape, NaN or infinity in the input; a graph that would not pass [`Graph::validate`].
pub fn execute_float(graph: &Graph<Float>, input: &ArrayD<f32>) -> Result<Vec<ArrayD<f32>>, ExecutionError> {
    execute_float_on(graph, core::slice::from_ref(input))
}

/// The value of every node on several inputs, in their order. For many samples, make a [`FloatExecutor`].
///
/// # Errors
/// As [`execute_float`]; another number of inputs.
pub fn execute_float_on(
    graph: &Graph<Float>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<ArrayD<f32>>, ExecutionError> {
    let executor = FloatExecutor::without_layers(graph);
    let values = executor.values(&[inputs]).map_err(|failed| failed.reason)?;
    Ok(values.into_iter().next().unwrap_or_default())
}

/// The outputs of the network on many inputs: one list of outputs per input.
///
/// # Errors
/// As [`execute_float`], for the first failing input.
pub fn execute_float_outputs(
    graph: &Graph<Float>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<Vec<ArrayD<f32>>>, ExecutionError> {
    let samples: Vec<&[ArrayD<f32>]> = inputs.iter().map(core::slice::from_ref).collect();
    let outputs = FloatExecutor::new(graph)?.outputs(&samples);
    outputs.map_err(|failed| failed.reason)
}

/// The outputs of a network of several inputs on many samples, each a list of inputs: one list of outputs per sample.
///
/// # Errors
/// As [`execute_float_on`], for the first failing sample.
pub fn execute_float_outputs_on(
    graph: &Graph<Float>,
    samples: &[Vec<ArrayD<f32>>],
) -> Result<Vec<Vec<ArrayD<f32>>>, ExecutionError> {
    let outputs = FloatExecutor::new(graph)?.outputs(samples);
    outputs.map_err(|failed| failed.reason)
}

/// A graph made ready to be executed on many samples.
#[derive(Debug)]
pub struct FloatExecutor<'a> {
    graph: &'a Graph<Float>,
    /// The layer that each node is, if it is one. Empty if layers are laid out when they are needed.
    layers: Vec<Option<FloatLayer>>,
    /// The last node that needs the value of each node.
    last_use: Vec<usize>,
}

impl<'a> FloatExecutor<'a> {
    /// Lays the weights out for all executions, unless there are very many.
    ///
    /// # Errors
    /// A graph that was not validated.
    pub fn new(graph: &'a Graph<Float>) -> Result<Self, ExecutionError> {
        let weights: usize = graph
            .parameters
            .iter()
            .map(|parameter| parameter.values.len())
            .sum();
        let mut executor = Self::without_layers(graph);
        if weights <= KEPT_WEIGHTS {
            let layers = graph
                .nodes
                .par_iter()
                .with_max_len(1)
                .map(|node| executor.layer(node));
            executor.layers = layers.collect::<Result<_, _>>()?;
        }
        Ok(executor)
    }

    /// Lays the weights of a layer out when it is its turn.
    fn without_layers(graph: &'a Graph<Float>) -> Self {
        let mut last_use: Vec<usize> = (0..graph.nodes.len()).collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            for id in &node.inputs {
                last_use.get_mut(id.0).into_iter().for_each(|last| *last = index);
            }
        }
        Self {
            graph,
            layers: Vec::new(),
            last_use,
        }
    }

    fn layer(&self, node: &Node<Float>) -> Result<Option<FloatLayer>, ExecutionError> {
        let site = FloatSite {
            graph: self.graph,
            node,
            operands: &[],
        };
        node.op
            .room()
            .float_layer(&site)
            .ok_or_else(|| inconsistent(node))
    }

    /// How many samples [`Self::visit`] should be given at once: enough for whole tiles, and not more than memory near
    /// the processor holds.
    pub fn together(&self) -> usize {
        let cells = |index: usize| self.graph.nodes[index].fact.iter().product::<usize>();
        let (mut alive, mut most) = (0, 1);
        for index in 0..self.graph.nodes.len() {
            alive += cells(index);
            most = most.max(alive);
            alive -= self.dead_after(index).map(cells).sum::<usize>();
        }
        block(most)
    }

    /// The same for [`Self::values`], which keeps them all.
    pub fn values_together(&self) -> usize {
        let nodes = self.graph.nodes.iter();
        block(nodes.map(|node| node.fact.iter().product::<usize>()).sum())
    }

    /// The nodes whose values nothing after this node needs.
    fn dead_after(&self, index: usize) -> impl Iterator<Item = usize> {
        let operands = self.graph.nodes[index].inputs.iter().map(|id| id.0);
        let mut dead: Vec<usize> = operands
            .chain([index])
            .filter(|node| self.last_use.get(*node) == Some(&index))
            .collect();
        dead.sort_unstable();
        dead.dedup();
        dead.into_iter()
    }

    /// Gives `visit` the value of each node on all samples, node after node, and drops what is no longer needed. Run
    /// [`Self::together`] samples at a time.
    ///
    /// # Errors
    /// A sample of another number or shape of inputs, or with NaN or infinity; what fails in `visit`.
    pub fn visit<E: From<FailedSample>>(
        &self,
        samples: &[impl AsRef<[ArrayD<f32>]>],
        mut visit: impl FnMut(NodeId, &[ArrayD<f32>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let each = |index: usize, values: &mut [Vec<ArrayD<f32>>]| {
            visit(NodeId(index), &values[index])?;
            self.dead_after(index).for_each(|dead| values[dead] = Vec::new());
            Ok(())
        };
        self.run(samples, each).map(|_| ())
    }

    /// The values of all nodes on each sample.
    ///
    /// # Errors
    /// As [`Self::visit`].
    pub fn values(
        &self,
        samples: &[impl AsRef<[ArrayD<f32>]>],
    ) -> Result<Vec<Vec<ArrayD<f32>>>, FailedSample> {
        let nodes = self.run(samples, |_, _| Ok::<_, FailedSample>(()))?;
        let mut by_sample: Vec<Vec<ArrayD<f32>>> =
            samples.iter().map(|_| Vec::with_capacity(nodes.len())).collect();
        for values in nodes {
            by_sample
                .iter_mut()
                .zip(values)
                .for_each(|(own, value)| own.push(value));
        }
        Ok(by_sample)
    }

    /// The outputs of the network on each sample, of any number of samples.
    ///
    /// # Errors
    /// As [`Self::visit`].
    pub fn outputs(
        &self,
        samples: &[impl AsRef<[ArrayD<f32>]>],
    ) -> Result<Vec<Vec<ArrayD<f32>>>, FailedSample> {
        let outputs = &self.graph.outputs;
        let mut all: Vec<Vec<ArrayD<f32>>> = samples
            .iter()
            .map(|_| vec![ArrayD::default(vec![0]); outputs.len()])
            .collect();
        let block = self.together();
        for (number, (samples, all)) in samples.chunks(block).zip(all.chunks_mut(block)).enumerate() {
            let visited = self.visit(samples, |node, values| {
                for (place, _) in outputs.iter().enumerate().filter(|(_, output)| **output == node) {
                    let both = all.iter_mut().zip(values);
                    both.for_each(|(own, value)| own[place].clone_from(value));
                }
                Ok::<_, FailedSample>(())
            });
            visited.map_err(|FailedSample { sample, reason }| FailedSample {
                sample: number * block + sample,
                reason,
            })?;
        }
        Ok(all)
    }

    /// Computes node after node, and calls `each` after each with the values of all so far.
    fn run<E: From<FailedSample>>(
        &self,
        samples: &[impl AsRef<[ArrayD<f32>]>],
        mut each: impl FnMut(usize, &mut [Vec<ArrayD<f32>>]) -> Result<(), E>,
    ) -> Result<Vec<Vec<ArrayD<f32>>>, E> {
        for (sample, inputs) in samples.iter().enumerate() {
            check_inputs(self.graph, inputs.as_ref(), |fact, input| {
                check_input(fact, input)
            })
            .map_err(|reason| FailedSample { sample, reason })?;
        }
        let mut values: Vec<Vec<ArrayD<f32>>> = Vec::with_capacity(self.graph.nodes.len());
        let mut input = 0;
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let value = if node.op.is_input() {
                let own = input;
                input += 1;
                let of_sample = samples.iter().filter_map(|inputs| inputs.as_ref().get(own));
                of_sample
                    .map(|input| input.as_standard_layout().into_owned())
                    .collect()
            } else {
                self.compute(index, &values, samples.len())?
            };
            if value.len() != samples.len() || value.iter().any(|value| value.shape() != node.fact) {
                let reason = inconsistent(node);
                return Err(FailedSample { sample: 0, reason }.into());
            }
            values.push(value);
            each(index, &mut values)?;
        }
        Ok(values)
    }

    /// The values of a node on all samples.
    fn compute(
        &self,
        index: usize,
        values: &[Vec<ArrayD<f32>>],
        samples: usize,
    ) -> Result<Vec<ArrayD<f32>>, FailedSample> {
        let node = &self.graph.nodes[index];
        let first = |reason| FailedSample { sample: 0, reason };
        let made;
        let layer = match self.layers.get(index) {
            Some(kept) => kept.as_ref(),
            None => {
                made = self.layer(node).map_err(first)?;
                made.as_ref()
            }
        };
        let operands = |sample: usize| -> Option<Vec<&ArrayD<f32>>> {
            node.inputs
                .iter()
                .map(|id| values.get(id.0)?.get(sample))
                .collect()
        };
        if let Some(layer) = layer {
            let operands: Option<Vec<_>> = (0..samples)
                .map(|sample| operands(sample)?.first().copied())
                .collect();
            let value = operands.and_then(|operands| layer.multiply(&operands, &node.fact));
            return value.ok_or_else(|| first(inconsistent(node)));
        }
        let evaluate = |sample: usize| {
            let operands = operands(sample).ok_or_else(|| inconsistent(node))?;
            let site = FloatSite {
                graph: self.graph,
                node,
                operands: &operands,
            };
            let room = node.op.room();
            room.accepts(&site)?;
            room.evaluate(&site).ok_or_else(|| inconsistent(node))
        };
        let evaluate = |sample| evaluate(sample).map_err(|reason| FailedSample { sample, reason });
        let work = samples * node.fact.iter().product::<usize>();
        if samples == 1 || work < PARALLEL_CELLS {
            return (0..samples).map(evaluate).collect();
        }
        // In two steps, so that of several samples the first is named.
        let all: Vec<Result<_, _>> = (0..samples).into_par_iter().map(evaluate).collect();
        all.into_iter().collect()
    }
}

/// Samples of a block, of which each has so many values.
fn block(cells: usize) -> usize {
    (BLOCK_CELLS / cells.max(1)).max(1) * rayon::current_num_threads()
}

fn inconsistent(node: &Node<Float>) -> ExecutionError {
    let layer = node.name.clone();
    ExecutionError::Inconsistent { layer }
}

/// Refuses inputs of the wrong shape and inputs with NaN or infinity, naming the index.
pub(crate) fn check_input(expected: &[usize], input: &ArrayD<f32>) -> Result<(), ExecutionError> {
    check_shape(expected, input)?;
    match not_finite(input) {
        None => Ok(()),
        Some((index, value)) => Err(ExecutionError::NotFinite { index, value }),
    }
}

/// Index and value of the first NaN or infinity.
pub(crate) fn not_finite(values: &ArrayD<f32>) -> Option<(Vec<usize>, f32)> {
    // The exponent of all ones, in a loop without exits.
    let odd = |found: bool, value: &f32| found | (value.to_bits() & 0x7f80_0000 == 0x7f80_0000);
    if !values.iter().fold(false, odd) {
        return None;
    }
    let mut indexed = values.indexed_iter();
    let (index, value) = indexed.find(|(_, value)| !value.is_finite())?;
    Some((index.slice().to_vec(), *value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::tests::values;
    use crate::graph::{GraphBuilder, Parameter, Window2d};
    use crate::ops;

    /// Convolution, activation, sum, pooling and linear layer, with weights of many sizes.
    fn network() -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let parameter = |builder: &mut GraphBuilder<Float>, path: &str, shape: &[usize]| {
            let values = values(path.len() as u64, shape.iter().product());
            let values = ArrayD::from_shape_vec(shape, values).unwrap();
            builder.parameter(Parameter {
                path: path.into(),
                values,
            })
        };
        let x = builder.input("x", &[1, 2, 6, 6]).unwrap();
        let window = Window2d::new([3, 3], [1, 1], [1, 1], [1, 1]);
        let (weight, bias) = (
            parameter(&mut builder, "w", &[5, 2, 3, 3]),
            Some(parameter(&mut builder, "bias", &[5])),
        );
        let conv = ops::Conv2d {
            weight,
            bias,
            window,
            groups: 1,
        };
        let y = builder.add("conv", conv, &[x]).unwrap();
        let relu = builder.add("relu", ops::Relu, &[y]).unwrap();
        let sum = builder.add("sum", ops::Add, &[y, relu]).unwrap();
        let pool = builder.add("pool", ops::GlobalAvgPool2d, &[sum]).unwrap();
        let flat = builder.reshape("flat", pool, &[1, 5]).unwrap();
        let weight = parameter(&mut builder, "linear", &[3, 5]);
        let z = builder
            .add("fc", ops::Linear { weight, bias: None }, &[flat])
            .unwrap();
        builder.finish(vec![z, sum]).unwrap()
    }

    #[test]
    fn samples_together_give_the_bits_of_each_alone() {
        let graph = network();
        let samples: Vec<Vec<ArrayD<f32>>> = (0..50)
            .map(|sample| vec![ArrayD::from_shape_vec(vec![1, 2, 6, 6], values(sample + 9, 72)).unwrap()])
            .collect();
        let bits = |value: &ArrayD<f32>| value.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let alone: Vec<_> = samples
            .iter()
            .map(|sample| execute_float_on(&graph, sample).unwrap())
            .collect();
        let executor = FloatExecutor::new(&graph).unwrap();
        for (together, alone) in executor.values(&samples).unwrap().iter().zip(&alone) {
            assert!(together.iter().map(bits).eq(alone.iter().map(bits)));
        }
        for (outputs, alone) in executor.outputs(&samples).unwrap().iter().zip(&alone) {
            let expected = graph.outputs.iter().map(|id| bits(&alone[id.0]));
            assert!(outputs.iter().map(bits).eq(expected));
        }
        let mut seen = Vec::new();
        executor
            .visit(&samples, |id, values| {
                assert!(
                    values
                        .iter()
                        .zip(&alone)
                        .all(|(value, alone)| bits(value) == bits(&alone[id.0]))
                );
                seen.push(id.0);
                Ok::<_, FailedSample>(())
            })
            .unwrap();
        assert_eq!(seen, (0..graph.nodes.len()).collect::<Vec<_>>());
    }

    /// What no node needs any more is dropped, so few values are alive at a time.
    #[test]
    fn values_are_dropped_after_their_last_use() {
        let graph = network();
        let executor = FloatExecutor::new(&graph).unwrap();
        let dead: Vec<Vec<usize>> = (0..graph.nodes.len())
            .map(|index| executor.dead_after(index).collect())
            .collect();
        // x, conv, relu, sum, pool, flat, fc
        assert_eq!(
            dead,
            [vec![], vec![0], vec![], vec![1, 2], vec![3], vec![4], vec![5, 6]]
        );
        assert!(executor.together() > executor.values_together());
    }

    #[test]
    fn the_first_sample_that_fails_is_named() {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 2]).unwrap();
        let graph = builder.finish(vec![x]).unwrap();
        let sample = |value: f32| vec![ArrayD::from_elem(vec![1, 2], value)];
        let samples = [sample(1.0), sample(f32::NAN), sample(f32::INFINITY)];
        let failed = FloatExecutor::new(&graph).unwrap().outputs(&samples).unwrap_err();
        assert_eq!(failed.sample, 1);
        assert!(matches!(failed.reason, ExecutionError::NotFinite { ref index, .. } if *index == [0, 0]));
    }

    #[test]
    fn wrong_inputs_are_refused() {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 2]).unwrap();
        let graph = builder.finish(vec![x]).unwrap();
        let error = execute_float(&graph, &ArrayD::zeros(vec![2, 1])).unwrap_err();
        assert_eq!(
            error,
            ExecutionError::InputShape {
                expected: vec![1, 2],
                found: vec![2, 1]
            }
        );
        let mut input = ArrayD::zeros(vec![1, 2]);
        input[[0, 1]] = f32::INFINITY;
        let error = execute_float(&graph, &input).unwrap_err();
        assert_eq!(
            error,
            ExecutionError::NotFinite {
                index: vec![0, 1],
                value: f32::INFINITY
            }
        );
    }
}
