//! The subcommands of `zkml`: each writes its answer to `output` and fails with a [`CommandError`].

mod inspect;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;
use thiserror::Error;
use zkml_core::proof::FileError;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Inspect),
}

impl Command {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        match self {
            Command::Inspect(inspect) => inspect.run(output),
        }
    }
}

/// Why a command did not say "valid".
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// A file is not there, cannot be read, or is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// 1 where something was checked and refused, 2 where it could not be checked.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CommandError::File(FileError::Format { .. }) => ExitCode::from(1),
            _ => ExitCode::from(2),
        }
    }
}
