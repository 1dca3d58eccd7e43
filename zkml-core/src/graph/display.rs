//! A readable listing of a graph: one line per node, with operation, operands and facts.

use core::fmt;

use super::{Float, Graph, Int, Node, Stage, Symbolic};

fn list<S: Stage>(
    graph: &Graph<S>,
    f: &mut fmt::Formatter<'_>,
    fact: impl Fn(&Node<S>) -> String,
) -> fmt::Result {
    let width = graph.nodes.iter().map(|node| node.name.len()).max().unwrap_or(0);
    for (index, node) in graph.nodes.iter().enumerate() {
        let debug = format!("{:?}", node.op);
        let operation = debug.split([' ', '(', '{']).next().unwrap_or_default();
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

impl fmt::Display for Graph<Float> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(self, f, |node| format!("{:?}", node.fact))
    }
}

impl fmt::Display for Graph<Symbolic> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(self, f, |node| format!("{:?}", node.fact))
    }
}

impl fmt::Display for Graph<Int> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(self, f, |node| {
            let fact = &node.fact;
            let (low, high) = fact.range;
            let mut line = format!("{:?}  in [{low}, {high}]  scale {:.3e}", fact.shape, fact.scale);
            if let super::IntOp::Rescale {
                multipliers,
                shift,
                table,
                ..
            } = &node.op
            {
                let (least, most) = (multipliers.iter().min(), multipliers.iter().max());
                line += &format!(
                    "  m in [{}, {}], shift {shift}, {} on {} bits",
                    least.copied().unwrap_or(0),
                    most.copied().unwrap_or(0),
                    table.function,
                    table.domain_bits
                );
            }
            line
        })
    }
}
