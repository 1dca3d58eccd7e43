//! Runs the tests of the module that the examples share.

#[path = "../examples/support/mod.rs"]
mod support;
