//! `zkml rotate-key`: commit private weights anew.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use zkml_core::keys::ProvingKey;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{read_file, write_file};
use zkml_core::setup::rotate;

use super::CommandError;
use super::console::{Console, Terminal};
use super::destination::{Files, counters};
use super::setup::describe;

/// Commit the private weights of a proving key anew
///
/// A key with private weights makes a limited number of proofs: each shows some of the randomness that hides the
/// weights. This makes a new pair of keys for the same weights, with fresh randomness, and a proof that both hold the
/// same ones. The old key stays valid. If it was interrupted, run it again with the same paths.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  both new keys are written
  1  refused: a file is damaged, or nothing is left of the old key
  2  wrong usage, or a file could not be read or written")]
pub(crate) struct RotateKey {
    /// The proving key to replace
    key: PathBuf,
    /// Where the new proving key goes; it must not exist
    #[arg(long, short)]
    output: PathBuf,
    /// Where the new verifying key goes
    #[arg(long)]
    verifying_key: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl RotateKey {
    pub(super) fn files(&self) -> Files {
        let mut reads = counters(&self.key);
        reads.push(self.key.clone());
        Files {
            reads,
            writes: vec![self.output.clone(), self.verifying_key.clone()],
            ..Files::default()
        }
    }

    pub(crate) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let old = console.spin("reading the key", || ProvingKey::read_file(&self.key))?;
        // Files in the way are refused before an opening of the old key is spent.
        let is_there = self.output.exists();
        let new = if is_there {
            let new = console.spin("reading the new key", || self.interrupted(&old))?;
            if self.verifying_key.exists() && read_file::<VerifyingKey>(&self.verifying_key)? != new.verifying
            {
                return Err(exists(&self.verifying_key));
            }
            new
        } else if self.verifying_key.exists() {
            return Err(exists(&self.verifying_key));
        } else {
            console.spin("rotating the key", || rotate(&old))?
        };
        match is_there {
            true => console.kept("proving key", &self.output)?,
            false => console.write("proving key", &self.output, |path| new.write_file(path))?,
        }
        console.write("verifying key", &self.verifying_key, |path| {
            write_file(path, &new.verifying)
        })?;
        describe(&new.verifying, None, &mut console)?;
        console.line(&format!(
            "next: zkml verify-key {} --previous OLD.vkey",
            self.verifying_key.display()
        ))?;
        console.finish()
    }

    /// The new proving key of an earlier run that was interrupted before it wrote the verifying key. Any other key
    /// there is refused.
    fn interrupted(&self, old: &ProvingKey) -> Result<ProvingKey, CommandError> {
        let new = ProvingKey::read_file(&self.output)?;
        match new.verifying.replaces(&old.verifying) {
            Ok(()) => Ok(new),
            Err(_) => Err(exists(&self.output)),
        }
    }
}

fn exists(path: &Path) -> CommandError {
    CommandError::Exists {
        path: path.to_path_buf(),
    }
}
