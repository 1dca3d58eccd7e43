//! Accumulators that are kept as they are, on their way to an output or to a comparison.

use super::node::NodeQuantizer;
use super::quantize::Quantizer;
use super::wide::Scales;
use crate::graph::NodeId;
use crate::ops::{Accumulator, Activation, Expand, IntOp, IntegerConstant, Product, QuantizeError};

impl NodeQuantizer<'_, '_> {
    /// Appends operands that are joined along an axis, each with the scales of its accumulator, if all have one.
    pub(super) fn joined_accumulators(&mut self, op: &IntOp) -> Result<bool, QuantizeError> {
        let inputs = self.float().inputs.clone();
        let accumulators: Option<Vec<Accumulator>> = inputs
            .iter()
            .map(|operand| self.quantizer.accumulators[operand.0].clone())
            .collect();
        let Some(accumulators) = accumulators.filter(|_| self.keeps()) else {
            return Ok(false);
        };
        let shape = self.float().fact.clone();
        let shapes: Vec<Vec<usize>> = inputs
            .iter()
            .map(|operand| self.quantizer.float[*operand].fact.clone())
            .collect();
        let differs = |axis: &usize| shapes.iter().any(|operand| operand[*axis] != shape[*axis]);
        let Some(along) = (0..shape.len()).find(differs) else {
            return Ok(false);
        };
        let mut axes = vec![along];
        axes.extend(accumulators.iter().flat_map(|accumulator| &accumulator.axes));
        axes.sort_unstable();
        axes.dedup();
        let count: usize = axes.iter().map(|axis| shape[*axis]).product();
        let scale = |mut cell: usize| {
            let mut at = vec![0; shape.len()];
            for &axis in axes.iter().rev() {
                at[axis] = cell % shape[axis];
                cell /= shape[axis];
            }
            let mut parts = accumulators.iter().zip(&shapes);
            let part = parts.find(|(_, shape)| {
                let inside = at[along] < shape[along];
                if !inside {
                    at[along] -= shape[along];
                }
                inside
            });
            part.map_or(1.0, |(accumulator, shape)| {
                Scales::from(accumulator).at(shape, &at)
            })
        };
        let scales = (0..count).map(scale).collect();
        let operands = accumulators.iter().map(|accumulator| accumulator.node).collect();
        self.accumulated(op.clone(), operands, scales, axes)?;
        Ok(true)
    }
}

impl NodeQuantizer<'_, '_> {
    /// An accumulator whose channels are brought to a common unit by public integers.
    pub(super) fn multiplied(
        &mut self,
        accumulator: &Accumulator,
        multipliers: Vec<i64>,
    ) -> Result<NodeId, QuantizeError> {
        let (name, shape) = (
            self.float().name.clone(),
            self.quantizer.nodes[accumulator.node].fact.shape.clone(),
        );
        let of = |axis: usize| {
            if accumulator.axes.contains(&axis) {
                shape[axis]
            } else {
                1
            }
        };
        let small: Vec<usize> = (0..shape.len()).map(of).collect();
        let constant = IntegerConstant { values: multipliers };
        let part = self.quantizer.unique(format!("{name}.multipliers"));
        let mut factor = self
            .quantizer
            .push(part, constant.into(), Vec::new(), small.clone(), 1.0)?;
        if small != shape {
            let part = self.quantizer.unique(format!("{name}.everywhere"));
            factor = self
                .quantizer
                .push(part, Expand.into(), vec![factor], shape.clone(), 1.0)?;
        }
        let unit = self.quantizer.nodes[accumulator.node].fact.scale;
        let part = self.quantizer.unique(format!("{name}.multiplied"));
        self.quantizer
            .push(part, Product.into(), vec![accumulator.node, factor], shape, unit)
    }
}

impl Quantizer<'_> {
    /// The activation of a node whose accumulator has scales along several axes, as moved values or joined ones have:
    /// the same operation on the activations of its operands.
    pub(super) fn moved_activation(
        &mut self,
        id: NodeId,
        accumulator: NodeId,
    ) -> Result<Activation, QuantizeError> {
        let (inputs, scale) = (self.float[id].inputs.clone(), self.scales[id.0]);
        let mut operands = Vec::with_capacity(inputs.len());
        for (number, operand) in inputs.into_iter().enumerate() {
            let x = self.activation(operand)?;
            let name = self.unique(format!("{}.rescale{number}", self.float[id].name));
            operands.push(match x.scale == scale {
                true => x.node,
                false => {
                    self.rescale(operand, &x.into(), scale, self.identity(id), name)?
                        .node
                }
            });
        }
        let (op, shape) = (self.nodes[accumulator].op.clone(), self.float[id].fact.clone());
        let name = self.unique(format!("{}.rescale", self.float[id].name));
        let node = self.push(name, op, operands, shape, scale)?;
        Ok(Activation { node, scale })
    }
}
