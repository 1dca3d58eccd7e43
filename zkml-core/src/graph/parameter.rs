//! Parameters of the four stages: named, loaded, quantized, and quantized without values.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use super::IntTensor;
use super::arrangement::Arrangement;
use super::operation::ParameterShape;

/// Name and shape of a weight that is not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// State-dict key, `features.0.weight`.
    pub path: String,
    /// Shape in the graph.
    pub shape: Vec<usize>,
    /// How files store it.
    pub arrangement: Arrangement,
}

/// A loaded weight.
#[cfg(feature = "prover")]
#[derive(Clone)]
pub struct Parameter {
    /// State-dict key.
    pub path: String,
    /// Values; finite.
    pub values: ArrayD<f32>,
}

#[cfg(feature = "prover")]
crate::debug_without_values!(Parameter, self => "Parameter({} {:?})", self.path, self.values.shape());

/// What a weight is for, which fixes the integers it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterRole {
    /// int8, `[-127, 127]`.
    Weight,
    /// Added to an accumulator, four int8 digits, `[-2139062143, 2139062143]`.
    Bias,
}

/// A quantized weight.
#[cfg(feature = "prover")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntParameter {
    /// State-dict key of the tensor it comes from.
    pub path: String,
    /// Weight or bias.
    pub role: ParameterRole,
    /// Values, within the role's range.
    pub values: IntTensor,
}

/// A quantized weight without its values: all that the range analysis and the lowering may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightShape {
    /// State-dict key of the tensor it comes from.
    pub path: String,
    /// Weight or bias.
    pub role: ParameterRole,
    /// Shape of the tensor.
    pub shape: Vec<usize>,
}

/// Path and shape of parameters; the shape is an expression in `$self`.
macro_rules! parameter_shape {
    ($($(#[$attribute:meta])* $parameter:ty: |$self:ident| $shape:expr;)*) => {
        $(
            $(#[$attribute])*
            impl ParameterShape for $parameter {
                fn path(&self) -> &str {
                    &self.path
                }

                fn shape(&$self) -> &[usize] {
                    $shape
                }
            }
        )*
    };
}

parameter_shape! {
    ParameterSpec: |self| &self.shape;
    WeightShape: |self| &self.shape;
    #[cfg(feature = "prover")]
    Parameter: |self| self.values.shape();
    #[cfg(feature = "prover")]
    IntParameter: |self| self.values.shape();
}
