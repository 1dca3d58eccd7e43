//! Layers without parameters: `ReLU`, `ReLU6`, `Flatten`, `Dropout`, `Identity`, `ZeroPad2d`.

use super::forward;
use crate::graph::{ShapeError, infer};
use crate::nn::functional::{flatten_at, pad_at};
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops;

macro_rules! layer {
    ($(#[$doc:meta])* $layer:ident, $options:ident, |$self:ident, $x:ident| $result:expr, |$this:ident, $shape:ident| $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $layer {
            #[allow(dead_code, reason = "layers that do nothing need no name")]
            path: ParameterPath,
            #[allow(dead_code, reason = "layers without hyper-parameters read none")]
            options: $options,
        }

        impl Module for $layer {
            type Options = $options;

            fn build(path: ParameterPath, options: $options) -> $layer {
                $layer { path, options }
            }
        }

        impl $layer {
            /// The result on `x`.
            pub fn forward(&$self, $x: Tensor) -> Tensor {
                $result
            }
        }

        impl $options {
            /// # Errors
            /// None.
            pub const fn check(&self) -> Result<(), ShapeError> {
                Ok(())
            }

            infer!(|$this, $shape| $rule);
        }

        forward!($layer);
    };
}

/// [`ReLU`] has no hyper-parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReLUOptions {}

impl ReLUOptions {
    /// The only value.
    pub const fn new() -> ReLUOptions {
        ReLUOptions {}
    }
}

/// [`ReLU6`] has no hyper-parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReLU6Options {}

impl ReLU6Options {
    /// The only value.
    pub const fn new() -> ReLU6Options {
        ReLU6Options {}
    }
}

/// [`Identity`] has no hyper-parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdentityOptions {}

impl IdentityOptions {
    /// The only value.
    pub const fn new() -> IdentityOptions {
        IdentityOptions {}
    }
}

/// Hyper-parameters of [`Dropout`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropoutOptions {
    /// Probability in training; 0.5. Without effect here.
    pub p: f64,
}

impl DropoutOptions {
    /// With PyTorch's default.
    pub const fn new() -> DropoutOptions {
        DropoutOptions { p: 0.5 }
    }
}

impl Default for DropoutOptions {
    fn default() -> DropoutOptions {
        DropoutOptions::new()
    }
}

/// Hyper-parameters of [`Flatten`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlattenOptions {
    /// First axis to join; 1.
    pub start_dim: usize,
}

impl FlattenOptions {
    /// With PyTorch's default.
    pub const fn new() -> FlattenOptions {
        FlattenOptions { start_dim: 1 }
    }
}

impl Default for FlattenOptions {
    fn default() -> FlattenOptions {
        FlattenOptions::new()
    }
}

/// Hyper-parameters of [`ZeroPad2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroPad2dOptions {
    /// `[left, right, top, bottom]`.
    pub padding: [usize; 4],
}

impl ZeroPad2dOptions {
    /// These amounts: `[left, right, top, bottom]`.
    pub const fn new(padding: [usize; 4]) -> ZeroPad2dOptions {
        ZeroPad2dOptions { padding }
    }
}

layer!(
    /// `max(x, 0)`.
    ReLU,
    ReLUOptions,
    |self, x| record(Origin::Layer(&self.path), &[x], Ok(x.shape), |_| ops::Relu),
    |self, shape| Ok(shape)
);
layer!(
    /// `min(max(x, 0), 6)`.
    ReLU6,
    ReLU6Options,
    |self, x| record(Origin::Layer(&self.path), &[x], Ok(x.shape), |_| ops::Relu6),
    |self, shape| Ok(shape)
);
layer!(
    /// Joins the axes from `start_dim` to the last.
    Flatten,
    FlattenOptions,
    |self, x| flatten_at(Origin::Layer(&self.path), x, axis(self.options.start_dim)),
    |self, shape| ops::flattened(shape, axis(self.start_dim))
);
layer!(
    /// Zeros around height and width.
    ZeroPad2d,
    ZeroPad2dOptions,
    |self, x| pad_at(Origin::Layer(&self.path), x, &self.options.padding),
    |self, shape| ops::padded(shape, &self.padding)
);
layer!(
    /// The identity, as PyTorch's in evaluation mode: proofs are about trained networks.
    Dropout,
    DropoutOptions,
    |self, x| x,
    |self, shape| Ok(shape)
);
layer!(
    /// The identity.
    Identity,
    IdentityOptions,
    |self, x| x,
    |self, shape| Ok(shape)
);

/// `start_dim` as the shape rules take it. A number that is too large stays too large, so that a rule refuses it.
const fn axis(start_dim: usize) -> isize {
    if start_dim > isize::MAX as usize {
        isize::MAX
    } else {
        start_dim as isize
    }
}
