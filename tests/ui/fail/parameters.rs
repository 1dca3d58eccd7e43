use zkml::prelude::*;

#[zk_model]
struct Net {
    relu: ReLU,
    without_shape: Parameter,
    #[param(shape = 3)]
    one_size: Parameter,
    #[param(shape = [3])]
    a_layer: ReLU,
    #[layer(in_features = 3)]
    #[param(shape = [3])]
    both: Parameter,
    #[param(shape = [3], rename = "same")]
    first: Parameter,
    #[param(shape = [3], rename = "same")]
    second: Parameter,
    #[param(shap = [3])]
    misspelt: Parameter,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x) + self.first
    }
}

fn main() {
    let _ = Net::new().trace();
}
