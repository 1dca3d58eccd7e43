//! `zkml completions` and `zkml man`: what a shell and `man` know of the command line.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::CommandError;
use crate::Arguments;

/// Print the completions of a shell
///
/// Example: `mkdir -p ~/.local/share/bash-completion/completions`, then `zkml completions bash >
/// ~/.local/share/bash-completion/completions/zkml`.
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
        let page = clap_mangen::Man::new(asked.clone().override_usage(synopsis(asked)));
        let mut text = Vec::new();
        page.render(&mut text)?;
        // What stands behind the options is the list of exit codes, and has a heading of its own in pages of man.
        let text = String::from_utf8_lossy(&text).replace(".SH EXTRA\nExit codes:", ".SH \"EXIT STATUS\"");
        Ok(output.write_all(text.as_bytes())?)
    }
}

/// The options and arguments of a command, with the names of their values.
fn synopsis(command: &clap::Command) -> String {
    let mut words = vec![command.get_bin_name().unwrap_or("zkml").to_owned()];
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    // Options first, those that may be left out before the others.
    let mut shown: Vec<&clap::Arg> = shown.collect();
    shown.sort_by_key(|argument| match argument.is_positional() {
        true => 2,
        false => u8::from(argument.is_required_set()),
    });
    words.extend(shown.into_iter().map(|argument| {
        // `--input <FILE>...`, `<MODEL>`
        let text = argument.to_string();
        match argument.is_required_set() || argument.is_positional() {
            true => text,
            false => format!("[{text}]"),
        }
    }));
    if command.has_subcommands() {
        words.push("<COMMAND>".to_owned());
    }
    words.join(" ")
}
