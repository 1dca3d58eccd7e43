//! The subcommands of `zkml`: each writes its answer to `output` and fails with a [`CommandError`].

mod content;
mod inspect;
#[cfg(feature = "prover")]
mod rotate_key;
mod trusted;
mod verify;
mod verify_key;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use thiserror::Error;
use zkml_core::proof::{FileError, OutputMismatch};
#[cfg(feature = "prover")]
use zkml_core::prove::{BudgetError, ProveError};
use zkml_core::transcript::VerifyError;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    VerifyKey(verify_key::VerifyKey),
    #[cfg(feature = "prover")]
    RotateKey(rotate_key::RotateKey),
}

impl Command {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        match self {
            Command::Inspect(inspect) => inspect.run(output),
            Command::Verify(verify) => verify.run(output),
            Command::VerifyKey(verify_key) => verify_key.run(output),
            #[cfg(feature = "prover")]
            Command::RotateKey(rotate_key) => rotate_key.run(output),
        }
    }
}

/// Why a command did not say "valid".
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// A file is not there, cannot be read, or is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The verifying key in a file is no key.
    #[error("{}: {error}", path.display())]
    Key { path: PathBuf, error: VerifyError },
    /// The proof does not prove the statement.
    #[error("rejected: {0}")]
    Rejected(#[from] VerifyError),
    /// Readable outputs are not those of the public values.
    #[error("rejected: {}: {error}", path.display())]
    Outputs { path: PathBuf, error: OutputMismatch },
    /// A file of readable outputs is none.
    #[error("{}: expected the outputs of a proof as JSON, found {found}", path.display())]
    NotOutputs { path: PathBuf, found: String },
    /// A proving key could not be read, used or written.
    #[cfg(feature = "prover")]
    #[error(transparent)]
    Prove(#[from] zkml_core::prove::ProveError),
    /// A file is in the way.
    #[cfg(feature = "prover")]
    #[error("{}: exists already and is another key; nothing was overwritten", path.display())]
    Exists { path: PathBuf },
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// 1 where something was checked and refused, 2 where it could not be checked.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CommandError::File(FileError::Format { .. })
            | CommandError::Key { .. }
            | CommandError::Rejected(_)
            | CommandError::Outputs { .. }
            | CommandError::NotOutputs { .. } => ExitCode::from(1),
            #[cfg(feature = "prover")]
            CommandError::Prove(
                ProveError::File(FileError::Format { .. }) | ProveError::Malformed { .. },
            )
            | CommandError::Prove(ProveError::Budget(
                BudgetError::Exhausted { .. } | BudgetError::NothingLeft { .. },
            )) => ExitCode::from(1),
            _ => ExitCode::from(2),
        }
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
