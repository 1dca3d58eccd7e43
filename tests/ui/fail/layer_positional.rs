use zkml::prelude::*;

#[zk_model]
struct Block {
    #[arg]
    planes: usize,
    #[layer(planes, planes)]
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
    #[layer(1352, 10)]
    fc1: Linear,
    #[layer(1, 6, kernel_size = 5)]
    conv: Conv2d,
    #[layer(64)]
    block: Block,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.block(self.fc1(self.conv(x)))
    }
}

fn main() {
    let _ = Net::new().trace_with_input(&[1, 3]);
}
