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
  0    done; a key or a proof that was checked is valid
  1    refused: a file was read, and is not what it should be
  2    not tried: wrong usage, a file that cannot be read or written, or one in the way
  130  interrupted"
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
    let Arguments { globals, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    let result = command.run(&globals, &mut io::stdout());
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

/// The end of a program whose arguments are no command, or ask for help. With `--json` among them, what is wrong is an
/// object, too.
fn misused(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if wants_json && error.use_stderr() {
        let text = error.render().to_string();
        let text = text
            .trim_start_matches("error: ")
            .lines()
            .next()
            .unwrap_or_default();
        let _ = writeln!(
            io::stdout(),
            "{}",
            serde_json::json!({ "ok": false, "error": text })
        );
    }
    // Nothing is lost if nobody reads it.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
