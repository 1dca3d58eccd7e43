//! `zkml setup`: commits to a model's weights and makes both keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::keys::{ROTATION_RESERVE, VerifyingKey};
use zkml::proof::{read_file, to_bytes, write_file};
use zkml::setup::{SetupOptions, setup};

use super::console::Console;
use super::{CommandError, Globals, hex};

/// Make the proving key and the verifying key of a compiled model
///
/// Commits to the weights and proves that they are what the circuit takes for granted. Keep the proving key secret if
/// weights are private, and hand the verifying key on. Keys of the same model that are there already are kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  both keys are written, or were there already
  1  refused: the model is damaged
  2  wrong usage, or a file could not be read or written")]
pub(crate) struct Setup {
    /// The compiled model
    model: PathBuf,
    /// Folder for the keys [default: that of the model]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Name of the keys, NAME.pkey and NAME.vkey [default: that of the model's file]
    #[arg(long)]
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
    pub(crate) fn run(self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(globals, self.json, output)?;
        let model: CompiledModel = read_file(&self.model)?;
        let folder = match (&self.output, self.model.parent()) {
            (Some(folder), _) => folder.clone(),
            (None, Some(parent)) => parent.to_path_buf(),
            (None, None) => PathBuf::new(),
        };
        let name = match (&self.name, self.model.file_stem()) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => model.name.clone(),
        };
        let (proving, verifying) = (
            folder.join(format!("{name}.pkey")),
            folder.join(format!("{name}.vkey")),
        );
        if !self.force && self.is_there(&model, &proving, &verifying, &mut console)? {
            return console.finish();
        }
        create_folder(&folder)?;
        let options = SetupOptions {
            proofs_per_key: self.proofs,
            ..zkml::Favour::from(self.favour).options()
        };
        let key = console.spin("setup:", || setup(model, &options))?;
        console.write("proving key", &proving, |path| key.write_file(path))?;
        console.write("verifying key", &verifying, |path| {
            write_file(path, key.verifying())
        })?;
        describe(key.verifying(), &mut console)?;
        console.line(&format!(
            "next: zkml prove --key {} --input IMAGE",
            proving.display()
        ))?;
        console.finish()
    }

    /// Whether both keys are there and belong to the model. Writes a verifying key that an interrupted run left out,
    /// and refuses keys of another model.
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
        let found = ProvingKey::read_model(proving).map_err(|_| in_the_way(proving))?;
        if to_bytes(&found)? != to_bytes(model)? {
            return Err(in_the_way(proving));
        }
        let key = if verifying.exists() {
            let key: VerifyingKey = read_file(verifying).map_err(|_| in_the_way(verifying))?;
            if key.network != model.skeleton() || key.privacy() != model.privacy {
                return Err(in_the_way(verifying));
            }
            console.kept("proving key", proving)?;
            console.kept("verifying key", verifying)?;
            key
        } else {
            let key = console.spin("reading the proving key:", || ProvingKey::read_file(proving))?;
            console.kept("proving key", proving)?;
            console.write("verifying key", verifying, |path| {
                write_file(path, key.verifying())
            })?;
            key.verifying().clone()
        };
        describe(&key, console)?;
        if key.weights.visibility.is_private() && key.weights.commitments.budget() < u64::from(self.proofs) {
            console.warn(&format!(
                "the key was made for fewer proofs than {}; --force makes another",
                self.proofs
            ));
        }
        Ok(true)
    }
}

fn describe(key: &VerifyingKey, console: &mut Console<'_>) -> Result<(), CommandError> {
    let digest = hex(&key.digest()?);
    console.line(&format!("key {digest}"))?;
    console.answer("key", digest);
    if key.weights.visibility.is_private() {
        let proofs = key.weights.commitments.budget().saturating_sub(ROTATION_RESERVE);
        console.line(&format!("good for {proofs} proofs, then `zkml rotate-key`"))?;
        console.answer("proofs", proofs);
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
