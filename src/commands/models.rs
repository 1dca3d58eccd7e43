//! `zkml models`: the networks that `zkml compile` knows by name.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};
use zkml::models::registry::MODELS;

use super::CommandError;
use super::words::shortest;

/// List the models that can be compiled by name
#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Models {
    pub(crate) fn run(self, output: &mut dyn Write) -> Result<(), CommandError> {
        if self.json {
            let model = |entry: &zkml::models::registry::Entry| {
                let preprocessing = entry.preprocessing();
                json!({
                    "name": entry.name, "about": entry.about, "input": entry.input, "pad": preprocessing.pad,
                    "mean": shortest(&preprocessing.mean), "deviation": shortest(&preprocessing.deviation),
                })
            };
            let models: Vec<Value> = MODELS.iter().map(model).collect();
            writeln!(output, "{}", json!({ "ok": true, "models": models }))?;
            return Ok(());
        }
        let width = MODELS.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        for entry in MODELS {
            writeln!(output, "{:width$}  {}", entry.name, entry.about)?;
        }
        Ok(())
    }
}
