//! `zkml llm prove`: the proof that the model of a key continues a prompt with an answer.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use zkml::Prover;
use zkml::observe::duration;
use zkml_core::argument::Statement;
use zkml_core::graph::Lengths;
use zkml_core::keys::{ProveError, ProvingKey};

use super::folder::{Folder, Prompt, model_of};
use super::generate::{answer, write};
use crate::commands::CommandError;
use crate::commands::console::{Console, Terminal, begin, refuse_existing};
use crate::commands::destination::Files;
use crate::commands::words::count;

/// Prove that the model continues a prompt with an answer, each token the one of the largest logit
///
/// Without --answer the model writes it. A given answer is compared with the model's before a proof is spent.
#[derive(Debug, Args)]
pub(super) struct Prove {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    prompt: Prompt,
    /// The answer to prove, as `zkml llm generate` wrote it
    #[arg(long, value_name = "TEXT", conflicts_with = "tokens")]
    answer: Option<String>,
    /// How many tokens to write, unless the model ends the text before
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    tokens: u32,
    /// What the proof is bound to, such as a nonce of the verifier
    #[arg(long, default_value = "")]
    context: String,
    /// The proof
    #[arg(long, value_name = "FILE", default_value = "answer.proof")]
    output: PathBuf,
    /// Overwrite an earlier proof
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Prove {
    pub(super) fn files(&self) -> Files {
        Files {
            reads: self.folder.reads(),
            writes: vec![self.output.clone()],
            ..Files::default()
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        refuse_existing(&self.output, self.force)?;
        let vocabulary = self.folder.vocabulary()?;
        let path = self.folder.proving();
        let key = console.spin("reading the key", || ProvingKey::read_file(&path))?;
        let model = model_of(vocabulary, key.model().clone())?;
        let prompt = self.prompt.encode(model.vocabulary())?;
        let written = match &self.answer {
            None => write(&model, &prompt, self.tokens, &mut console)?,
            Some(text) => {
                let given = model.vocabulary().encode_more(text)?;
                let written = console.spin("comparing the answer with the model's", || {
                    model.follow(&prompt, &given)
                })?;
                answer(&written, &model, &mut console)?;
                written
            }
        };
        let tokens = u32::try_from(written.ids().len() - 1).unwrap_or(u32::MAX);
        let resized = key.at(Lengths::text(tokens))?;
        // A folder that cannot be written to, and a full disk, are noticed before a proof of the key is used up.
        let limits = Statement::of_proving(&resized)
            .map_err(ProveError::from)?
            .proof_limits();
        let file = begin(&self.output, false, limits.bytes)?;
        let prover = Prover::from_key(resized);
        let start = Instant::now();
        let proven = console.spin("proving", || {
            prover.prove(&written.input(), self.context.as_bytes())
        })?;
        let time = start.elapsed();
        console.write("proof", &self.output, |_| file.write(proven.proof()))?;
        console.line(&format!(
            "proved {} in {}",
            count(tokens, "token"),
            duration(time)
        ))?;
        console.answer("tokens", tokens);
        console.answer("prove_seconds", time.as_secs_f64());
        if let Some(left) = prover.remaining()? {
            console.line(&format!("{} left with this key", count(left, "proof")))?;
            console.answer("proofs_left", left);
        }
        console.finish()
    }
}
