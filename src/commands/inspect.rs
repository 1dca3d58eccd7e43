//! `zkml inspect`: what a file is, whether it is intact, and what it holds.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zkml_core::proof::{Header, inspect_file};

use super::CommandError;
use super::content::{self, Fact};

/// Say what a zkml file holds and whether it is intact
///
/// Checks the size and checksum of a compiled model, key, proof or public values, and shows what is in it. That says
/// nothing about a proof: anyone can make an intact file. See `zkml verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the file is intact
  1  the file is no zkml file, or it is damaged
  2  wrong usage, or the file could not be read")]
pub(crate) struct Inspect {
    /// The file
    file: PathBuf,
    /// Of a compiled model or key: what each pass of the optimizer did, and what that saves
    #[cfg(feature = "prover")]
    #[arg(long)]
    explain: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Inspect {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let header = inspect_file(&self.file)?;
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

    fn content(&self, header: &Header) -> Result<Vec<Fact>, CommandError> {
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
