//! Weights in memory: one byte each, once.
//!
//! The weights of a key are the cells of one matrix, row by row, as they are committed ([`Int8Cells`]): memory of the
//! process, or a part of the mapped key file. Everything that reads weights refers to them: each commitment, the
//! parameter columns of the circuit and the parameters of the integer network, which are strided views of it
//! ([`Int8Tensor`]), or blocks of such views ([`Int8Blocks`]). Only what the int8 kernels of the execution multiply is
//! laid out anew.

mod blocks;
mod cells;
mod tensor;
#[cfg(test)]
mod tests;

pub use blocks::Int8Blocks;
pub use cells::Int8Cells;
pub use tensor::{Axis, Int8Tensor};
