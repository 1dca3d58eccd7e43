//! `zkml verify`: does a proof prove the public values in it?

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zkml_core::argument::{CommittedTensors, TensorLayout};
use zkml_core::files;
#[cfg(feature = "prover")]
use zkml_core::keys::NetworkSkeleton;
use zkml_core::keys::VerifyingKey;
#[cfg(feature = "prover")]
use zkml_core::proof::Proof;
use zkml_core::proof::{FileError, FormatError, outline_file, read_file, read_proof};
#[cfg(feature = "prover")]
use zkml_core::transcript::VerifyError;
use zkml_core::transcript::lines;
use zkml_core::verify::ReadableOutputs;
use zkml_core::verify::Verified;

use super::content::{PRIVATE, integers};
use super::destination::Files;
use super::trusted::trust;
use super::words::{count, reals};
use super::{CommandError, hex};

/// Largest file of readable outputs, in bytes: names and brackets, and two numbers for each value.
const OUTPUTS_BYTES: u64 = 1 << 16;
const VALUE_BYTES: u64 = 256;

/// Check a proof
///
/// Checks that the model of the verifying key, with the weights it is a commitment to, gives the proof's public outputs
/// on its public input; of what is private, that the prover knows it. Whether the input is the one you asked about,
/// `--input` compares (the build of the verifier alone prints it with `--json`). The key decides what is checked: take
/// it from someone you trust, not from the prover.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    the proof is valid
  1    rejected: proof, outputs or key are not what they should be
  2    not checked: wrong usage, or a file could not be read
  130  interrupted")]
pub(crate) struct Verify {
    /// The verifying key
    #[arg(long)]
    key: PathBuf,
    /// The proof, with the public values it speaks of
    #[arg(long)]
    proof: PathBuf,
    /// The input you asked about, as `zkml prove` takes it; it must be the proof's. Several for a model with a batch
    #[cfg(feature = "prover")]
    #[arg(long, num_args = 1.., value_name = "FILE")]
    input: Vec<PathBuf>,
    /// Readable outputs (JSON) that must agree with the public values
    #[arg(long)]
    outputs: Option<PathBuf>,
    /// Text that the proof is bound to, such as a nonce; the one that the prover was given
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    context: String,
    /// Write what the transcript absorbs and draws, a line each, as far as the verifier comes. `-` is the standard
    /// output, which then has nothing else: the exit code is the verdict
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Answer with one JSON object, also for a rejection
    #[arg(long)]
    pub(super) json: bool,
}

impl Verify {
    pub(super) fn files(&self) -> Files {
        let mut reads = vec![self.key.clone(), self.proof.clone()];
        reads.extend(self.outputs.clone());
        #[cfg(feature = "prover")]
        reads.extend(super::input::paths(&self.input));
        Files {
            reads,
            writes: lines_file(self.transcript.as_deref()),
            ..Files::default()
        }
    }

    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let alone = lines_alone(self.transcript.as_deref(), self.json)?;
        let Proven {
            key,
            input,
            clipped,
            outputs,
            committed,
        } = self.check(output)?;
        if alone {
            return Ok(());
        }
        if self.json {
            let answer = json!({
                "ok": true,
                "valid": true,
                "key": key,
                "input": input,
                "input_clipped": clipped,
                "outputs": outputs,
                "committed": {
                    "input": committed.input.as_ref().map(readable),
                    "output": committed.output.as_ref().map(readable),
                },
            });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        writeln!(output, "valid")?;
        // The digest first: whatever follows was chosen by whoever made the key.
        writeln!(output, "key      {key}")?;
        writeln!(output, "model    {}", outputs.model)?;
        if let Some(class) = outputs.class {
            writeln!(output, "class    {class}")?;
        }
        let input = input.as_deref().map_or(PRIVATE.to_owned(), integers);
        writeln!(output, "input    {input}")?;
        if clipped > 0 {
            let values = count(clipped, "value");
            writeln!(
                output,
                "clipped  {values} of --input: the proof is about the clipped input"
            )?;
        }
        match &outputs.outputs {
            None => writeln!(output, "outputs  {PRIVATE}")?,
            Some(tensors) => {
                for (place, tensor) in tensors.iter().enumerate() {
                    let number = tensor.number.map_or(place, |number| number as usize);
                    writeln!(output, "output {number} {}", integers(&tensor.integers))?;
                    if outputs.class.is_none() {
                        writeln!(output, "values   {}", reals(&tensor.values))?;
                    }
                }
            }
        }
        for (name, tensors) in [("input", &committed.input), ("output", &committed.output)] {
            if let Some(tensors) = tensors {
                writeln!(output, "{name:<9}committed as {tensors}")?;
            }
        }
        Ok(())
    }

    /// Checks everything that is given.
    fn check(&self, output: &mut dyn Write) -> Result<Proven, CommandError> {
        let key: VerifyingKey = read_file(&self.key)?;
        let trusted = trust(&key)?;
        let trusted = match key.network.sizing.any_length() {
            None => trusted,
            Some(_) => trusted.for_outline(&outline_file(&self.proof)?)?.into_owned(),
        };
        // The key says how large a proof may be, so a file that is larger is not read.
        let proof =
            read_proof(&self.proof, &trusted.statement().proof_limits()).map_err(|error| match error {
                FileError::Format {
                    path,
                    error: error @ FormatError::OtherProof { .. },
                } => CommandError::OtherProof { path, error },
                other => other.into(),
            })?;
        let context = self.context.as_bytes();
        let committed = match &self.transcript {
            None => trusted.verify(&proof, context)?,
            Some(path) => {
                let recording = trusted.verify_recording(&proof, context);
                write_lines(path, &lines(&recording.events), output)?;
                recording.verdict?
            }
        };
        #[cfg(feature = "prover")]
        let clipped = match self.input.is_empty() {
            true => 0,
            false => {
                let network = network_of(&key, &proof)?;
                super::input::compare_input(&self.input, &network, &proof.public)?.clipped
            }
        };
        #[cfg(not(feature = "prover"))]
        let clipped = 0;
        let outputs = ReadableOutputs::new(trusted.statement(), &proof.public)?;
        if let Some(path) = &self.outputs {
            let mismatch = |error| CommandError::Outputs {
                path: path.clone(),
                error,
            };
            read_outputs(path, &outputs)?.check(&outputs).map_err(mismatch)?;
        }
        Ok(Proven {
            key: hex(&trusted.digest()),
            input: proof.public.input,
            clipped,
            outputs,
            committed,
        })
    }
}

/// The network that a proof is about: that of the key, at the lengths of the proof.
#[cfg(feature = "prover")]
fn network_of(key: &VerifyingKey, proof: &Proof) -> Result<NetworkSkeleton, CommandError> {
    match (key.network.sizing.any_length(), proof.lengths) {
        (Some(_), Some(lengths)) => key.network.at(lengths).map_err(|error| {
            CommandError::Rejected(VerifyError::Lengths {
                expected: "one that the network can read".into(),
                found: error.to_string(),
            })
        }),
        _ => Ok(key.network.clone()),
    }
}

/// What a valid proof shows.
struct Proven {
    /// Digest of the key.
    key: String,
    /// The public input.
    input: Option<Vec<i64>>,
    /// How many values of the input that it was compared with were clipped to the range of its integers.
    clipped: usize,
    outputs: ReadableOutputs,
    committed: Verified,
}

/// A commitment to private tensors as JSON. Proofs with equal commitments speak of the same tensors.
fn readable(tensors: &CommittedTensors) -> Value {
    let TensorLayout {
        sizes,
        log_row,
        log_codeword,
        tail,
        log_stride,
    } = &tensors.layout;
    json!({
        "root": hex(&tensors.root),
        "sizes": sizes,
        "log_row": log_row,
        "log_codeword": log_codeword,
        "tail": tail,
        "log_stride": log_stride,
    })
}

/// The file that the lines of a transcript go to, if they go to a file.
pub(super) fn lines_file(transcript: Option<&Path>) -> Vec<PathBuf> {
    let file = transcript.filter(|path| *path != Path::new("-"));
    file.into_iter().map(Path::to_path_buf).collect()
}

/// Are the lines of a transcript all that goes to the standard output?
pub(super) fn lines_alone(transcript: Option<&Path>, json: bool) -> Result<bool, CommandError> {
    let alone = transcript == Some(Path::new("-"));
    match alone && json {
        true => Err(CommandError::Usage("--transcript -: not with --json".to_owned())),
        false => Ok(alone),
    }
}

/// Writes the lines to a file, or to the standard output.
pub(super) fn write_lines(path: &Path, lines: &[String], output: &mut dyn Write) -> Result<(), CommandError> {
    if path == Path::new("-") {
        lines.iter().try_for_each(|line| writeln!(output, "{line}"))?;
        return Ok(());
    }
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    std::fs::write(path, text).map_err(|error| CommandError::Write {
        path: path.to_path_buf(),
        error,
    })
}

/// Reads outputs that should be `expected`: a file is not read that is too large for these.
fn read_outputs(path: &Path, expected: &ReadableOutputs) -> Result<ReadableOutputs, CommandError> {
    let tensors = expected.outputs.iter().flatten();
    let values: u64 = tensors.map(|tensor| tensor.integers.len() as u64).sum();
    let most = OUTPUTS_BYTES + values * VALUE_BYTES;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound {
            path: path.to_path_buf(),
        },
        _ => FileError::Io {
            path: path.to_path_buf(),
            action: "read",
            error,
        },
    };
    let refused = |found| CommandError::NotOutputs {
        path: path.to_path_buf(),
        found,
    };
    let text = files::read(path, most).map_err(failed)?;
    serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))
}
