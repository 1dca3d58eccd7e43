//! Whole-network tests of quantization and integer execution.

mod arithmetic;
mod exact;
mod lenet;
mod operations;
pub(crate) mod random;
mod semantics;
mod tensors;
mod truth;

/// Options with 8 bits for every activation.
pub(crate) fn eight_bits() -> super::QuantizeOptions {
    super::QuantizeOptions {
        error_budget: None,
        ..super::QuantizeOptions::default()
    }
}
