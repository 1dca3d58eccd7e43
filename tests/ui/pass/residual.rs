use zkml::prelude::*;

/// ResNet's basic block.
#[zk_model]
struct BasicBlock {
    #[arg]
    in_planes: usize,
    #[arg]
    planes: usize,
    #[arg]
    stride: usize,
    #[layer(in_channels = in_planes, out_channels = planes, kernel_size = 3, stride = stride, padding = 1, bias = false)]
    conv1: Conv2d,
    #[layer(num_features = planes)]
    bn1: BatchNorm2d,
    #[layer(in_channels = planes, out_channels = planes, kernel_size = 3, padding = 1, bias = false)]
    conv2: Conv2d,
    #[layer(num_features = planes)]
    bn2: BatchNorm2d,
    #[layer(when = in_planes != planes || stride != 1, in_planes = in_planes, planes = planes, stride = stride)]
    downsample: Option<Downsample>,
}

#[zk_model]
impl BasicBlock {
    fn forward(&self, x: Tensor) -> Tensor {
        let y = relu(self.bn1(self.conv1(x)));
        let y = self.bn2(self.conv2(y));
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
    in_planes: usize,
    #[arg]
    planes: usize,
    #[arg]
    stride: usize,
    #[param(rename = "0")]
    #[layer(in_channels = in_planes, out_channels = planes, kernel_size = 1, stride = stride, bias = false)]
    conv: Conv2d,
    #[param(rename = "1")]
    #[layer(num_features = planes)]
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
    #[layer(in_channels = 3, out_channels = 16, kernel_size = 3, padding = 1, bias = false)]
    conv1: Conv2d,
    #[layer(num_features = 16)]
    bn1: BatchNorm2d,
    #[layer(repeat = 2, in_planes = 16, planes = 16, stride = 1)]
    layer1: Vec<BasicBlock>,
    #[layer(repeat = 2, in_planes = if index == 0 { 16 } else { 32 }, planes = 32, stride = if index == 0 { 2 } else { 1 })]
    layer2: Vec<BasicBlock>,
    #[layer(output_size = 1)]
    avgpool: AdaptiveAvgPool2d,
    #[layer(in_features = 32, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl ResNet {
    fn forward(&self, x: Tensor) -> Tensor {
        let mut x = relu(self.bn1(self.conv1(x)));
        for block in &self.layer1 {
            x = block.forward(x);
        }
        for block in &self.layer2 {
            x = block.forward(x);
        }
        self.fc(flatten(self.avgpool(x), 1))
    }
}

fn main() {
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
