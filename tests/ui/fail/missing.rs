use zkml::prelude::*;

#[zk_model(input = [1, 4, 6, 6, 6])]
struct Volumes {
    #[layer(in_channels = 4, out_channels = 4, kernel_size = 3)]
    conv: Conv3d,
    #[layer(normalized_shape = 6)]
    norm: GroupNorm,
    glu: GLU,
    #[layer(p = 0.2)]
    dropout: Dropout2d,
}

#[zk_model(input = [1, 4])]
struct Net {
    #[layer(in_features = 4, out_features = 4)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = layer_norm(self.fc(x), 4);
        nn::functional::grid_sample(mish(x))
    }
}

fn main() {}
