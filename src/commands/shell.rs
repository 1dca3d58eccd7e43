//! `zkml completions` and `zkml man`: what a shell and `man` know of the command line.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::CommandError;
use crate::Arguments;

/// Print the completions of a shell
///
/// Example: `zkml completions bash > ~/.local/share/bash-completion/completions/zkml`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "zkml", &mut script);
        Ok(output.write_all(&script)?)
    }
}

/// Print a page for man
///
/// Example: `zkml man prove | man -l -`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Of this command; of zkml itself, unless given
    command: Option<String>,
}

impl Man {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut whole = Arguments::command();
        whole.build();
        let asked = match &self.command {
            None => &whole,
            Some(name) => whole.find_subcommand(name).ok_or_else(|| {
                let names: Vec<&str> = whole
                    .get_subcommands()
                    .map(|command| command.get_name())
                    .collect();
                CommandError::Usage(format!("expected one of {}, found {name:?}", names.join(", ")))
            })?,
        };
        let page = clap_mangen::Man::new(asked.clone());
        let mut text = Vec::new();
        page.render(&mut text)?;
        Ok(output.write_all(&text)?)
    }
}
