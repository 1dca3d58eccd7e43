//! Runs the tests of the module that the examples share.

#![cfg(feature = "prover")]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../examples/support/mod.rs"]
mod support;
