//! Sums of products with weights: what convolutions and linear layers share.

#[cfg(feature = "prover")]
mod channels;
#[cfg(feature = "prover")]
mod float_convolution;
#[cfg(feature = "prover")]
mod float_layer;
#[cfg(feature = "prover")]
mod integer_layer;
#[cfg(feature = "prover")]
mod layer;
mod lower;
#[cfg(feature = "prover")]
mod wide;

#[cfg(feature = "prover")]
pub use float_layer::FloatLayer;
#[cfg(feature = "prover")]
pub use integer_layer::IntegerLayer;
#[cfg(feature = "prover")]
pub use layer::Layer;
pub(super) use lower::{add_bias, check_products, rank4, window_factor};
