use zkml::prelude::*;

#[zk_model]
struct Block {
    #[arg]
    planes: usize,
    #[layer(in_channels = planes, out_channels = planes, kernel_size = 3, padding = 1)]
    conv1: Conv2d,
}

#[zk_model]
impl Block {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.conv1(x)) + x
    }
}

const SIZE: f32 = 5.0;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = SIZE)]
    conv1: Conv2d,
    #[layer(plane = 8)]
    block1: Block,
    #[layer()]
    block2: Block,
    #[layer(planes = "8")]
    block3: Block,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.block3(self.block2(self.block1(self.conv1(x))))
    }
}

fn main() {
    let _ = Net::new().trace();
}
