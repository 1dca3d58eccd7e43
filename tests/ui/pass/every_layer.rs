#![deny(warnings)]

use zkml::nn::{IdentityOptions, MaxPool2dOptions, ReLUOptions, layer, max_pool2d_with};
use zkml::prelude::*;

#[zk_model(input = [2, 4, 16, 20])]
struct Everything {
    #[layer(padding = (1, 2, 3, 4))]
    pad: ZeroPad2d,
    #[layer(in_channels = 4, out_channels = 8, kernel_size = (3, 5), stride = (1, 2), padding = (1, 0), dilation = 2, groups = 2, bias = false)]
    conv: Conv2d,
    #[layer(num_features = 8, eps = 1, affine = false)]
    bn: BatchNorm2d,
    relu: ReLU,
    #[layer(kernel_size = 3, stride = 2, padding = 1)]
    maxpool: MaxPool2d,
    #[layer(kernel_size = 2, stride = 1)]
    avgpool: AvgPool2d,
    #[layer(output_size = (5, 1))]
    rows: AdaptiveAvgPool2d,
    #[layer(output_size = 1)]
    global: AdaptiveAvgPool2d,
    #[layer(layers = [layer::<ReLU>(ReLUOptions::new()), layer::<Identity>(IdentityOptions::new())])]
    tail: Sequential,
    #[layer(p = 0.1)]
    dropout: Dropout,
    identity: Identity,
    relu6: ReLU6,
    #[layer(start_dim = 1)]
    flatten: Flatten,
    #[layer(in_features = 16, out_features = 3)]
    fc: Linear,
    #[layer(num_features = 3)]
    norm: BatchNorm1d,
    #[layer(nf = 5, nx = 3)]
    turned: Conv1D,
    #[layer(normalized_shape = 5, eps = 1, bias = false)]
    layer_norm: LayerNorm,
}

#[zk_model]
impl Everything {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.relu(self.bn(self.conv(self.pad(x))));
        let x = self.tail(self.avgpool(self.maxpool(x)));
        let _ = self.rows(self.relu6(x));
        let _ = relu6(subsample2d(pad(x, [0, 0, 0, 0, 1, 1]), 2));
        let y = self.identity(self.global(x));
        let z = adaptive_avg_pool2d(
            avg_pool2d(max_pool2d_with(x, MaxPool2dOptions::new([2, 2])), (2, 1)),
            1,
        );
        let x = self.flatten(permute(cat([y, z], 1), [0, 1, 3, 2]));
        let x = self.norm(self.dropout(self.fc(x.view([2, -1]))));
        let x = normalize(self.layer_norm(self.turned(x)), -1);
        argmax(pad(x, [1, 0, 0, 0]), 1)
    }
}

#[test]
fn traces() {
    let graph = Everything::new().trace().unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [2]);
}
