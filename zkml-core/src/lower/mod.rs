//! From the integer graph to the circuit: one file per family of operations.
//!
//! Every node of the graph becomes a column (its *node column*). Where a node is linear algebra the column is
//! virtual; only what comes out of a table, and the remainders of rescaling, is committed.

mod argmax;
mod arrange;
mod builder;
mod linear;
mod pool;
mod private;
mod rescale;

pub use builder::{Hint, ParameterCells};

use crate::circuit::{Circuit, CircuitError, Column, ColumnId, ColumnKind, Equality, Home, Public};
use crate::graph::range;
use crate::graph::{Graph, Int, IntOp, NodeId};
use crate::optimize::circuit::CircuitOptions;
use crate::poly::PaddedShape;
use crate::privacy::{Privacy, Visibility};
use builder::Builder;

/// A circuit and what the prover needs to fill it.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The statement.
    pub circuit: Circuit,
    /// For each node of the graph its column.
    pub nodes: Vec<ColumnId>,
    /// The column of the input: public, or behind a private one.
    pub input: ColumnId,
    /// The outputs, in the graph's order: public columns, or private ones that are committed apart.
    pub outputs: Vec<ColumnId>,
    /// The cells of the parameter columns.
    pub parameters: Vec<ParameterCells>,
    /// How committed columns are filled, in order.
    pub hints: Vec<Hint>,
}

/// Lowers a graph; remainders are split into limbs of `limb_bits`. Input and outputs become public or committed
/// columns, as `privacy` says; weights are committed in any case.
///
/// # Errors
/// [`CircuitError::Malformed`] for a graph that does not fit together or whose ranges are narrower than its values,
/// [`CircuitError::Overflow`] when an integer could leave the field, [`CircuitError::Unsupported`] for an operation
/// without a rule; both name the layer.
pub fn lower(graph: &Graph<Int>, limb_bits: u32, privacy: &Privacy) -> Result<Lowered, CircuitError> {
    lower_with(graph, limb_bits, privacy, &CircuitOptions::default())
}

/// As [`lower`], with passes of the [circuit level](crate::optimize::circuit) switched off.
///
/// # Errors
/// As [`lower`].
pub fn lower_with(
    graph: &Graph<Int>,
    limb_bits: u32,
    privacy: &Privacy,
    options: &CircuitOptions,
) -> Result<Lowered, CircuitError> {
    validate(graph, limb_bits)?;
    if !privacy.is_consistent() {
        return Err(CircuitError::Malformed {
            place: "privacy".into(),
            expected: "a private input to commit to".into(),
            found: "a public one".into(),
        });
    }
    let home = if privacy.commit_input {
        Home::Input
    } else {
        Home::Trace
    };
    let mut builder = Builder::new(graph, limb_bits, *options);
    for index in 0..graph.nodes.len() {
        let id = NodeId(index);
        let node = &graph[id];
        let column = match &node.op {
            IntOp::Input if privacy.input.is_private() => builder.private_input(id, home)?,
            IntOp::Input => builder.column(
                &node.name,
                &node.fact.shape,
                ColumnKind::Public(Public::Input {
                    minimum: node.fact.range.0,
                    maximum: node.fact.range.1,
                }),
            ),
            IntOp::Conv2d {
                weight,
                bias,
                window,
                groups,
            } => builder.convolution(id, *weight, *bias, window, *groups)?,
            IntOp::Linear { weight, bias } => builder.linear(id, *weight, *bias)?,
            IntOp::WeightedSum { coefficients } => builder.weighted_sum(id, coefficients)?,
            IntOp::SumPool2d { window } => builder.sum_pool(id, window)?,
            IntOp::Rescale {
                multipliers,
                axis,
                shift,
                table,
            } => builder.rescale(id, multipliers, *axis, *shift, table.clone())?,
            IntOp::MaxPool2d { window } => builder.max_pool(id, window)?,
            IntOp::Reshape => builder.reshape(id),
            IntOp::Permute { order } => builder.permute(id, order),
            IntOp::Concat { axis } => builder.concat(id, *axis),
            IntOp::Pad { amounts } => builder.pad(id, amounts),
            IntOp::Argmax { axis } => builder.argmax(id, *axis)?,
        };
        let column = builder.commit_node(id, column);
        builder.nodes.push(column);
    }
    let outputs = graph
        .outputs
        .iter()
        .enumerate()
        .map(|(index, &output)| match privacy.output {
            Visibility::Public => builder.output(index, output),
            Visibility::Private => builder.private_output(index, output),
        })
        .collect();
    builder.finish(outputs)
}

/// Largest width of a remainder limb: its range table has `2^limb_bits` rows.
const MAXIMUM_LIMB_BITS: u32 = 16;

/// Everything the rules rely on: a graph may come from a file.
fn validate(graph: &Graph<Int>, limb_bits: u32) -> Result<(), CircuitError> {
    let malformed = |place: &str, expected: &str, found: String| {
        Err(CircuitError::Malformed {
            place: place.to_owned(),
            expected: expected.to_owned(),
            found,
        })
    };
    if !(1..=MAXIMUM_LIMB_BITS).contains(&limb_bits) {
        return malformed(
            "remainder limbs",
            &format!("1 to {MAXIMUM_LIMB_BITS} bits"),
            limb_bits.to_string(),
        );
    }
    if let Err(error) = graph.validate() {
        return malformed("integer network", "a valid graph", error.to_string());
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let (low, high) = node.fact.range;
        if low > high {
            return malformed(&node.name, "a range", format!("[{low}, {high}]"));
        }
        match range::node_range(graph, NodeId(index)) {
            Ok((least, most)) if low <= least && most <= high => {}
            Ok((least, most)) => {
                return malformed(
                    &node.name,
                    &format!("a range that holds [{least}, {most}]"),
                    format!("[{low}, {high}]"),
                );
            }
            Err(error) => return malformed(&node.name, "values that fit the field", error.to_string()),
        }
        builder::check_bound(&node.name, "value", builder::magnitude(node.fact.range))?;
    }
    Ok(())
}

impl Builder<'_> {
    /// A public column for an output, equal to the node's column.
    fn output(&mut self, index: usize, node: NodeId) -> ColumnId {
        let fact = self.graph[node].fact.clone();
        let (minimum, maximum) = fact.range;
        let name = format!("output.{index}");
        let public = self.column(
            &name,
            &fact.shape,
            ColumnKind::Public(Public::Output {
                index: index as u32,
                minimum,
                maximum,
            }),
        );
        let left = self.nodes[node.0];
        self.circuit.equalities.push(Equality {
            name,
            left,
            right: public,
        });
        public
    }
}

impl Column {
    pub(crate) fn new(name: &str, shape: &[usize], kind: ColumnKind) -> Self {
        Self {
            name: name.to_owned(),
            shape: PaddedShape::new(shape),
            kind,
        }
    }
}
