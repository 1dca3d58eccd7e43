//! Optimizations, each a pass that can be switched off and that says what it did.
//!
//! - [`model`]: on the floating-point graph, before calibration.

pub mod model;
mod report;

pub use report::{Level, Measure, PassReport};
