//! From the files of a network to its row.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ndarray::{ArrayD, Axis};
use ndarray_npy::read_npy;
use zkml::observe::duration;
use zkml::prelude::*;
use zkml::quant::{AccuracyReport, QuantizeOptions};

use crate::table::{Proof, Row, Score};

/// What the targets of a network are.
#[derive(Clone, Copy)]
pub(crate) enum Truth {
    /// Classes; of a single logit 0 or 1.
    Classes,
    /// A place among the numbers of output 0; the largest may be so far from it.
    Near(f32),
    /// The values of output 0.
    Values,
    /// Not known; but where a score is positive, something is found. Scores are the channels `first`, `first + step`
    /// and so on of output 0, `[1, channels, height, width]`.
    Found { first: usize, step: usize },
    /// There are none.
    Unknown,
}

/// A network of the survey.
pub(crate) struct Network {
    /// The name of its folder.
    pub(crate) name: &'static str,
    /// Where its weights come from.
    pub(crate) source: &'static str,
    pub(crate) load: fn(&Path) -> Result<Model, zkml::Error>,
    pub(crate) truth: Truth,
    /// Is a proof possible on a small machine?
    pub(crate) small: bool,
}

/// What a step gives, or why it cannot.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// The outputs of each test input; `None` where the integers leave a table.
type Outputs = Vec<Option<Vec<ArrayD<f32>>>>;

/// The largest distance of the float network from the outputs of PyTorch or ONNX Runtime, relative to the largest of
/// these. Beyond it the struct is another network than the one that was trained.
const SAME: f32 = 1e-3;

/// What to do with each network.
pub(crate) struct Settings {
    pub(crate) options: QuantizeOptions,
    /// Prove the first test input?
    pub(crate) prove: bool,
    /// Print the error of every layer?
    pub(crate) layers: bool,
}

/// Quantizes a network, measures it on its test inputs, and proves the first one. Prints how close the integers are,
/// and what is to be warned of.
pub(crate) fn measure(network: &Network, folder: &Path, settings: &Settings) -> Outcome<Row> {
    let folder = folder.join(network.name);
    let samples = inputs(&folder.join("samples.npy"))?;
    let test = inputs(&folder.join("test.npy"))?;
    let targets: Option<ArrayD<f32>> = match network.truth {
        Truth::Found { .. } | Truth::Unknown => None,
        _ => Some(read_npy(folder.join("targets.npy"))?),
    };
    let model = (network.load)(&folder.join("weights.safetensors"))?;
    check_reference(&model, &test, &folder)?;

    let float = model.graph().clone();
    // The report judges classes by itself.
    let judged: &[ArrayD<f32>] = match network.truth {
        Truth::Near(_) | Truth::Values | Truth::Found { .. } => &test,
        Truth::Classes | Truth::Unknown => &[],
    };
    let outputs = judged.iter().map(|input| model.run(input).map(Some));
    let outputs: Outputs = outputs.collect::<Result<_, _>>()?;
    let start = Instant::now();
    let quantized = model.quantization(settings.options).quantize(&samples)?;
    println!("quantized in {}", duration(start.elapsed()));
    let labels = labels(network.truth, targets.as_ref());
    let report = AccuracyReport::measure(&float, quantized.network(), &test, labels.as_deref())?;
    println!("{report}");
    if settings.layers {
        for layer in &report.layers {
            let error = layer.distance.relative_rms() * 100.0;
            let spread = layer.distance.relative_to_spread() * 100.0;
            println!(
                "  {:32} {error:8.2} % of its size {spread:8.2} % of its spread",
                layer.name
            );
        }
    }
    for warning in report.warnings() {
        println!("warning: {warning}");
    }
    let integers: Outputs = judged.iter().map(|input| integers(&quantized, input)).collect();

    let score = |outputs: &Outputs, right: Option<usize>| match (network.truth, &targets) {
        (Truth::Classes, _) => {
            let rows = report.classes.as_ref().map_or(1, |classes| classes.rows);
            right.map(|right| Score::Right(right as f64 / rows as f64))
        }
        (Truth::Near(distance), Some(targets)) => Some(Score::Right(near(outputs, targets, distance))),
        (Truth::Values, Some(targets)) => Some(Score::R2(r2(outputs, targets))),
        _ => None,
    };
    let classes = report.classes.as_ref();
    let float_score = score(&outputs, classes.and_then(|classes| classes.float_correct));
    let integer_score = score(&integers, classes.and_then(|classes| classes.integer_correct));
    let agreement = match network.truth {
        Truth::Near(_) => Some(same_place(&outputs, &integers)),
        Truth::Found { first, step } => Some(same_finds(&outputs, &integers, (first, step))),
        _ => classes.map(|classes| classes.agreement_rate()),
    };
    let worst = |error: fn(&zkml::quant::Distance) -> f64| {
        let errors = report.outputs.iter().map(|output| error(&output.total()));
        errors.fold(0.0, f64::max)
    };
    let record = &quantized.network().record;
    println!("activations of {}", record.bits());
    let bits = record.wider.iter().map(|(_, bits)| *bits);
    let bits = (
        record.activation_bits,
        bits.fold(record.activation_bits, u32::max),
    );
    let proof = match (settings.prove && network.small, test.first()) {
        (true, Some(input)) => proof(quantized, input),
        _ => Proof::Skipped,
    };
    let values: usize = test.iter().map(ArrayD::len).sum();
    Ok(Row {
        name: network.name,
        source: network.source,
        inputs: test.len(),
        scores: float_score.zip(integer_score),
        agreement,
        error: (
            worst(|total| total.relative_rms()),
            worst(|total| total.relative_to_spread()),
        ),
        clipped: report.clipping.clipped as f64 / values.max(1) as f64,
        refused: report.out_of_domain,
        bits,
        proof,
    })
}

/// The inputs of a file, each with a batch of one in front.
fn inputs(path: &Path) -> Outcome<Vec<ArrayD<f32>>> {
    let array: ArrayD<f32> = read_npy(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows = array.axis_iter(Axis(0));
    Ok(rows.map(|row| row.insert_axis(Axis(0)).to_owned()).collect())
}

/// The struct computes what the original computes.
fn check_reference(model: &Model, test: &[ArrayD<f32>], folder: &Path) -> Outcome<()> {
    let reference: ArrayD<f32> = read_npy(folder.join("reference.npy"))?;
    for (input, expected) in test.iter().zip(reference.axis_iter(Axis(0))) {
        let outputs = model.run(input)?;
        let found: Vec<f32> = outputs.iter().flat_map(|output| output.iter().copied()).collect();
        if found.len() != expected.len() {
            return Err(format!("expected {} outputs, found {}", expected.len(), found.len()).into());
        }
        let size = expected
            .iter()
            .fold(0.0, |most: f32, value| most.max(value.abs()));
        let pairs = found.iter().zip(&expected);
        let distance = pairs.fold(0.0, |most: f32, (a, b)| most.max((a - b).abs()));
        if distance > SAME * size {
            return Err(
                format!("the float outputs are off by {distance:e} of {size:e} from the original's").into(),
            );
        }
    }
    Ok(())
}

fn labels(truth: Truth, targets: Option<&ArrayD<f32>>) -> Option<Vec<usize>> {
    match (truth, targets) {
        (Truth::Classes, Some(targets)) => Some(targets.iter().map(|class| *class as usize).collect()),
        _ => None,
    }
}

/// The integer outputs in real units. An input whose values leave a table has none, and the report counts it.
fn integers(model: &QuantizedModel, input: &ArrayD<f32>) -> Option<Vec<ArrayD<f32>>> {
    let outputs = model.run(input).ok()?;
    Some(outputs.iter().map(|output| output.to_array()).collect())
}

fn first_output(outputs: &Option<Vec<ArrayD<f32>>>) -> Option<&ArrayD<f32>> {
    outputs.as_ref().and_then(|outputs| outputs.first())
}

/// The place of the first largest number.
fn place(output: &ArrayD<f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, &value) in output.iter().enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best.0
}

fn share(right: impl Iterator<Item = bool>, all: usize) -> f64 {
    right.filter(|right| *right).count() as f64 / all.max(1) as f64
}

/// How many of the largest numbers stand near where they should.
fn near(outputs: &Outputs, targets: &ArrayD<f32>, distance: f32) -> f64 {
    let pairs = outputs.iter().zip(targets);
    let right = pairs.map(|(outputs, target)| {
        first_output(outputs).is_some_and(|output| (place(output) as f32 - target).abs() <= distance)
    });
    share(right, outputs.len())
}

/// How many inputs have their largest number at the same place.
fn same_place(float: &Outputs, integers: &Outputs) -> f64 {
    let pairs = float.iter().zip(integers);
    let same = pairs.map(
        |(float, integer)| match (first_output(float), first_output(integer)) {
            (Some(float), Some(integer)) => place(float) == place(integer),
            _ => false,
        },
    );
    share(same, float.len())
}

/// Of all that one of the networks finds, the share that both find.
fn same_finds(float: &Outputs, integers: &Outputs, (first, step): (usize, usize)) -> f64 {
    let (mut both, mut any) = (0_usize, 0_usize);
    for (float, integer) in float.iter().zip(integers) {
        let found = |outputs| -> Vec<bool> {
            let scores = first_output(outputs).map(|output| {
                let channels = output.axis_iter(Axis(1)).skip(first).step_by(step);
                channels.flat_map(|channel| channel.iter().map(|score| *score > 0.0).collect::<Vec<_>>())
            });
            scores.into_iter().flatten().collect()
        };
        let (float, integer) = (found(float), found(integer));
        for index in 0..float.len().max(integer.len()) {
            let pair = [&float, &integer].map(|found| found.get(index).copied().unwrap_or(false));
            both += usize::from(pair == [true, true]);
            any += usize::from(pair != [false, false]);
        }
    }
    both as f64 / any.max(1) as f64
}

/// 1 less the squared errors over the squared distances from each column's mean. An input without outputs has the mean.
fn r2(outputs: &Outputs, targets: &ArrayD<f32>) -> f64 {
    let targets = targets.mapv(f64::from);
    let Some(means) = targets.mean_axis(Axis(0)) else {
        return f64::NAN;
    };
    let (mut errors, mut spread) = (0.0, 0.0);
    for (outputs, target) in outputs.iter().zip(targets.axis_iter(Axis(0))) {
        let found: Vec<f64> = match first_output(outputs) {
            Some(output) => output.iter().copied().map(f64::from).collect(),
            None => means.iter().copied().collect(),
        };
        for ((found, target), mean) in found.iter().zip(&target).zip(&means) {
            errors += (found - target) * (found - target);
            spread += (target - mean) * (target - mean);
        }
    }
    1.0 - errors / spread
}

fn proof(model: QuantizedModel, input: &ArrayD<f32>) -> Proof {
    let times = || -> Result<_, zkml::Error> {
        let (prover, verifier) = model.setup()?;
        let start = Instant::now();
        let answer = prover.prove(input, b"survey")?;
        let prove = start.elapsed();
        let start = Instant::now();
        verifier.verify(answer.proof(), b"survey")?;
        Ok((prove, start.elapsed()))
    };
    match times() {
        Ok((prove, verify)) => Proof::Verified(prove, verify),
        Err(error) => Proof::Failed(error.to_string()),
    }
}
