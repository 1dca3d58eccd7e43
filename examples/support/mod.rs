//! What the examples share: reading images, showing them, reporting times and sizes, and the way of an image classifier
//! from weights to a verified proof. Included by each example with `mod support;`.

// Each example uses a part of it, and speaks to people.
#![allow(dead_code, clippy::print_stdout, clippy::print_stderr)]

pub(crate) mod classifier;
pub(crate) mod images;
pub(crate) mod program;
pub(crate) mod progress;
pub(crate) mod random;
pub(crate) mod report;
pub(crate) mod terminal;
pub(crate) mod trace;
