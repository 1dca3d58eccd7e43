#![deny(warnings)]

use zkml::nn::{AvgPool2dOptions, UpsampleOptions, avg_pool2d_with, interpolate_with};
use zkml::prelude::*;

#[zk_model(inputs = [[2, 4, 6, 5], [2, 3, 7]])]
struct Images {
    #[layer(
        in_channels = 4,
        out_channels = 4,
        kernel_size = 3,
        padding = "same",
        padding_mode = "reflect"
    )]
    same: Conv2d,
    #[layer(in_channels = 4, out_channels = 2, kernel_size = (2, 3), padding = "valid")]
    valid: Conv2d,
    #[layer(
        in_channels = 4,
        out_channels = 4,
        kernel_size = 2,
        stride = 2,
        output_padding = 1,
        groups = 2
    )]
    up: ConvTranspose2d,
    #[layer(kernel_size = 3, stride = 2, padding = 1, ceil_mode = true)]
    max: MaxPool2d,
    #[layer(
        kernel_size = 3,
        stride = 2,
        padding = 1,
        ceil_mode = true,
        count_include_pad = false
    )]
    avg: AvgPool2d,
    #[layer(output_size = (4, 3))]
    adaptive: AdaptiveAvgPool2d,
    #[layer(output_size = 2)]
    adaptive_max: AdaptiveMaxPool2d,
    #[layer(scale_factor = (2, 1), mode = "bilinear", align_corners = false)]
    upsample: Upsample,
    #[layer(upscale_factor = 2)]
    shuffle: PixelShuffle,
    #[layer(padding = 1)]
    reflection: ReflectionPad2d,
    #[layer(padding = (1, 0, 2, 0))]
    replication: ReplicationPad2d,
    #[layer(in_channels = 3, out_channels = 4, kernel_size = 3, padding = 1, stride = 2)]
    conv1d: Conv1d,
    #[layer(in_channels = 4, out_channels = 3, kernel_size = 2)]
    up1d: ConvTranspose1d,
    #[layer(kernel_size = 2, ceil_mode = true)]
    max1d: MaxPool1d,
    #[layer(kernel_size = 2, count_include_pad = false)]
    avg1d: AvgPool1d,
    #[layer(output_size = 3)]
    adaptive1d: AdaptiveAvgPool1d,
    #[layer(output_size = 3)]
    adaptive_max1d: AdaptiveMaxPool1d,
    #[layer(padding = (1, 2))]
    reflection1d: ReflectionPad1d,
    #[layer(padding = 2)]
    replication1d: ReplicationPad1d,
    #[layer(padding = 1)]
    zeros1d: ZeroPad1d,
    #[layer(
        input_size = 7,
        hidden_size = 2,
        num_layers = 2,
        batch_first = true,
        bidirectional = true,
        dropout = 0.5
    )]
    lstm: LSTM,
    #[layer(input_size = 4, hidden_size = 3, batch_first = true, bias = false)]
    gru: GRU,
    #[layer(min_val = -2, max_val = 0.5)]
    hardtanh: Hardtanh,
    #[layer(dim = -1)]
    softmax: Softmax,
    #[layer(dim = 1)]
    log_softmax: LogSoftmax,
}

#[zk_model]
impl Images {
    fn forward(&self, x: Tensor, s: Tensor) -> (Tensor, Tensor, Tensor, Tensor) {
        let y = self.same(x) * mean_keepdim(x, [2, 3]);
        let _ = self.valid(y);
        let z = self.upsample(self.adaptive(self.avg(self.max(self.up(y)))));
        let [a, b] = chunk(self.reflection(z), 1);
        let [c, _] = split(self.replication(b), [1, 1], 1);
        let z = cat([self.shuffle(cat([a, a], 1)), interpolate(a, 2)], 1);
        let z = interpolate_with(
            z,
            UpsampleOptions {
                mode: "bilinear",
                ..UpsampleOptions::new([1, 2])
            },
        );
        let z = avg_pool2d_with(
            z,
            AvgPool2dOptions {
                ceil_mode: true,
                ..AvgPool2dOptions::new([2, 3])
            },
        );
        let z = pad_with(z, [1, 1], "replicate")
            .clamp(-1.0, 1.0)
            .slice(2, 1..-1)
            .slice_step(3, .., 2);
        let z = self.adaptive_max(z)
            + select(c, 1, 0)
                .mean(-1)
                .mean(-1)
                .unsqueeze(-1)
                .unsqueeze(-1)
                .unsqueeze(-1);
        let t = self.up1d(self.conv1d(s));
        let t = self.zeros1d(self.reflection1d(self.replication1d(self.avg1d(self.max1d(t)))));
        let t = t.sum_keepdim(1) + sum(t, 1).unsqueeze(1);
        let _ = stack([self.adaptive1d(t), self.adaptive_max1d(t)], -1).squeeze(1);
        let (output, (h, c)) = self.lstm(s);
        let (output, last) = self.gru.forward(output);
        let [first, ..] = unbind::<3>(output, 1);
        let logits = self
            .log_softmax(hardtanh(self.hardtanh(first), -1.0, 1.0))
            .log_softmax(1);
        (z, self.softmax(h + c), argmax(logits, 1), last)
    }
}

#[test]
fn traces() {
    let graph = Images::new().trace().unwrap();
    let shapes: Vec<&[usize]> = graph
        .outputs
        .iter()
        .map(|id| graph[*id].fact.as_slice())
        .collect();
    assert_eq!(shapes, [&[2, 3, 2, 2][..], &[4, 2, 2], &[2], &[1, 2, 3]]);
}
