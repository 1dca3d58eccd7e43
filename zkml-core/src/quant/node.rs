//! The quantizer's answers to an operation, at one node of the float graph.

use ndarray::ArrayD;

use super::options::bits_beyond;
use super::quantize::{PendingSum, PendingWeights, Quantizer};
use super::scale::Kept;
use super::wide;
use crate::circuit::{CurveKind, Function};
use crate::graph::{IntFact, IntParameter, Node, NodeId, Parameter, ParameterId, ParameterRole};
use crate::ops::{
    self, Accumulator, Activation, Affine, Channels, Float, Input, IntOp, IntegerConstant, Properties,
    QuantizeError, Quantizing, WeightedSum,
};
use crate::optimize::operation::per_channel_scales::{
    COMPARED_BITS, KEPT_SPREAD, PerChannelScales, SPREAD, comparable, least_scales,
};

/// The quantizer at one node of the float graph.
pub(super) struct NodeQuantizer<'q, 'a> {
    pub(super) quantizer: &'q mut Quantizer<'a>,
    pub(super) id: NodeId,
}

impl<'a> NodeQuantizer<'_, 'a> {
    pub(super) fn float(&self) -> &'a Node<Float> {
        &self.quantizer.float[self.id]
    }

    pub(super) fn operand(&self, index: usize) -> NodeId {
        self.float().inputs.get(index).copied().unwrap_or(self.id)
    }

    /// Appends an operation with the name and shape of the float node.
    fn push(&mut self, op: IntOp, operands: Vec<NodeId>, scale: f64) -> Result<NodeId, QuantizeError> {
        let node = self.float();
        self.quantizer
            .push(node.name.clone(), op, operands, node.fact.clone(), scale)
    }

    fn activated(&mut self, node: NodeId, scale: f64) {
        self.quantizer.activations[self.id.0] = Some(Activation { node, scale });
    }

    /// Is the accumulator of this node kept as it is?
    pub(super) fn keeps(&self) -> bool {
        self.quantizer.kept[self.id.0].is_some()
    }

    pub(super) fn accumulated(
        &mut self,
        op: IntOp,
        operands: Vec<NodeId>,
        scales: Vec<f64>,
        axes: Vec<usize>,
    ) -> Result<NodeId, QuantizeError> {
        let node = self.push(op, operands, scales.first().copied().unwrap_or(1.0))?;
        self.quantizer.accumulators[self.id.0] = Some(Accumulator { node, scales, axes });
        Ok(node)
    }

    /// Zeros in the shape of a parameter, until `quantize_parameters` replaces them.
    fn zeros(&mut self, parameter: ParameterId, role: ParameterRole) -> ParameterId {
        let Parameter { path, values } = &self.quantizer.float[parameter];
        let parameters = &mut self.quantizer.nodes.parameters;
        parameters.push(IntParameter {
            path: path.clone(),
            role,
            values: ArrayD::zeros(values.shape()).into(),
        });
        ParameterId(parameters.len() - 1)
    }
}

impl Quantizing for NodeQuantizer<'_, '_> {
    fn node(&self) -> &Node<Float> {
        self.float()
    }

    fn operand_shape(&self, index: usize) -> &[usize] {
        &self.quantizer.float[self.operand(index)].fact
    }

    fn activation(&mut self, index: usize) -> Result<Activation, QuantizeError> {
        self.quantizer.activation(self.operand(index))
    }

    fn accumulator(&self, index: usize) -> Option<Accumulator> {
        self.quantizer.accumulators[self.operand(index).0].clone()
    }

    fn keeps_accumulator(&self) -> bool {
        self.keeps()
    }

    fn input(&mut self) -> Result<(), QuantizeError> {
        let node = self.float();
        let scale = self.quantizer.scales[self.quantizer.mapped(self.id).0];
        let limit = self.quantizer.ranges.limit(self.id);
        let fact = IntFact {
            shape: node.fact.clone(),
            range: (-limit, limit),
            scale,
        };
        let nodes = &mut self.quantizer.nodes.nodes;
        nodes.push(Node {
            name: node.name.clone(),
            op: Input.into(),
            inputs: Vec::new(),
            fact,
        });
        let id = NodeId(nodes.len() - 1);
        if self.id == self.quantizer.float.input {
            self.quantizer.nodes.input = id;
        }
        self.activated(id, scale);
        Ok(())
    }

    fn accumulate(&mut self, op: IntOp, operands: Vec<NodeId>, scale: f64) -> Result<(), QuantizeError> {
        self.accumulated(op, operands, vec![scale], Vec::new())
            .map(|_| ())
    }

    fn products(
        &mut self,
        of: Affine,
        axis: usize,
        op: &dyn Fn(Affine) -> IntOp,
    ) -> Result<(), QuantizeError> {
        let (weight, bias) = of;
        let x = self.activation(0)?;
        if self.quantizer.is_mapped(self.id) {
            // The input's integers are those of this value.
            self.activated(x.node, x.scale);
            return Ok(());
        }
        let (float, options) = (self.quantizer.float, self.quantizer.options);
        let per_channel = options.switches.runs(&PerChannelScales);
        let bias_values = bias.map(|bias| &float[bias].values);
        let spread = match self.keeps_accumulator() {
            true => KEPT_SPREAD,
            false => SPREAD,
        };
        let limit = options.weight_limit();
        let least = || {
            least_scales(
                &float[weight].values,
                bias_values,
                x.scale,
                per_channel,
                spread,
                limit,
            )
        };
        // Where rows of the weight are looked up too, it is one tensor of integers, at the scales of these rows.
        let tied = self.quantizer.looked_up(weight).filter(|_| bias.is_none());
        let free = tied.is_none();
        let scales = match (tied, self.quantizer.kept[self.id.0]) {
            (Some(scales), _) => scales,
            (None, Some(Kept::Compared)) => comparable(least()),
            (None, None) if per_channel && options.is_wide() => {
                self.quantizer.grown(self.id, axis, x.scale, least())
            }
            (None, Some(Kept::Shown) | None) => least(),
        };
        let weights = self.zeros(weight, ParameterRole::Weight);
        let biases = bias.map(|bias| self.zeros(bias, ParameterRole::Bias));
        let accumulated: Vec<f64> = scales.iter().map(|scale| scale * x.scale).collect();
        let axes = if accumulated.len() == 1 {
            Vec::new()
        } else {
            vec![axis]
        };
        let node = self.accumulated(op((weights, biases)), vec![x.node], accumulated, axes)?;
        self.quantizer.weighted.push(PendingWeights {
            source: self.id,
            node,
            weight,
            bias,
            input_scale: x.scale,
            scales,
            free,
        });
        Ok(())
    }

    fn sum(&mut self) -> Result<(), QuantizeError> {
        if self.quantizer.steps[self.id.0].is_some() {
            return self.quantizer.residual(self.id);
        }
        let operands = (0..self.float().inputs.len()).map(|index| self.activation(index));
        let operands = operands.collect::<Result<Vec<_>, _>>()?;
        let scales: Vec<f64> = operands.iter().map(|x| x.scale).collect();
        let extra = match self.quantizer.options.is_wide() {
            true => 0,
            false => bits_beyond(self.quantizer.ranges.limit(self.id)),
        };
        let (coefficients, scale) = coefficients(&scales, extra);
        let equal = coefficients.iter().all(|c| *c == 1);
        let nodes = operands.iter().map(|x| x.node).collect();
        let node = self.accumulated(
            WeightedSum { coefficients }.into(),
            nodes,
            vec![scale],
            Vec::new(),
        )?;
        if !equal {
            let source = self.id;
            self.quantizer.sums.push(PendingSum { source, node, scales });
        }
        Ok(())
    }

    fn constant(&mut self, values: &[f32]) -> Result<(), QuantizeError> {
        let (name, scale) = (self.float().name.clone(), self.quantizer.scales[self.id.0]);
        if let Some((index, &value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(QuantizeError::NotFinite {
                path: name,
                index,
                value,
            });
        }
        let limit = self.quantizer.ranges.limit(self.id);
        let round = |value: &f32| ((f64::from(*value) / scale).round_ties_even() as i64).clamp(-limit, limit);
        let values = values.iter().map(round).collect();
        let node = self.push(IntegerConstant { values }.into(), Vec::new(), scale)?;
        self.activated(node, scale);
        Ok(())
    }

    fn parameter(&mut self, parameter: ParameterId) -> Result<(), QuantizeError> {
        let (float, options) = (self.quantizer.float, self.quantizer.options);
        let largest = float[parameter]
            .values
            .iter()
            .fold(0.0f32, |most, value| most.max(value.abs()));
        let limit = options.weight_limit() as f64;
        // A tensor of zeros fits every scale.
        let scale = if largest > 0.0 {
            f64::from(largest) / limit
        } else {
            1.0 / limit
        };
        let weight = self.zeros(parameter, ParameterRole::Weight);
        let node = self.push(ops::Parameter { parameter: weight }.into(), Vec::new(), scale)?;
        self.activated(node, scale);
        self.quantizer.weighted.push(PendingWeights {
            source: self.id,
            node,
            weight: parameter,
            bias: None,
            input_scale: 1.0,
            scales: vec![scale],
            free: true,
        });
        Ok(())
    }

    fn negate(&mut self) -> Result<(), QuantizeError> {
        let op = || {
            IntOp::from(WeightedSum {
                coefficients: vec![-1],
            })
        };
        match self.accumulator(0) {
            Some(accumulator) if self.keeps_accumulator() => {
                let Accumulator { node, scales, axes } = accumulator;
                self.accumulated(op(), vec![node], scales, axes).map(|_| ())
            }
            _ => {
                let x = self.activation(0)?;
                let node = self.push(op(), vec![x.node], x.scale)?;
                self.activated(node, x.scale);
                Ok(())
            }
        }
    }

    fn scale(&mut self, factor: f64) -> Result<(), QuantizeError> {
        match self.accumulator(0) {
            Some(accumulator) if self.keeps_accumulator() => {
                let scales = accumulator.scales.iter().map(|scale| scale * factor).collect();
                self.quantizer.accumulators[self.id.0] = Some(Accumulator {
                    scales,
                    ..accumulator
                });
            }
            _ => {
                let x = self.activation(0)?;
                self.activated(x.node, x.scale * factor);
            }
        }
        Ok(())
    }

    fn keep_scale(&mut self, op: IntOp) -> Result<(), QuantizeError> {
        let moves = op.room().has(Properties::MOVES_VALUES);
        if moves && let Some(accumulator) = self.quantizer.moved(self.id) {
            self.accumulated(op, vec![accumulator.node], accumulator.scales, accumulator.axes)?;
            return Ok(());
        }
        let x = self.activation(0)?;
        let node = self.push(op, vec![x.node], x.scale)?;
        self.activated(node, x.scale);
        Ok(())
    }

    fn common_scale(&mut self, op: IntOp) -> Result<(), QuantizeError> {
        if self.joined_accumulators(&op)? {
            return Ok(());
        }
        let scale = self.quantizer.scales[self.id.0];
        let mut operands = Vec::with_capacity(self.float().inputs.len());
        for (number, &operand) in self.float().inputs.iter().enumerate() {
            let x = self.quantizer.activation(operand)?;
            if (x.scale / scale - 1.0).abs() < 1e-9 {
                operands.push(x.node);
                continue;
            }
            let name = format!("{}.rescale{number}", self.float().name);
            let (name, identity) = (self.quantizer.unique(name), self.quantizer.identity(self.id));
            let rescaled = self
                .quantizer
                .rescale(operand, &x.into(), scale, identity, name)?;
            operands.push(rescaled.node);
        }
        let node = self.push(op, operands, scale)?;
        self.activated(node, scale);
        Ok(())
    }

    fn rectify(&mut self, function: Function, largest: f64) -> Result<(), QuantizeError> {
        self.rectified_operand(function, largest)
    }

    fn clamp(&mut self, least: f64, largest: f64) -> Result<(), QuantizeError> {
        self.clamped_operand(least, largest)
    }

    fn curve(&mut self, curve: CurveKind, steepest: f64) -> Result<(), QuantizeError> {
        match self.quantizer.options.is_wide() {
            true => self.quantizer.wide_curve(self.id, curve),
            false => self.tabulated(curve, steepest),
        }
    }

    fn rectified(&mut self, suffix: &str, sign: i64) -> Result<Activation, QuantizeError> {
        self.rectified_part(suffix, sign)
    }

    fn weighed(
        &mut self,
        suffix: &str,
        operand: Activation,
        weight: ParameterId,
        op: &dyn Fn(ParameterId) -> IntOp,
    ) -> Result<(NodeId, u32), QuantizeError> {
        let values = &self.quantizer.float[weight].values;
        let largest = values
            .iter()
            .fold(0.0f64, |largest, w| largest.max(f64::from(w.abs())));
        let limit = self.quantizer.options.weight_limit() as f64;
        // The finest power of two at which the weights fit, and not finer than 2^-24.
        let bits = (0..=24)
            .rev()
            .find(|bits| largest * f64::from(1u32 << bits) <= limit);
        let bits = bits.ok_or_else(|| QuantizeError::WeightTooLarge {
            path: self.quantizer.float[weight].path.clone(),
            found: largest,
            limit,
        })?;
        let step = libm::exp2(-f64::from(bits));
        let id = self.zeros(weight, ParameterRole::Weight);
        let name = format!("{}.{suffix}", self.float().name);
        let (name, shape) = (self.quantizer.unique(name), self.float().fact.clone());
        let scale = step * operand.scale;
        let node = self
            .quantizer
            .push(name, op(id), vec![operand.node], shape, scale)?;
        self.quantizer.weighted.push(PendingWeights {
            source: self.id,
            node,
            weight,
            bias: None,
            input_scale: operand.scale,
            scales: vec![step],
            free: true,
        });
        Ok((node, bits))
    }

    fn index(&mut self, op: IntOp, shown: Option<&dyn Fn(Vec<i64>) -> IntOp>) -> Result<(), QuantizeError> {
        let shown = shown.filter(|_| self.quantizer.is_shown(self.id));
        let most = match shown {
            Some(_) => wide::DIGIT_BITS,
            None => COMPARED_BITS,
        };
        let accumulator = self.accumulator(0).and_then(|x| {
            let (multipliers, _) = wide::common_unit(&x.scales, most)?;
            Some((multipliers, x))
        });
        let compared = self.quantizer.kept[self.operand(0).0] == Some(Kept::Compared);
        let (op, operand) = match (shown, accumulator) {
            (Some(shown), Some((multipliers, x))) => (shown(multipliers), x.node),
            (None, Some((multipliers, x))) if multipliers.is_empty() => (op, x.node),
            (None, Some((multipliers, x))) if compared => (op, self.multiplied(&x, multipliers)?),
            _ => (op, self.activation(0)?.node),
        };
        let node = self.push(op, vec![operand], 1.0)?;
        self.activated(node, 1.0);
        Ok(())
    }

    fn wide(&self, what: &'static str) -> Result<u32, QuantizeError> {
        let (options, layer) = (self.quantizer.options, self.float().name.clone());
        let found = options.activation_bits;
        match options.is_wide() {
            true => Ok(found),
            false => Err(QuantizeError::Narrow { layer, what, found }),
        }
    }

    fn scores(&mut self, index: usize, bits: u32) -> Result<Activation, QuantizeError> {
        let name = format!("{}.scores", self.float().name);
        self.quantizer.scores(self.operand(index), (name, bits))
    }

    fn channels(&mut self, index: usize) -> Result<Channels, QuantizeError> {
        self.quantizer.channels(self.operand(index))
    }

    fn ids(&mut self) -> Result<(), QuantizeError> {
        self.quantizer.ids(self.id)
    }

    fn rows(
        &mut self,
        weight: ParameterId,
        op: &dyn Fn(ParameterId, Vec<i64>) -> IntOp,
    ) -> Result<(), QuantizeError> {
        let ids = match self.float().inputs.is_empty() {
            true => Vec::new(),
            false => vec![self.activation(0)?.node],
        };
        let (multipliers, unit) = self.quantizer.row_multipliers(self.id, weight);
        let scales = multipliers.iter().map(|m| *m as f64 * unit).collect();
        let weights = self.zeros(weight, ParameterRole::Weight);
        let node = self.accumulated(op(weights, multipliers), ids, vec![unit], Vec::new())?;
        self.quantizer.weighted.push(PendingWeights {
            source: self.id,
            node,
            weight,
            bias: None,
            input_scale: 1.0,
            scales,
            free: false,
        });
        Ok(())
    }

    fn mixed(
        &mut self,
        op: &dyn Fn((Vec<i64>, Vec<usize>)) -> IntOp,
        factor: f64,
    ) -> Result<(), QuantizeError> {
        let unit = self
            .accumulator(0)
            .and_then(|x| Some((wide::common_unit(&x.scales, wide::DIGIT_BITS)?, x)));
        let (multipliers, unit, x) = match unit {
            Some(((multipliers, unit), x)) => (multipliers, unit, x),
            None => {
                let x = self.activation(0)?;
                (Vec::new(), x.scale, x.into())
            }
        };
        let multipliers = match multipliers.is_empty() {
            true => (vec![1], Vec::new()),
            false => (multipliers, x.axes),
        };
        self.accumulate(op(multipliers), vec![x.node], unit * factor)
    }

    fn gained(
        &mut self,
        op: IntOp,
        operands: Vec<NodeId>,
        scale: f64,
        gain: ParameterId,
    ) -> Result<(), QuantizeError> {
        let (factors, signs) = wide::gains(self.float(), &self.quantizer.float[gain].values)?;
        let scales: Vec<f64> = factors.iter().map(|factor| scale * factor).collect();
        let axes = vec![self.float().fact.len().saturating_sub(1)];
        let node = self.push(op, operands, scales.first().copied().unwrap_or(scale))?;
        let mut accumulator = Accumulator { node, scales, axes };
        if signs.contains(&-1) {
            accumulator.node = self.multiplied(&accumulator, signs)?;
        }
        self.quantizer.accumulators[self.id.0] = Some(accumulator);
        Ok(())
    }

    fn activate(&mut self, op: IntOp, operands: Vec<NodeId>, scale: f64) -> Result<(), QuantizeError> {
        let node = self.push(op, operands, scale)?;
        self.activated(node, scale);
        Ok(())
    }
}

/// Integers proportional to the scales, and the scale of the sum. Scales that are equal within 2^-13 give 1 each.
/// Otherwise each integer is at least 2^11, if no scale is more than 2^10 times another; for values of more than 8 bits
/// by as many `extra` bits more.
fn coefficients(scales: &[f64], extra: u32) -> (Vec<i64>, f64) {
    let (least, most) = scales
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(l, m), s| (l.min(*s), m.max(*s)));
    if most / least - 1.0 < libm::ldexp(1.0, -13 - extra as i32) {
        return (vec![1; scales.len()], most);
    }
    // Beyond a ratio of 2^10 the finer operand contributes less than the rounding of the coarser.
    let spread = libm::log2(most / least).ceil().clamp(0.0, 10.0) as i32;
    let unit = most / libm::ldexp(1.0, 11 + extra as i32 + spread);
    (
        scales
            .iter()
            .map(|scale| (scale / unit).round_ties_even().max(1.0) as i64)
            .collect(),
        unit,
    )
}
