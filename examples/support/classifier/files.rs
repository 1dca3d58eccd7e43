//! What a prover and a verifier keep.

use std::error::Error;
use std::fs;
use std::path::Path;
use zkml::argument::Statement;
use zkml::keys::ProvingKey;
use zkml::proof::Proof;

use zkml::proof::write_file;
use zkml::verify::ReadableOutputs;

use super::super::progress::spin;
use super::super::report::size;
use super::Task;

impl Task {
    /// Writes everything a prover and a verifier keep, and says how to verify it elsewhere.
    pub(super) fn write(&self, folder: &Path, key: &ProvingKey, proof: &Proof) -> Result<(), Box<dyn Error>> {
        let outputs = folder.join("outputs.json");
        let text = serde_json::to_string_pretty(&ReadableOutputs::new(
            &Statement::of_proving(key)?,
            &proof.public,
        )?)?;
        let paths = ["model", "pkey", "vkey", "proof"]
            .map(|extension| folder.join(format!("{}.{extension}", self.name)));
        let [model_path, proving_path, verifying_path, proof_path] = &paths;
        let sizes = spin("writing files", || -> Result<_, Box<dyn Error>> {
            Ok([
                ("compiled model", model_path, write_file(model_path, key.model())?),
                ("proving key", proving_path, key.write_file(proving_path)?),
                (
                    "verifying key",
                    verifying_path,
                    write_file(verifying_path, key.verifying())?,
                ),
                ("proof", proof_path, write_file(proof_path, proof)?),
            ])
        })?;
        fs::write(&outputs, text).map_err(|error| format!("cannot write {}: {error}", outputs.display()))?;
        println!("\nfiles of the first proof");
        for (name, path, bytes) in sizes {
            println!("  {name:14} {:>9}  {}", size(bytes), path.display());
        }
        println!("  {:14} {:>9}  {}", "outputs", "", outputs.display());
        println!(
            "  {:14} {:>9}  {}",
            "pictures",
            "",
            folder.join("*.png").display()
        );
        println!("\nverify them with\n  cargo run --release --bin zkml -- verify \\");
        println!(
            "    --key {} \\\n    --proof {} \\\n    --outputs {}",
            verifying_path.display(),
            proof_path.display(),
            outputs.display()
        );
        Ok(())
    }
}
