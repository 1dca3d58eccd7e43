//! Well-known networks written for zkml. Each file reads like the PyTorch it mirrors.

// The code `#[zk_model]` generates speaks of `::zkml`; the facade crate of that name depends on this crate.
extern crate zkml_core as zkml;

mod lenet;
mod mlp;

pub use lenet::{LeNet, LeNetOptions};
pub use mlp::{Mlp, MlpOptions};

/// What the model files import.
mod prelude {
    pub(crate) use zkml_core::nn::{Conv2d, Linear, Tensor, flatten, max_pool2d, relu};
    pub(crate) use zkml_macros::zk_model;
}
