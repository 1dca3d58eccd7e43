//! `zkml adopt-key`: go on counting the proofs of a key that was moved to another disk.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zkml_core::keys::{ProveError, ProvingKey};

use super::CommandError;
use super::destination::Files;
use super::words::count;

/// Go on with a proving key that was moved to another disk
///
/// A key with private weights counts its proofs in a file beside it, and refuses a counter that is another file than
/// the one it made: that may be a copy, or a backup that was put back. Two copies of a key use the same randomness
/// twice, and its weights leak. Only you know whether the key was moved, together with its counter, and no other copy
/// of the two is left: then this takes the counter over as it stands.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    the key can be used again
  1    refused: the key or its counter is damaged
  2    wrong usage, or a file could not be read or written
  130  interrupted")]
pub(crate) struct AdoptKey {
    /// The proving key, with its counter beside it
    key: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl AdoptKey {
    pub(super) fn files(&self) -> Files {
        Files {
            reads: vec![self.key.clone()],
            ..Files::default()
        }
    }

    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let budget = ProvingKey::adopt_budget(&self.key)?.ok_or_else(|| {
            CommandError::Usage(
                "adopt-key: the weights of this key are public, so its proofs are not counted".into(),
            )
        })?;
        let refused = ProveError::from;
        let (used, limit) = (budget.used().map_err(refused)?, budget.limit());
        let left = budget.proofs_left().map_err(refused)?;
        if self.json {
            let answer = json!({ "ok": true, "used": used, "limit": limit, "proofs_left": left });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        let left = count(left, "proof");
        writeln!(output, "{left} left, {used} of {limit} openings used")?;
        Ok(())
    }
}
