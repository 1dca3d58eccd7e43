use zkml::prelude::*;

/// Sizes of a network, as a configuration file would have them.
#[derive(Clone, Copy)]
struct Config {
    hidden_size: usize,
    num_layers: usize,
    eps: f64,
}

#[zk_model]
struct Layer {
    #[arg]
    config: Config,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size * 4)]
    up_proj: Linear,
    #[layer(num_features = config.hidden_size * 4, eps = config.eps)]
    norm: BatchNorm1d,
    #[layer(in_features = config.hidden_size * 4, out_features = config.hidden_size, bias = false)]
    down_proj: Linear,
}

#[zk_model]
impl Layer {
    fn forward(&self, x: Tensor) -> Tensor {
        x + self.residual(x)
    }

    fn residual(&self, x: Tensor) -> Tensor {
        self.down_proj(relu(self.norm(self.up_proj(x))))
    }
}

#[zk_model]
struct Model {
    #[arg]
    config: Config,
    #[layer(repeat = config.num_layers, config = config)]
    layers: Vec<Layer>,
    #[param(rename = "lm_head")]
    #[layer(in_features = config.hidden_size, out_features = 5)]
    head: Linear,
}

#[zk_model]
impl Model {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x));
        argmax(self.head(x), -1)
    }
}

#[test]
fn traces() {
    let config = Config {
        hidden_size: 6,
        num_layers: 3,
        eps: 1e-6,
    };
    let graph = Model::new(config).trace_with_input(&[2, 6]).unwrap();
    assert_eq!(graph[graph.outputs[0]].fact, [2]);
    let path = |path: &str| graph.parameters.iter().any(|parameter| parameter.path == path);
    assert!(path("layers.2.down_proj.weight") && !path("layers.2.down_proj.bias") && path("lm_head.bias"));
}
