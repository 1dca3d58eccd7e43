//! The embedding of a sentence, and the proof that exactly this MiniLM made it.
//!
//! `cargo run --release --example sentence_embedding -- --model DIR --text "A sentence."`, where `scripts/minilm.py`
//! writes `DIR`.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ndarray::{Array2, ArrayD};
use support::classifier::exit_code;
use support::program::{describe_circuit, make_folder, start_threads, thread_count};
use support::progress::spin;
use support::report::{Stages, print_peak_memory, size};
use zkml::models::PretrainedModel;
use zkml::models::bert::BertModel;
use zkml::models::hugging_face::PretrainedBert;
use zkml::prelude::*;
use zkml::proof::to_bytes;
use zkml::quant::QuantizeOptions;

/// Embed a sentence with a MiniLM, and prove that exactly this model did.
#[derive(Debug, Parser)]
struct Arguments {
    /// Directory of a BERT in Hugging Face's form
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The sentence, which the proof shows
    #[arg(long, default_value = "A proof shows that a statement is true.")]
    text: String,
    /// Text on which the size of the model's values is measured; sentences of this example, unless given
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Number of threads; all that the machine has, unless given
    #[arg(long, value_parser = thread_count())]
    threads: Option<usize>,
    /// Folder for verifying key and proof
    #[arg(long, value_name = "DIR", default_value = "target/zkml-sentence")]
    out: PathBuf,
    /// Make the weights public too: a smaller proof that hides nothing
    #[arg(long)]
    public: bool,
}

/// Most bytes of a text.
const TEXT_BYTES: u64 = 1 << 30;

/// Most texts that the model is measured on.
const SAMPLES: usize = 64;

/// The context that a proof is bound to; a verifier would send a nonce.
const CONTEXT: &[u8] = b"";

/// English of several kinds.
const SENTENCES: &str = "The ferry leaves at half past nine, weather permitting. Could you send me the minutes of the \
    last meeting? In 1905 he published four papers that changed physics. Bake at 180 degrees for 25 minutes, then let it \
    cool. Interest rates rose by a quarter of a percent on Tuesday. She had never seen so many stars! The function \
    returns an error if the file does not exist. My grandmother's garden smelled of rosemary and wet earth. Patients who \
    took the drug recovered faster than those who did not. Nobody expected the champions to lose 3:0 at home. Turn left \
    after the bridge and follow the river for two miles. \"I would rather not,\" he said, and closed the door. All \
    contracts must be signed by both parties before the first of March. Photosynthesis turns light into chemical energy. \
    The new phone has a better camera, but its battery lasts no longer. Why do cats purr? Dear Sir or Madam, I am writing \
    about the vacancy in your department. Shares of the company fell after the announcement. Every even number above two \
    seems to be the sum of two primes. It rained all night; in the morning the street was a lake.";

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    make_folder(&arguments.out)?;
    start_threads(arguments.threads)?;
    let mut stages = Stages::default();
    let bert = stages.run("load", || BertModel::from_pretrained(&arguments.model))?;
    let ids = bert.tokenizer().encode(&arguments.text)?;
    let config = bert.config();
    println!(
        "{} layers of width {}, {} heads, {} tokens; {} of them in the sentence",
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.vocab_size,
        ids.len()
    );
    let samples = samples(&bert, arguments, ids.len())?;
    let model = Model::from_graph("sentence_embedding", bert.sentence_graph(ids.len())?)?;
    let input = tensor(&ids);
    let float = model.run(&input)?;
    let model = model.quantization(QuantizeOptions::language_model());
    let model = stages.run("quantize", || spin("quantizing", || model.quantize(&samples)))?;
    stages.remark(format!(
        "weights of 8 bits, activations of 16, measured on {} texts",
        samples.len()
    ));
    let model = if arguments.public { model.public() } else { model };
    let (prover, verifier) = stages.run("setup", || {
        spin("committing to the weights, proving their range", || model.setup())
    })?;
    describe_circuit(prover.key())?;
    let answer = stages.run("prove", || spin("proving", || prover.prove(&input, CONTEXT)))?;
    let proof = answer.proof();
    let verified = stages.run("verify", || verifier.verify(proof, CONTEXT))?;
    let embedding = match verified.outputs() {
        Some([embedding]) => embedding.values(),
        _ => return Err("expected a proof that shows one embedding".into()),
    };
    if verified.input().map(|ids| ids.values()) != input.as_slice() {
        return Err("the proof is about another sentence".into());
    }
    let exact = float.first().and_then(|float| float.as_slice()).unwrap_or(&[]);
    println!(
        "verified: {:?} is embedded as {:.4?} ...\nlength {:.5}, cosine with the embedding in floating point {:.6}",
        arguments.text,
        &embedding[..embedding.len().min(6)],
        dot(embedding, embedding).sqrt(),
        dot(embedding, exact) / (dot(embedding, embedding) * dot(exact, exact)).sqrt(),
    );
    println!("proof {}", size(to_bytes(proof)?.len() as u64));
    verifier.save(arguments.out.join("sentence.vkey"))?;
    proof.save(arguments.out.join("sentence.proof"))?;
    println!(
        "written to {}: sentence.vkey, sentence.proof\n",
        arguments.out.display()
    );
    println!("{stages}");
    print_peak_memory();
    Ok(())
}

fn tensor(ids: &[u32]) -> ArrayD<f32> {
    Array2::from_shape_fn((1, ids.len()), |(_, at)| ids[at] as f32).into_dyn()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum()
}

/// Texts of as many tokens as the sentence has, each between the special tokens that it has.
fn samples(
    bert: &PretrainedBert,
    arguments: &Arguments,
    tokens: usize,
) -> Result<Vec<ArrayD<f32>>, Box<dyn Error>> {
    let text = match &arguments.calibration {
        Some(path) => zkml::files::read_to_string(path, TEXT_BYTES)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?,
        None => SENTENCES.to_owned(),
    };
    let (start, end) = match *bert.tokenizer().encode("")? {
        [start, end] => (start, end),
        _ => return Err("expected a tokenizer that puts a text between two special tokens".into()),
    };
    let ids = bert.tokenizer().encode_plain(&text)?;
    let inner = tokens.saturating_sub(2).max(1);
    if ids.len() < inner {
        return Err(format!(
            "--calibration: expected a text of at least {inner} tokens, found {}",
            ids.len()
        )
        .into());
    }
    let framed = |window: &[u32]| {
        let mut ids = vec![start];
        ids.extend(window);
        ids.push(end);
        tensor(&ids)
    };
    let step = ((ids.len() - inner) / SAMPLES).max(1);
    Ok(ids
        .windows(inner)
        .step_by(step)
        .take(SAMPLES)
        .map(framed)
        .collect())
}
