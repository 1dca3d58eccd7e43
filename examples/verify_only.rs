//! The smallest verifier: reads a key and a proof, and answers with its exit code.
//!
//! `cargo run --release --no-default-features --example verify_only -- KEY PROOF [CONTEXT]`. Nothing of the prover is
//! part of it. As for every example, cargo builds what the tests of this repository need beside it; a package of your
//! own that depends on zkml with `default-features = false` builds only what a verifier uses.

// An example speaks to people.
#![allow(clippy::print_stdout)]

use std::error::Error;

use zkml::Verifier;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (key, proof, context) = match &arguments[..] {
        [key, proof] => (key, proof, ""),
        [key, proof, context] => (key, proof, context.as_str()),
        _ => return Err("usage: verify_only KEY PROOF [CONTEXT]".into()),
    };
    let verifier = Verifier::open(key)?;
    let proof = verifier.open_proof(proof)?;
    println!("{}", verifier.verify(&proof, context.as_bytes())?);
    Ok(())
}
