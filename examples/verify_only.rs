//! The smallest verifier: reads a key, a proof and public values, and answers with its exit code.
//!
//! `cargo run --release --no-default-features --example verify_only -- KEY PROOF PUBLIC`: nothing of the prover is
//! built.

// An example speaks to people.
#![allow(clippy::print_stdout)]

use std::error::Error;

use zkml::proof::read_file;
use zkml::{AnswerProof, Verifier};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, proof, public] = &arguments[..] else {
        return Err("usage: verify_only KEY PROOF PUBLIC".into());
    };
    let verifier = Verifier::open(key)?;
    let proof = AnswerProof {
        public: read_file(public)?,
        proof: read_file(proof)?,
    };
    println!("{}", verifier.verify(&proof, b"")?);
    Ok(())
}
