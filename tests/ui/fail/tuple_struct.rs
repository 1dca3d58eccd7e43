use zkml::prelude::*;

#[zk_model]
struct Net(Conv2d, Linear);

fn main() {
    let _ = Net::new();
}
