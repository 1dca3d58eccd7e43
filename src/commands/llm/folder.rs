//! The folder of a language model: its keys, and the files that its words are read from.

use std::path::{Path, PathBuf};

use clap::Args;
use zkml::language::{QuantizedLanguageModel, Vocabulary};
use zkml_core::keys::{CompiledModel, ProvingKey};

use crate::commands::CommandError;
use crate::commands::console::Console;
use crate::commands::destination::counters;

/// Where the keys of a language model are, and its tokenizer.
#[derive(Debug, Args)]
pub(super) struct Folder {
    /// Folder that `zkml llm setup` wrote
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT)]
    pub(super) folder: PathBuf,
}

/// The folder, unless another one is named.
pub(super) const DEFAULT: &str = "zkml-llm";

impl Folder {
    /// The proving key.
    pub(super) fn proving(&self) -> PathBuf {
        proving(&self.folder)
    }

    /// The verifying key.
    pub(super) fn verifying(&self) -> PathBuf {
        verifying(&self.folder)
    }

    /// What a command reads that proves or writes text.
    pub(super) fn reads(&self) -> Vec<PathBuf> {
        let key = self.proving();
        let mut reads = counters(&key);
        reads.push(key);
        reads.extend(Vocabulary::files(&self.folder));
        reads
    }

    pub(super) fn vocabulary(&self) -> Result<Vocabulary, CommandError> {
        Ok(Vocabulary::open(&self.folder)?)
    }

    /// The integer model in the proving key, which no proof is spent for.
    pub(super) fn model(&self, console: &Console<'_>) -> Result<QuantizedLanguageModel, CommandError> {
        let vocabulary = self.vocabulary()?;
        let key = self.proving();
        let model = console.spin("reading the model", || ProvingKey::read_model(&key))?;
        model_of(vocabulary, model)
    }
}

/// A prompt, or a question.
#[derive(Debug, Args)]
pub(super) struct Prompt {
    /// The text to continue
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Put the prompt as a question, by the chat template of the model
    #[arg(long)]
    chat: bool,
}

impl Prompt {
    pub(super) fn encode(&self, vocabulary: &Vocabulary) -> Result<Vec<u32>, CommandError> {
        encode(&self.prompt, self.chat, vocabulary)
    }
}

/// The ids of a prompt, or of the question that it is.
pub(super) fn encode(prompt: &str, chat: bool, vocabulary: &Vocabulary) -> Result<Vec<u32>, CommandError> {
    Ok(match chat {
        true => vocabulary.encode_question(prompt)?,
        false => vocabulary.encode(prompt)?,
    })
}

/// The model of a key, with its words.
pub(super) fn model_of(
    vocabulary: Vocabulary,
    model: CompiledModel,
) -> Result<QuantizedLanguageModel, CommandError> {
    Ok(QuantizedLanguageModel::new(vocabulary, model)?)
}

/// The proving key in a folder.
pub(super) fn proving(folder: &Path) -> PathBuf {
    folder.join("llm.pkey")
}

/// The verifying key in a folder.
pub(super) fn verifying(folder: &Path) -> PathBuf {
    folder.join("llm.vkey")
}
