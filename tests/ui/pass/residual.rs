use zkml::prelude::*;

/// A block with a shortcut, which is a layer of its own where the shapes differ.
#[zk_model]
struct Block {
    #[arg]
    from: usize,
    #[arg]
    to: usize,
    #[arg]
    stride: usize,
    #[layer(in_channels = from, out_channels = to, kernel_size = 3, stride = stride, padding = 1)]
    conv1: Conv2d,
    #[layer(when = from != to || stride != 1, from = from, to = to, stride = stride)]
    downsample: Option<Downsample>,
}

#[zk_model]
impl Block {
    fn forward(&self, x: Tensor) -> Tensor {
        let y = relu(self.conv1(x));
        let identity = match &self.downsample {
            Some(downsample) => downsample.forward(x),
            None => x,
        };
        relu(y + identity)
    }
}

#[zk_model]
struct Downsample {
    #[arg]
    from: usize,
    #[arg]
    to: usize,
    #[arg]
    stride: usize,
    #[param(rename = "0")]
    #[layer(in_channels = from, out_channels = to, kernel_size = 1, stride = stride, bias = false)]
    conv: Conv2d,
    #[param(rename = "1")]
    #[layer(num_features = to)]
    bn: BatchNorm2d,
}

#[zk_model]
impl Downsample {
    fn forward(&self, x: Tensor) -> Tensor {
        self.bn(self.conv(x))
    }
}

#[zk_model(input = [1, 3, 32, 32])]
struct ResNet {
    #[layer(
        in_channels = 3,
        out_channels = 16,
        kernel_size = 3,
        padding = 1,
        bias = false
    )]
    conv1: Conv2d,
    #[layer(num_features = 16)]
    bn1: BatchNorm2d,
    #[layer(repeat = 2, from = 16, to = 16, stride = 1)]
    layer1: Vec<Block>,
    #[layer(repeat = 2, from = if index == 0 { 16 } else { 32 }, to = 32, stride = if index == 0 { 2 } else { 1 })]
    layer2: Vec<Block>,
    #[layer(output_size = 1)]
    avgpool: AdaptiveAvgPool2d,
    #[layer(in_features = 32, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl ResNet {
    fn forward(&self, x: Tensor) -> Tensor {
        let mut x = relu(self.bn1(self.conv1(x)));
        for block in self.layer1.iter().chain(&self.layer2) {
            x = block.forward(x);
        }
        self.fc(flatten(self.avgpool(x), 1))
    }
}

#[test]
fn traces() {
    let graph = ResNet::new().trace().unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
    let path = |path: &str| graph.parameters.iter().any(|parameter| parameter.path == path);
    assert!(path("layer1.0.conv1.weight"));
    assert!(path("layer2.0.downsample.0.weight"));
    assert!(path("layer2.0.downsample.1.running_var"));
    assert!(!path("layer2.1.downsample.0.weight"));
    let node = |name: &str| graph.nodes.iter().any(|node| node.name == name);
    assert!(node("layer2.1.add") && node("layer1.0.relu") && node("layer1.0.relu_1"));
}
