//! `zkml verify-key`: does a verifying key commit to what it says?

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zkml_core::argument::{Statement, soundness};
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::read_file;
use zkml_core::verify::TrustedKey;

use super::trusted::{Checked, trust};
use super::{CommandError, hex};

/// Check a verifying key, once for all its proofs
///
/// Checks the key's setup proof: the committed weights are integers in [-128, 127] with zero padding, the same in all
/// commitments. Its digest is remembered, and `zkml verify` does not check it again. Whose model it is, and whether it
/// is the one you were promised, only the digest can tell: compare it with one you were given.
#[derive(Debug, Args)]
#[command(after_help = "\
Digests are kept in the folder named by ZKML_TRUSTED_KEYS, else in zkml/trusted-keys in your state folder.

Exit codes:
  0  the key is sound
  1  rejected: no setup proof, or one that does not hold
  2  not checked: wrong usage, or a file could not be read")]
pub(crate) struct VerifyKey {
    /// The verifying key
    key: PathBuf,
    /// A key that this one was rotated from; checked as well
    #[arg(long)]
    previous: Option<PathBuf>,
    /// Check the setup proof again, whatever is remembered
    #[arg(long)]
    again: bool,
    /// Answer with one JSON object, also for a rejection
    #[arg(long)]
    pub(super) json: bool,
}

impl VerifyKey {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let (key, checked) = self.check()?;
        let digest = hex(&key.digest()?);
        let bits = soundness(&Statement::new(&key)?).sum(&soundness(&Statement::of_setup(&key)?));
        let before = checked == Checked::Before;
        if self.json {
            let answer = json!({
                "valid": true, "model": key.name, "key": digest, "remembered": before, "soundness_bits": bits,
            });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        let how = if before { " (checked before)" } else { "" };
        writeln!(output, "valid{how}")?;
        writeln!(output, "model      {}", key.name)?;
        writeln!(output, "key        {digest}")?;
        writeln!(
            output,
            "soundness  {bits:.1} bits, setup proof and one answer together"
        )?;
        Ok(())
    }

    fn check(&self) -> Result<(VerifyingKey, Checked), CommandError> {
        let key: VerifyingKey = read_file(&self.key)?;
        if let Some(previous) = &self.previous {
            let previous: VerifyingKey = read_file(previous)?;
            trust(&previous)?;
            key.replaces(&previous)?;
        }
        if self.again {
            TrustedKey::new(&key)?;
            return Ok((key, Checked::Now));
        }
        let (_, checked) = trust(&key)?;
        Ok((key, checked))
    }
}
