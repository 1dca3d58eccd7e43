use zkml::prelude::*;

#[zk_model]
enum Net {
    Small(Conv2d),
    Large(Conv2d),
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        x
    }
}

fn main() {
    let _ = Net::new().trace();
}
