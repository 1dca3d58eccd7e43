//! From the integer graph to the circuit.
//!
//! Every node of the graph becomes a column, its *node column*, as its [room](crate::ops) says. The column of a linear
//! node is virtual. Only results of tables and the remainders of rescales are committed. Nothing here knows the values
//! of weights, so a verifier can lower a network itself.

mod builder;
#[cfg(feature = "prover")]
mod cells;
mod private;

pub use builder::{ParameterCells, ParameterColumn};
#[cfg(feature = "prover")]
pub use cells::{Filled, FilledColumn};

use std::collections::BTreeMap;

use crate::circuit::{
    Block, Bound, Circuit, CircuitError, ColumnId, ColumnKind, Home, MAXIMUM_SLOW_ENTRIES, Public, Table,
    check_bound,
};
use crate::graph::{Graph, NodeId, Operation};
use crate::ops::range::magnitude;
use crate::ops::{Hint, Properties, Skeleton, node_range};
use crate::optimize::Switches;
use crate::privacy::{Privacy, Visibility};
use builder::Builder;

/// A circuit and what the prover needs to fill it.
#[derive(Debug, Clone)]
pub struct Lowered<P = ParameterColumn> {
    /// The statement.
    pub circuit: Circuit,
    /// For each node of the graph its column.
    pub nodes: Vec<ColumnId>,
    /// The column of the input, 0 on padding: public, or made from a private committed column.
    pub input: ColumnId,
    /// The outputs, in the graph's order: public columns, or private ones that are committed apart.
    pub outputs: Vec<ColumnId>,
    /// The parameter columns.
    pub parameters: Vec<P>,
    /// How committed columns are filled, in order.
    pub hints: Vec<Hint>,
    /// The committed blocks of columns that hints fill as a whole.
    pub blocks: BTreeMap<ColumnId, Vec<(ColumnId, Block)>>,
    /// How large values in constraints can get.
    pub bounds: Vec<Bound>,
}

/// Lowers a graph; remainders are split into limbs of `limb_bits`. Input and outputs become public or committed
/// columns, as `privacy` says; weights are committed in any case.
///
/// # Errors
/// [`CircuitError::Malformed`] for a graph that does not fit together or whose ranges are narrower than its values,
/// [`CircuitError::Overflow`] when an integer could leave the field, [`CircuitError::Unsupported`] for an operation
/// without a rule; both name the layer.
pub fn lower(graph: &Graph<Skeleton>, limb_bits: u32, privacy: &Privacy) -> Result<Lowered, CircuitError> {
    lower_with(graph, limb_bits, privacy, &Switches::default())
}

/// As [`lower`], with passes of the [circuit level](crate::optimize::circuit) switched off.
///
/// # Errors
/// As [`lower`].
pub fn lower_with(
    graph: &Graph<Skeleton>,
    limb_bits: u32,
    privacy: &Privacy,
    switches: &Switches,
) -> Result<Lowered, CircuitError> {
    validate(graph, limb_bits)?;
    if !privacy.is_consistent() {
        return Err(CircuitError::Malformed {
            place: "privacy".into(),
            expected: "a private input to commit to".into(),
            found: "a public one".into(),
        });
    }
    let private = graph
        .inputs()
        .filter(|id| !graph[*id].op.room().has(Properties::REVEALS))
        .count();
    if privacy.commit_input && private != 1 {
        return Err(CircuitError::Malformed {
            place: "privacy".into(),
            expected: "one private input to commit to".into(),
            found: private.to_string(),
        });
    }
    let home = if privacy.commit_input {
        Home::Input
    } else {
        Home::Trace
    };
    let mut builder = Builder::new(graph, limb_bits, *switches, (privacy.input, home), privacy.output);
    for index in 0..graph.nodes.len() {
        builder.node(NodeId(index))?;
    }
    let outputs = graph
        .outputs
        .iter()
        .enumerate()
        .map(|(index, &output)| {
            if let Some(column) = builder.shown_output(index) {
                return column;
            }
            let revealed = builder.is_revealed(output);
            match privacy.output {
                Visibility::Private if !revealed => builder.private_output(index, output),
                _ => builder.output(index, output),
            }
        })
        .collect();
    builder.finish(outputs)
}

/// Largest width of a remainder limb: its range table has `2^limb_bits` rows.
const MAXIMUM_LIMB_BITS: u32 = 16;

/// Checks all that the rules of the operations rely on, since a graph may come from a file.
pub(crate) fn validate(graph: &Graph<Skeleton>, limb_bits: u32) -> Result<(), CircuitError> {
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
    for node in &graph.nodes {
        // Sizes of columns have 32 bits.
        if let Some(size) = node.fact.shape.iter().find(|size| u32::try_from(**size).is_err()) {
            return malformed(&node.name, "sizes below 2^32", size.to_string());
        }
    }
    validate_tables(graph)?;
    let mut slow = 0u32;
    for (index, node) in graph.nodes.iter().enumerate() {
        let (low, high) = node.fact.range;
        if low > high {
            return malformed(&node.name, "a range", format!("[{low}, {high}]"));
        }
        match node_range(graph, NodeId(index)) {
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
        check_bound(&node.name, "value", magnitude(node.fact.range))?;
        slow = slow.saturating_add(
            node.op
                .room()
                .table()
                .map_or(0, |table| table.slow_entries().unwrap_or(0)),
        );
        if slow > MAXIMUM_SLOW_ENTRIES {
            let expected = format!("at most {MAXIMUM_SLOW_ENTRIES} entries of all tables next to ties");
            return malformed(&node.name, &expected, format!("{slow} up to this layer"));
        }
    }
    Ok(())
}

/// Most rows of real functions that the nodes of a network look up, each node for itself: the range analysis computes
/// them.
const MAXIMUM_CURVE_ROWS: u64 = 1 << 25;

/// Counts the rows of tables before any of them is computed.
fn validate_tables(graph: &Graph<Skeleton>) -> Result<(), CircuitError> {
    let mut rows = 0u64;
    for node in &graph.nodes {
        let Some(table) = node.op.room().table().filter(Table::is_computed) else {
            continue;
        };
        let own = u32::try_from(table.variables())
            .ok()
            .and_then(|bits| 1u64.checked_shl(bits));
        rows = rows.saturating_add(own.unwrap_or(u64::MAX));
        if rows > MAXIMUM_CURVE_ROWS {
            return Err(CircuitError::Malformed {
                place: node.name.clone(),
                expected: format!(
                    "at most {MAXIMUM_CURVE_ROWS} rows of tables of real functions in all layers"
                ),
                found: format!("{rows} up to this layer"),
            });
        }
    }
    Ok(())
}

impl Builder<'_> {
    /// Is the output `node` public whatever the privacy?
    fn is_revealed(&self, node: NodeId) -> bool {
        let op = &self.graph()[node].op;
        op.room().has(Properties::REVEALS) && !op.is_input()
    }

    /// The number of a public output that the node being lowered is, or that reveals it.
    fn public_index(&self) -> Option<usize> {
        let (graph, at) = (self.graph(), self.at());
        let mut outputs = graph.outputs.iter();
        outputs.position(|&output| match self.is_revealed(output) {
            true => graph[output].inputs == [at],
            false => output == at && !self.output.is_private(),
        })
    }

    /// The column of an output that a room has made public already.
    fn shown_output(&self, index: usize) -> Option<ColumnId> {
        let mut shown = self.shown.iter();
        shown.find(|shown| shown.0 == index).map(|shown| shown.1)
    }

    /// A public column for an output.
    fn output_column(&mut self, index: usize, node: NodeId) -> ColumnId {
        let fact = &self.graph()[node].fact;
        let (minimum, maximum) = fact.range;
        let public = Public::Output {
            index: index as u32,
            minimum,
            maximum,
        };
        self.circuit.column(
            &format!("output.{index}"),
            &fact.shape,
            ColumnKind::Public(public),
        )
    }

    /// A public column for an output, equal to the node's column.
    fn output(&mut self, index: usize, node: NodeId) -> ColumnId {
        let public = self.output_column(index, node);
        let left = self.nodes[node.0];
        self.circuit.equality(&format!("output.{index}"), left, public);
        public
    }
}
