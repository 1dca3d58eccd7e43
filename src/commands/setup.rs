//! `zkml setup`: commits to a model's weights and makes both keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::keys::{ROTATION_RESERVE, VerifyingKey};
use zkml::proof::{read_file, to_bytes, write_file};
use zkml::setup::{SetupOptions, setup};

use super::console::{Console, Terminal};
use super::destination::Files;
use super::words::count;
use super::{CommandError, file_name, hex};

/// Make the proving key and the verifying key of a compiled model
///
/// Commits to the weights and proves that they are what the circuit takes for granted. Keep the proving key secret if
/// weights are private, and hand the verifying key on. Keys of the same model that are there already are kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    both keys are written, or were there already
  1    refused: the model is damaged
  2    wrong usage, or a file could not be read or written
  130  interrupted")]
pub(crate) struct Setup {
    /// The compiled model
    model: PathBuf,
    /// Folder for the keys [default: that of the model]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Name of the keys, NAME.pkey and NAME.vkey [default: that of the model's file]
    #[arg(long, value_parser = file_name)]
    name: Option<String>,
    /// With private weights: how many proofs the key can make, at least
    #[arg(long, default_value_t = SetupOptions::default().proofs_per_key)]
    proofs: u32,
    /// What counts: small proofs, or a short time to make them
    #[arg(long, value_enum, default_value_t = Favour::Balance)]
    favour: Favour,
    /// Overwrite keys of another model, or make new ones for this
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// The choice of row length and rate: longer codewords are more work, and make proofs smaller.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Favour {
    Size,
    Balance,
    Speed,
}

impl From<Favour> for zkml::Favour {
    fn from(favour: Favour) -> Self {
        match favour {
            Favour::Size => Self::Size,
            Favour::Balance => Self::Balance,
            Favour::Speed => Self::Speed,
        }
    }
}

impl Setup {
    fn folder(&self) -> PathBuf {
        match (&self.output, self.model.parent()) {
            (Some(folder), _) => folder.clone(),
            (None, Some(parent)) => parent.to_path_buf(),
            (None, None) => PathBuf::new(),
        }
    }

    /// Where the proving key and the verifying key go.
    fn paths(&self) -> [PathBuf; 2] {
        let name = match (&self.name, self.model.file_stem()) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => "keys".into(),
        };
        ["pkey", "vkey"].map(|kind| self.folder().join(format!("{name}.{kind}")))
    }

    pub(super) fn files(&self) -> Files {
        Files {
            reads: vec![self.model.clone()],
            writes: self.paths().to_vec(),
            makes_folders: true,
            ..Files::default()
        }
    }

    pub(crate) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let model: CompiledModel = console.spin("reading the model", || read_file(&self.model))?;
        let [proving, verifying] = self.paths();
        if !self.force && self.is_there(&model, &proving, &verifying, &mut console)? {
            return console.finish();
        }
        create_folder(&self.folder())?;
        let options = SetupOptions {
            proofs_per_key: self.proofs,
            ..zkml::Favour::from(self.favour).options()
        };
        let key = console.spin("setup", || setup(model, &options))?;
        console.write("proving key", &proving, |path| key.write_file(path))?;
        console.write("verifying key", &verifying, |path| {
            write_file(path, key.verifying())
        })?;
        describe(key.verifying(), None, &mut console)?;
        let network = &key.model().network;
        let file = match network.record.preprocessing {
            Some(_) => "IMAGE",
            None => "FILE",
        };
        let batch = network.graph[network.graph.input]
            .fact
            .shape
            .first()
            .copied()
            .unwrap_or(1);
        let files = if batch > 1 {
            format!("{file} {file} ...")
        } else {
            file.to_owned()
        };
        console.line(&format!(
            "next: zkml prove --key {} --input {files}",
            proving.display()
        ))?;
        console.finish()
    }

    /// Whether both keys are there, of this model and of each other. Writes a verifying key that an interrupted run
    /// left out, and refuses other keys.
    fn is_there(
        &self,
        model: &CompiledModel,
        proving: &Path,
        verifying: &Path,
        console: &mut Console<'_>,
    ) -> Result<bool, CommandError> {
        let in_the_way = |path: &Path| CommandError::InTheWay {
            path: path.to_path_buf(),
        };
        if !proving.exists() {
            return match verifying.exists() {
                true => Err(in_the_way(verifying)),
                false => Ok(false),
            };
        }
        let (found, key) = ProvingKey::read_verifying(proving).map_err(|_| in_the_way(proving))?;
        if to_bytes(&found)? != to_bytes(model)? {
            return Err(in_the_way(proving));
        }
        let complete = verifying.exists();
        if complete {
            let found: VerifyingKey = read_file(verifying).map_err(|_| in_the_way(verifying))?;
            if found.network != key.network || found.privacy() != key.privacy() {
                return Err(in_the_way(verifying));
            }
            // Two keys of one model commit to its weights with randomness of their own.
            if found.digest()? != key.digest()? {
                return Err(CommandError::NoPair {
                    verifying: verifying.to_path_buf(),
                    proving: proving.to_path_buf(),
                });
            }
        }
        // A key whose counter is gone or spent is not up to date.
        let budget = ProvingKey::read_budget(proving)?;
        let left = budget.map(|budget| budget.proofs_left()).transpose();
        let left = left.map_err(zkml::keys::ProveError::from)?;
        console.kept("proving key", proving)?;
        if complete {
            console.kept("verifying key", verifying)?;
        } else {
            console.write("verifying key", verifying, |path| write_file(path, &key))?;
        }
        describe(&key, left, console)?;
        if key.weights.visibility.is_private() && proofs(&key) < u64::from(self.proofs) {
            console.warn(&format!(
                "the key was made for fewer than {}; --force makes another",
                count(self.proofs, "proof")
            ));
        }
        Ok(true)
    }
}

/// How many proofs a key with private weights makes, without the openings that are kept for its rotation.
fn proofs(key: &VerifyingKey) -> u64 {
    key.weights.commitments.budget().saturating_sub(ROTATION_RESERVE)
}

/// Says which key it is and what it is good for. `left` are the proofs that a key which was there already can still
/// make.
pub(super) fn describe(
    key: &VerifyingKey,
    left: Option<u64>,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let digest = hex(&key.digest()?);
    console.line(&format!("key {digest}"))?;
    console.answer("key", digest);
    if key.weights.visibility.is_private() {
        let proofs = proofs(key);
        console.line(&match left {
            None => format!("good for {}, then `zkml rotate-key`", count(proofs, "proof")),
            Some(left) => format!(
                "{left} of {} left, then `zkml rotate-key`",
                count(proofs, "proof")
            ),
        })?;
        console.answer("proofs", proofs);
        console.answer("proofs_left", left.unwrap_or(proofs));
    }
    Ok(())
}

/// Makes a folder and its parents.
pub(super) fn create_folder(folder: &Path) -> Result<(), CommandError> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|error| CommandError::Write {
        path: folder.to_path_buf(),
        error,
    })
}
