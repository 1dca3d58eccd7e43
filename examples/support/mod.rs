//! What the examples share and what has nothing to do with proofs: reading digits, showing them, and reporting
//! times and sizes. Included by each example with `mod support;`.

// Each example uses a part of it.
#![allow(dead_code)]

pub(crate) mod idx;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod terminal;
