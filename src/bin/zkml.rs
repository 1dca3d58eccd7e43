//! The command line of zkml. Run `zkml --help`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use commands::{Command, Globals};
use zkml_core::untrusted::escaped_lines;

#[path = "../commands/mod.rs"]
mod commands;

/// Proofs of what neural networks answer: compile a model, set up its keys, prove, verify.
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
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    #[cfg(feature = "prover")]
    {
        zkml::memory::keep_freed();
        // Where that is refused there is nothing else to do, and no command depends on it.
        zkml::memory::forbid_core_dumps();
    }
    let Arguments { globals, command } = Arguments::parse();
    let result = command.run(&globals, &mut io::stdout().lock());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed. The exit code still tells that the command failed.
            // What it quotes from files of others stays text.
            let _ = writeln!(io::stderr(), "error: {}", escaped_lines(&error.to_string()));
            error.exit_code()
        }
    }
}
