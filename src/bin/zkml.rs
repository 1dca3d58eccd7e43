//! The command line of zkml. Run `zkml --help`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use commands::Command;

#[path = "../commands/mod.rs"]
mod commands;

/// Proofs of what neural networks answer: look at files and check proofs.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "\
Exit codes:
  0  valid
  1  refused: the file is damaged or is not what it should be
  2  not checked: wrong usage, or a file could not be read"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let result = Arguments::parse().command.run(&mut io::stdout().lock());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even that cannot be written, the exit code still tells.
            let _ = writeln!(io::stderr(), "error: {error}");
            error.exit_code()
        }
    }
}
