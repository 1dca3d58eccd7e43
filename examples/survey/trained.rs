//! Networks that scripts/survey_trained.py trains.

use zkml::prelude::*;

/// Will a customer default? One logit from raw columns.
#[zk_model(input = [1, 3])]
pub(crate) struct CreditDefault {
    #[layer(num_features = 3, affine = false)]
    norm: BatchNorm1d,
    #[layer(in_features = 3, out_features = 16)]
    fc1: Linear,
    #[layer(in_features = 16, out_features = 16)]
    fc2: Linear,
    #[layer(in_features = 16, out_features = 1)]
    fc3: Linear,
}

#[zk_model]
impl CreditDefault {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc3(relu(self.fc2(relu(self.fc1(self.norm(x))))))
    }
}

/// Which vine? The standardization of the columns is part of `fc1`.
#[zk_model(input = [1, 13])]
pub(crate) struct Wine {
    #[layer(in_features = 13, out_features = 24)]
    fc1: Linear,
    #[layer(in_features = 24, out_features = 3)]
    fc2: Linear,
}

#[zk_model]
impl Wine {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc2(tanh(self.fc1(x)))
    }
}

/// How many bicycles, of guests and of members?
#[zk_model(input = [1, 10])]
pub(crate) struct BikeShare {
    #[layer(num_features = 10, affine = false)]
    norm: BatchNorm1d,
    #[layer(in_features = 10, out_features = 64)]
    fc1: Linear,
    #[layer(in_features = 64, out_features = 64)]
    fc2: Linear,
    #[layer(in_features = 64, out_features = 2)]
    fc3: Linear,
}

#[zk_model]
impl BikeShare {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc3(silu(self.fc2(silu(self.fc1(self.norm(x))))))
    }
}

/// Digits through 16 numbers. Pixels from 0 to 255.
#[zk_model(input = [1, 1, 28, 28])]
pub(crate) struct Autoencoder {
    #[layer(in_features = 784, out_features = 128)]
    enc1: Linear,
    #[layer(in_features = 128, out_features = 16)]
    enc2: Linear,
    #[layer(in_features = 16, out_features = 128)]
    dec1: Linear,
    #[layer(in_features = 128, out_features = 784)]
    dec2: Linear,
}

#[zk_model]
impl Autoencoder {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = gelu(self.enc1(flatten(x, 1) / 255.0));
        let x = gelu(self.dec1(tanh(self.enc2(x))));
        sigmoid(self.dec2(x))
    }
}

/// Background, line or digit, for each pixel. Every norm stands behind its activation. Pixels from 0 to 255.
#[zk_model(input = [1, 1, 32, 32])]
pub(crate) struct Segmentation {
    #[layer(in_channels = 1, out_channels = 16, kernel_size = 3, padding = 1)]
    conv1: Conv2d,
    #[layer(num_features = 16)]
    bn1: BatchNorm2d,
    #[layer(
        in_channels = 16,
        out_channels = 16,
        kernel_size = 3,
        padding = 2,
        dilation = 2
    )]
    conv2: Conv2d,
    #[layer(num_features = 16)]
    bn2: BatchNorm2d,
    #[layer(
        in_channels = 16,
        out_channels = 16,
        kernel_size = 3,
        padding = 4,
        dilation = 4
    )]
    conv3: Conv2d,
    #[layer(num_features = 16)]
    bn3: BatchNorm2d,
    #[layer(in_channels = 48, out_channels = 3, kernel_size = 1)]
    head: Conv2d,
}

#[zk_model]
impl Segmentation {
    fn forward(&self, x: Tensor) -> Tensor {
        let a = self.bn1(relu(self.conv1(x / 255.0)));
        let b = self.bn2(relu(self.conv2(a)));
        let c = self.bn3(relu(self.conv3(b)));
        self.head(cat([a, b, c], 1))
    }
}

/// A series of 150 moments; one-dimensional convolutions are two-dimensional ones of height 1.
#[zk_model(input = [1, 1, 1, 150])]
pub(crate) struct GunPoint {
    #[layer(in_channels = 1, out_channels = 16, kernel_size = (1, 9), padding = (0, 4))]
    conv1: Conv2d,
    #[layer(num_features = 16)]
    bn1: BatchNorm2d,
    #[layer(in_channels = 16, out_channels = 16, kernel_size = (1, 5), padding = (0, 2))]
    conv2: Conv2d,
    #[layer(num_features = 16)]
    bn2: BatchNorm2d,
    #[layer(in_channels = 16, out_channels = 16, kernel_size = (1, 5), padding = (0, 2))]
    conv3: Conv2d,
    #[layer(num_features = 16)]
    bn3: BatchNorm2d,
    #[layer(in_features = 16, out_features = 2)]
    fc: Linear,
}

#[zk_model]
impl GunPoint {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(gelu(self.bn1(self.conv1(x))), (1, 2));
        let y = gelu(self.bn2(self.conv2(x)));
        let x = gelu(self.bn3(self.conv3(y)) + x);
        self.fc(flatten(adaptive_avg_pool2d(x, 1), 1))
    }
}
