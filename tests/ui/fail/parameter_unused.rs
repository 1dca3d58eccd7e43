use zkml::prelude::*;

#[zk_model]
struct Net {
    #[param(shape = [3])]
    gain: Parameter,
    #[param(shape = [3])]
    forgotten: Parameter,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        x * self.gain
    }
}

fn main() {
    let _ = Net::new().trace();
}
