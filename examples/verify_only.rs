//! The smallest verifier: reads a key, a proof and public values, and answers with its exit code.
//!
//! `cargo run --release --no-default-features --example verify_only -- KEY PROOF PUBLIC`: nothing of the prover is
//! built.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::process::ExitCode;

use zkml::keys::VerifyingKey;
use zkml::proof::{Proof, PublicValues, read_file};
use zkml::verify::ReadableOutputs;
use zkml::verify::verify;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, proof, public] = &arguments[..] else {
        return Err("usage: verify_only KEY PROOF PUBLIC".into());
    };
    let key: VerifyingKey = read_file(key)?;
    let proof: Proof = read_file(proof)?;
    let public: PublicValues = read_file(public)?;
    verify(&key, &public, &proof, b"")?;
    let outputs = ReadableOutputs::new(&key, &public)?;
    println!("valid: {} gives", outputs.model);
    for (index, output) in outputs.outputs.iter().flatten().enumerate() {
        println!("output {index}, shape {:?}: {:?}", output.shape, output.values);
    }
    Ok(())
}
