//! Fast integer execution.
//!
//! Convolutions and linear layers run where their [`Layers`] lie, whose weights are laid out once for all executions;
//! rescales and pooling run over planes, in this process. Large ones run in parallel.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{Execution, check_input, check_inputs};
use crate::graph::{Graph, Node};
use crate::ops::{Computed, ExecutionError, Int, IntegerLayer, IntegerSite, Layer};

/// The weights of all layers of a graph, by node; an `L` is one of them where it is kept.
#[derive(Debug, Clone)]
pub struct Layers<L = Layer>(Vec<Option<L>>);

impl Layers {
    /// Lays the weights of a graph out in this process.
    ///
    /// # Errors
    /// A graph that was not validated.
    pub fn new(graph: &Graph<Int>) -> Result<Self, ExecutionError> {
        Self::laid_out(graph, |layers| Ok(in_process(layers)))
    }
}

/// Lays weights out for the kernels; `None` for a layer that does not fit together.
pub(crate) fn in_process(layers: &[IntegerLayer<'_>]) -> Vec<Option<Layer>> {
    layers.par_iter().with_max_len(1).map(Layer::new).collect()
}

impl<L> Layers<L> {
    /// Has the weights of a graph laid out by `lay_out`, which gives nothing for a layer that does not fit together.
    ///
    /// # Errors
    /// A graph that was not validated; what fails in `lay_out`.
    pub fn laid_out<E: From<ExecutionError>>(
        graph: &Graph<Int>,
        lay_out: impl FnOnce(&[IntegerLayer<'_>]) -> Result<Vec<Option<L>>, E>,
    ) -> Result<Self, E> {
        let layer = |node| {
            let site = site(graph, node);
            let layer = node.op.room().integer_layer(&site);
            layer.ok_or_else(|| site.inconsistent())
        };
        let layers: Vec<Option<IntegerLayer<'_>>> =
            graph.nodes.iter().map(layer).collect::<Result<_, _>>()?;
        let mut laid_out = lay_out(&layers.iter().copied().flatten().collect::<Vec<_>>())?.into_iter();
        let by_node = layers.iter().zip(&graph.nodes).map(|(layer, node)| match layer {
            None => Ok(None),
            Some(_) => {
                let own = laid_out.next().flatten();
                own.map(Some).ok_or_else(|| site(graph, node).inconsistent())
            }
        });
        Ok(Self(by_node.collect::<Result<_, ExecutionError>>()?))
    }

    /// The value of every node on several inputs, in their order. `multiply` computes a layer on its operand, given the
    /// shape of the result, and gives nothing where the operand does not fit.
    ///
    /// # Errors
    /// As [`Executor::run_on`]; what fails in `multiply`.
    pub fn run_on<E: From<ExecutionError>>(
        &self,
        graph: &Graph<Int>,
        inputs: &[ArrayD<i64>],
        multiply: impl Fn(&L, &ArrayD<i64>, &[usize]) -> Result<Option<ArrayD<i64>>, E>,
    ) -> Result<Execution, E> {
        check_inputs(graph, inputs, check_input)?;
        let layers = self.0.iter().map(Option::as_ref);
        Execution::of(graph, inputs, layers, |site, layer| match layer {
            None => Ok(site.node.op.room().execute_table(site)?),
            Some(layer) => {
                let operand = site.operand(0).ok_or_else(|| site.inconsistent())?;
                let value = multiply(layer, operand, site.shape())?;
                Ok(value.map(Computed::plain).ok_or_else(|| site.inconsistent())?)
            }
        })
    }
}

/// A node, before its operands are known.
fn site<'a>(graph: &'a Graph<Int>, node: &'a Node<Int>) -> IntegerSite<'a> {
    IntegerSite {
        graph,
        node,
        operands: &[],
    }
}

/// A graph made ready for repeated execution in this process.
#[derive(Debug)]
pub struct Executor<'a> {
    graph: &'a Graph<Int>,
    layers: Layers,
}

/// Executes the graph on one input. For many inputs, make an [`Executor`] once.
///
/// # Errors
/// See [`Executor::run`].
pub fn execute(graph: &Graph<Int>, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
    Executor::new(graph)?.run(input)
}

impl<'a> Executor<'a> {
    /// Lays the weights out for the kernels.
    ///
    /// # Errors
    /// A graph that was not validated.
    pub fn new(graph: &'a Graph<Int>) -> Result<Self, ExecutionError> {
        Ok(Self {
            graph,
            layers: Layers::new(graph)?,
        })
    }

    /// The value of every node on one input.
    ///
    /// # Errors
    /// An input of the wrong shape or range; a value outside a table's domain.
    pub fn run(&self, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
        self.run_on(core::slice::from_ref(input))
    }

    /// The value of every node on several inputs, in their order.
    ///
    /// # Errors
    /// As [`Self::run`]; another number of inputs.
    pub fn run_on(&self, inputs: &[ArrayD<i64>]) -> Result<Execution, ExecutionError> {
        let multiply = |layer: &Layer, x: &ArrayD<i64>, shape: &[usize]| Ok(layer.multiply(x, shape));
        self.layers.run_on(self.graph, inputs, multiply)
    }
}
