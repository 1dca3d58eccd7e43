//! `zkml verify-key`: which network is it, and do its commitments hold what it says?

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zkml_core::argument::{Statement, soundness};
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::read_file;
use zkml_core::transcript::{PROTOCOL_SETUP, VerifierTranscript, lines};
use zkml_core::verify::verify_setup_recording;

use super::destination::Files;
use super::network::{Compared, Other};
use super::trusted::{check, trust};
use super::verify::{lines_alone, lines_file, write_lines};
use super::{CommandError, hex};

/// Check a verifying key, once for all its proofs
///
/// Reads the network of the key, lowers it to the circuit that proofs are checked against, and checks the setup proof:
/// the committed weights are integers in [-128, 127] with zero padding, the same in all commitments. `zkml verify` then
/// does not check the setup proof of these weights again.
///
/// A valid key proves answers of exactly this network, as `zkml inspect` prints it, with exactly these weights. It does
/// not say who trained the weights or how well: for that compare its digest with one that you were given.
#[derive(Debug, Args)]
#[command(after_help = "\
Digests of checked weights are kept in the folder named by ZKML_TRUSTED_KEYS, else in zkml/trusted-keys in your state
folder.

Exit codes:
  0    the key is sound, and the network is the one asked for
  1    rejected: no setup proof, one that does not hold, or another network
  2    not checked: wrong usage, or a file could not be read
  130  interrupted")]
pub(crate) struct VerifyKey {
    /// The verifying key
    key: PathBuf,
    /// The network it must be: a model's name, a compiled model, a key, or a skeleton written by `zkml inspect
    /// --skeleton`
    #[arg(long, value_name = "NAME|FILE")]
    network: Option<String>,
    /// A key that this one was rotated from; checked as well
    #[arg(long)]
    previous: Option<PathBuf>,
    /// Write what the transcript of the setup proof absorbs and draws, a line each, as far as the verifier comes. `-` is
    /// the standard output, which then has nothing else: the exit code is the verdict
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Answer with one JSON object, also for a rejection
    #[arg(long)]
    pub(super) json: bool,
}

impl VerifyKey {
    pub(super) fn files(&self) -> Files {
        let mut reads = vec![self.key.clone()];
        reads.extend(self.previous.clone());
        reads.extend(self.network.as_ref().map(PathBuf::from));
        Files {
            reads,
            writes: lines_file(self.transcript.as_deref()),
            ..Files::default()
        }
    }

    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let alone = lines_alone(self.transcript.as_deref(), self.json)?;
        let key: VerifyingKey = read_file(&self.key)?;
        if let Some(path) = &self.transcript {
            let setup_proof = &key.weights.setup_proof;
            let mut transcript = VerifierTranscript::recording(PROTOCOL_SETUP, setup_proof);
            let verdict = verify_setup_recording(&key.weights, &mut transcript);
            write_lines(path, &lines(transcript.events()), output)?;
            verdict?;
        }
        if let Some(previous) = &self.previous {
            let previous: VerifyingKey = read_file(previous)?;
            trust(&previous)?;
            key.replaces(&previous)?;
        }
        let trusted = check(&key)?;
        let compared = match &self.network {
            Some(other) => Some(Other::find(other, &key.network)?.compare(&key.network)?),
            None => None,
        };
        if alone {
            return Ok(());
        }
        let setup = soundness(&Statement::of_setup(&key.weights)?);
        let bits = soundness(trusted.statement()).sum(&setup);
        let digest = |digest: [u8; 32]| hex(&digest);
        let facts = [
            // The digest first: whatever follows was chosen by whoever made the key.
            ("key", digest(trusted.digest())),
            ("model", key.name().to_owned()),
            ("architecture", digest(key.network.architecture().digest()?)),
            ("skeleton", digest(key.network.digest()?)),
            ("weights key", digest(key.weights.digest()?)),
        ];
        if self.json {
            let mut answer = json!({
                "ok": true,
                "valid": true,
                "soundness_bits": bits,
                "network": compared.as_ref().map(Compared::as_json),
            });
            for (name, value) in facts {
                answer[name.replace(' ', "_")] = Value::String(value);
            }
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        writeln!(output, "valid")?;
        for (name, value) in facts {
            writeln!(output, "{name:12}  {value}")?;
        }
        if let Some(compared) = compared {
            writeln!(output, "{:12}  {compared}", "network")?;
        }
        writeln!(
            output,
            "{:12}  {bits:.1} bits, setup proof and one answer together",
            "soundness"
        )?;
        Ok(())
    }
}
