//! `zkml prove`: what does the model answer, and a proof of it.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use zkml::argument::Answer;
use zkml::argument::Statement;
use zkml::keys::{CompiledModel, ProveError, ProvingKey};
use zkml::observe::{duration, peak_memory, size};
use zkml::prove::{Input, prove_with_secrets};
use zkml::verify::ReadableOutputs;

use super::console::{Console, begin, refuse_existing};
use super::input::read_input;
use super::setup::create_folder;
use super::{CommandError, Globals};

/// Prove what a model answers on an input
///
/// Images are prepared as the compiled model says; floating-point arrays are taken as they are. Writes the proof,
/// which holds the public values, and the outputs in readable form, and overwrites nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  proof and outputs are written
  1  refused: an input the model does not take, a damaged key, or one whose proofs are used up
  2  wrong usage, or a file could not be read or written")]
pub(crate) struct Prove {
    /// The proving key
    #[arg(long)]
    key: PathBuf,
    /// The input: an image, a .npy or a .safetensors file; several for a model with a batch
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    input: Vec<PathBuf>,
    /// Text that the proof is bound to, such as a nonce of the verifier
    #[arg(long, default_value = "")]
    context: String,
    /// Folder for the files [default: the current one]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Name of the files, NAME.proof and NAME.outputs.json [default: that of the key]
    #[arg(long)]
    name: Option<String>,
    /// Overwrite files of an earlier proof
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Prove {
    pub(crate) fn run(self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(globals, self.json, output)?;
        let folder = self.output.clone().unwrap_or_default();
        let name = match (&self.name, self.key.file_stem()) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => "answer".into(),
        };
        let paths = ["proof", "outputs.json"].map(|kind| folder.join(format!("{name}.{kind}")));
        let [proof_path, outputs_path] = &paths;
        // Files in the way and inputs that do not fit are refused before a proof of the key is used up.
        for path in &paths {
            refuse_existing(path, self.force)?;
        }
        create_folder(&folder)?;
        let key = console.spin("reading the key:", || ProvingKey::read_file(&self.key))?;
        let model = key.model();
        let graph = &model.network.graph;
        let shape = &graph[graph.input].fact.shape;
        let input = read_input(&self.input, shape, model.network.record.preprocessing.as_ref())?;
        let integers = model.network.quantize_input(&input)?;

        // A folder that cannot be written to, and a full disk, are noticed before a proof of the key is used up.
        let statement = Statement::of_proving(&key).map_err(ProveError::from)?;
        let limits = statement.proof_limits();
        let values = limits.outputs.iter().sum::<u64>();
        let proof_file = begin(proof_path, false, limits.bytes)?;
        let outputs_file = begin(outputs_path, false, OUTPUTS_BYTES + values * OUTPUT_BYTES)?;

        let start = Instant::now();
        let proven = console.spin("proving:", || {
            prove_with_secrets(&key, Input::Values(&integers), self.context.as_bytes())
        })?;
        let time = start.elapsed();
        console.write("proof", proof_path, |_| proof_file.write(&proven.proof))?;
        let outputs = ReadableOutputs::new(&statement, &proven.proof.public)?;
        let text = serde_json::to_string_pretty(&outputs).map_err(std::io::Error::from)?;
        console.write("outputs", outputs_path, |_| {
            outputs_file.finish(|file| file.write_all(text.as_bytes()))
        })?;

        report(model, &proven.answer, &mut console)?;
        let memory = peak_memory().map_or(String::new(), |bytes| format!(", peak memory {}", size(bytes)));
        console.line(&format!("proved in {}{memory}", duration(time)))?;
        console.answer("prove_seconds", time.as_secs_f64());
        console.answer("peak_memory_bytes", peak_memory());
        if let Some(budget) = key.budget() {
            let left = budget.proofs_left().map_err(ProveError::from)?;
            console.line(&format!("{left} proofs left with this key"))?;
            console.answer("proofs_left", left);
        }
        console.finish()
    }
}

/// Room for readable outputs: names and brackets, and for each value an integer and a real number on lines of their
/// own.
const OUTPUTS_BYTES: u64 = 1 << 14;
const OUTPUT_BYTES: u64 = 96;

/// How many scores are shown.
const SHOWN: usize = 3;

/// Says what the model answered: to its prover, also what is private.
fn report(model: &CompiledModel, answer: &Answer, console: &mut Console<'_>) -> Result<(), CommandError> {
    let network = &model.network;
    let shown = if model.privacy.output.is_private() {
        " (private)"
    } else {
        ""
    };
    let label = |class: usize| network.record.classes.get(class).cloned();
    let Some((scores, scale)) = answer.outputs.first().zip(network.output_scales.first()) else {
        return Ok(());
    };
    let batch = network
        .graph
        .outputs
        .first()
        .and_then(|id| network.graph[*id].fact.shape.first());
    let batch = batch.copied().unwrap_or(1).max(1);
    let mut answers = Vec::new();
    for (number, scores) in scores.chunks((scores.len() / batch).max(1)).enumerate() {
        let scores: Vec<f64> = scores.iter().map(|&score| score as f64 * scale).collect();
        let class = answer
            .outputs
            .get(1)
            .and_then(|classes| usize::try_from(*classes.get(number)?).ok());
        let probabilities = probabilities(&scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let best: Vec<String> = order
            .iter()
            .take(SHOWN)
            .map(|&class| {
                let name = label(class).unwrap_or_else(|| class.to_string());
                format!("{name} {:.1} %", probabilities[class] * 100.0)
            })
            .collect();
        if let Some(class) = class {
            let name = label(class).map_or(String::new(), |label| format!(" {label}"));
            console.line(&format!("class {class}{name}{shown}: {}", best.join(", ")))?;
        }
        answers.push(json!({
            "class": class,
            "label": class.and_then(label),
            "probabilities": probabilities,
        }));
    }
    console.answer("private_output", model.privacy.output.is_private());
    console.answer("answers", Value::from(answers));
    Ok(())
}

/// Softmax. The largest score is subtracted first, so that `exp` does not overflow.
fn probabilities(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
