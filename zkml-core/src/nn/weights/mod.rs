//! Trained weights from safetensors files, and putting them into a traced graph.
//!
//! [`Weights::open`] takes one file, a directory, or a Hugging Face index (`model.safetensors.index.json`) with
//! its shards; files are memory-mapped and values rounded to `f32` (from F64, F32, F16 or BF16) as they are used.
//! `Graph<Symbolic>::load` is strict: every parameter must be there with its shape and be finite.

mod convert;
mod error;
mod file;
mod json;
mod load;
mod report;
mod shards;
mod untrained;

pub use error::WeightError;
pub use file::Weights;
pub use report::{LoadReport, MisshapenParameter, MissingParameter, first_few};

#[cfg(test)]
mod tests;
