//! Networks of every layer and function against PyTorch and ONNX Runtime.
//!
//! The committed cases are small: `scripts/reference_layers.py` made those of PyTorch, a few of each layer, and
//! `scripts/differential.py` those of ONNX Runtime, random graphs. Floats are equal within 1e-5 of the largest value,
//! also after optimization. Integers are equal to their slow reference, and near the floats. Some networks are proved.
//!
//! `scripts/differential.py 500 DIRECTORY` makes as many random graphs as wanted. This test reads them too:
//!
//! ```text
//! ZKML_DIFFERENTIAL=DIRECTORY cargo test --release --test differential -- --nocapture
//! ```

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

#[path = "differential/program.rs"]
mod program;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ndarray::ArrayD;
use program::{Program, list, sizes};
use safetensors::SafeTensors;
use serde_json::Value;
use zkml::execute::float::execute_float_outputs_on;
use zkml::execute::{Executor, execute_reference_on};
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::nn::{InputKind, Module, ParameterPath, TraceInput, Weights, trace_inputs};
use zkml::ops::Float;
use zkml::optimize::{Switches, optimize};
use zkml::prove::prove_on;
use zkml::quant::{AccuracyReport, Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::verify;

/// What was found of a case.
#[derive(Debug, Default)]
struct Found {
    /// Largest error of the float execution, relative to the largest value.
    float: f64,
    /// Root of the mean square of the error of the integers, relative to that of the values: the worst output.
    integer: Option<f64>,
    /// What [`AccuracyReport`] says of the worst output.
    reported: Option<f64>,
    proved: bool,
}

/// A file of cases: `NAME.json` and `NAME.safetensors`.
struct Cases {
    cases: Value,
    weights: Weights,
    bytes: Vec<u8>,
}

impl Cases {
    fn open(path: &Path) -> Cases {
        let file = path.with_extension("safetensors");
        Cases {
            cases: serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap(),
            weights: Weights::open(&file).unwrap(),
            bytes: std::fs::read(file).unwrap(),
        }
    }

    /// The samples of a tensor, which are its rows.
    fn samples(&self, name: &str) -> Vec<ArrayD<f32>> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values = tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        let all = ArrayD::from_shape_vec(tensor.shape(), values.collect()).unwrap();
        all.outer_iter().map(|sample| sample.to_owned()).collect()
    }

    /// For each sample its tensors `{kind}0`, `{kind}1` and so on.
    fn of_samples(&self, name: &str, kind: &str, count: usize) -> Vec<Vec<ArrayD<f32>>> {
        let tensors: Vec<_> = (0..count)
            .map(|k| self.samples(&format!("{name}.{kind}{k}")))
            .collect();
        let samples = tensors[0].len();
        (0..samples)
            .map(|s| tensors.iter().map(|tensor| tensor[s].clone()).collect())
            .collect()
    }
}

fn traced(case: &Value, name: &str) -> Result<Graph<zkml::ops::Symbolic>, String> {
    let inputs = list(&case["inputs"])
        .iter()
        .enumerate()
        .map(|(k, shape)| TraceInput {
            name: format!("input.{k}"),
            kind: InputKind::Tensor,
            shape: sizes(shape),
        });
    let inputs: Vec<TraceInput> = inputs.collect();
    let program = Program::build(ParameterPath::root().join(name), case.clone());
    trace_inputs(&inputs, |tensors| program.outputs(tensors)).map_err(|error| error.to_string())
}

/// Largest error relative to the largest value, over all outputs of all samples.
fn error_of(
    graph: &Graph<Float>,
    inputs: &[Vec<ArrayD<f32>>],
    expected: &[Vec<ArrayD<f32>>],
) -> Result<f64, String> {
    let mut worst = 0f64;
    for (inputs, expected) in inputs.iter().zip(expected) {
        let outputs =
            execute_float_outputs_on(graph, std::slice::from_ref(inputs)).map_err(|e| e.to_string())?;
        for (found, expected) in outputs[0].iter().zip(expected) {
            if found.shape() != expected.shape() {
                return Err(format!(
                    "shape {:?}, expected {:?}",
                    found.shape(),
                    expected.shape()
                ));
            }
            let largest = expected
                .iter()
                .fold(1e-3f64, |most, y| most.max(f64::from(y.abs())));
            for (a, b) in found.iter().zip(expected) {
                worst = worst.max((f64::from(*a) - f64::from(*b)).abs() / largest);
            }
        }
    }
    Ok(worst)
}

fn square(x: f64) -> f64 {
    x * x
}

fn run(cases: &Cases, case: &Value) -> Result<Found, String> {
    let name = case["name"].as_str().unwrap();
    let graph = traced(case, name)?;
    let (graph, _) = graph.load(&cases.weights).map_err(|error| error.to_string())?;
    let inputs = cases.of_samples(name, "input", list(&case["inputs"]).len());
    let expected = cases.of_samples(name, "output", list(&case["outputs"]).len());
    let (optimized, _) = optimize(graph.clone(), &Switches::default()).map_err(|error| error.to_string())?;
    let float = error_of(&graph, &inputs, &expected)?.max(error_of(&optimized, &inputs, &expected)?);
    if float > 1e-5 {
        return Err(format!("float error {float:.2e}"));
    }
    if case["integer"] == false {
        return Ok(Found {
            float,
            ..Found::default()
        });
    }
    let calibration = Calibration::collect_on(&optimized, inputs.clone(), CalibrationMethod::MinMax);
    let calibration = calibration.map_err(|error| error.to_string())?;
    let network =
        quantize(&optimized, &calibration, &QuantizeOptions::default()).map_err(|e| e.to_string())?;
    let mut sums = vec![(0f64, 0f64); expected[0].len()];
    let mut integers = Vec::new();
    let executor = Executor::new(&network.graph).map_err(|error| error.to_string())?;
    for (sample, expected) in inputs.iter().zip(&expected) {
        let sample = network
            .quantize_inputs(sample)
            .map_err(|error| error.to_string())?
            .integers;
        let execution = executor.run_on(&sample).map_err(|error| error.to_string())?;
        let reference = execute_reference_on(&network.graph, &sample).map_err(|error| error.to_string())?;
        if execution != reference {
            return Err("the integer execution differs from its reference".to_owned());
        }
        for (k, (found, expected)) in execution.outputs(&network.graph).zip(expected).enumerate() {
            let real = network.dequantize_output(k, found).ok_or("no such output")?;
            for (a, b) in real.iter().zip(expected) {
                sums[k].0 += square(f64::from(*a) - f64::from(*b));
                sums[k].1 += square(f64::from(*b));
            }
        }
        integers.push(sample);
    }
    let relative = |(noise, signal): &(f64, f64)| {
        if *noise == 0.0 {
            0.0
        } else {
            (noise / signal).sqrt()
        }
    };
    let integer = sums.iter().map(relative).fold(0.0, f64::max);
    let report =
        AccuracyReport::measure_on(&optimized, &network, &inputs, None).map_err(|e| e.to_string())?;
    let of_outputs = report.outputs.iter().map(|output| output.total().relative_rms());
    let reported = of_outputs.fold(0.0, f64::max);
    let proved = case["prove"] == true;
    if proved {
        let key = setup(
            CompiledModel::new(name, network.clone()),
            &SetupOptions::default(),
        );
        let key = key.map_err(|error| error.to_string())?;
        let proof = prove_on(&key, &integers[0], b"differential").map_err(|error| error.to_string())?;
        verify(key.verifying(), &proof, b"differential").map_err(|error| error.to_string())?;
        let mut altered = proof.clone();
        if let Some(value) = altered.public.outputs.iter_mut().flatten().flatten().next() {
            *value += 1;
            if verify(key.verifying(), &altered, b"differential").is_ok() {
                return Err("a proof of another output verifies".to_owned());
            }
        }
    }
    Ok(Found {
        float,
        integer: Some(integer),
        reported: Some(reported),
        proved,
    })
}

/// How far integers may be away for an error that is reported, against a float network that is right within 1e-5 of the
/// largest value.
fn bound(reported: Option<f64>) -> f64 {
    1.01 * reported.unwrap_or(0.0) + 1e-3
}

/// Runs all cases of a file. Integers have to keep the bound that was reported, unless the case has its own.
fn run_all(path: &Path) {
    let cases = Cases::open(path);
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for case in list(&cases.cases) {
        let name = case["name"].as_str().unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&cases, case)));
        let outcome = outcome.unwrap_or_else(|_| Err("PANIC".to_owned()));
        match outcome {
            Ok(one) => {
                let bound = case["bound"].as_f64().unwrap_or(bound(one.reported));
                if one.integer.is_some_and(|error| error > bound) {
                    failed.push(format!(
                        "{name}: integers are {:.4} away, {:.4} reported",
                        one.integer.unwrap_or(0.0),
                        one.reported.unwrap_or(0.0)
                    ));
                }
                found.push((name, one));
            }
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    let float = found.iter().map(|(_, one)| one.float).fold(0.0, f64::max);
    let mut integers: Vec<(f64, &str)> = found
        .iter()
        .filter_map(|(name, one)| Some((one.integer?, *name)))
        .collect();
    integers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |share: f64| {
        integers
            .get((integers.len() as f64 * share) as usize)
            .map_or(0.0, |one| one.0)
    };
    println!(
        "{}: {} cases, {} proved; float error at most {float:.2e}; integers, relative RMS: median {:.4}, 90 % {:.4}, \
         largest {:?}",
        path.display(),
        found.len(),
        found.iter().filter(|(_, one)| one.proved).count(),
        at(0.5),
        at(0.9),
        integers.iter().rev().take(5).collect::<Vec<_>>(),
    );
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/differential")
        .join(name)
}

#[test]
fn layers_are_those_of_pytorch() {
    run_all(&fixture("layers"));
}

#[test]
fn random_graphs_are_those_of_onnx_runtime() {
    run_all(&fixture("random"));
}

/// The graphs of a directory of one's own.
#[test]
fn graphs_of_a_directory() {
    if let Some(directory) = std::env::var_os("ZKML_DIFFERENTIAL") {
        run_all(&Path::new(&directory).join("random"));
    }
}
