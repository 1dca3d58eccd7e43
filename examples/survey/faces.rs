//! Networks of faces whose weights a package carries; scripts/survey_faces.py names the packages.

use zkml::nn::{MaxPool2dOptions, max_pool2d_with};
use zkml::prelude::*;

/// `x` with its last row and its last column twice. A max-pool then sees what TensorFlow's "same" padding and PyTorch's
/// `ceil_mode` let it see: no further value, and no zero.
fn last_twice(x: Tensor) -> Tensor {
    let last = x.narrow(2, x.size(2) - 1, 1);
    let x = cat([x, last], 2);
    let last = x.narrow(3, x.size(3) - 1, 1);
    cat([x, last], 3)
}

fn max_pool(x: Tensor, kernel_size: usize, stride: usize) -> Tensor {
    let options = MaxPool2dOptions {
        stride: [stride; 2],
        ..MaxPool2dOptions::new([kernel_size; 2])
    };
    max_pool2d_with(x, options)
}

/// The O-Net of `facenet-pytorch`: scores of "no face" and "face", the box, five points. Its softmax is dropped.
#[zk_model(input = [1, 3, 48, 48])]
pub(crate) struct ONet {
    #[layer(in_channels = 3, out_channels = 32, kernel_size = 3)]
    conv1: Conv2d,
    #[layer(num_parameters = 32)]
    prelu1: PReLU,
    #[layer(in_channels = 32, out_channels = 64, kernel_size = 3)]
    conv2: Conv2d,
    #[layer(num_parameters = 64)]
    prelu2: PReLU,
    #[layer(in_channels = 64, out_channels = 64, kernel_size = 3)]
    conv3: Conv2d,
    #[layer(num_parameters = 64)]
    prelu3: PReLU,
    #[layer(in_channels = 64, out_channels = 128, kernel_size = 2)]
    conv4: Conv2d,
    #[layer(num_parameters = 128)]
    prelu4: PReLU,
    #[layer(in_features = 1152, out_features = 256)]
    dense5: Linear,
    #[layer(num_parameters = 256)]
    prelu5: PReLU,
    #[layer(in_features = 256, out_features = 2)]
    dense6_1: Linear,
    #[layer(in_features = 256, out_features = 4)]
    dense6_2: Linear,
    #[layer(in_features = 256, out_features = 10)]
    dense6_3: Linear,
}

#[zk_model]
impl ONet {
    fn forward(&self, x: Tensor) -> (Tensor, Tensor, Tensor) {
        let x = self.prelu1(self.conv1(x));
        let x = max_pool(last_twice(x), 3, 2);
        let x = max_pool(self.prelu2(self.conv2(x)), 3, 2);
        let x = max_pool2d(self.prelu3(self.conv3(x)), 2);
        let x = self.prelu4(self.conv4(x));
        let x = self.prelu5(self.dense5(flatten(permute(x, [0, 3, 2, 1]), 1)));
        (self.dense6_1(x), self.dense6_2(x), self.dense6_3(x))
    }
}

/// A separable convolution of TensorFlow with "same" padding, which for stride 2 is a row and a column at the end.
#[zk_model]
struct Separable {
    #[arg]
    in_channels: usize,
    #[arg]
    out_channels: usize,
    #[arg]
    stride: usize,
    #[layer(in_channels = in_channels, out_channels = in_channels, kernel_size = 3, stride = stride,
            groups = in_channels, bias = false)]
    depthwise: Conv2d,
    #[layer(in_channels = in_channels, out_channels = out_channels, kernel_size = 1)]
    pointwise: Conv2d,
}

#[zk_model]
impl Separable {
    fn forward(&self, x: Tensor) -> Tensor {
        let padding = if self.stride == 2 {
            [0, 1, 0, 1]
        } else {
            [1, 1, 1, 1]
        };
        self.pointwise(self.depthwise(pad(x, padding)))
    }
}

/// The tiny face detector of `@vladmandic/face-api`, TensorFlow.js: a grid of boxes and scores. Pixels from 0 to 255.
#[zk_model(input = [1, 3, 160, 160])]
pub(crate) struct FaceDetector {
    #[param(shape = [3, 1, 1])]
    mean: Parameter,
    #[layer(in_channels = 3, out_channels = 16, kernel_size = 3, padding = 1)]
    conv0: Conv2d,
    #[layer(in_channels = 16, out_channels = 32, stride = 1)]
    conv1: Separable,
    #[layer(in_channels = 32, out_channels = 64, stride = 1)]
    conv2: Separable,
    #[layer(in_channels = 64, out_channels = 128, stride = 1)]
    conv3: Separable,
    #[layer(in_channels = 128, out_channels = 256, stride = 1)]
    conv4: Separable,
    #[layer(in_channels = 256, out_channels = 512, stride = 1)]
    conv5: Separable,
    #[layer(in_channels = 512, out_channels = 25, kernel_size = 1)]
    conv8: Conv2d,
}

#[zk_model]
impl FaceDetector {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = (x - self.mean) / 255.0;
        let x = max_pool2d(leaky_relu(self.conv0(x), 0.1), 2);
        let x = max_pool2d(leaky_relu(self.conv1(x), 0.1), 2);
        let x = max_pool2d(leaky_relu(self.conv2(x), 0.1), 2);
        let x = max_pool2d(leaky_relu(self.conv3(x), 0.1), 2);
        let x = max_pool2d(leaky_relu(self.conv4(x), 0.1), 2);
        let x = leaky_relu(self.conv5(x), 0.1);
        self.conv8(max_pool(last_twice(x), 2, 1))
    }
}

/// Three separable convolutions; each sees the sum of those before it.
#[zk_model]
struct DenseBlock {
    #[arg]
    in_channels: usize,
    #[arg]
    out_channels: usize,
    #[layer(in_channels = in_channels, out_channels = out_channels, stride = 2)]
    conv0: Separable,
    #[layer(in_channels = out_channels, out_channels = out_channels, stride = 1)]
    conv1: Separable,
    #[layer(in_channels = out_channels, out_channels = out_channels, stride = 1)]
    conv2: Separable,
}

#[zk_model]
impl DenseBlock {
    fn forward(&self, x: Tensor) -> Tensor {
        let first = relu(self.conv0(x));
        let second = self.conv1(first);
        let third = self.conv2(relu(first + second));
        relu(first + (second + third))
    }
}

/// As [`DenseBlock`], with an ordinary convolution in front.
#[zk_model]
struct FirstBlock {
    #[layer(in_channels = 3, out_channels = 32, kernel_size = 3, stride = 2)]
    conv0: Conv2d,
    #[layer(in_channels = 32, out_channels = 32, stride = 1)]
    conv1: Separable,
    #[layer(in_channels = 32, out_channels = 32, stride = 1)]
    conv2: Separable,
}

#[zk_model]
impl FirstBlock {
    fn forward(&self, x: Tensor) -> Tensor {
        let first = relu(self.conv0(pad(x, [0, 1, 0, 1])));
        let second = self.conv1(first);
        let third = self.conv2(relu(first + second));
        relu(first + (second + third))
    }
}

/// The tiny landmark network of `@vladmandic/face-api`, TensorFlow.js: 68 points of a face. Pixels from 0 to 255.
#[zk_model(input = [1, 3, 112, 112])]
pub(crate) struct FaceLandmarks {
    #[param(shape = [3, 1, 1])]
    mean: Parameter,
    #[layer()]
    dense0: FirstBlock,
    #[layer(in_channels = 32, out_channels = 64)]
    dense1: DenseBlock,
    #[layer(in_channels = 64, out_channels = 128)]
    dense2: DenseBlock,
    #[layer(in_features = 128, out_features = 136)]
    fc: Linear,
}

#[zk_model]
impl FaceLandmarks {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = (x - self.mean) / 255.0;
        let x = self.dense2(self.dense1(self.dense0(x)));
        self.fc(flatten(avg_pool2d(x, 14), 1))
    }
}
