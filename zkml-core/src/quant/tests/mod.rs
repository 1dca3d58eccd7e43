//! Whole-network tests of quantization and integer execution.

mod arithmetic;
mod exact;
mod lenet;
mod operations;
pub(crate) mod random;
mod semantics;
mod tensors;
mod truth;
