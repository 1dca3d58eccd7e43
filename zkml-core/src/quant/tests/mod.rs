//! Whole-network tests of quantization and integer execution.

mod lenet;
pub(crate) mod random;
mod semantics;
