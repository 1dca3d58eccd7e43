//! `zkml llm verify`: which text a proof is about.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use zkml::Verifier;
use zkml::language::{Continuation, Vocabulary};
use zkml::observe::duration;

use super::folder::{Folder, encode};
use crate::commands::console::{Console, Terminal};
use crate::commands::destination::Files;
use crate::commands::{CommandError, hex};

/// Check a proof of a text, and show the text
///
/// Exit code 0: the model of the key continues the prompt with the answer, each token the one of the largest logit.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The proof
    #[arg(value_name = "PROOF", default_value = "answer.proof")]
    proof: PathBuf,
    #[command(flatten)]
    folder: Folder,
    /// The verifying key; that of the folder, unless given
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The prompt that was asked; without it the text is split where the model's tokens begin
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// The prompt was put as a question, by the chat template of the model
    #[arg(long, requires = "prompt")]
    chat: bool,
    /// What the proof is bound to
    #[arg(long, default_value = "")]
    context: String,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Verify {
    fn key(&self) -> PathBuf {
        self.key.clone().unwrap_or_else(|| self.folder.verifying())
    }

    pub(super) fn files(&self) -> Files {
        let mut reads = vec![self.proof.clone(), self.key()];
        reads.extend(Vocabulary::files(&self.folder.folder));
        Files {
            reads,
            ..Files::default()
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let vocabulary = self.folder.vocabulary()?;
        let path = self.key();
        let verifier = console.spin("checking the key", || Verifier::open(&path))?;
        let start = Instant::now();
        let proof = verifier.open_proof(&self.proof)?;
        let verified = verifier.verify(&proof, self.context.as_bytes())?;
        let time = start.elapsed();
        let continuation = match &self.prompt {
            Some(prompt) => Continuation::of(&verified, &encode(prompt, self.chat, &vocabulary)?)?,
            None => Continuation::of_shortest_prompt(&verified)?,
        };
        let prompt = vocabulary.decode(&continuation.prompt)?;
        let answer = vocabulary.decode(&continuation.answer)?;
        console.line("valid")?;
        console.line(&format!("prompt   {prompt:?}"))?;
        console.line(&format!("answer   {answer:?}"))?;
        console.line(&format!("key      {}", hex(&verifier.digest())))?;
        console.line(&format!("verified in {}", duration(time)))?;
        console.answer("valid", true);
        console.answer("prompt", prompt);
        console.answer("answer", answer);
        console.answer("prompt_tokens", continuation.prompt);
        console.answer("answer_tokens", continuation.answer);
        console.answer("key", hex(&verifier.digest()));
        console.answer("verify_seconds", time.as_secs_f64());
        console.finish()
    }
}
