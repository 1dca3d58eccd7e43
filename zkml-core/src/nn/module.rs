//! What every layer and every model is.

use super::{ParameterPath, Tensor, TraceError, trace};
use crate::graph::{Graph, same_name};
use crate::ops::Symbolic;

/// A layer, or a model made of layers: something that is built at a [`ParameterPath`] from hyper-parameters.
///
/// `#[zk_model]` on a struct implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "expected a layer of `zkml::nn` or a struct with `#[zk_model]`",
    note = "a hyper-parameter of the model is marked `#[arg]`"
)]
pub trait Module: Sized {
    /// The hyper-parameters.
    ///
    /// For the layers of [`crate::nn`] and for models with `#[zk_model]` they have the inherent functions `const fn check(&self) -> Result<(), ShapeError>` and
    /// `const fn infer(&self, x: Inferred) -> Inferred`, so that shapes are checked while a model is compiled.
    type Options;

    /// The options, where they need no argument.
    const OPTIONS: Option<Self::Options> = None;

    /// The declared shape of the input, `#[zk_model(input = [1, 3, 32, 32])]`.
    const INPUT: Option<&'static [usize]> = None;

    /// The layer at `path`.
    fn build(path: ParameterPath, options: Self::Options) -> Self;
}

/// A module with a `forward`: a layer of [`crate::nn`], or a struct whose `impl` has `#[zk_model]` too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `forward`",
    label = "this model needs `#[zk_model] impl {Self}` with a `forward`",
    note = "write `#[zk_model] impl {Self} {{ pub fn forward(&self, x: Tensor) -> Tensor {{ ... }} }}`"
)]
pub trait Forward: Module {
    /// Names of the fields `forward` uses; `*` stands for all.
    const USED_FIELDS: &'static [&'static str];

    /// The result on `x`.
    fn forward(&self, x: Tensor) -> Tensor;

    /// The graph of the model on its declared input.
    ///
    /// # Errors
    /// [`TraceError::NoInputShape`] where the model declares none; a wrong shape with the path of the layer.
    fn trace(&self) -> Result<Graph<Symbolic>, TraceError> {
        match Self::INPUT {
            Some(shape) => trace(self, shape),
            None => Err(TraceError::NoInputShape {
                model: core::any::type_name::<Self>(),
            }),
        }
    }

    /// The graph of the model on an input of shape `shape`, batch first.
    ///
    /// # Errors
    /// A wrong shape, with the path of the layer.
    fn trace_with_input(&self, shape: &[usize]) -> Result<Graph<Symbolic>, TraceError> {
        trace(self, shape)
    }
}

/// Whether `forward` uses the field `name`; for the code `#[zk_model]` generates.
pub const fn uses_field(used: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < used.len() {
        if same_name(used[i], name) || same_name(used[i], "*") {
            return true;
        }
        i += 1;
    }
    false
}
