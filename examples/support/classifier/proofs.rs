//! Proofs of batches of images: made, verified, shown, timed, and tampered with.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use zkml::argument::Statement;
use zkml::keys::ProvingKey;
use zkml::prove::prove;

use ndarray::ArrayD;
use zkml::execute::Executor;
use zkml::prelude::*;
use zkml::proof::to_bytes;
use zkml::verify::TrustedKey;
use zkml::verify::{ReadableOutput, ReadableOutputs};

use super::super::program::describe_circuit;
use super::super::progress::spin;
use super::super::report::{Stages, duration, size};
use super::super::terminal::{Style, bars, probabilities};
use super::{CONTEXT, Task};

/// Runs of the network; the time of the middle one counts.
const INFERENCES: usize = 5;

/// Side of a pixel in the pictures that are written.
const PICTURE_SCALE: u32 = 8;

impl Task {
    /// Shows the images of one batch, proves what the network says about them and verifies the proof.
    pub(super) fn prove_batch(
        &self,
        first: usize,
        (key, trusted): (&ProvingKey, &TrustedKey<'_>),
        out: &Path,
        times: &mut Times,
    ) -> Result<Proof, Box<dyn Error>> {
        let tensor = self.images.tensor(first, self.batch, &self.preprocessing)?;
        let input = key.model().network.quantize_input(&tensor)?.integers;
        times.infer += inference(key, &input)?;

        let start = Instant::now();
        let proof = spin("proving", || prove(key, &input, CONTEXT))?;
        let proving = start.elapsed();
        times.prove += proving;

        let start = Instant::now();
        trusted.verify(&proof, CONTEXT)?;
        let verifying = start.elapsed();
        times.verify += verifying;

        let outputs = ReadableOutputs::new(&Statement::of_proving(key)?, &proof.public)?;
        self.show(first, &outputs.outputs.unwrap_or_default(), out)?;
        println!(
            "proved in {}, verified in {}, proof {}",
            duration(proving),
            duration(verifying),
            size(to_bytes(&proof)?.len() as u64),
        );
        Ok(proof)
    }

    /// The images of a batch, in the terminal and as files, each with its probabilities and its class.
    fn show(&self, first: usize, outputs: &[ReadableOutput], out: &Path) -> Result<(), Box<dyn Error>> {
        let style = Style::of_stdout();
        let [scores, classes] = outputs else {
            return Err("expected public scores and classes".into());
        };
        for (position, index) in (first..first + self.batch).enumerate() {
            println!(
                "\n{} {index}, labelled {}",
                self.noun,
                self.class(self.images.label(index))
            );
            let picture = out.join(format!("{}-{index}.png", self.noun));
            self.images
                .write_png(index, PICTURE_SCALE, &picture)
                .map_err(|error| format!("cannot write {}: {error}", picture.display()))?;
            print!("{}", self.images.text(index, style));
            let width = self.classes.len();
            let scores = scores.values.iter().skip(position * width).take(width);
            let logits: Vec<f32> = scores.map(|&value| value as f32).collect();
            print!("{}", bars(self.classes, &probabilities(&logits), style));
            let class = classes.integers.get(position).copied().unwrap_or(-1);
            println!("proved class: {}", self.class(class as usize));
        }
        Ok(())
    }

    /// The name of a class.
    fn class(&self, index: usize) -> &'static str {
        self.classes.get(index).copied().unwrap_or("none")
    }
}

/// Sums over the proofs.
#[derive(Debug, Default)]
pub(super) struct Times {
    infer: Duration,
    prove: Duration,
    verify: Duration,
}

impl Times {
    /// Notes the means over `count` proofs of `batch` images each.
    pub(super) fn report(&self, count: usize, batch: usize, stages: &mut Stages) {
        let mean = |total: Duration| total / count.max(1) as u32;
        let remark = format!("mean of {count}");
        let ratio = self.prove.as_secs_f64() / self.infer.as_secs_f64();
        stages.push("integer inference alone", mean(self.infer), remark.clone());
        stages.push(
            "prove",
            mean(self.prove),
            format!("{remark}, {ratio:.0} times the inference"),
        );
        stages.push("verify", mean(self.verify), remark);
        if batch > 1 {
            let each = self.prove / (count * batch) as u32;
            stages.push("prove, an image", each, format!("{batch} images a proof"));
        }
    }
}

/// The time of the network alone, as the prover runs it. Its weights are packed once a key, which does not count.
fn inference(key: &ProvingKey, input: &ArrayD<i64>) -> Result<Duration, Box<dyn Error>> {
    let mut times = spin("executing", || -> Result<Vec<Duration>, Box<dyn Error>> {
        let executor = Executor::new(&key.model().network.graph)?;
        let run = |_| -> Result<Duration, Box<dyn Error>> {
            let start = Instant::now();
            executor.run(input)?;
            Ok(start.elapsed())
        };
        (0..INFERENCES).map(run).collect()
    })?;
    times.sort();
    Ok(times[INFERENCES / 2])
}

/// What a key holds, and what it promises.
pub(super) fn describe(key: &ProvingKey) -> Result<(), Box<dyn Error>> {
    describe_circuit(key)?;
    let Privacy {
        input,
        output,
        weights,
        ..
    } = key.verifying().privacy();
    println!("privacy: {input} input, {output} output, {weights} weights");
    if let Some(budget) = key.budget() {
        println!("proofs: {} with this key, then rotate it", budget.proofs_left()?);
    }
    Ok(())
}

/// Changes one byte of the proof; it must be rejected.
pub(super) fn tamper(trusted: &TrustedKey<'_>, proof: &Proof) -> Result<(), Box<dyn Error>> {
    let mut altered = proof.clone();
    let place = altered.messages.len() / 2;
    altered.messages[place] ^= 1;
    match trusted.verify(&altered, CONTEXT) {
        Ok(_) => Err(format!("a proof with byte {place} altered was accepted").into()),
        Err(reason) => {
            println!("\none bit of byte {place} of the proof changed: rejected, {reason}");
            Ok(())
        }
    }
}
