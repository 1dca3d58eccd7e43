//! LeNet-5 for 32 x 32 grey images.
//!
//! The PyTorch it mirrors:
//!
//! ```python
//! class LeNet(nn.Module):
//!     def __init__(self):
//!         super().__init__()
//!         self.conv1 = nn.Conv2d(1, 6, 5)
//!         self.conv2 = nn.Conv2d(6, 16, 5)
//!         self.fc1 = nn.Linear(400, 120)
//!         self.fc2 = nn.Linear(120, 84)
//!         self.fc3 = nn.Linear(84, 10)
//!
//!     def forward(self, x):
//!         x = F.max_pool2d(F.relu(self.conv1(x)), 2)
//!         x = F.max_pool2d(F.relu(self.conv2(x)), 2)
//!         x = torch.flatten(x, 1)
//!         x = F.relu(self.fc1(x))
//!         x = F.relu(self.fc2(x))
//!         return self.fc3(x)
//! ```
//!
//! Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.

use crate::prelude::*;

/// LeNet-5: two convolutions, three linear layers, 10 classes. The input is `[1, 1, 32, 32]`.
#[zk_model(input = [1, 1, 32, 32])]
#[derive(Debug, Clone)]
pub struct LeNet {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_channels = 6, out_channels = 16, kernel_size = 5)]
    conv2: Conv2d,
    #[layer(in_features = 400, out_features = 120)]
    fc1: Linear,
    #[layer(in_features = 120, out_features = 84)]
    fc2: Linear,
    #[layer(in_features = 84, out_features = 10)]
    fc3: Linear,
}

#[zk_model]
impl LeNet {
    /// Scores of the 10 classes, `[N, 10]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv1(x)), 2);
        let x = max_pool2d(relu(self.conv2(x)), 2);
        let x = flatten(x, 1);
        let x = relu(self.fc1(x));
        let x = relu(self.fc2(x));
        self.fc3(x)
    }
}

#[cfg(test)]
mod tests {
    use zkml_core::nn::Forward;

    use super::LeNet;
    use crate::testing::{asset, paths};

    #[test]
    fn loads_weights_trained_in_pytorch() {
        let weights = asset("lenet5-mnist.safetensors");
        let (graph, report) = LeNet::new().trace().unwrap().load(&weights).unwrap();
        assert_eq!(report.applied.len(), 10);
        assert!(report.unused.is_empty(), "{report}");
        assert_eq!(
            graph
                .parameters
                .iter()
                .map(|parameter| parameter.values.len())
                .sum::<usize>(),
            61_706
        );
    }

    #[test]
    fn traces_to_pytorchs_shapes_and_names() {
        let graph = LeNet::new().trace().unwrap();
        let nodes: Vec<(&str, &[usize])> = graph
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.fact.as_slice()))
            .collect();
        let expected: [(&str, &[usize]); 13] = [
            ("input", &[1, 1, 32, 32]),
            ("conv1", &[1, 6, 28, 28]),
            ("relu", &[1, 6, 28, 28]),
            ("max_pool2d", &[1, 6, 14, 14]),
            ("conv2", &[1, 16, 10, 10]),
            ("relu_1", &[1, 16, 10, 10]),
            ("max_pool2d_1", &[1, 16, 5, 5]),
            ("flatten", &[1, 400]),
            ("fc1", &[1, 120]),
            ("relu_2", &[1, 120]),
            ("fc2", &[1, 84]),
            ("relu_3", &[1, 84]),
            ("fc3", &[1, 10]),
        ];
        assert_eq!(nodes, expected);
        let paths = paths(&graph);
        let layers = ["conv1", "conv2", "fc1", "fc2", "fc3"];
        let expected: Vec<String> = layers
            .iter()
            .flat_map(|layer| [format!("{layer}.weight"), format!("{layer}.bias")])
            .collect();
        assert_eq!(paths, expected);
    }
}
