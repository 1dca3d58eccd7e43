//! Parameters that are used as tensors: `torch.nn.Parameter`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::trace::record_parameter;
use super::{ParameterPath, Tensor};
use crate::graph::{Inferred, Shape, ShapeError};

/// A parameter of a model, used in `forward` as a tensor: `x * self.gain`. Its state-dict key is the path of its field.
///
/// It is `Copy`, like [`Tensor`], so that `forward` needs no clone.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    path: &'static str,
    shape: Result<Shape, ShapeError>,
}

/// Paths of parameters. Each is leaked once, so that a [`Parameter`] is `Copy`: there are as many as models have
/// parameters.
static PATHS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

fn interned(path: &str) -> &'static str {
    let mut paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
    let paths = paths.get_or_insert_default();
    if let Some(known) = paths.get(path) {
        return known;
    }
    let kept: &'static str = Box::leak(path.to_owned().into_boxed_str());
    paths.insert(kept);
    kept
}

impl Parameter {
    /// The parameter at `path`, of this shape.
    pub fn new(path: &ParameterPath, shape: &[usize]) -> Parameter {
        Parameter {
            path: interned(path.as_str()),
            shape: shaped(shape),
        }
    }

    /// The parameter as a tensor, which the operators `+`, `-`, `*` and `/` do by themselves.
    pub fn tensor(self) -> Tensor {
        record_parameter(self.path, self.shape)
    }

    /// The shape rule, for the compiler.
    pub const fn infer(shape: &[usize]) -> Inferred {
        Inferred::of(shaped(shape))
    }
}

impl From<Parameter> for Tensor {
    fn from(parameter: Parameter) -> Tensor {
        parameter.tensor()
    }
}

/// The shape with these sizes.
const fn shaped(sizes: &[usize]) -> Result<Shape, ShapeError> {
    match Shape::new(sizes) {
        Some(shape) => Ok(shape),
        None => Err(ShapeError::Declared {
            operation: "Parameter",
        }),
    }
}
