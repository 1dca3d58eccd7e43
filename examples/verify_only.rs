//! The smallest verifier: reads a key and a proof, and answers with its exit code.
//!
//! `cargo run --release --no-default-features --example verify_only -- KEY PROOF`: nothing of the prover is built.

// An example speaks to people.
#![allow(clippy::print_stdout)]

use std::error::Error;

use zkml::Verifier;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, proof] = &arguments[..] else {
        return Err("usage: verify_only KEY PROOF".into());
    };
    let verifier = Verifier::open(key)?;
    let proof = verifier.open_proof(proof)?;
    println!("{}", verifier.verify(&proof, b"")?);
    Ok(())
}
