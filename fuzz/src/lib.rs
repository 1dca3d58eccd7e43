//! The fuzz targets of zkml. They are shared with the tests of the facade, which run each of them briefly.
//!
//! ```text
//! cargo +nightly fuzz run verify_mutated          a proof, altered by structure, is never accepted
//! cargo +nightly fuzz run setup_mutated           nor a setup proof
//! cargo +nightly fuzz run verifying_key           and one target for each decoder
//! cargo run --release --example seeds             valid inputs to start from, in corpus/
//! cargo run --release --example mutate 1000000    altered proofs without a fuzzer, counted by message
//! ```

#[path = "../../tests/fuzz_support/mod.rs"]
mod support;

pub use support::{Random, fixtures, targets};
