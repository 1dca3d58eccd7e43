//! Weights that nobody trained: to look at a network, or at what the compiler makes of it.

use ndarray::ArrayD;

use crate::graph::{Graph, Parameter, ParameterSpec};
use crate::ops::{Float, Symbolic};

impl Graph<Symbolic> {
    /// The graph with weights like those that PyTorch begins a training with, the same for the same `seed`: uniform
    /// within `1 / sqrt(inputs)`, and for vectors of gains and variances around 1.
    pub fn untrained(self, seed: u64) -> Graph<Float> {
        let parameters = self.parameters.iter().map(|parameter| draw(parameter, seed));
        let parameters = parameters.collect();
        self.with_parameters(parameters)
    }
}

fn draw(parameter: &ParameterSpec, seed: u64) -> Parameter {
    let ParameterSpec { path, shape, .. } = parameter;
    let inputs: usize = shape.iter().skip(1).product();
    let is_gain = shape.len() == 1 && !path.ends_with("bias") && !path.ends_with("running_mean");
    let (middle, radius) = match is_gain {
        true => (1.0, 0.25),
        false => (0.0, (inputs.max(1) as f32).sqrt().recip()),
    };
    let mut stream = blake3::Hasher::new_derive_key("zkml untrained weights");
    stream.update(&seed.to_le_bytes());
    stream.update(path.as_bytes());
    let mut stream = stream.finalize_xof();
    let values = ArrayD::from_shape_simple_fn(shape.as_slice(), || {
        let mut bytes = [0; 4];
        stream.fill(&mut bytes);
        let unit = (u32::from_le_bytes(bytes) >> 8) as f32 / (1u32 << 24) as f32;
        middle + radius * (2.0 * unit - 1.0)
    });
    Parameter {
        path: path.clone(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Arrangement, GraphBuilder, ParameterSpec};
    use crate::ops::{Input, Linear, Symbolic};

    #[test]
    fn untrained_weights_follow_from_the_seed() {
        let mut builder = GraphBuilder::<Symbolic>::new();
        let x = builder.declare("x", Input, &[], &[1, 3]).unwrap();
        let spec = |path: &str, shape: &[usize]| ParameterSpec {
            path: path.into(),
            shape: shape.to_vec(),
            arrangement: Arrangement::AsStored,
        };
        let weight = builder.parameter(spec("fc.weight", &[4, 3]));
        let gain = builder.parameter(spec("norm.weight", &[4]));
        let fc = builder.add("fc", Linear { weight, bias: None }, &[x]).unwrap();
        let graph = builder.finish(vec![fc]).unwrap();
        let values = |seed: u64, parameter: crate::graph::ParameterId| {
            graph.clone().untrained(seed)[parameter].values.clone()
        };
        assert_eq!(values(1, weight), values(1, weight));
        assert_ne!(values(1, weight), values(2, weight));
        assert_eq!(values(1, weight).shape(), [4, 3]);
        assert!(values(1, weight).iter().all(|value| value.abs() <= 0.6));
        assert!(values(1, gain).iter().all(|value| (0.7..1.3).contains(value)));
    }
}
