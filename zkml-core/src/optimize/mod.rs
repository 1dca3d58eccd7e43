//! Optimizations, each a pass that can be switched off and that says what it did.
//!
//! - `model`: on the floating-point graph, before calibration;
//! - `operation`: on single operations, when they are quantized;
//! - [`circuit`]: on columns, tables and lookups.
//!
//! `setup::explain` measures what those of the last two levels did to one network.

pub mod circuit;
#[cfg(feature = "prover")]
pub mod model;
#[cfg(feature = "prover")]
pub mod operation;
mod report;

pub use report::{Level, Measure, PassReport};
