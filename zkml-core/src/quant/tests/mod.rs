//! Whole-network tests of quantization and integer execution.

mod lenet;
mod operations;
pub(crate) mod random;
mod semantics;
