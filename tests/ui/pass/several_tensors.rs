use zkml::prelude::*;

/// Two inputs, two outputs, parameters by themselves, numbers and broadcasting.
#[zk_model(inputs = [[1, 3], [1, 4]])]
struct Pair {
    #[layer(in_features = 3, out_features = 4, bias = false)]
    fc: Linear,
    #[param(shape = [4])]
    gain: Parameter,
    #[param(rename = "shift.value", shape = [1, 1])]
    shift: Parameter,
}

#[zk_model]
impl Pair {
    fn forward(&self, a: Tensor, b: Tensor) -> (Tensor, Tensor) {
        let sum = self.fc(a) * self.gain + b;
        let mut scaled = 2.0 * sum / 4.0 - self.shift;
        scaled *= self.gain;
        (relu(-sum), 1.0 - scaled)
    }
}

/// A model of several inputs inside another one, and outputs as an array.
#[zk_model(inputs = [[1, n], [1, 4], [n, 1]])]
struct Outer {
    #[arg]
    n: usize,
    #[layer]
    pair: Pair,
    #[param(shape = [n, n])]
    table: Parameter,
}

#[zk_model]
impl Outer {
    fn forward(&self, a: Tensor, b: Tensor, c: Tensor) -> [Tensor; 3] {
        let (first, second) = self.pair(a, b);
        [first * second, c * self.table.tensor(), Tensor::from(self.table)]
    }
}

#[test]
fn traces() {
    let graph = Pair::new().trace().unwrap();
    let inputs: Vec<&str> = graph.inputs().map(|id| graph[id].name.as_str()).collect();
    assert_eq!(inputs, ["input.a", "input.b"]);
    assert_eq!(graph.outputs.len(), 2);
    let paths: Vec<&str> = graph
        .parameters
        .iter()
        .map(|parameter| parameter.path.as_str())
        .collect();
    assert_eq!(paths, ["fc.weight", "gain", "shift.value"]);
    // A parameter is one node, however often it is used.
    assert_eq!(
        graph
            .nodes
            .iter()
            .filter(|node| node.name.starts_with("gain"))
            .count(),
        1
    );

    let graph = Outer::new(3).trace().unwrap();
    let shapes: Vec<&[usize]> = graph
        .outputs
        .iter()
        .map(|id| graph[*id].fact.as_slice())
        .collect();
    assert_eq!(shapes, [&[1, 4][..], &[3, 3], &[3, 3]]);
    assert!(
        graph
            .parameters
            .iter()
            .any(|parameter| parameter.path == "pair.shift.value")
    );
    let error = Outer::new(2).trace().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("pair.fc: expected 3 input features"),
        "{error}"
    );
    let error = Outer::new(3).trace_with_inputs(&[&[1, 3]]).unwrap_err();
    assert_eq!(error.to_string(), "expected 3 input shape(s), found 1");
}
