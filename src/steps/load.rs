//! The first step: trained weights for a network.

use std::path::Path;

use tracing::info_span;
use zkml_core::graph::Graph;
use zkml_core::nn::{Forward, Module, TraceError, Weights};
use zkml_core::ops::Symbolic;

use super::{Error, Model};

/// Loads weights into a network; every struct with `#[zk_model]` and a `forward` has it.
///
/// ```no_run
/// use zkml::prelude::*;
///
/// #[zk_model(input = [1, 4])]
/// struct Net {
///     #[layer(in_features = 4, out_features = 2)]
///     fc: Linear,
/// }
///
/// #[zk_model]
/// impl Net {
///     fn forward(&self, x: Tensor) -> Tensor {
///         self.fc(x)
///     }
/// }
///
/// # fn main() -> Result<(), zkml::Error> {
/// let model = Net::new().load("net.safetensors")?; // fc.weight, fc.bias
/// # Ok(()) }
/// ```
pub trait Load: Forward + Module {
    /// The network with the weights of a `.safetensors` file, or of a folder with one or with an index of shards. (Files
    /// that `torch.save` writes are refused with the two lines that convert them.)
    /// Runs on the shape that the model declares, `#[zk_model(input = [...])]`.
    ///
    /// Strict, as PyTorch's `load_state_dict`: every parameter must be there with its shape, and every tensor of the
    /// file must belong to a parameter.
    ///
    /// # Errors
    /// [`Error::Trace`], [`Error::Weights`] with a report of what is missing, [`Error::UnusedWeights`],
    /// [`Error::Optimize`].
    fn load(&self, path: impl AsRef<Path>) -> Result<Model, Error> {
        open(&type_name::<Self>(), self.trace(), path.as_ref())
    }

    /// As [`load`](Self::load), on an input of another shape, batch first: for a model that declares none, or for
    /// several inputs in one proof.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_with_input(&self, path: impl AsRef<Path>, shape: &[usize]) -> Result<Model, Error> {
        open(&type_name::<Self>(), self.trace_with_input(shape), path.as_ref())
    }

    /// As [`load`](Self::load), of weights that are open: `Weights::open(path)?.without_prefix("module.")?` are those of a
    /// checkpoint that `torch.nn.DataParallel` made.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_weights(&self, weights: &Weights) -> Result<Model, Error> {
        load(&type_name::<Self>(), self.trace(), weights)
    }
}

impl<T: Forward + Module> Load for T {}

fn open(model: &str, traced: Result<Graph<Symbolic>, TraceError>, path: &Path) -> Result<Model, Error> {
    let weights = Weights::open(path).map_err(|error| Error::Weights {
        model: model.to_owned(),
        path: path.to_path_buf(),
        error: Box::new(error),
    })?;
    load(model, traced, &weights)
}

fn load(model: &str, traced: Result<Graph<Symbolic>, TraceError>, weights: &Weights) -> Result<Model, Error> {
    let _span = info_span!("load").entered();
    let graph = traced.map_err(|error| Error::Trace {
        model: model.to_owned(),
        error: Box::new(error),
    })?;
    let path = || weights.paths().first().cloned().unwrap_or_default();
    let (graph, report) = graph.load(weights).map_err(|error| Error::Weights {
        model: model.to_owned(),
        path: path(),
        error: Box::new(error),
    })?;
    let unused = [report.unused, report.outside_index].concat();
    if !unused.is_empty() {
        return Err(Error::UnusedWeights {
            model: model.to_owned(),
            path: path(),
            unused,
        });
    }
    Model::from_graph(model, graph)
}

/// The name of a type without its path: `Digits` of `app::models::Digits`, `Net<3>` of `app::Net<3>`.
fn type_name<T: ?Sized>() -> String {
    let name = core::any::type_name::<T>();
    let (path, arguments) = name.split_at(name.find('<').unwrap_or(name.len()));
    let own = path.rsplit("::").next().unwrap_or(path);
    format!("{own}{arguments}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_lose_their_path() {
        assert_eq!(type_name::<Model>(), "Model");
        assert_eq!(type_name::<Option<u8>>(), "Option<u8>");
    }
}
