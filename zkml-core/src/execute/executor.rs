//! Fast integer execution.
//!
//! Convolutions and linear layers run on [`Layers`], whose weights are laid out for int8 kernels once for all
//! executions; rescales and pooling run over planes. Large ones run in parallel.

use std::borrow::Cow;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{Execution, check_input, check_inputs};
use crate::graph::{Graph, Node};
use crate::ops::{ExecutionError, Int, IntegerSite, Layer};

/// The weights of all layers of a graph, by node.
#[derive(Debug, Clone)]
pub struct Layers(Vec<Option<Layer>>);

impl Layers {
    /// Lays out the weights of a graph.
    ///
    /// # Errors
    /// A graph that was not validated.
    pub fn new(graph: &Graph<Int>) -> Result<Self, ExecutionError> {
        let layer = |node: &Node<Int>| {
            let site = IntegerSite {
                graph,
                node,
                operands: &[],
                layer: None,
            };
            node.op.room().prepare(&site).ok_or_else(|| site.inconsistent())
        };
        let layers: Result<Vec<_>, _> = graph.nodes.par_iter().map(layer).collect();
        Ok(Self(layers?))
    }
}

/// A graph made ready for repeated execution.
#[derive(Debug)]
pub struct Executor<'a> {
    graph: &'a Graph<Int>,
    layers: Cow<'a, Layers>,
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
            layers: Cow::Owned(Layers::new(graph)?),
        })
    }

    /// With the [`Layers`] of the same graph.
    pub fn with_layers(graph: &'a Graph<Int>, layers: &'a Layers) -> Self {
        Self {
            graph,
            layers: Cow::Borrowed(layers),
        }
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
        check_inputs(self.graph, inputs, check_input)?;
        let layers = self.layers.0.iter().map(Option::as_ref);
        Execution::of(self.graph, inputs, layers, |site| {
            site.node.op.room().execute_table(site)
        })
    }
}
