use zkml::prelude::*;

#[zk_model(input = [1, 4])]
struct Net {
    #[layer(in_features = 4, out_features = 4)]
    fc1: Linear,
    #[layer(in_features = 4, out_features = 2)]
    fc2: Linear,
}

impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc2(relu(self.fc1(x)))
    }
}

fn main() {
    let _ = Net::new().load("net.safetensors");
    let _ = Net::new().trace();
}
