//! `zkml llm`: language models. `setup` makes a folder, which the other commands read.

mod eval;
mod folder;
mod generate;
mod prove;
mod setup;
mod verify;

use std::io::Write;

use clap::{Args, Subcommand};

use super::CommandError;
use super::console::Terminal;
use super::destination::Files;

/// Language models: make keys, write text, prove it, verify it
#[derive(Debug, Args)]
pub(crate) struct Llm {
    #[command(subcommand)]
    command: LlmCommand,
}

#[derive(Debug, Subcommand)]
enum LlmCommand {
    Setup(setup::Setup),
    Generate(generate::Generate),
    Prove(prove::Prove),
    Verify(verify::Verify),
    Eval(eval::Eval),
}

impl Llm {
    pub(super) fn json(&self) -> bool {
        match &self.command {
            LlmCommand::Setup(setup) => setup.json,
            LlmCommand::Generate(generate) => generate.json,
            LlmCommand::Prove(prove) => prove.json,
            LlmCommand::Verify(verify) => verify.json,
            LlmCommand::Eval(eval) => eval.json,
        }
    }

    pub(super) fn is_verdict(&self) -> bool {
        matches!(self.command, LlmCommand::Verify(_))
    }

    pub(super) fn files(&self) -> Files {
        match &self.command {
            LlmCommand::Setup(setup) => setup.files(),
            LlmCommand::Generate(generate) => generate.files(),
            LlmCommand::Prove(prove) => prove.files(),
            LlmCommand::Verify(verify) => verify.files(),
            LlmCommand::Eval(eval) => eval.files(),
        }
    }

    pub(super) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        match self.command {
            LlmCommand::Setup(setup) => setup.run(terminal, output),
            LlmCommand::Generate(generate) => generate.run(terminal, output),
            LlmCommand::Prove(prove) => prove.run(terminal, output),
            LlmCommand::Verify(verify) => verify.run(terminal, output),
            LlmCommand::Eval(eval) => eval.run(terminal, output),
        }
    }
}
