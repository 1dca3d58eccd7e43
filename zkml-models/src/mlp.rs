//! A perceptron with two hidden layers of any size.
//!
//! The PyTorch it mirrors:
//!
//! ```python
//! class Mlp(nn.Module):
//!     def __init__(self, in_features, hidden, classes):
//!         super().__init__()
//!         self.fc1 = nn.Linear(in_features, hidden)
//!         self.fc2 = nn.Linear(hidden, hidden)
//!         self.fc3 = nn.Linear(hidden, classes)
//!
//!     def forward(self, x):
//!         x = torch.flatten(x, 1)
//!         x = F.relu(self.fc1(x))
//!         x = F.relu(self.fc2(x))
//!         return self.fc3(x)
//! ```

use crate::prelude::*;

/// Three linear layers with ReLU between them. The input is `[N, ...]` with `in_features` values a row.
#[zk_model]
#[derive(Debug, Clone)]
pub struct Mlp {
    #[arg]
    in_features: usize,
    #[arg]
    hidden: usize,
    #[arg]
    classes: usize,
    #[layer(in_features = in_features, out_features = hidden)]
    fc1: Linear,
    #[layer(in_features = hidden, out_features = hidden)]
    fc2: Linear,
    #[layer(in_features = hidden, out_features = classes)]
    fc3: Linear,
}

#[zk_model]
impl Mlp {
    /// Scores of the classes, `[N, classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = flatten(x, 1);
        let x = relu(self.fc1(x));
        let x = relu(self.fc2(x));
        self.fc3(x)
    }
}

#[cfg(test)]
mod tests {
    use zkml_core::nn::Forward;

    use super::Mlp;

    #[test]
    fn sizes_are_arguments() {
        let graph = Mlp::new(12, 5, 3).trace_with_input(&[2, 3, 4]).unwrap();
        let shapes: Vec<&[usize]> = graph
            .parameters
            .iter()
            .map(|parameter| parameter.shape.as_slice())
            .collect();
        assert_eq!(shapes, [&[5, 12][..], &[5], &[5, 5], &[5], &[3, 5], &[3]]);
        assert_eq!(graph[graph.outputs[0]].fact, [2, 3]);
    }

    #[test]
    fn a_wrong_width_is_an_error_at_the_layer() {
        let error = Mlp::new(12, 5, 3).trace_with_input(&[2, 3, 5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "fc1: expected 12 input features, found 15 in [2, 15]"
        );
    }
}
