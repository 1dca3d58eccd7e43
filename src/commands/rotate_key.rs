//! `zkml rotate-key`: commit private weights anew.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use zkml_core::keys::ProvingKey;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{read_file, to_bytes};
use zkml_core::setup::rotate;

use super::CommandError;
use super::console::{Console, Terminal, begin};
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
  0    both new keys are written
  1    refused: a file is damaged, or nothing is left of the old key
  2    wrong usage, or a file could not be read or written
  130  interrupted")]
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
        let interrupted = match self.output.exists() {
            true => Some(console.spin("reading the new key", || self.interrupted(&old))?),
            false => None,
        };
        if self.verifying_key.exists() {
            match &interrupted {
                Some(new) if read_file::<VerifyingKey>(&self.verifying_key)? == *new.verifying() => {
                    console.kept("proving key", &self.output)?;
                    console.kept("verifying key", &self.verifying_key)?;
                    return console.finish();
                }
                _ => return Err(exists(&self.verifying_key)),
            }
        }
        // So are a folder that cannot be written to and a full disk.
        let room = to_bytes(old.verifying())?.len() as u64;
        let begin_verifying = || begin(&self.verifying_key, false, room.saturating_add(ROOM));
        let (new, verifying_file) = match interrupted {
            Some(new) => {
                console.kept("proving key", &self.output)?;
                (new, begin_verifying()?)
            }
            None => {
                let proving_file = begin(&self.output, true, size(&self.key)?.saturating_add(ROOM))?;
                let verifying_file = begin_verifying()?;
                let new = console.spin("rotating the key", || rotate(&old))?;
                console.write("proving key", &self.output, |_| new.write_into(proving_file))?;
                (new, verifying_file)
            }
        };
        console.write("verifying key", &self.verifying_key, |_| {
            verifying_file.write(new.verifying())
        })?;
        describe(new.verifying(), None, &mut console)?;
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
        match new.verifying().replaces(old.verifying()) {
            Ok(()) => Ok(new),
            Err(_) => Err(exists(&self.output)),
        }
    }
}

/// A new key may be larger than the old one by the paths in its setup proof, which share nodes as chance has it.
const ROOM: u64 = 1 << 16;

/// Bytes of a file.
fn size(path: &Path) -> Result<u64, CommandError> {
    let metadata = std::fs::metadata(path).map_err(|error| CommandError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    Ok(metadata.len())
}

fn exists(path: &Path) -> CommandError {
    CommandError::Exists {
        path: path.to_path_buf(),
    }
}
