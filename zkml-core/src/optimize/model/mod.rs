//! Passes on the floating-point graph, before calibration. None changes what the network computes (up to rounding of
//! `f32`); the graph is validated after each.
//!
//! | pass | what it does |
//! |---|---|
//! | [`identity`] | drops operations that return their operand, joins consecutive reshapes |
//! | [`batch_norm_folding`] | multiplies a batch normalization into the convolution or linear layer before it |
//! | [`batch_norm_conversion`] | turns the remaining ones into depthwise 1x1 convolutions |
//! | [`pad_merging`] | makes zero padding part of the convolution or average pool after it |
//! | [`contraction_order`] | joins linear layers, or takes a mean before a layer, where that costs less |
//! | [`max_pool_order`] | puts max-pool behind the ReLU, so that it runs on rescaled 8-bit values |
//! | [`relu_hoisting`] | moves a ReLU before reshapes and padding, where it joins a rescale at no cost |
//! | [`dead_code`] | drops nodes and parameters that no output needs |
//!
//! Constants are parameters of operations here, never operands: the only node without operands is the input. So there are no
//! expressions of constants to fold but those that these passes make, and they fold them at once (`batch_norm_folding`,
//! `batch_norm_conversion`, `contraction_order`).
//!
//! Layers of one depth, those of the same shape among them, are stacked in the argument, not in the graph: pass `layer_stacking` of
//! the circuit level; and the lookups of all layers are one stack (`docs/protocol/reduction.md`).

pub mod batch_norm_conversion;
pub mod batch_norm_folding;
pub mod contraction_order;
pub mod dead_code;
pub mod identity;
pub mod max_pool_order;
pub mod pad_merging;
pub mod relu_hoisting;
mod rewrite;

use super::{Level, PassReport};
use crate::graph::{Graph, GraphError, Node, ParameterId};
use crate::ops::Float;

/// Which passes run; all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptimizeOptions {
    /// [`identity`]
    pub identity: bool,
    /// [`batch_norm_folding`]
    pub batch_norm_folding: bool,
    /// [`batch_norm_conversion`]; quantization refuses batch normalizations that are left.
    pub batch_norm_conversion: bool,
    /// [`pad_merging`]
    pub pad_merging: bool,
    /// [`contraction_order`]
    pub contraction_order: bool,
    /// [`max_pool_order`]
    pub max_pool_order: bool,
    /// [`relu_hoisting`]
    pub relu_hoisting: bool,
    /// [`dead_code`]
    pub dead_code: bool,
}

impl Default for OptimizeOptions {
    fn default() -> Self {
        Self {
            identity: true,
            batch_norm_folding: true,
            batch_norm_conversion: true,
            pad_merging: true,
            contraction_order: true,
            max_pool_order: true,
            relu_hoisting: true,
            dead_code: true,
        }
    }
}

impl OptimizeOptions {
    /// Names of all passes, in the order they run.
    pub const NAMES: [&str; 8] = [
        "identity",
        "batch_norm_folding",
        "batch_norm_conversion",
        "pad_merging",
        contraction_order::NAME,
        max_pool_order::NAME,
        "relu_hoisting",
        "dead_code",
    ];

    /// The switch of the pass of that name.
    pub fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "identity" => Some(&mut self.identity),
            "batch_norm_folding" => Some(&mut self.batch_norm_folding),
            "batch_norm_conversion" => Some(&mut self.batch_norm_conversion),
            "pad_merging" => Some(&mut self.pad_merging),
            contraction_order::NAME => Some(&mut self.contraction_order),
            max_pool_order::NAME => Some(&mut self.max_pool_order),
            "relu_hoisting" => Some(&mut self.relu_hoisting),
            "dead_code" => Some(&mut self.dead_code),
            _ => None,
        }
    }
}

/// Why a graph cannot be optimized.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizeError {
    /// The graph is inconsistent (before the first pass; never expected after one).
    #[error("after pass `{pass}`: {reason}")]
    Graph {
        /// The pass that ran last, `input` before the first.
        pass: &'static str,
        /// What is wrong.
        reason: Box<GraphError>,
    },
    /// A batch normalization whose `running_var + epsilon` is not positive and finite.
    #[error(
        "`{layer}`: running_var + epsilon is {value} for channel {channel}, it must be positive and finite"
    )]
    Variance {
        /// Name of the node.
        layer: String,
        /// The channel.
        channel: usize,
        /// The sum.
        value: f64,
    },
    /// A parameter that does not exist or a graph damaged in a way that validation does not see.
    #[error("`{layer}`: the graph is inconsistent here")]
    Inconsistent {
        /// Name of the node.
        layer: String,
    },
}

crate::debug_as_display!(OptimizeError);

type Pass = fn(&mut Graph<Float>) -> Result<Vec<String>, OptimizeError>;

/// Runs the chosen passes in the order of the table above.
///
/// # Errors
/// A graph that does not validate; a batch normalization that divides by zero.
pub fn optimize(
    mut graph: Graph<Float>,
    options: &OptimizeOptions,
) -> Result<(Graph<Float>, Vec<PassReport>), OptimizeError> {
    graph.validate().map_err(|reason| OptimizeError::Graph {
        pass: "input",
        reason: Box::new(reason),
    })?;
    let passes: [(bool, &'static str, Pass); 8] = [
        (options.identity, "identity", identity::run),
        (
            options.batch_norm_folding,
            "batch_norm_folding",
            batch_norm_folding::run,
        ),
        (
            options.batch_norm_conversion,
            "batch_norm_conversion",
            batch_norm_conversion::run,
        ),
        (options.pad_merging, "pad_merging", pad_merging::run),
        (
            options.contraction_order,
            contraction_order::NAME,
            contraction_order::run,
        ),
        (options.max_pool_order, max_pool_order::NAME, max_pool_order::run),
        (options.relu_hoisting, "relu_hoisting", relu_hoisting::run),
        (options.dead_code, "dead_code", dead_code::run),
    ];
    let mut reports = Vec::new();
    for (chosen, pass, run) in passes {
        if !chosen {
            reports.push(PassReport::off(Level::Model, pass));
            continue;
        }
        let _span = tracing::info_span!("optimizer pass", pass).entered();
        let before = sizes(&graph);
        let changes = run(&mut graph)?;
        graph.validate().map_err(|reason| OptimizeError::Graph {
            pass,
            reason: Box::new(reason),
        })?;
        let compared = before.into_iter().zip(sizes(&graph));
        let compared = compared.map(|((what, before), (_, after))| (what, before, after));
        reports.push(PassReport::ran(Level::Model, pass, changes, compared));
    }
    Ok((graph, reports))
}

/// What a pass may make smaller.
fn sizes(graph: &Graph<Float>) -> [(&'static str, u64); 4] {
    let parameters: usize = graph
        .parameters
        .iter()
        .map(|parameter| parameter.values.len())
        .sum();
    [
        ("nodes", graph.nodes.len() as u64),
        ("parameters", parameters as u64),
        ("multiply-adds", multiply_adds(graph)),
        ("values of layers", values_of_layers(graph)),
    ]
}

/// Values that layers and sums give in one run of the network: those that are rescaled.
fn values_of_layers(graph: &Graph<Float>) -> u64 {
    let layers = graph.nodes.iter().filter(|node| node.op.room().accumulates());
    layers
        .map(|node| node.fact.iter().product::<usize>() as u64)
        .sum()
}

/// Products of weights and activations in one run of the network.
pub fn multiply_adds(graph: &Graph<Float>) -> u64 {
    let shape_of = |id: ParameterId| {
        let parameter = graph.parameters.get(id.0);
        parameter
            .map(|parameter| parameter.values.shape().to_vec())
            .unwrap_or_default()
    };
    let of_node = |node: &Node<Float>| {
        let outputs: usize = node.fact.iter().product();
        let terms = node.op.room().products(&shape_of);
        (outputs as u64).saturating_mul(terms as u64)
    };
    graph.nodes.iter().map(of_node).sum()
}

#[cfg(test)]
mod tests;
