//! A sum of products as data: all that one must know who computes it.

use super::super::IntegerSite;
use crate::graph::{IntTensor, ParameterId, Window2d};

/// A convolution or linear layer: `sum weight x + bias`, with the weights where the graph has them.
#[derive(Debug, Clone, Copy)]
pub struct IntegerLayer<'a> {
    /// `[outputs, inputs]`; of a convolution `[outputs, inputs of a group, kernel height, kernel width]`.
    pub weight: &'a IntTensor,
    /// One for each output.
    pub bias: Option<&'a IntTensor>,
    /// The smallest and the largest integer that the operand may have.
    pub range: (i64, i64),
    /// Of a convolution its window and number of groups.
    pub convolution: Option<(Window2d, usize)>,
}

impl<'a> IntegerLayer<'a> {
    /// At a node of a graph. `None` where the graph does not fit together.
    pub(crate) fn new(
        site: &IntegerSite<'a>,
        weight: ParameterId,
        bias: Option<ParameterId>,
        convolution: Option<(Window2d, usize)>,
    ) -> Option<Self> {
        let graph = site.graph;
        let tensor = |id: ParameterId| Some(&graph.parameters.get(id.0)?.values);
        Some(Self {
            weight: tensor(weight)?,
            bias: match bias {
                Some(id) => Some(tensor(id)?),
                None => None,
            },
            range: graph.nodes.get(site.node.inputs.first()?.0)?.fact.range,
            convolution,
        })
    }
}
