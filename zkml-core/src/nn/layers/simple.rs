//! Layers without parameters: `ReLU`, `ReLU6`, `Hardtanh`, `Softmax`, `LogSoftmax`, `Flatten`, `Dropout`, `Identity`,
//! `ZeroPad2d`.

use super::declare;
use crate::graph::{ShapeError, infer};
use crate::nn::functional::{clamp_at, clamp_of, flatten_at, pad_at};
use crate::nn::sequence::{log_softmax_at, softmax_at};
use crate::nn::trace::{Origin, record};
use crate::ops::{self, hyper_parameters};

hyper_parameters! {
    /// [`ReLU`] has no hyper-parameters.
    ReLUOptions {}
}

declare!(
    /// `max(x, 0)`.
    ReLU,
    ReLUOptions,
    /// The result has the shape of `x`.
    |self, x| record(Origin::Layer(&self.path), &[x], Ok(x.shape), |_| ops::Relu)
);

hyper_parameters! {
    /// [`ReLU6`] has no hyper-parameters.
    ReLU6Options {}
}

declare!(
    /// `min(max(x, 0), 6)`.
    ReLU6,
    ReLU6Options,
    /// The result has the shape of `x`.
    |self, x| record(Origin::Layer(&self.path), &[x], Ok(x.shape), |_| ops::Relu6)
);

hyper_parameters! {
    /// Hyper-parameters of [`Flatten`].
    FlattenOptions {
        /// First axis to join; 1.
        start_dim: usize = 1,
    }, shape |self, x| ops::flattened(x, axis(self.start_dim))
}

declare!(
    /// Joins the axes from `start_dim` to the last.
    Flatten,
    FlattenOptions,
    /// `[N, A, B] -> [N, A B]`, for a `start_dim` of 1.
    |self, x| flatten_at(Origin::Layer(&self.path), x, axis(self.options.start_dim))
);

hyper_parameters! {
    /// Hyper-parameters of [`Dropout`].
    DropoutOptions {
        /// Probability in training; 0.5. Without effect here.
        p: f64 = 0.5,
    }
}

declare!(
    /// The identity, as PyTorch's in evaluation mode: proofs are about trained networks.
    Dropout,
    DropoutOptions,
    /// Returns `x`.
    |self, x| x
);

hyper_parameters! {
    /// [`Identity`] has no hyper-parameters.
    IdentityOptions {}
}

declare!(
    /// The identity.
    Identity,
    IdentityOptions,
    /// Returns `x`.
    |self, x| x
);

hyper_parameters! {
    /// Hyper-parameters of [`Hardtanh`].
    HardtanhOptions {
        /// The lower bound; -1.
        min_val: f64 = -1.0,
        /// The upper bound; 1.
        max_val: f64 = 1.0,
    }, check |self| clamp_of(self.min_val, self.max_val).check()
}

declare!(
    /// `min(max(x, min_val), max_val)`.
    Hardtanh,
    HardtanhOptions,
    /// The result has the shape of `x`.
    |self, x| clamp_at(Origin::Layer(&self.path), x, self.options.min_val, self.options.max_val)
);

/// A layer that normalizes along an axis.
macro_rules! normalization {
    ($(#[$doc:meta])* $layer:ident, $options:ident, $name:literal, $function:ident) => {
        #[doc = concat!("Hyper-parameters of [`", $name, "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $options {
            /// The axis; negative: from the end.
            pub dim: isize,
        }

        impl $options {
            /// Along this axis.
            pub const fn new(dim: isize) -> $options {
                $options { dim }
            }

            /// # Errors
            /// None.
            pub const fn check(&self) -> Result<(), ShapeError> {
                Ok(())
            }

            infer!(|self, x| ops::normalized(x, self.dim));
        }

        declare!(
            $(#[$doc])*
            $layer,
            $options,
            /// The result has the shape of `x`.
            |self, x| $function(Origin::Layer(&self.path), x, self.options.dim)
        );
    };
}

normalization!(
    /// `e^(x_i) / sum_j e^(x_j)` along an axis.
    Softmax, SoftmaxOptions, "Softmax", softmax_at
);
normalization!(
    /// `x_i - log(sum_j e^(x_j))` along an axis. It has no integer form: an argmax compares its operand.
    LogSoftmax, LogSoftmaxOptions, "LogSoftmax", log_softmax_at
);

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

    /// # Errors
    /// None.
    pub const fn check(&self) -> Result<(), ShapeError> {
        Ok(())
    }

    infer!(|self, x| ops::padded(x, &self.padding));
}

declare!(
    /// Zeros around height and width.
    ZeroPad2d,
    ZeroPad2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pad_at(Origin::Layer(&self.path), x, &self.options.padding)
);

/// `start_dim` as the shape rules take it. A number that is too large stays too large, so that a rule refuses it.
const fn axis(start_dim: usize) -> isize {
    if start_dim > isize::MAX as usize {
        isize::MAX
    } else {
        start_dim as isize
    }
}
