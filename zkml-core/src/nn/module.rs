//! The traits of layers and models.

use super::{InputKind, ModuleScope, ParameterPath, Tensor, TraceError, trace};
use crate::graph::{Graph, same_name};
use crate::ops::Symbolic;

/// A layer, or a model made of layers: something that is built at a [`ParameterPath`] from hyper-parameters.
///
/// `#[zk_model]` on a struct implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer or a model",
    label = "expected a layer of `zkml::nn` or a struct with `#[zk_model]`",
    note = "write `#[zk_model]` on the struct itself, and `#[arg]` on a field that is a hyper-parameter"
)]
pub trait Module: Sized {
    /// The hyper-parameters.
    ///
    /// The layers of [`crate::nn`] and models with `#[zk_model]` give them the inherent functions
    /// `const fn check(&self) -> Result<(), ShapeError>` and `const fn infer(&self, x: Inferred) -> Inferred`, so that
    /// shapes are checked while a model is compiled.
    type Options;

    /// Names of the arguments: the fields of the options. None where they are not told.
    const ARGUMENTS: Option<&'static [&'static str]> = None;

    /// The options, if they need no argument.
    const OPTIONS: Option<Self::Options> = None;

    /// The declared shapes of the inputs, `#[zk_model(input = [1, 3, 32, 32])]`, if they need no argument; else empty.
    const INPUTS: &'static [&'static [usize]] = &[];

    /// The layer at `path`.
    fn build(path: ParameterPath, options: Self::Options) -> Self;

    /// Enters the module: until the result is dropped, functions are named under it. Nothing for a layer that calls none.
    fn enter(&self) -> Option<ModuleScope> {
        None
    }

    /// The declared shapes of the inputs; they may depend on arguments of the model. None where it declares none.
    fn input_shapes(&self) -> Vec<Vec<usize>> {
        Self::INPUTS.iter().map(|shape| shape.to_vec()).collect()
    }
}

/// A module with a `forward`, whatever its arguments: a layer of [`crate::nn`], or a struct whose `impl` has
/// `#[zk_model]` too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `forward`",
    label = "this model needs `#[zk_model] impl {Self}` with a `forward`",
    note = "write `#[zk_model] impl {Self} {{ pub fn forward(&self, x: Tensor) -> Tensor {{ ... }} }}`"
)]
pub trait Called {
    /// Names of the fields `forward` uses; `*` stands for all.
    const USED_FIELDS: &'static [&'static str];

    /// Names of the methods beside `forward`, which `self.name(x)` calls in place of layers.
    const METHODS: &'static [&'static str] = &[];
}

/// A module whose `forward` makes tensors of tensors and tokens alone, so that its graph can be traced.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be traced by itself",
    label = "expected a `forward` that takes and returns tensors alone",
    note = "call it in the `forward` of another model, which makes its other arguments"
)]
pub trait Forward: Sized {
    /// Names of the inputs, in order.
    const INPUT_NAMES: &'static [&'static str] = &["x"];

    /// What the inputs are, in order; those beyond its end are tensors.
    const INPUT_KINDS: &'static [InputKind] = &[];

    /// The results on `inputs`, which are as many as [`Self::INPUT_NAMES`].
    fn run(&self, inputs: &[Tensor]) -> Vec<Tensor>;

    /// The graph of the model on its declared inputs.
    ///
    /// # Errors
    /// [`TraceError::NoInputShape`] where the model declares none; a wrong shape with the path of the layer.
    fn trace(&self) -> Result<Graph<Symbolic>, TraceError>
    where
        Self: Module,
    {
        let shapes = self.input_shapes();
        if shapes.is_empty() {
            return Err(TraceError::NoInputShape {
                model: core::any::type_name::<Self>(),
            });
        }
        trace(self, &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The graph of the model on an input of shape `shape`, batch first.
    ///
    /// # Errors
    /// A wrong shape, with the path of the layer.
    fn trace_with_input(&self, shape: &[usize]) -> Result<Graph<Symbolic>, TraceError> {
        trace(self, &[shape])
    }

    /// The graph of the model on inputs of these shapes, batch first.
    ///
    /// # Errors
    /// Another number of inputs; a wrong shape, with the path of the layer.
    fn trace_with_inputs(&self, shapes: &[&[usize]]) -> Result<Graph<Symbolic>, TraceError> {
        trace(self, shapes)
    }
}

/// A module with one input and one output: an element of a [`Sequential`](super::Sequential).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make one tensor of one",
    label = "expected a `forward` with one input and one output"
)]
pub trait Layer: Forward {
    /// The result on `x`.
    fn forward(&self, x: Tensor) -> Tensor;
}

/// What `forward` returns: a tensor, a tuple of them or an array.
#[diagnostic::on_unimplemented(
    message = "`forward` cannot return `{Self}`",
    label = "expected a `Tensor`, a tuple of up to eight or an array"
)]
pub trait Outputs {
    /// The tensors, in order.
    fn tensors(self) -> Vec<Tensor>;
}

impl Outputs for Tensor {
    fn tensors(self) -> Vec<Tensor> {
        vec![self]
    }
}

impl<const COUNT: usize> Outputs for [Tensor; COUNT] {
    fn tensors(self) -> Vec<Tensor> {
        self.to_vec()
    }
}

macro_rules! outputs {
    ($($tensor:ident: $name:ident),*) => {
        impl Outputs for ($($tensor,)*) {
            fn tensors(self) -> Vec<Tensor> {
                let ($($name,)*) = self;
                vec![$($name),*]
            }
        }
    };
}

outputs!(Tensor: a, Tensor: b);
outputs!(Tensor: a, Tensor: b, Tensor: c);
outputs!(Tensor: a, Tensor: b, Tensor: c, Tensor: d);
outputs!(Tensor: a, Tensor: b, Tensor: c, Tensor: d, Tensor: e);
outputs!(Tensor: a, Tensor: b, Tensor: c, Tensor: d, Tensor: e, Tensor: f);
outputs!(Tensor: a, Tensor: b, Tensor: c, Tensor: d, Tensor: e, Tensor: f, Tensor: g);
outputs!(Tensor: a, Tensor: b, Tensor: c, Tensor: d, Tensor: e, Tensor: f, Tensor: g, Tensor: h);

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
