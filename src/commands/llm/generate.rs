//! `zkml llm generate`: text from the integer model, token by token.

use std::io::Write;
use std::time::Instant;

use clap::Args;
use zkml::language::{QuantizedLanguageModel, Written};

use super::folder::{Folder, Prompt};
use crate::commands::CommandError;
use crate::commands::console::{Console, Terminal};
use crate::commands::destination::Files;

/// Write text with the model of a key; no proof is made, and none is spent
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    prompt: Prompt,
    /// How many tokens to write, unless the model ends the text before
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    tokens: u32,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Generate {
    pub(super) fn files(&self) -> Files {
        Files {
            reads: self.folder.reads(),
            ..Files::default()
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let model = self.folder.model(&console)?;
        let prompt = self.prompt.encode(model.vocabulary())?;
        write(&model, &prompt, self.tokens, &mut console)?;
        console.finish()
    }
}

/// Continues a prompt, and shows every piece of text as soon as it is known.
pub(super) fn write(
    model: &QuantizedLanguageModel,
    prompt: &[u32],
    tokens: u32,
    console: &mut Console<'_>,
) -> Result<Written, CommandError> {
    let start = Instant::now();
    let shown = model.vocabulary().decode(prompt)?;
    console.stage("writing");
    console.piece(&shown);
    let written = model.write(prompt, tokens as usize, |piece| console.piece(piece));
    console.piece("\n");
    let written = written?;
    let time = start.elapsed();
    answer(&written, model, console)?;
    console.answer("write_seconds", time.as_secs_f64());
    Ok(written)
}

/// Adds prompt and answer to what programs read.
pub(super) fn answer(
    written: &Written,
    model: &QuantizedLanguageModel,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let (ids, answer) = (written.ids(), written.answer());
    let (prompt, _) = ids.split_at(ids.len() - answer.len());
    let ended = answer.last().is_some_and(|last| model.vocabulary().ends(*last));
    console.answer("prompt", model.vocabulary().decode(prompt)?);
    console.answer("answer", model.vocabulary().decode(answer)?);
    console.answer("prompt_tokens", prompt);
    console.answer("answer_tokens", answer);
    console.answer("ended", ended);
    Ok(())
}
