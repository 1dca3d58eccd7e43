//! A readable listing of a graph: one line per node, with operation, operands and facts.

use core::fmt;

use super::{Graph, Node, Operation, Stage};

pub(crate) fn list<S: Stage>(
    graph: &Graph<S>,
    f: &mut fmt::Formatter<'_>,
    fact: impl Fn(&Node<S>) -> String,
) -> fmt::Result {
    let width = graph.nodes.iter().map(|node| node.name.len()).max().unwrap_or(0);
    for (index, node) in graph.nodes.iter().enumerate() {
        let operation = node.op.name();
        let operands: Vec<&str> = node
            .inputs
            .iter()
            .map(|operand| graph.nodes.get(operand.0).map_or("?", |node| node.name.as_str()))
            .collect();
        let call = format!("{operation}({})", operands.join(", "));
        let output = if graph.outputs.iter().any(|id| id.0 == index) {
            "  -> output"
        } else {
            ""
        };
        writeln!(f, "{:width$}  {call:<32}  {}{output}", node.name, fact(node))?;
    }
    Ok(())
}
