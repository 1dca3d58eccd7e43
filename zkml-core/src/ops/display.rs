//! Listings of graphs, a line per node.

use core::fmt;

use super::Symbolic;
#[cfg(feature = "prover")]
use super::{Float, Int, IntOp, Rescale};
use crate::graph::{Graph, display};

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
        display(self, f, |node| {
            let fact = &node.fact;
            let (low, high) = fact.range;
            let mut line = format!("{:?}  in [{low}, {high}]  scale {:.3e}", fact.shape, fact.scale);
            if let IntOp::Rescale(Rescale {
                multipliers,
                shift,
                table,
                ..
            }) = &node.op
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
