//! What `#[zk_model]` accepts, and what it says about what it does not.
//!
//! `tests/ui/pass` compiles and runs; each file of `tests/ui/fail` gives exactly the errors beside it: every real
//! mistake once, at the user's token, and nothing else. After a deliberate change of a message:
//! `TRYBUILD=overwrite cargo test --test ui`.

#![cfg(feature = "prover")]

#[test]
fn zk_model() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/pass/*.rs");
    tests.compile_fail("tests/ui/fail/*.rs");
}
