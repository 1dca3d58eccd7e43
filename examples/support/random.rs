//! Random weights, for networks of which only the size matters.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use zkml::graph::Graph;
use zkml::ops::Symbolic;

/// Numbers, uniform in [-1, 1), the same on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// What a training script would have saved: a tensor for every parameter, under its PyTorch name.
pub(crate) fn write_random_weights(
    graph: &Graph<Symbolic>,
    random: &mut Random,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut tensors = BTreeMap::new();
    for parameter in &graph.parameters {
        let count: usize = parameter.shape.iter().product();
        // A variance is positive; weights shrink with the number of terms of their sum.
        let terms: usize = parameter.shape.iter().skip(1).product();
        let spread = 1.0 / (terms as f32).sqrt();
        let value = |x: f32| {
            if parameter.path.ends_with("running_var") {
                1.0 + x / 2.0
            } else {
                x * spread
            }
        };
        let bytes: Vec<u8> = (0..count)
            .flat_map(|_| value(random.next()).to_le_bytes())
            .collect();
        tensors.insert(parameter.path.clone(), (parameter.shape.clone(), bytes));
    }
    let views = tensors
        .iter()
        .map(|(path, (shape, bytes))| Ok((path, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    std::fs::write(path, safetensors::serialize(views, None)?)?;
    Ok(())
}
