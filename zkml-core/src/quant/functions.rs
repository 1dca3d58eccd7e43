//! Functions of single values: as the table of the rescale before them, or of one of their own.

use super::node::NodeQuantizer;
use super::options::QuantizeOptions;
use super::quantize::domain_bits;
use crate::circuit::{Curve, CurveKind, Dyadic, Function, FunctionTable};
use crate::ops::{Activation, QuantizeError, Quantizing, WeightedSum};
use crate::optimize::operation::activation_fusion;

/// Most values on one side of a table's domain.
const LONGEST_DOMAIN: f64 = 65_536.0;

impl NodeQuantizer<'_, '_> {
    /// See [`Quantizing::rectify`](crate::ops::Quantizing::rectify).
    pub(super) fn rectified_operand(
        &mut self,
        function: Function,
        largest: f64,
    ) -> Result<(), QuantizeError> {
        let switches = &self.quantizer.options.switches;
        let (accumulator, scale) = match activation_fusion::source(switches, self.accumulator(0)) {
            Some(accumulator) => (accumulator, self.quantizer.scales[self.id.0]),
            None => {
                let x = self.activation(0)?;
                (x.into(), x.scale)
            }
        };
        // The table's clamp is that of the operation: its bound in integers (for a ReLU6, 6), or the limit if that is
        // less.
        let limit = self.quantizer.ranges.limit(self.id);
        let maximum = ((largest / scale).round_ties_even() as i64).clamp(1, limit);
        let (source, name) = (self.operand(0), self.float().name.clone());
        let table = (function, maximum);
        let activation = self.quantizer.rescale(source, &accumulator, scale, table, name)?;
        self.quantizer.activations[self.id.0] = Some(activation);
        Ok(())
    }

    /// See [`Quantizing::clamp`](crate::ops::Quantizing::clamp).
    pub(super) fn clamped_operand(&mut self, least: f64, largest: f64) -> Result<(), QuantizeError> {
        let (source, own) = (self.operand(0), self.quantizer.scales[self.id.0]);
        let options = self.quantizer.options;
        let (accumulator, scale) = match activation_fusion::source(&options.switches, self.accumulator(0)) {
            Some(accumulator) => (accumulator, own),
            None => {
                let x = self.activation(0)?;
                (x.into(), x.scale)
            }
        };
        let limit = self.quantizer.ranges.limit(self.id);
        let bound = |bound: f64| ((bound / scale).round_ties_even() as i64).clamp(-limit, limit);
        let reached = self.quantizer.ranges.largest(source) / scale;
        let table = FunctionTable {
            function: Function::Identity,
            domain_bits: domain_bits(reached).max(if options.is_wide() {
                options.activation_bits - 1
            } else {
                0
            }),
            minimum: bound(least),
            maximum: bound(largest),
        };
        let name = self.float().name.clone();
        let activation = self
            .quantizer
            .rescale_to((source, scale, scale), &accumulator, table, name)?;
        self.quantizer.activations[self.id.0] = Some(activation);
        Ok(())
    }

    /// See [`Quantizing::curve`](crate::ops::Quantizing::curve), for activations of a table.
    pub(super) fn tabulated(&mut self, curve: CurveKind, steepest: f64) -> Result<(), QuantizeError> {
        let quantizer = &*self.quantizer;
        let (source, scale) = (self.operand(0), quantizer.scales[self.id.0]);
        let limit = quantizer.ranges.limit(self.id);
        let largest = quantizer.ranges.largest(source);
        let switches = &quantizer.options.switches;
        let (accumulator, step) = match activation_fusion::source(switches, self.accumulator(0)) {
            // A rounded argument moves the value by at most 1/8 of its step, unless the table would be too long.
            Some(accumulator) => (
                accumulator,
                (scale / (4.0 * steepest)).max(4.0 * largest / LONGEST_DOMAIN),
            ),
            None => {
                let x = self.activation(0)?;
                (x.into(), x.scale)
            }
        };
        let name = self.float().name.clone();
        let curve =
            Dyadic::from_f64(step).and_then(|input| Curve::new(curve, input, Dyadic::from_f64(scale)?));
        let curve = curve.map_err(|error| QuantizeError::Table {
            layer: name.clone(),
            error,
        })?;
        let table = FunctionTable {
            function: Function::Curve(curve),
            domain_bits: domain_bits(largest / step),
            minimum: -limit,
            maximum: limit,
        };
        let activation = self
            .quantizer
            .rescale_to((source, step, scale), &accumulator, table, name)?;
        self.quantizer.activations[self.id.0] = Some(activation);
        Ok(())
    }

    /// See [`Quantizing::rectified`](crate::ops::Quantizing::rectified).
    pub(super) fn rectified_part(&mut self, suffix: &str, sign: i64) -> Result<Activation, QuantizeError> {
        let operand = self.operand(0);
        let limit = self.quantizer.ranges.limit(self.id);
        let largest = self.quantizer.ranges.largest(operand);
        let headroom = match self.quantizer.options.is_wide() {
            true => QuantizeOptions::HEADROOM,
            false => 1.0,
        };
        let scale = if largest > 0.0 {
            headroom * largest / limit as f64
        } else {
            1.0
        };
        let accumulator = match self.accumulator(0) {
            Some(accumulator) => accumulator,
            None => {
                let x = self.activation(0)?;
                x.into()
            }
        };
        let (own, shape) = (self.float().name.clone(), self.float().fact.clone());
        let mut accumulator = accumulator;
        if sign != 1 {
            let negated = WeightedSum {
                coefficients: vec![sign],
            };
            let name = self.quantizer.unique(format!("{own}.negated"));
            let first = accumulator.scales.first().copied().unwrap_or(1.0);
            accumulator.node =
                self.quantizer
                    .push(name, negated.into(), vec![accumulator.node], shape, first)?;
        }
        let name = self.quantizer.unique(format!("{own}.{suffix}"));
        let table = (Function::Relu, limit);
        self.quantizer.rescale(operand, &accumulator, scale, table, name)
    }
}
