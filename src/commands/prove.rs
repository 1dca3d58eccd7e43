//! `zkml prove`: what does the model answer, and a proof of it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use zkml::argument::Answer;
use zkml::argument::Statement;
use zkml::graph::ChannelScales;
use zkml::keys::{CompiledModel, ProveError, ProvingKey};
use zkml::observe::{duration, peak_memory, size};
use zkml::ops::IntOp;
use zkml::prove::{Input, prove_with_secrets};
use zkml::quant::Rounded;
use zkml::verify::ReadableOutputs;

use super::console::{Console, Terminal, begin, on_interrupt, refuse_existing};
use super::destination::{Files, counters};
use super::input::{clipping_json, paths, read_input};
use super::setup::create_folder;
use super::words::{count, reals};
use super::{CommandError, file_name};

/// Prove what a model answers on an input
///
/// Images are prepared as the compiled model says; floating-point arrays are taken as they are. Writes the proof,
/// which holds the public values, and the outputs in readable form, and overwrites nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    proof and outputs are written
  1    refused: an input the model does not take, a damaged key, or one whose proofs are used up
  2    wrong usage, or a file could not be read or written
  130  interrupted")]
pub(crate) struct Prove {
    /// The proving key
    #[arg(long)]
    key: PathBuf,
    /// The input: an image, or a .npy, .npz, .safetensors or .csv file; several for a model with a batch. FILE#7 is the
    /// one of number 7 in a file of many, counted from 0
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    input: Vec<PathBuf>,
    /// Prove also an input unlike all calibration samples, of which values are clipped
    #[arg(long)]
    allow_clipping: bool,
    /// Text that the proof is bound to, such as a nonce of the verifier
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    context: String,
    /// Folder for the files [default: the current one]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Name of the files, NAME.proof and NAME.outputs.json [default: that of the key]
    #[arg(long, value_parser = file_name)]
    name: Option<String>,
    /// Overwrite files of an earlier proof
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Prove {
    fn folder(&self) -> PathBuf {
        self.output.clone().unwrap_or_default()
    }

    /// Where the proof and the readable outputs go.
    fn paths(&self) -> [PathBuf; 2] {
        let name = match (&self.name, self.key.file_stem()) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => "answer".into(),
        };
        ["proof", "outputs.json"].map(|kind| self.folder().join(format!("{name}.{kind}")))
    }

    pub(super) fn files(&self) -> Files {
        let mut reads = counters(&self.key);
        reads.push(self.key.clone());
        reads.extend(paths(&self.input));
        Files {
            reads,
            writes: self.paths().to_vec(),
            makes_folders: true,
            ..Files::default()
        }
    }

    pub(crate) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let paths = self.paths();
        let [proof_path, outputs_path] = &paths;
        let key = Arc::new(console.spin("reading the key", || ProvingKey::read_file(&self.key))?);
        say_what_was_counted(&key)?;
        let model = key.model();
        let network = &model.network;
        let unknown = ChannelScales::one(f64::NAN);
        let scales = network.input_scales.first().unwrap_or(&unknown);
        let preprocessing = network.record.preprocessing.as_ref();
        let (input, doubt) = read_input(&self.input, &network.graph, scales, preprocessing)?;
        let Rounded { integers, clipping } = network.quantize_input(&input)?;
        if clipping.is_suspicious() && !self.allow_clipping {
            return Err(CommandError::Clipped(clipping));
        }
        // Files in the way are refused before a proof of the key is used up, and after what is wrong with the input.
        for path in &paths {
            refuse_existing(path, self.force)?;
        }
        if clipping.outside > 0 || clipping.clipped > 0 {
            console.warn(&clipping.to_string());
        }
        if let Some(doubt) = doubt {
            console.warn(&format!("--input: {doubt}"));
        }
        if clipping.is_faint() {
            console.warn(&format!(
                "the input reaches {:.2} % of what calibration saw: is it, or were the samples, on another scale?",
                clipping.reach * 100.0
            ));
        }
        console.answer("input_clipping", clipping_json(&clipping));
        create_folder(&self.folder())?;

        // A folder that cannot be written to, and a full disk, are noticed before a proof of the key is used up.
        let statement = Statement::of_proving(&key).map_err(ProveError::from)?;
        let limits = statement.proof_limits();
        let values = limits.outputs.iter().sum::<u64>();
        let proof_file = begin(proof_path, false, limits.bytes)?;
        let outputs_file = begin(outputs_path, false, OUTPUTS_BYTES + values * OUTPUT_BYTES)?;

        let start = Instant::now();
        let proven = console.spin("proving", || {
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
            console.line(&format!("{} left with this key", count(left, "proof")))?;
            console.answer("proofs_left", left);
        }
        console.finish()
    }
}

/// Lets an interruption say whether it cost a proof of the key. Where weights are public, proofs are not counted.
fn say_what_was_counted(key: &Arc<ProvingKey>) -> Result<(), CommandError> {
    let Some(budget) = key.budget() else { return Ok(()) };
    let before = budget.proofs_left().map_err(ProveError::from)?;
    let key = Arc::clone(key);
    on_interrupt(move || {
        let left = key.budget()?.close().ok()?;
        let counted = match before.saturating_sub(left) {
            0 => "no proof of the key was counted".to_owned(),
            counted => format!("{} of the key stays counted", count(counted, "proof")),
        };
        Some(format!("{counted}, {left} left"))
    });
    Ok(())
}

/// Room for readable outputs: names and brackets, and for each value an integer and a real number on lines of their
/// own.
const OUTPUTS_BYTES: u64 = 1 << 14;
const OUTPUT_BYTES: u64 = 96;

/// How many scores are shown.
const SHOWN: usize = 3;

/// Says what the model answered: to its prover, also what is private. The classes of a network that ends in an argmax of
/// `[batch, classes]`, else the values of every output.
fn report(model: &CompiledModel, answer: &Answer, console: &mut Console<'_>) -> Result<(), CommandError> {
    let graph = &model.network.graph;
    let is_classifier = match graph.outputs.as_slice() {
        [scores, class] => {
            graph[*scores].fact.shape.len() == 2 && matches!(graph[*class].op, IntOp::Argmax(_))
        }
        _ => false,
    };
    console.answer("private_output", model.privacy.output.is_private());
    match is_classifier {
        true => report_classes(model, answer, console),
        false => report_values(model, answer, console),
    }
}

/// What stands beside an answer that proofs hide.
fn remark(model: &CompiledModel) -> &'static str {
    match model.privacy.output.is_private() {
        true => " (private)",
        false => "",
    }
}

fn report_values(
    model: &CompiledModel,
    answer: &Answer,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let network = &model.network;
    let outputs = network.graph.outputs.iter().zip(&network.output_scales);
    let mut answers = Vec::new();
    for (number, ((id, scales), integers)) in outputs.zip(&answer.outputs).enumerate() {
        let shape = &network.graph[*id].fact.shape;
        let values: Vec<f64> = scales.reals(shape, integers).collect();
        console.line(&format!("output {number}{}: {}", remark(model), reals(&values)))?;
        answers.push(json!({ "output": number, "shape": shape, "values": values }));
    }
    console.answer("answers", answers);
    Ok(())
}

/// The class of each input of a batch, and the likeliest ones.
fn report_classes(
    model: &CompiledModel,
    answer: &Answer,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let network = &model.network;
    let label = |class: usize| network.record.classes.get(class).cloned();
    let ([scores, classes], Some(scales), Some(id)) = (
        answer.outputs.as_slice(),
        network.output_scales.first(),
        network.graph.outputs.first(),
    ) else {
        return Ok(());
    };
    let scores: Vec<f64> = scales.reals(&network.graph[*id].fact.shape, scores).collect();
    let mut answers = Vec::new();
    for (scores, &class) in scores
        .chunks((scores.len() / classes.len().max(1)).max(1))
        .zip(classes)
    {
        let class = usize::try_from(class).ok();
        let probabilities = probabilities(scores);
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
            let shown = remark(model);
            console.line(&format!("class {class}{name}{shown}: {}", best.join(", ")))?;
        }
        answers.push(json!({
            "class": class,
            "label": class.and_then(label),
            "probabilities": probabilities,
        }));
    }
    console.answer("answers", answers);
    Ok(())
}

/// By how much the sum of rounded probabilities may differ from 1.
const ROUNDING: f64 = 0.02;

/// The scores themselves if they are probabilities, as those of a random forest or behind a softmax. Otherwise their
/// softmax: the largest score is subtracted first, so that `exp` does not overflow.
fn probabilities(scores: &[f64]) -> Vec<f64> {
    let is_part = |score: &f64| (-ROUNDING..=1.0 + ROUNDING).contains(score);
    let sum: f64 = scores.iter().sum();
    if scores.len() > 1 && scores.iter().all(is_part) && (sum - 1.0).abs() <= ROUNDING {
        return scores.to_vec();
    }
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| libm::exp(score - largest)).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::probabilities;

    #[test]
    fn probabilities_stay_and_scores_become_some() {
        assert_eq!(probabilities(&[0.933, 0.067, 0.0]), [0.933, 0.067, 0.0]);
        let of_scores = probabilities(&[2.0, 0.0, 0.0]);
        assert!((of_scores[0] - 0.787).abs() < 1e-3 && (of_scores.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(probabilities(&[5.0]), [1.0]);
    }
}
