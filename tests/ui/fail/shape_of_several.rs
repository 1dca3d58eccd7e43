use zkml::prelude::*;

#[zk_model(input = [2, 4, 6, 5])]
struct Net {
    #[layer(in_channels = 4, out_channels = 4, kernel_size = 3, stride = 2, padding = "same")]
    same: Conv2d,
    #[layer(scale_factor = 2, mode = "cubic")]
    cubic: Upsample,
    #[layer(in_channels = 4, out_channels = 2, kernel_size = 2, output_padding = 1)]
    up: ConvTranspose2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.up(self.cubic(self.same(x)))
    }
}

#[zk_model(input = [2, 4, 6, 5])]
struct Functions {
    #[layer(in_channels = 4, out_channels = 4, kernel_size = 3, padding = 5, padding_mode = "reflect")]
    conv: Conv2d,
    #[layer(input_size = 3, hidden_size = 3)]
    lstm: LSTM,
}

#[zk_model]
impl Functions {
    fn forward(&self, x: Tensor) -> Tensor {
        let _ = mean(x, [1, -3]);
        let _ = x.select(1, 4);
        let _ = pixel_shuffle(x, 3);
        let _ = self.lstm(x.mean(1));
        self.conv(x)
    }
}

#[zk_model]
struct Padded {
    #[layer(in_channels = 4, out_channels = 2, kernel_size = 2, padding = "full")]
    full: Conv2d,
    #[layer(in_channels = 4, out_channels = 2, kernel_size = 2, padding = -1)]
    negative: Conv1d,
    #[layer(padding = (1, 2, 3, 4))]
    sides: ReflectionPad1d,
    #[layer(dim = 0.5)]
    axis: Softmax,
}

fn main() {}
