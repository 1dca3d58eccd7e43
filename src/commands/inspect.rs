//! `zkml inspect`: what a file is, and whether it is intact.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zkml_core::proof::{Header, inspect_file};

use super::CommandError;

/// Say what a zkml file holds and whether it is intact
///
/// Reads the header of a compiled model, key, proof or public values, and checks size and checksum. That says
/// nothing about a proof: anyone can make an intact file.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the file is intact
  1  the file is no zkml file, or it is damaged
  2  wrong usage, or the file could not be read")]
pub(crate) struct Inspect {
    /// The file
    file: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        let header = inspect_file(&self.file)?;
        if self.json {
            writeln!(output, "{}", self.as_json(&header))?;
            return Ok(());
        }
        for (name, value) in self.lines(&header) {
            writeln!(output, "{name:9} {value}")?;
        }
        Ok(())
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

    fn as_json(&self, header: &Header) -> serde_json::Value {
        json!({
            "file": self.file.display().to_string(),
            "kind": header.kind.name(),
            "version": header.version,
            "payload_bytes": header.payload_bytes,
            "bytes": header.container_bytes(),
            "checksum": "ok",
        })
    }
}
