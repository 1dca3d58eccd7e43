//! What the integers of inputs stand for: the input itself, or the value of an
//! [affine map](crate::optimize::operation::input_scales) behind it.

use super::quantize::Quantizer;
use crate::graph::{ChannelScales, NodeId};

impl Quantizer<'_> {
    /// The node whose value an input's integers are: the input, or what an affine map makes of it.
    pub(super) fn mapped(&self, input: NodeId) -> NodeId {
        let leading = self.leading.iter().find(|leading| leading.input == input);
        leading.map_or(input, |leading| leading.mapped)
    }

    /// Is this the node of such a map?
    pub(super) fn is_mapped(&self, id: NodeId) -> bool {
        self.leading.iter().any(|leading| leading.mapped == id)
    }

    /// Smallest and largest value of an input in calibration, in steps of its integers.
    pub(super) fn seen(&self, input: NodeId) -> (f64, f64) {
        let scale = self.activations[input.0].map_or(1.0, |x| x.scale);
        let (low, high) = self.ranges.range(self.mapped(input));
        (low / scale, high / scale)
    }

    /// What the integers of an input stand for, in the network as it was.
    pub(super) fn input_scales(&self, input: NodeId) -> ChannelScales {
        let scale = self.activations[input.0].map_or(1.0, |x| x.scale);
        let raised = self.equalized.channel_scales(input, scale);
        let Some(leading) = self.leading.iter().find(|leading| leading.input == input) else {
            return raised;
        };
        // Of `y = gain x 2^k + shift`, where channel c of the input was raised by `2^k`.
        let power = |channel: usize| {
            let exponents = &self.equalized.exponents[input.0];
            libm::ldexp(1.0, -exponents.get(channel).copied().unwrap_or(0))
        };
        let maps = leading.gains.iter().zip(&leading.shifts).enumerate();
        let maps = maps
            .map(|(channel, (gain, shift))| (scale / gain * power(channel), -shift / gain * power(channel)));
        let (scales, offsets): (Vec<f64>, Vec<f64>) = maps.unzip();
        let axes = if scales.len() == 1 { Vec::new() } else { vec![1] };
        ChannelScales {
            axes,
            scales,
            offsets,
        }
    }
}
