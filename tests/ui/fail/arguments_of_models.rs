use zkml::prelude::*;

#[zk_model]
struct Block {
    #[arg]
    planes: usize,
    #[layer(in_features = planes, out_features = planes)]
    fc: Linear,
}

#[zk_model]
impl Block {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

#[zk_model]
struct Net {
    #[layer(plane = 64)]
    misspelt: Block,
    missing: Block,
    #[layer(planes = "64")]
    mistyped: Block,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.misspelt(self.missing(self.mistyped(x)))
    }
}

fn main() {
    let _ = Net::new().trace_with_input(&[1, 3]);
}
