//! `zkml inspect`: what a file is, whether it is intact, and what it holds.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zkml_core::argument::Statement;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{Header, Kind, inspect_file, read_file};

use super::CommandError;
use super::content::{self, Fact};
use super::destination::Files;

/// Say what a zkml file holds and whether it is intact
///
/// Checks the size and checksum of a compiled model, key or proof, and shows what is in it. That says
/// nothing about a proof: anyone can make an intact file. See `zkml verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    the file is intact
  1    the file is no zkml file, or it is damaged
  2    wrong usage, or the file could not be read
  130  interrupted")]
pub(crate) struct Inspect {
    /// The file
    file: PathBuf,
    /// Of a compiled model or key: what each pass of the optimizer did, and what that saves
    #[cfg(feature = "prover")]
    #[arg(long)]
    explain: bool,
    /// Of a verifying key: print its network alone, as JSON: the skeleton, which `verify-key --network` takes
    #[arg(long, conflicts_with = "circuit")]
    skeleton: bool,
    /// Of a verifying key: print the circuit that its network is lowered to, as JSON
    #[arg(long)]
    circuit: bool,
    /// Of a proof: its verifying key, to list the messages by label, with their number and bytes
    #[arg(long)]
    key: Option<PathBuf>,
    /// Of a proof with --key: the text that it is bound to; what is read after the first challenge depends on it
    #[arg(long, requires = "key", default_value = "", allow_hyphen_values = true)]
    context: String,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Inspect {
    pub(super) fn files(&self) -> Files {
        Files {
            reads: [&self.file].into_iter().chain(&self.key).cloned().collect(),
            ..Files::default()
        }
    }

    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let header = inspect_file(&self.file)?;
        if self.skeleton || self.circuit {
            return self.print_network(&header, output);
        }
        let content = self.content(&header)?;
        if self.json {
            writeln!(output, "{}", self.as_json(&header, content))?;
            return Ok(());
        }
        for (name, value) in self.lines(&header) {
            writeln!(output, "{name:14} {value}")?;
        }
        for fact in content {
            let mut lines = fact.text.lines();
            writeln!(output, "{:14} {}", fact.name, lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(output, "{:14} {line}", "")?;
            }
        }
        Ok(())
    }

    /// The skeleton of a key, or the circuit that it is lowered to.
    fn print_network(&self, header: &Header, output: &mut dyn Write) -> Result<(), CommandError> {
        if header.kind != Kind::VerifyingKey {
            return Err(CommandError::Usage(format!(
                "--skeleton, --circuit: expected a verifying key, found a {}",
                header.kind
            )));
        }
        let key: VerifyingKey = read_file(&self.file)?;
        let text = match self.circuit {
            true => serde_json::to_string(Statement::new(&key)?.circuit()),
            false => serde_json::to_string(&key.network),
        };
        writeln!(output, "{}", text.map_err(std::io::Error::other)?)?;
        Ok(())
    }

    fn content(&self, header: &Header) -> Result<Vec<Fact>, CommandError> {
        if let Some(key) = &self.key {
            if header.kind != Kind::Proof {
                return Err(CommandError::Usage(format!(
                    "--key: expected a proof, found a {}",
                    header.kind
                )));
            }
            return content::proof::read_with_key(&self.file, key, &self.context);
        }
        #[cfg(feature = "prover")]
        if self.explain {
            return super::explain::read(&self.file, header.kind);
        }
        content::read(&self.file, header.kind)
    }

    fn lines(&self, header: &Header) -> Vec<(&'static str, String)> {
        vec![
            ("file", self.file.display().to_string()),
            ("kind", header.kind.to_string()),
            ("version", header.version.to_string()),
            ("payload", format!("{} bytes", header.payload_bytes)),
            ("size", format!("{} bytes", header.container_bytes())),
            ("checksum", "ok".to_owned()),
        ]
    }

    fn as_json(&self, header: &Header, content: Vec<Fact>) -> Value {
        let content: serde_json::Map<String, Value> = content
            .into_iter()
            .map(|fact| (fact.name.replace(' ', "_"), fact.value))
            .collect();
        json!({
            "ok": true,
            "file": self.file.display().to_string(),
            "kind": header.kind.name(),
            "version": header.version,
            "payload_bytes": header.payload_bytes,
            "bytes": header.container_bytes(),
            "checksum": "ok",
            "content": content,
        })
    }
}
