//! Layers inside `dbg!`, `vec!` and `assert!`, sizes that are read from a tensor, and names that shadow functions.

use zkml::prelude::*;

#[zk_model(input = [2, 1, 6, 6])]
struct Net {
    #[layer(in_channels = 1, out_channels = 4, kernel_size = 3)]
    conv: Conv2d,
    #[layer(in_features = 64, out_features = 3)]
    fc: Linear,
    #[layer(in_features = 3, out_features = 3)]
    head: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = dbg!(self.conv(x));
        let x = x.view([x.size(0), -1]);
        let branches = vec![self.fc(x), self.fc(relu(x))];
        assert_eq!(self.head(branches[0]).shape(), [2, 3], "{}", 1);
        // A closure of the name of a function of zkml.
        let flatten = |x: Tensor, _: usize| x.reshape([-1, 2, 3]);
        let x = flatten(branches[1], 0);
        let x = reshape(x, [x.size(1) as i32, -1]);
        view(x, [-1, x.size(0), 3])
    }
}

#[test]
fn traces() {
    let graph = Net::new().trace().unwrap();
    assert_eq!(graph.nodes.last().unwrap().fact, [1, 2, 3]);
}
