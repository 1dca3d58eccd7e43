//! What `#[zk_model]` accepts, and what it says about what it does not.
//!
//! The networks of `tests/ui/pass` are modules, which compile with this test and run; each file of `tests/ui/fail` gives
//! exactly the errors beside it: every real mistake once, at the user's token, and nothing else. After a deliberate
//! change of a message: `TRYBUILD=overwrite cargo test --test ui`.

#![cfg(feature = "prover")]
// Networks as users write them: only declared, public, with `dbg!`, `vec!` and `1..-1`.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::dbg_macro, clippy::reversed_empty_ranges, clippy::useless_vec)]

#[path = "ui/pass"]
mod pass {
    mod config;
    mod const_generic;
    mod crate_path;
    mod every_function;
    mod every_layer;
    mod first;
    mod llama;
    mod macros_and_sizes;
    mod not_followed;
    mod residual;
    mod several_tensors;
}

/// Without networks that run, `trybuild` only checks the libraries, and all files at once. To run one it would build
/// them a second time, without optimization.
#[test]
fn what_is_wrong_is_said_once() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
