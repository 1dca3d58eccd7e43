use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
pub struct Digits {
    #[layer(in_channels = 1, out_channels = 8, kernel_size = 5)]
    conv: Conv2d,
    #[layer(in_features = 1152, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Digits {
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = max_pool2d(relu(self.conv(x)), 2);
        self.fc(flatten(x, 1))
    }
}

#[test]
fn traces() {
    let graph = Digits::new().trace().unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
    assert_eq!(graph.parameters.len(), 4);
    assert_eq!(
        Digits::new().trace_with_input(&[7, 1, 28, 28]).unwrap()[graph.outputs[0]].fact,
        [7, 10]
    );
}
