use zkml::prelude::*;

#[zk_model(input = [1, 1, 32, 32])]
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
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv1(x)), 2);
        let x = max_pool2d(relu(self.conv2(x)), 2);
        let x = flatten(x, 1);
        let x = relu(self.fc1(x));
        let x = relu(self.fc2(x));
        self.fc3(x)
    }
}

fn main() {
    let graph = LeNet::new().trace().unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
    assert_eq!(graph.parameters.len(), 10);
    assert_eq!(LeNet::new().trace_with_input(&[7, 1, 32, 32]).unwrap()[graph.outputs[0]].fact, [7, 10]);
}

