//! The kernels, written once over [`Vector`](super::vector::Vector); each instruction set instantiates them.
//!
//! A kernel is a *step* on the vectors at one index. `walk` takes the step on the full vectors, and for the elements
//! that are left over on one element at a time, as [`Scalar`](super::portable::Scalar).
//!
//! - `operands`: what a step sees of the slices and constants that a kernel is called with
//! - `declare`: the macros that declare a kernel from its signature and its step
//! - `tables`, `fractions`, `rounds`, `small`, `butterflies`: the kernels
//! - `instantiate`: the list of kernels, as each instruction set compiles it

mod butterflies;
mod declare;
mod fractions;
mod instantiate;
mod operands;
mod rounds;
mod small;
mod tables;
mod walk;

pub(super) use butterflies::*;
pub(super) use fractions::*;
pub(super) use instantiate::instantiate;
pub(super) use rounds::*;
pub(super) use small::*;
pub(super) use tables::*;
