//! `zkml rotate-key`: commit private weights anew.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zkml_core::keys::ProvingKey;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{read_file, to_bytes};
use zkml_core::setup::rotate;

use super::console::{begin, writing};
use super::{CommandError, hex};

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
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let old = ProvingKey::read_file(&self.key)?;
        // Files in the way are refused before an opening of the old key is spent.
        let interrupted = match self.output.exists() {
            true => Some(self.interrupted(&old)?),
            false => None,
        };
        if self.verifying_key.exists() {
            let same = match &interrupted {
                Some(new) => read_file::<VerifyingKey>(&self.verifying_key)? == *new.verifying(),
                None => false,
            };
            if !same {
                return Err(exists(&self.verifying_key));
            }
        }
        // So are a folder that cannot be written to and a full disk.
        let proving_file = begin(&self.output, true, size(&self.key)?.saturating_add(ROOM))?;
        let room = to_bytes(old.verifying())?.len() as u64;
        let verifying_file = begin(&self.verifying_key, false, room.saturating_add(ROOM))?;
        let new = match interrupted {
            Some(new) => new,
            None => rotate(&old)?,
        };
        let (bytes, verifying_bytes) = {
            let _lock = writing();
            (
                new.write_into(proving_file)?,
                verifying_file.write(new.verifying())?,
            )
        };
        let proofs = new
            .budget()
            .map_or(Ok(0), |budget| budget.proofs_left())
            .map_err(zkml_core::keys::ProveError::from)?;
        let digest = hex(&new.verifying().digest()?);
        if self.json {
            let answer = json!({
                "proving_key": self.output, "verifying_key": self.verifying_key, "key": digest, "proofs": proofs,
            });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        writeln!(output, "proving key    {} ({bytes} bytes)", self.output.display())?;
        writeln!(
            output,
            "verifying key  {} ({verifying_bytes} bytes)",
            self.verifying_key.display()
        )?;
        writeln!(output, "key            {digest}")?;
        writeln!(output, "proofs         {proofs}")?;
        writeln!(
            output,
            "check with     zkml verify-key {} --previous OLD",
            self.verifying_key.display()
        )?;
        Ok(())
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
