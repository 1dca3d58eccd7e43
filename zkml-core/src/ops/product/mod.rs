//! Sums of products with weights: what convolutions and linear layers share.

#[cfg(feature = "prover")]
mod channels;
#[cfg(feature = "prover")]
mod float_convolution;
#[cfg(feature = "prover")]
mod integer_layer;
#[cfg(feature = "prover")]
mod layer;
mod lower;
#[cfg(feature = "prover")]
mod wide;

#[cfg(feature = "prover")]
pub(super) use float_convolution::conv2d;
#[cfg(feature = "prover")]
pub use integer_layer::IntegerLayer;
#[cfg(feature = "prover")]
pub use layer::Layer;
pub(super) use lower::{add_bias, check_products, rank4, window_factor};
