//! A Llama of one million parameters continues a text, and proves that exactly this model wrote it.
//!
//! `cargo run --release --example llama3`; `-- --help` lists the options. Reads `examples/assets` alone, unless given
//! another model.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use support::classifier::{asset, exit_code};
use support::program::{at_least_one, describe_circuit, make_folder, privacy, start_threads, thread_count};
use support::progress::{bar, spin};
use support::report::{Stages, duration, print_peak_memory, size};
use zkml::language::{Continuation, LanguageModel, QuantizedLanguageModel, Sampling, Written};
use zkml::prelude::*;
use zkml::proof::{to_bytes, write_file};

/// Continue a text with a Llama, and prove that exactly this model wrote it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The text to continue
    #[arg(long, default_value = "ROMEO:\nBut, soft! what light")]
    prompt: String,
    /// Put the prompt as a question to the model, by the chat template of its directory
    #[arg(long)]
    chat: bool,
    /// How many tokens to write
    #[arg(long, default_value_t = 16, value_parser = at_least_one())]
    tokens: usize,
    /// Directory of a Llama in Hugging Face's form; the one that is shipped, unless given
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Text on which the size of the model's values is measured; texts of the model's own, unless given
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Text to measure perplexity on, never that of --calibration; `heldout.txt` of the model's directory, unless given
    #[arg(long, value_name = "FILE")]
    heldout: Option<PathBuf>,
    /// How many windows of 256 tokens of that text are used; 0 for none
    #[arg(long, default_value_t = 16)]
    windows: usize,
    /// Number of threads; all that the machine has, unless given
    #[arg(long, value_parser = thread_count())]
    threads: Option<usize>,
    /// Folder for model, verifying key and proof
    #[arg(long, value_name = "DIR", default_value = "target/zkml-llama3")]
    out: PathBuf,
    /// Make the weights public too: a smaller proof that hides nothing
    #[arg(long)]
    public: bool,
}

/// Most bytes of a text.
const TEXT_BYTES: u64 = 1 << 30;

/// The context that a proof is bound to; a verifier would send a nonce.
const CONTEXT: &[u8] = b"";

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    check_options(arguments)?;
    start_threads(arguments.threads)?;
    let mut stages = Stages::default();
    let directory = arguments
        .model
        .clone()
        .unwrap_or_else(|| asset("shakespeare-llama3"));
    let model = stages.run("load", || LanguageModel::from_pretrained(&directory))?;
    let config = model.config();
    println!(
        "{} layers of width {}, {} heads on {} keys, {} tokens",
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.num_key_value_heads,
        config.vocab_size
    );
    let prompt = match arguments.chat {
        true => model.vocabulary().encode_question(&arguments.prompt)?,
        false => model.vocabulary().encode(&arguments.prompt)?,
    };
    model.vocabulary().check_length(prompt.len() + arguments.tokens)?;
    let float = model;
    let model = quantize(&float, arguments, &mut stages)?;
    measure((&model, &float), arguments, &directory, &mut stages)?;
    drop(float);
    let written = write(&model, &prompt, arguments.tokens, &mut stages)?;
    prove(&model, &written, &prompt, arguments, &mut stages)?;
    println!("\n{stages}");
    print_peak_memory();
    Ok(())
}

/// Options that cannot go together are refused, and the folder for files is made, before anything is done.
fn check_options(arguments: &Arguments) -> Result<(), String> {
    if arguments.windows == 0 && arguments.heldout.is_some() {
        return Err("--windows 0, --heldout: expected a number of windows of that text".into());
    }
    if arguments.heldout.is_some() && arguments.heldout == arguments.calibration {
        return Err(
            "--heldout, --calibration: expected two texts; one that was measured on proves nothing".into(),
        );
    }
    for text in arguments.heldout.iter().chain(&arguments.calibration) {
        zkml::files::open(text).map_err(|error| format!("cannot read {}: {error}", text.display()))?;
    }
    make_folder(&arguments.out)
}

/// The integer model. The size of its values is measured on the given text, or on texts of the model's own.
fn quantize(
    model: &LanguageModel,
    arguments: &Arguments,
    stages: &mut Stages,
) -> Result<QuantizedLanguageModel, Box<dyn Error>> {
    let texts = match &arguments.calibration {
        Some(path) => model.vocabulary().windows(&read(path)?, usize::MAX, false)?,
        None => {
            let sampling = Sampling::default();
            let bar = bar("the model writes texts to be measured on", sampling.tokens);
            let texts = stages.run("write texts to measure on", || {
                model.sample(sampling, || bar.inc(1))
            })?;
            bar.finish_and_clear();
            stages.remark(format!("{} of {} tokens", sampling.texts, sampling.tokens));
            texts
        }
    };
    let model = stages.run("quantize", || spin("quantizing", || model.quantize(&texts)))?;
    stages.remark("weights of 8 bits, activations of 16");
    Ok(model)
}

/// How close the integers are to the floats, on text that neither was made with.
fn measure(
    (model, float): (&QuantizedLanguageModel, &LanguageModel),
    arguments: &Arguments,
    directory: &Path,
    stages: &mut Stages,
) -> Result<(), Box<dyn Error>> {
    let path = arguments
        .heldout
        .clone()
        .unwrap_or_else(|| directory.join("heldout.txt"));
    if arguments.windows == 0 {
        return Ok(());
    }
    if arguments.heldout.is_none() && !path.exists() {
        println!("no {}: perplexity is not measured", path.display());
        return Ok(());
    }
    let texts = model
        .vocabulary()
        .windows(&read(&path)?, arguments.windows, false)?;
    let bar = bar("measuring perplexity", texts.len());
    let report = stages.run("measure perplexity", || {
        model.report(float, &texts, || bar.inc(1))
    })?;
    bar.finish_and_clear();
    stages.remark(format!("{} tokens, float and integer", report.rows));
    println!("\n{report}");
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    let text = zkml::files::read_to_string(path, TEXT_BYTES);
    text.map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The text, as the integer model writes it.
fn write(
    model: &QuantizedLanguageModel,
    prompt: &[u32],
    tokens: usize,
    stages: &mut Stages,
) -> Result<Written, Box<dyn Error>> {
    let start = Instant::now();
    let mut shown = model.vocabulary().decode(prompt)?;
    let written = model.write(prompt, tokens, |piece| {
        print!("{}{piece}", core::mem::take(&mut shown));
        // A terminal that is gone shows nothing; the proof is made all the same.
        let _ = std::io::stdout().flush();
    });
    println!("\n");
    let written = written?;
    let (time, count) = (start.elapsed(), written.answer().len());
    let rate = count as f64 / time.as_secs_f64();
    stages.push("write", time, format!("{count} tokens, {rate:.0} a second"));
    if count < tokens {
        println!("the model ended the text after {count} tokens");
    }
    Ok(written)
}

/// Keys, the proof of the whole text, its verification, and a text with another token.
fn prove(
    model: &QuantizedLanguageModel,
    written: &Written,
    prompt: &[u32],
    arguments: &Arguments,
    stages: &mut Stages,
) -> Result<(), Box<dyn Error>> {
    let (prover, verifier) = stages.run("setup", || {
        spin("committing to the weights, proving their range", || {
            model.setup(privacy(arguments.public))
        })
    })?;
    describe(&prover)?;
    let input = written.input();
    let answer = stages.run("prove", || spin("proving", || prover.prove(&input, CONTEXT)))?;
    let proof = answer.proof();
    stages.remark(format!("{} tokens in one proof", written.ids().len()));
    let start = Instant::now();
    let verified = verifier.verify(proof, CONTEXT)?;
    let continuation = Continuation::of(&verified, prompt)?;
    let verifying: Duration = start.elapsed();
    stages.push("verify", verifying, "");
    if continuation.answer != written.answer() {
        return Err("the proof shows another text than the model wrote".into());
    }
    println!(
        "verified in {}: after {:?} this model writes {:?}; proof {}",
        duration(verifying),
        model.vocabulary().decode(&continuation.prompt)?,
        model.vocabulary().decode(&continuation.answer)?,
        size(to_bytes(proof)?.len() as u64),
    );
    tamper(model, &verifier, proof, prompt.len())?;
    stages.run("write files", || files(written, &verifier, proof, &arguments.out))
}

/// What a stranger needs to check the text, and the integer network, for `zkml inspect --explain`.
fn files(written: &Written, verifier: &Verifier, proof: &Proof, out: &Path) -> Result<(), Box<dyn Error>> {
    write_file(out.join("llama3.model"), written.model())?;
    verifier.save(out.join("llama3.vkey"))?;
    proof.save(out.join("llama3.proof"))?;
    println!(
        "\nwritten to {}: llama3.model, which has the weights, llama3.vkey, llama3.proof",
        out.display()
    );
    Ok(())
}

/// What the key holds, and what it promises.
fn describe(prover: &Prover) -> Result<(), Box<dyn Error>> {
    let key = prover.key();
    describe_circuit(key)?;
    println!(
        "privacy: public text, {} logits, {} weights",
        Visibility::Private,
        key.verifying().privacy().weights
    );
    if let Some(proofs) = prover.remaining()? {
        println!("proofs: {proofs} with this key, then rotate it");
    }
    Ok(())
}

/// Puts another token in the place of the first one of the answer. The proof must be rejected.
fn tamper(
    model: &QuantizedLanguageModel,
    verifier: &Verifier,
    proof: &Proof,
    prompt: usize,
) -> Result<(), Box<dyn Error>> {
    let mut altered = proof.clone();
    let vocabulary = model.vocabulary().size() as i64;
    let Some(said) = altered
        .public
        .outputs
        .as_mut()
        .and_then(|outputs| outputs.last_mut())
    else {
        return Err("expected public tokens".into());
    };
    let before = said[prompt - 1];
    let after = (before + 1) % vocabulary;
    said[prompt - 1] = after;
    // The altered text is consistent: the token that the model is said to give is the one that stands there.
    if let Some(read) = altered.public.input.as_mut().and_then(|ids| ids.get_mut(prompt)) {
        *read = after;
    }
    let text = |token: i64| model.vocabulary().decode(&[token as u32]);
    let (before, after) = (text(before)?, text(after)?);
    match verifier.verify(&altered, CONTEXT) {
        Ok(_) => Err(format!("a text with {after:?} in the place of {before:?} was accepted").into()),
        Err(reason) => {
            println!("\n{after:?} in the place of {before:?}: rejected, {reason}");
            Ok(())
        }
    }
}
