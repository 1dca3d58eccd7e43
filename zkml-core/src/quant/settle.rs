//! What can be chosen only when the whole graph is known: the domains of tables, shifts and multipliers, and with them the
//! scales of weights and the coefficients of sums.
//!
//! The scales of activations are fixed. With `exact_multipliers`, where nothing but one rescale to `s_y` uses an
//! accumulator, its scale `s_acc` is free, and `m 2^-s` is made exactly `M = s_acc / s_y`:
//!
//! ```text
//! conv, linear    M_c = s_x s_w / s_y  at the least scales s_w that the weights of channel c fit
//!                 m_c = ceil(M_c 2^s),  s_w := m_c 2^-s s_y / s_x:  no smaller, so weights and biases still fit
//! residual sum    c_i = round(s_i / s_y 2^s),  m = 1
//! ```
//!
//! Not free are weights that several layers share (they would become several weights) and layers that scale channels one
//! by one (a kernel of a single weight, which would be rounded more coarsely than a multiplier).

use std::collections::HashMap;

use ndarray::ArrayD;

use super::quantize::{PendingRescale, PendingSum, PendingWeights, Quantizer};
use super::quantized::Quantized;
use super::record::Record;
use super::shift::{self, Chosen, RescaleDemand};
use super::weights::{quantize_bias, quantize_weights};
use crate::circuit::{Function, FunctionTable};
use crate::graph::{IntParameter, IntTensor, NodeId, ParameterId, ParameterRole};
use crate::ops::{Accumulator, IntOp, QuantizeError, node_range, range};
use crate::optimize::circuit::limb_width;

/// Bits of a multiplier given up where that saves a limb.
const SPARE_BITS: u32 = 2;

/// An operand of a sum weighs at least this part of the one that weighs most; less is below its rounding.
const LEAST_COEFFICIENT: f64 = 1.0 / 4096.0;

/// What of an accumulator's scale is ours to choose.
#[derive(Debug, Clone, Copy)]
enum Freedom {
    /// Nothing.
    None,
    /// Of `Quantizer::weighted`: the scales of its weights may grow.
    Weights(usize),
    /// Of `Quantizer::sums`: its coefficients.
    Coefficients(usize),
}

impl Quantizer<'_> {
    /// Chooses tables, shifts, multipliers and weights for the whole graph, then proves its ranges.
    pub(super) fn settle(mut self) -> Result<Quantized, QuantizeError> {
        self.share_tables();
        let rescales = core::mem::take(&mut self.rescales);
        let freedoms: Vec<Freedom> = rescales.iter().map(|rescale| self.freedom(rescale)).collect();
        let demands: Vec<RescaleDemand> = rescales
            .iter()
            .zip(&freedoms)
            .filter_map(|(rescale, freedom)| self.demand(rescale, *freedom))
            .collect();
        let (limb_bits, chosen) = shift::choose(&demands, self.options.multiplier_bits, self.limb_widths())?;
        for ((rescale, freedom), chosen) in rescales.iter().zip(freedoms).zip(chosen) {
            self.apply(rescale, freedom, chosen);
        }
        self.quantize_parameters();
        for index in 0..self.nodes.nodes.len() {
            let range = node_range(&self.nodes, NodeId(index))?;
            self.nodes.nodes[index].fact.range = range;
        }
        let mut output_scales = Vec::with_capacity(self.float.outputs.len());
        for &output in &self.float.outputs {
            let (node, scale) = match &self.accumulators[output.0] {
                Some(accumulator) => (accumulator.node, accumulator.scales[0]),
                None => {
                    let activation = self.activation(output)?;
                    (activation.node, activation.scale)
                }
            };
            self.nodes.outputs.push(node);
            output_scales.push(scale);
        }
        self.nodes.validate()?;
        crate::ops::check(&self.nodes)?;
        let correspondence = (0..self.float.nodes.len()).map(|index| {
            let activation = self.activations[index].map(|x| (x.node, x.scale));
            let accumulator = self.accumulators[index].as_ref();
            activation.or(accumulator
                .filter(|acc| acc.scales.len() == 1)
                .map(|acc| (acc.node, acc.scales[0])))
        });
        Ok(Quantized {
            input_scale: self.nodes[self.nodes.input].fact.scale,
            output_scales,
            limb_bits,
            correspondence: correspondence.collect(),
            graph: self.nodes,
            lowering: self.options.circuit,
            record: Record::default(),
        })
    }

    /// One table for each function, the widest serving all.
    #[expect(
        clippy::mutable_key_type,
        reason = "the memo of a curve takes no part in equality or hashing"
    )]
    fn share_tables(&mut self) {
        if !self.options.circuit.table_sharing {
            return;
        }
        let mut domains: HashMap<(Function, i64, i64), u32> = HashMap::new();
        let key = |table: &FunctionTable| (table.function.clone(), table.minimum, table.maximum);
        for node in &self.nodes.nodes {
            if let IntOp::Rescale(rescale) = &node.op {
                let bits = domains.entry(key(&rescale.table)).or_default();
                *bits = (*bits).max(rescale.table.domain_bits);
            }
        }
        for node in &mut self.nodes.nodes {
            if let IntOp::Rescale(rescale) = &mut node.op {
                let table = &mut rescale.table;
                table.domain_bits = domains.get(&key(table)).copied().unwrap_or(table.domain_bits);
            }
        }
    }

    /// Whether the accumulator under a rescale exists for it alone, and how its scale is chosen then.
    fn freedom(&self, rescale: &PendingRescale) -> Freedom {
        let operand = self.nodes[rescale.node].inputs[0];
        let users = self.nodes.nodes.iter().flat_map(|node| &node.inputs);
        let outputs = self.float.outputs.iter();
        let is_output = |accumulator: &Accumulator| accumulator.node == operand;
        if !self.options.operation.exact_multipliers
            || users.filter(|user| **user == operand).count() != 1
            || outputs
                .filter_map(|output| self.accumulators[output.0].as_ref())
                .any(is_output)
        {
            return Freedom::None;
        }
        if let Some(index) = self.weighted.iter().position(|layer| layer.node == operand) {
            let weight = self.weighted[index].weight;
            let alone = self
                .weighted
                .iter()
                .filter(|layer| layer.weight == weight)
                .count()
                == 1;
            let terms: usize = self.float[weight].values.shape().iter().skip(1).product();
            // A parameter that is used as a tensor has no accumulator whose scale would be ours.
            let accumulates = self.accumulators[self.weighted[index].source.0].is_some();
            return if alone && terms > 1 && accumulates {
                Freedom::Weights(index)
            } else {
                Freedom::None
            };
        }
        let sum = self.sums.iter().position(|sum| sum.node == operand);
        sum.map_or(Freedom::None, Freedom::Coefficients)
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
            // The coefficients take the place of multipliers, the operands that of accumulators.
            Freedom::Coefficients(index) => {
                let scales = &self.sums[index].scales;
                let least = scales.iter().fold(0.0, |most: f64, scale| most.max(*scale)) * LEAST_COEFFICIENT;
                let factors = scales.iter().map(|scale| scale.max(least) / rescale.step);
                let operands = operand.inputs.iter().map(|id| self.nodes[*id].fact.range);
                (factors.collect(), operands.map(range::magnitude).sum())
            }
        };
        Some(RescaleDemand {
            layer: node.name.clone(),
            factors,
            identity: rescale.identity,
            grows: matches!(freedom, Freedom::Weights(_)),
            spare_bits: if self.options.operation.exact_multipliers {
                SPARE_BITS
            } else {
                0
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

    /// Writes multipliers and shift into the graph, and the scale they give to an accumulator that is free.
    fn apply(&mut self, rescale: &PendingRescale, freedom: Freedom, mut chosen: Chosen) {
        let operand = self.nodes[rescale.node].inputs[0];
        let unit = rescale.step * 2f64.powi(-(chosen.shift as i32));
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

    /// The weights and biases of all layers at the scales they got, in place of the zeros.
    fn quantize_parameters(&mut self) {
        self.nodes.parameters.clear();
        for layer in core::mem::take(&mut self.weighted) {
            let PendingWeights {
                source,
                node,
                weight,
                bias,
                input_scale,
                scales,
            } = layer;
            let float = self.float;
            let name = &float[source].name;
            let values = quantize_weights(&float[weight].values, &scales, self.options.weight_limit());
            let weight_id = self.parameter(&float[weight].path, name, ParameterRole::Weight, values);
            let bias_id = bias.map(|bias| {
                let values = quantize_bias(&float[bias].values, input_scale, &scales);
                self.parameter(&float[bias].path, name, ParameterRole::Bias, values)
            });
            let parameters = self.nodes.nodes[node.0].op.room_mut().parameters_mut();
            for (parameter, id) in parameters
                .into_iter()
                .zip([Some(weight_id), bias_id].into_iter().flatten())
            {
                *parameter = id;
            }
        }
    }

    /// Registers a parameter once; the same tensor quantized differently for another layer gets the layer in its path.
    fn parameter(
        &mut self,
        path: &str,
        layer: &str,
        role: ParameterRole,
        values: ArrayD<i32>,
    ) -> ParameterId {
        let (parameters, values) = (&mut self.nodes.parameters, IntTensor::from(values));
        let same = |p: &IntParameter| p.path == path && p.role == role && p.values == values;
        if let Some(index) = parameters.iter().position(same) {
            return ParameterId(index);
        }
        let taken = parameters.iter().any(|p| p.path == path);
        let path = if taken {
            format!("{path}@{layer}")
        } else {
            path.to_owned()
        };
        parameters.push(IntParameter { path, role, values });
        ParameterId(parameters.len() - 1)
    }

    /// The widths of remainder limbs to choose from.
    fn limb_widths(&self) -> core::ops::RangeInclusive<u32> {
        match self.options.circuit.limb_width {
            true => shift::LIMB_BITS,
            false => limb_width::FIXED_BITS..=limb_width::FIXED_BITS,
        }
    }
}
