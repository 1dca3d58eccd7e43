use zkml::prelude::*;

#[zk_model]
struct Mlp<const IN: usize, const HIDDEN: usize> {
    #[layer(in_features = IN, out_features = HIDDEN)]
    fc1: Linear,
    #[layer(width = HIDDEN)]
    middle: Middle<HIDDEN>,
    #[layer(in_features = HIDDEN, out_features = 2)]
    fc2: Linear,
}

#[zk_model]
impl<const IN: usize, const HIDDEN: usize> Mlp<IN, HIDDEN> {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc2(self.middle(relu(self.fc1(x))))
    }
}

#[zk_model]
struct Middle<const HIDDEN: usize> {
    #[arg]
    width: usize,
    #[layer(in_features = HIDDEN, out_features = width)]
    fc: Linear,
}

#[zk_model]
impl<const HIDDEN: usize> Middle<HIDDEN> {
    fn forward(&self, x: Tensor) -> Tensor {
        let mut y = self.fc(x).relu();
        y += x;
        y
    }
}

#[test]
fn traces() {
    let graph = Mlp::<7, 9>::new().trace_with_input(&[3, 7]).unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [3, 2]);
    let error = Mlp::<7, 9>::new().trace_with_input(&[3, 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fc1: expected 7 input features, found 8 in [3, 8]"
    );
}
