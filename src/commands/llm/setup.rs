//! `zkml llm setup`: from a directory of Hugging Face's form to keys for texts of any length.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use zkml::language::{LanguageModel, Sampling, Vocabulary};
use zkml_core::files;
use zkml_core::keys::CompiledModel;
use zkml_core::privacy::{Privacy, Visibility};
use zkml_core::proof::write_file;
use zkml_core::setup::{SetupOptions, setup};

use super::folder::{DEFAULT, proving, verifying};
use crate::commands::CommandError;
use crate::commands::console::{Console, Terminal, refuse_existing, write_text};
use crate::commands::destination::Files;
use crate::commands::setup::{create_folder, describe};
use crate::commands::words::count;

/// Quantize a language model, commit to its weights, and make keys for texts of any length
///
/// Reads a directory in the form of Hugging Face: config.json, tokenizer.json and weights in safetensors. Writes a
/// folder with the proving key (as secret as the weights), the verifying key, and what is needed to read text.
#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Directory of the model: config.json, tokenizer.json, weights
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What others may learn of the weights
    #[arg(long, value_enum, default_value = "private")]
    weights: Weights,
    /// How many proofs the key is for at least; weights that are not private bear any number
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    proofs: u32,
    /// Text on which the size of the model's values is measured; texts of the model's own, unless given
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Begin each window of that text with the model's `bos_token_id`
    #[arg(long, requires = "calibration")]
    bos: bool,
    /// Tokens of a text whose proof should be cheapest
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    tokens: u32,
    /// Folder for the keys
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT)]
    output: PathBuf,
    /// Overwrite the keys of an earlier setup
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// How weights are held.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Weights {
    /// Committed and hidden; the key makes a limited number of proofs
    Private,
    /// Committed, not hidden: smaller proofs, as many as wanted
    Public,
}

impl From<Weights> for Visibility {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::Private => Self::Private,
            Weights::Public => Self::Public,
        }
    }
}

/// Most bytes of a text.
pub(super) const TEXT_BYTES: u64 = 1 << 30;

impl Setup {
    fn paths(&self) -> [PathBuf; 2] {
        [proving(&self.output), verifying(&self.output)]
    }

    pub(super) fn files(&self) -> Files {
        let mut reads = Vocabulary::files(&self.model).to_vec();
        reads.extend(self.calibration.clone());
        Files {
            reads,
            writes: [
                &self.paths()[..],
                &Vocabulary::files(&self.output),
                &Vocabulary::chat_files(&self.output),
            ]
            .concat(),
            makes_folders: true,
            ..Files::default()
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        for path in self.paths() {
            refuse_existing(&path, self.force)?;
        }
        let float = console.spin("reading the model", || {
            LanguageModel::from_pretrained(&self.model)
        })?;
        let texts = self.texts(&float, &mut console)?;
        let model = console.spin("quantizing", || float.quantize(&texts))?;
        drop(float);
        let privacy = Privacy {
            weights: self.weights.into(),
            ..Privacy::default()
        };
        let options = SetupOptions {
            proofs_per_key: self.proofs,
            typical_tokens: self.tokens,
            ..SetupOptions::default()
        };
        let compiled = CompiledModel {
            privacy,
            ..model.compiled().clone()
        };
        drop(model);
        let key = console.spin("committing to the weights", || setup(compiled, &options))?;
        create_folder(&self.output)?;
        let [proving, verifying] = self.paths();
        self.copy_words(&mut console)?;
        console.write("proving key", &proving, |path| key.write_file(path))?;
        console.write("verifying key", &verifying, |path| {
            write_file(path, key.verifying())
        })?;
        describe(key.verifying(), None, &mut console)?;
        let folder = match self.output.as_os_str() == DEFAULT {
            true => String::new(),
            false => format!(" --folder {}", self.output.display()),
        };
        console.line(&format!("next: zkml llm prove{folder} --prompt TEXT --tokens 16"))?;
        console.finish()
    }

    /// Copies what the words of the model are read from, and how it is asked if that is said.
    fn copy_words(&self, console: &mut Console<'_>) -> Result<(), CommandError> {
        let needed = Vocabulary::files(&self.model)
            .into_iter()
            .zip(Vocabulary::files(&self.output));
        let asked = Vocabulary::chat_files(&self.model)
            .into_iter()
            .zip(Vocabulary::chat_files(&self.output));
        for (from, to) in needed.chain(asked.filter(|(from, _)| from.exists())) {
            let text = read(&from)?;
            console.write("words", &to, |path| write_text(path, &text))?;
        }
        Ok(())
    }

    /// The texts that the size of values is measured on.
    fn texts(&self, model: &LanguageModel, console: &mut Console<'_>) -> Result<Vec<Vec<u32>>, CommandError> {
        let texts = match &self.calibration {
            Some(path) => model.vocabulary().windows(&read(path)?, usize::MAX, self.bos)?,
            None => {
                let sampling = Sampling::default();
                let bar = console.steps("writing texts to measure on", sampling.tokens);
                model.sample(sampling, || bar.step())?
            }
        };
        let tokens: usize = texts.iter().map(Vec::len).sum();
        console.line(&format!(
            "measured on {} of the {}",
            count(tokens as u64, "token"),
            if self.calibration.is_some() {
                "calibration text"
            } else {
                "model's own"
            }
        ))?;
        console.answer("calibration_tokens", tokens);
        Ok(texts)
    }
}

/// The text of a file.
pub(super) fn read(path: &std::path::Path) -> Result<String, CommandError> {
    files::read_to_string(path, TEXT_BYTES).map_err(|error| CommandError::Read {
        path: path.to_path_buf(),
        error,
    })
}
