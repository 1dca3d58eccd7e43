//! Listings of graphs, a line per node. Integer networks are printed as PyTorch prints modules, with what their edges
//! hold.

use core::fmt;

use super::analysis::with_site;
#[cfg(feature = "prover")]
use super::{Float, Int};
use super::{IntOp, Skeleton, Symbolic};
use crate::graph::{Graph, IntFact, NodeId, Operation as _, ParameterId, Stage, display};

#[cfg(feature = "prover")]
impl fmt::Display for Graph<Float> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self, f, |node| format!("{:?}", node.fact))
    }
}

impl fmt::Display for Graph<Symbolic> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self, f, |node| format!("{:?}", node.fact))
    }
}

#[cfg(feature = "prover")]
impl fmt::Display for Graph<Int> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        modules(self, f)
    }
}

impl fmt::Display for Graph<Skeleton> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        modules(self, f)
    }
}

/// `(conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))  [1, 6, 28, 28], 20 bits, scale 3.1e-5`, a line for each
/// node. Operands are named where they are not the line before.
fn modules<S: Stage<Op = IntOp, Fact = IntFact>>(
    graph: &Graph<S>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let calls: Vec<String> = (0..graph.nodes.len()).map(|index| call(graph, index)).collect();
    // Long options do not push the rest of all lines to the right.
    let width = calls
        .iter()
        .map(|call| call.len())
        .filter(|length| *length <= 72)
        .max();
    let width = width.unwrap_or(0);
    for (index, (node, call)) in graph.nodes.iter().zip(&calls).enumerate() {
        let (fact, (low, high)) = (&node.fact, node.fact.range);
        write!(
            f,
            "{call:width$}  {:?}, integers in [{low}, {high}], scale {:.3e}",
            fact.shape, fact.scale
        )?;
        let outputs = graph.outputs.iter().enumerate().filter(|(_, id)| id.0 == index);
        for (number, _) in outputs {
            write!(f, "  -> output {number}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// `(name): Operation(options)`, and its operands where they are not the node before.
fn call<S: Stage<Op = IntOp, Fact = IntFact>>(graph: &Graph<S>, index: usize) -> String {
    let node = &graph[NodeId(index)];
    let options = with_site(graph, node, Vec::new(), |site| node.op.room().options(site));
    let mut text = format!("({}): {}({options})", node.name, node.op.name());
    let before = index.checked_sub(1).map(NodeId);
    if !node.inputs.is_empty() && node.inputs.iter().any(|input| Some(*input) != before) {
        let name = |id: &NodeId| graph.nodes.get(id.0).map_or("?", |node| node.name.as_str());
        let operands: Vec<&str> = node.inputs.iter().map(name).collect();
        text += &format!(" <- {}", operands.join(", "));
    }
    text
}

/// `5 / 2^16` or `6 multipliers of 5 to 90, / 2^16`.
pub(super) fn factors(multipliers: &[i64], shift: u32) -> String {
    match multipliers {
        [multiplier] => format!("{multiplier} / 2^{shift}"),
        _ => {
            let (least, most) = (multipliers.iter().min(), multipliers.iter().max());
            let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
            format!(
                "{} multipliers of {least} to {most}, / 2^{shift}",
                multipliers.len()
            )
        }
    }
}

/// `, bias=False` for a layer without one, as PyTorch prints it.
pub(super) fn without_bias(bias: Option<ParameterId>) -> &'static str {
    match bias {
        Some(_) => "",
        None => ", bias=False",
    }
}
