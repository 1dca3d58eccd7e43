//! `zkml llm eval`: how close the integers are to the floats, on a text.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use zkml::language::{LanguageModel, Sampling, Vocabulary};

use super::setup::read;
use crate::commands::CommandError;
use crate::commands::console::{Console, Terminal};
use crate::commands::destination::Files;
use crate::commands::words::count;

/// Compare the integer model with the float model on a text: perplexity, divergence, agreement
#[derive(Debug, Args)]
pub(super) struct Eval {
    /// Directory of the model: config.json, tokenizer.json, weights
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Text to measure on, never that of --calibration
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Text on which the size of the model's values is measured; texts of the model's own, unless given
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// How many windows of 256 tokens are measured; all, unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    windows: Option<u32>,
    /// Begin each window with the model's `bos_token_id`, those of --calibration too
    #[arg(long)]
    bos: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Eval {
    pub(super) fn files(&self) -> Files {
        let mut reads = Vocabulary::files(&self.model).to_vec();
        reads.push(self.text.clone());
        reads.extend(self.calibration.clone());
        Files {
            reads,
            ..Files::default()
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        if self.calibration.as_ref() == Some(&self.text) {
            return Err(CommandError::Usage(
                "--text, --calibration: expected two texts; one that was measured on proves nothing".into(),
            ));
        }
        let float = console.spin("reading the model", || {
            LanguageModel::from_pretrained(&self.model)
        })?;
        let most = self.windows.map_or(usize::MAX, |windows| windows as usize);
        let windows = |path: &Path, most: usize| -> Result<_, CommandError> {
            Ok(float.vocabulary().windows(&read(path)?, most, self.bos)?)
        };
        let texts = windows(&self.text, most)?;
        let calibration = match &self.calibration {
            Some(path) => windows(path, usize::MAX)?,
            None => {
                let sampling = Sampling::default();
                let bar = console.steps("writing texts to measure on", sampling.tokens);
                float.sample(sampling, || bar.step())?
            }
        };
        let model = console.spin("quantizing", || float.quantize(&calibration))?;
        let bar = console.steps("measuring", texts.len());
        let report = model.report(&float, &texts, || bar.step())?;
        console.line(&format!(
            "{} of {}\n{report}",
            count(texts.len() as u64, "window"),
            count(texts.first().map_or(0, Vec::len) as u64, "token")
        ))?;
        console.answer("tokens", report.rows);
        console.answer("float_perplexity", report.float_perplexity);
        console.answer("integer_perplexity", report.integer_perplexity);
        console.answer("divergence", report.divergence);
        console.answer("agreement", report.agreement);
        console.answer("decided", report.decided);
        console.answer("decided_agreement", report.decided_agreement);
        console.answer("refused", report.refused);
        console.finish()
    }
}
