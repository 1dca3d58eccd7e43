//! `torch.nn.BatchNorm1d` and `BatchNorm2d`, in evaluation mode.

use super::forward;
use crate::graph::{ShapeError, infer};
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops::{self, BatchNormOptions, BatchNormRank};

macro_rules! batch_norm {
    ($layer:ident, $options:ident, $name:literal, $rank:expr, $doc:literal) => {
        #[doc = concat!("Hyper-parameters of [`", $name, "`].")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $options {
            /// Size of axis 1.
            pub num_features: usize,
            /// Added to the variance; 1e-5.
            pub eps: f64,
            /// Whether there are `weight` and `bias`; yes.
            pub affine: bool,
        }

        impl $options {
            /// With PyTorch's defaults.
            pub const fn new(num_features: usize) -> $options {
                $options {
                    num_features,
                    eps: 1e-5,
                    affine: true,
                }
            }

            const fn common(&self) -> BatchNormOptions {
                BatchNormOptions {
                    num_features: self.num_features,
                    eps: self.eps,
                    affine: self.affine,
                }
            }

            /// # Errors
            /// See [`BatchNormOptions::check`].
            pub const fn check(&self) -> Result<(), ShapeError> {
                self.common().check($rank)
            }

            infer!(|self, x| self.common().shape($rank, x));
        }

        #[doc = $doc]
        ///
        /// Parameters `weight`, `bias`, `running_mean` and `running_var`, each `[num_features]`.
        #[derive(Debug, Clone)]
        pub struct $layer {
            path: ParameterPath,
            options: BatchNormOptions,
        }

        impl Module for $layer {
            type Options = $options;

            fn build(path: ParameterPath, options: $options) -> $layer {
                $layer {
                    path,
                    options: options.common(),
                }
            }
        }

        impl $layer {
            /// The result has the shape of `x`.
            pub fn forward(&self, x: Tensor) -> Tensor {
                normalize(&self.path, &self.options, x, $rank)
            }
        }

        forward!($layer);
    };
}

batch_norm!(
    BatchNorm1d,
    BatchNorm1dOptions,
    "BatchNorm1d",
    BatchNormRank::One,
    "Normalization of `[N, C]` or `[N, C, L]` with the statistics of training."
);
batch_norm!(
    BatchNorm2d,
    BatchNorm2dOptions,
    "BatchNorm2d",
    BatchNormRank::Two,
    "Normalization of `[N, C, H, W]` with the statistics of training."
);

fn normalize(path: &ParameterPath, options: &BatchNormOptions, x: Tensor, rank: BatchNormRank) -> Tensor {
    record(
        Origin::Layer(path),
        &[x],
        options.shape(rank, x.shape),
        |recording| {
            let features = [options.num_features];
            let mut parameter = |name: &str| recording.parameter(path, name, &features);
            ops::BatchNorm {
                weight: options.affine.then(|| parameter("weight")),
                bias: options.affine.then(|| parameter("bias")),
                running_mean: parameter("running_mean"),
                running_var: parameter("running_var"),
                epsilon: options.eps,
            }
        },
    )
}
