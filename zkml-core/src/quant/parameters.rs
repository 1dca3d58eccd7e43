//! Quantizes the parameters, after the scales of all weights are chosen.

use ndarray::ArrayD;

use super::quantize::{PendingWeights, Quantizer};
use super::weights::{quantize_bias, quantize_weights};
use crate::graph::{IntParameter, IntTensor, ParameterId, ParameterRole};
use crate::ops::QuantizeError;

impl Quantizer<'_> {
    /// Puts the weights and biases of all layers, at their final scales, in place of the zeros.
    ///
    /// # Errors
    /// [`QuantizeError::Lost`]: all weights of a layer became 0.
    pub(super) fn quantize_parameters(&mut self) -> Result<(), QuantizeError> {
        self.nodes.parameters.clear();
        for layer in core::mem::take(&mut self.weighted) {
            let PendingWeights {
                source,
                node,
                weight,
                bias,
                input_scale,
                scales,
                free: _,
            } = layer;
            let float = self.float;
            let name = &float[source].name;
            let values = quantize_weights(&float[weight].values, &scales, self.options.weight_limit());
            let largest = || {
                let floats = float[weight].values.iter();
                floats.fold(0f32, |most, weight| most.max(weight.abs()))
            };
            if values.iter().all(|value| *value == 0)
                && let largest = largest()
                && largest > 0.0
            {
                return Err(QuantizeError::Lost {
                    layer: name.clone(),
                    largest,
                    step: scales.first().copied().unwrap_or(0.0),
                });
            }
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
        Ok(())
    }

    /// Registers a parameter once. A tensor that another layer quantizes differently gets that layer in its path:
    /// `w@conv2`.
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
}
