use zkml::prelude::*;

#[zk_model(inputs = [[1, 3], [1, 4]])]
struct Net {
    #[param(shape = [2, 5])]
    gain: Parameter,
}

#[zk_model]
impl Net {
    fn forward(&self, a: Tensor, b: Tensor) -> (Tensor, Tensor) {
        let _ = a + b;
        let _ = a - 2.0 * b;
        let _ = -a * self.gain;
        (a * 2.0, b / 2.0 + a.reshape([3, 1]))
    }
}

fn main() {
    let _ = Net::new().trace();
}
