//! The choices that depend on the whole graph: domains of tables, shifts and multipliers, and with them scales of
//! weights and coefficients of sums.
//!
//! The scales of activations stay. [`exact_multipliers`] says which other scales are free, and what follows.

use super::options::bits_beyond;
use super::quantize::{Built, PendingRescale, PendingSum, Quantizer};
use super::quantized::Quantized;
use super::record::Record;
use super::shift::{self, Chosen, RescaleDemand};
use super::wide::{self, Scales};
use crate::graph::{ChannelScales, NodeId};
use crate::ops::{IntOp, Properties, QuantizeError, node_range, range};
use crate::optimize::Level;
use crate::optimize::circuit::{limb_width, table_sharing};
use crate::optimize::operation::exact_multipliers::{self, Freedom, Maker};

impl Quantizer<'_> {
    /// Chooses tables, shifts, multipliers and weights for the whole graph, then proves its ranges.
    pub(super) fn settle(mut self) -> Result<Built, QuantizeError> {
        let switches = self.options.switches;
        table_sharing::widen(&switches, &mut self.nodes);
        let rescales = core::mem::take(&mut self.rescales);
        let freedoms: Vec<Freedom> = rescales.iter().map(|rescale| self.freedom(rescale)).collect();
        let demands: Vec<RescaleDemand> = rescales
            .iter()
            .zip(&freedoms)
            .filter_map(|(rescale, freedom)| self.demand(rescale, *freedom))
            .collect();
        let (limb_bits, chosen) = shift::choose(
            &demands,
            self.options.multiplier_bits,
            match self.options.is_wide() {
                // Values and remainders of 16 bits have a table of that width in any case.
                true => wide::DIGIT_BITS..=wide::DIGIT_BITS,
                false => limb_width::widths(&switches),
            },
        )?;
        for ((rescale, freedom), chosen) in rescales.iter().zip(freedoms).zip(chosen) {
            self.apply(rescale, freedom, chosen);
        }
        self.quantize_parameters()?;
        for index in 0..self.nodes.nodes.len() {
            let range = node_range(&self.nodes, NodeId(index))?;
            self.nodes.nodes[index].fact.range = range;
        }
        let mut output_scales = Vec::with_capacity(self.float.outputs.len());
        for &output in &self.float.outputs {
            let (mut node, scales): (NodeId, ChannelScales) = match &self.accumulators[output.0] {
                Some(accumulator) if self.kept[output.0].is_some() => (accumulator.node, accumulator.into()),
                _ => {
                    let activation = self.activation(output)?;
                    (activation.node, ChannelScales::one(activation.scale))
                }
            };
            if self.options.is_wide() && self.nodes[node].op.room().has(Properties::INDEX) {
                node = self.reveal(node)?;
            }
            self.nodes.outputs.push(node);
            output_scales.push(scales);
        }
        self.nodes.validate()?;
        crate::ops::check(&self.nodes)?;
        let correspondence = (0..self.float.nodes.len()).map(|index| self.counterpart(NodeId(index)));
        let seen = self.float.inputs().map(|input| self.seen(input)).collect();
        let inputs = self.float.inputs();
        let network = Quantized {
            input_scales: inputs.map(|input| self.input_scales(input)).collect(),
            output_scales,
            limb_bits,
            correspondence: correspondence.collect(),
            graph: self.nodes,
            lowering: switches.at(Level::Circuit),
            sizing: Default::default(),
            record: Record {
                inputs: seen,
                ..Record::default()
            },
        };
        let of_input = |id: NodeId| self.leading.iter().any(|leading| leading.before.contains(&id));
        let steps = self.activations.iter().enumerate();
        let steps = steps
            .map(|(index, x)| x.filter(|_| !of_input(NodeId(index))).map(|x| x.scale))
            .collect();
        Ok(Built {
            network,
            arguments: self.arguments,
            steps,
        })
    }

    /// The integer node of a node's value, and what its integers stand for in the network as it was.
    fn counterpart(&self, id: NodeId) -> Option<(NodeId, ChannelScales)> {
        if let Some(leading) = self.leading.iter().find(|leading| leading.before.contains(&id)) {
            // Before an affine map there are only reshapes of the input.
            let of_input = id == leading.input;
            return self.activations[id.0]
                .filter(|_| of_input)
                .map(|x| (x.node, self.input_scales(id)));
        }
        if let Some(x) = self.activations[id.0] {
            return Some((x.node, self.equalized.channel_scales(id, x.scale)));
        }
        let accumulator = self.accumulators[id.0].as_ref()?;
        let raised = self.equalized.channel_scales(id, 1.0);
        let shape = &self.float[id].fact;
        let raised = Scales {
            values: raised.scales,
            axes: raised.axes,
        };
        let one = Scales::from(accumulator).times(&raised, shape);
        Some((accumulator.node, ChannelScales::new(one.values, one.axes)))
    }

    /// The freedom to choose the scale of a rescale's accumulator: there is some only if nothing else uses it.
    fn freedom(&self, rescale: &PendingRescale) -> Freedom {
        let accumulator = self.nodes[rescale.node].inputs[0];
        let outputs = self.float.outputs.iter();
        let is_output = outputs
            .filter_map(|output| self.accumulators[output.0].as_ref())
            .any(|output| output.node == accumulator);
        let maker = self.maker(accumulator);
        exact_multipliers::freedom(&self.options.switches, &self.nodes, accumulator, is_output, maker)
    }

    /// The layer or the sum that computes an accumulator; `None` for other nodes.
    fn maker(&self, accumulator: NodeId) -> Option<Maker> {
        let layer = self.weighted.iter().position(|layer| layer.node == accumulator);
        let Some(number) = layer else {
            let sum = self.sums.iter().position(|sum| sum.node == accumulator);
            return sum.map(Maker::Sum);
        };
        let weight = self.weighted[number].weight;
        let users = self.weighted.iter().filter(|layer| layer.weight == weight);
        // A parameter used as a tensor has no accumulator, and so no scale to choose.
        let layer = &self.weighted[number];
        let accumulates = layer.free && self.accumulators[layer.source.0].is_some();
        Some(Maker::Layer {
            number,
            alone: accumulates && users.count() == 1,
            terms: self.float[weight].values.shape().iter().skip(1).product(),
        })
    }

    fn demand(&self, rescale: &PendingRescale, freedom: Freedom) -> Option<RescaleDemand> {
        let node = &self.nodes[rescale.node];
        let IntOp::Rescale(op) = &node.op else {
            return None;
        };
        let operand = &self.nodes[node.inputs[0]];
        let (factors, accumulator) = match freedom {
            Freedom::None | Freedom::Weights(_) => {
                (rescale.factors.clone(), range::magnitude(operand.fact.range))
            }
            // Coefficients act as the multipliers, and the operands together as the accumulator.
            Freedom::Coefficients(index) => {
                let factors = exact_multipliers::coefficient_factors(&self.sums[index].scales, rescale.step);
                let operands = operand.inputs.iter().map(|id| self.nodes[*id].fact.range);
                (factors, operands.map(range::magnitude).sum())
            }
        };
        Some(RescaleDemand {
            layer: node.name.clone(),
            factors,
            identity: rescale.identity,
            grows: matches!(freedom, Freedom::Weights(_)),
            spare_bits: exact_multipliers::spare_bits(&self.options.switches),
            extra_bits: match self.options.is_wide() {
                true => 0,
                false => bits_beyond(op.table.maximum.max(-op.table.minimum)),
            },
            accumulator,
            domain_bits: op.table.domain_bits,
            cells: node
                .fact
                .shape
                .iter()
                .map(|size| size.next_power_of_two() as u64)
                .product(),
        })
    }

    /// Writes multipliers and shift into the graph, and the scale that they imply for a free accumulator.
    fn apply(&mut self, rescale: &PendingRescale, freedom: Freedom, mut chosen: Chosen) {
        let operand = self.nodes[rescale.node].inputs[0];
        let unit = rescale.step * libm::ldexp(1.0, -(chosen.shift as i32));
        let settled = match freedom {
            Freedom::None => None,
            Freedom::Weights(index) => {
                let layer = &mut self.weighted[index];
                let scales: Vec<f64> = chosen.multipliers.iter().map(|m| *m as f64 * unit).collect();
                layer.scales = scales.iter().map(|scale| scale / layer.input_scale).collect();
                Some((layer.source, scales))
            }
            Freedom::Coefficients(index) => {
                let multipliers = core::mem::replace(&mut chosen.multipliers, vec![1]);
                if let IntOp::WeightedSum(sum) = &mut self.nodes.nodes[operand.0].op {
                    sum.coefficients = multipliers;
                }
                let PendingSum { source, .. } = self.sums[index];
                Some((source, vec![unit]))
            }
        };
        if let Some((source, scales)) = settled {
            self.nodes.nodes[operand.0].fact.scale = scales.first().copied().unwrap_or(1.0);
            if let Some(accumulator) = &mut self.accumulators[source.0] {
                accumulator.scales = scales;
            }
        }
        if let IntOp::Rescale(rescale) = &mut self.nodes.nodes[rescale.node.0].op {
            (rescale.multipliers, rescale.shift) = (chosen.multipliers, chosen.shift);
        }
    }
}
