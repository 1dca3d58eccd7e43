//! `torch.nn.Sequential`.

use core::fmt;
use std::sync::Arc;

use super::forward;
use crate::nn::{Layer, Module, ParameterPath, Tensor};

/// A layer of any type, as a container keeps it.
trait Apply: Send + Sync {
    fn apply(&self, x: Tensor) -> Tensor;
}

impl<M: Layer + Send + Sync> Apply for M {
    fn apply(&self, x: Tensor) -> Tensor {
        self.forward(x)
    }
}

/// A layer of a [`Sequential`] that has no name yet; made by [`layer`] or [`sequential`].
pub struct SequentialLayer {
    kind: &'static str,
    build: Box<dyn FnOnce(ParameterPath) -> Arc<dyn Apply> + Send + Sync>,
}

impl fmt::Debug for SequentialLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

/// A layer of type `M` for a [`Sequential`]: `layer::<Conv2d>(Conv2dOptions::new(3, 64, [3, 3]))`.
pub fn layer<M>(options: M::Options) -> SequentialLayer
where
    M: Module + Layer + Send + Sync + 'static,
    M::Options: Send + Sync + 'static,
{
    SequentialLayer {
        kind: core::any::type_name::<M>()
            .rsplit("::")
            .next()
            .unwrap_or_default(),
        build: Box::new(move |path| Arc::new(M::build(path, options))),
    }
}

/// A [`Sequential`] inside another one.
pub fn sequential(layers: impl IntoIterator<Item = SequentialLayer>) -> SequentialLayer {
    layer::<Sequential>(SequentialOptions::new(layers))
}

/// The layers of a [`Sequential`].
#[derive(Debug, Default)]
pub struct SequentialOptions {
    /// In the order they are applied.
    pub layers: Vec<SequentialLayer>,
}

impl SequentialOptions {
    /// These layers, in this order.
    pub fn new(layers: impl IntoIterator<Item = SequentialLayer>) -> SequentialOptions {
        SequentialOptions {
            layers: layers.into_iter().collect(),
        }
    }
}

/// Layers one after the other, named by their position: `features.0`, `features.1`, ...
///
/// Positions count every layer, also one without parameters, so that the names are PyTorch's.
#[derive(Clone)]
pub struct Sequential {
    layers: Vec<(&'static str, Arc<dyn Apply>)>,
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.layers.iter().map(|(kind, _)| kind))
            .finish()
    }
}

impl Module for Sequential {
    type Options = SequentialOptions;

    fn build(path: ParameterPath, options: SequentialOptions) -> Sequential {
        let build =
            |(position, layer): (usize, SequentialLayer)| (layer.kind, (layer.build)(path.join(position)));
        Sequential {
            layers: options.layers.into_iter().enumerate().map(build).collect(),
        }
    }
}

impl Sequential {
    /// The result of the last layer.
    pub fn forward(&self, x: Tensor) -> Tensor {
        self.layers.iter().fold(x, |x, (_, layer)| layer.apply(x))
    }
}

forward!(Sequential);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BatchNorm1d, BatchNorm1dOptions, Forward, Linear, LinearOptions, ReLU, ReLUOptions};

    #[test]
    fn layers_are_named_by_position() {
        let layers = [
            layer::<Linear>(LinearOptions::new(6, 4)),
            layer::<ReLU>(ReLUOptions::new()),
            sequential([
                layer::<BatchNorm1d>(BatchNorm1dOptions::new(4)),
                layer::<Linear>(LinearOptions::new(4, 2)),
            ]),
        ];
        let options = SequentialOptions::new(layers);
        assert_eq!(
            format!("{options:?}"),
            "SequentialOptions { layers: [Linear, ReLU, Sequential] }"
        );
        let model = Sequential::build(ParameterPath::root().join("classifier"), options);
        assert_eq!(format!("{model:?}"), r#"["Linear", "ReLU", "Sequential"]"#);
        let graph = model.trace_with_input(&[1, 6]).unwrap();
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        let expected = [
            "input",
            "classifier.0",
            "classifier.1",
            "classifier.2.0",
            "classifier.2.1",
        ];
        assert_eq!(names, expected);
        let paths: Vec<&str> = graph
            .parameters
            .iter()
            .map(|parameter| parameter.path.as_str())
            .collect();
        assert!(paths.contains(&"classifier.2.1.bias") && paths.contains(&"classifier.2.0.running_var"));
        let error = model.trace_with_input(&[1, 5]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("classifier.0: expected 6 input features"),
            "{error}"
        );
    }

    #[test]
    fn no_layers_do_nothing() {
        let model = Sequential::build(ParameterPath::root(), SequentialOptions::default());
        let graph = model.trace_with_input(&[1, 6]).unwrap();
        assert_eq!((graph.nodes.len(), graph.outputs[0].0), (1, 0));
    }
}
