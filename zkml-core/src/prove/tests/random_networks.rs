//! Random float networks from end to end: optimize, calibrate, quantize, set up, prove, verify.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::handed;
use crate::execute::execute_reference;
use crate::execute::float::execute_float;
use crate::graph::Graph;
use crate::keys::CompiledModel;
use crate::ops::Float;
use crate::optimize::operation::per_channel_scales::PerChannelScales;
use crate::optimize::{Pass, Switches, all, optimize};
use crate::privacy::Privacy;
use crate::prove::prove;
use crate::quant::tests::random::{inputs, network};
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, Warning, quantize};
use crate::setup::{SetupOptions, setup};
use crate::verify::verify;

/// Proves two inputs; returns the energy of the error of the first output, relative to the output's.
fn end_to_end(seed: u64) -> f64 {
    let float = network(seed, true);
    let samples = inputs(seed ^ 1, &float[float.input].fact, 6);
    let (optimized, _) = optimize(float.clone(), &Switches::default()).expect("optimize");
    let calibration =
        Calibration::collect(&optimized, samples.clone(), CalibrationMethod::MinMax).expect("calibrate");
    let options = QuantizeOptions {
        switches: Switches::default().with(&PerChannelScales, !seed.is_multiple_of(3)),
        ..Default::default()
    };
    let quantized =
        quantize(&optimized, &calibration, &options).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let privacy = if seed.is_multiple_of(2) {
        Privacy::PUBLIC
    } else {
        Privacy::default()
    };
    let model = CompiledModel::new(format!("random {seed}"), quantized).with_privacy(privacy);
    let network = model.network.clone();
    let key = setup(model, &SetupOptions::default()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));

    let (mut signal, mut noise) = (0f64, 0f64);
    for sample in &samples[..2] {
        let input = network.quantize_input(sample).expect("a sample").integers;
        let proof = prove(&key, &input, b"").unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        verify(&key.verifying, &proof, b"")
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", network.graph));
        handed::answer(&key.verifying, &proof, b"");
        let reference = execute_reference(&network.graph, &input).expect("reference");
        let outputs: Vec<Vec<i64>> = reference
            .outputs(&network.graph)
            .map(|t| t.iter().copied().collect())
            .collect();
        assert_eq!(proof.public.outputs, Some(outputs), "seed {seed}");
        assert_eq!(
            proof.public.input,
            (privacy == Privacy::PUBLIC).then(|| input.iter().copied().collect::<Vec<i64>>()),
            "seed {seed}"
        );

        let exact = &execute_float(&float, sample).expect("float")[float.outputs[0].0];
        let integers = reference.outputs(&network.graph).next().expect("an output");
        let real = network.dequantize_output(0, integers).expect("output 0");
        for (a, b) in exact.iter().zip(&real) {
            signal += f64::from(*a).powi(2);
            noise += f64::from(a - b).powi(2);
        }
    }
    if noise == 0.0 { 0.0 } else { noise / signal }
}

#[test]
fn random_networks_are_proved_bit_for_bit() {
    let mut ratios: Vec<f64> = (0..40).map(end_to_end).collect();
    ratios.sort_by(f64::total_cmp);
    // As in the tests of quantization: most random networks are precise, some cancel.
    assert!(
        ratios[20] < 1e-3 && ratios[35] < 5e-2,
        "median {:.2e}, 36th of 40 {:.2e}",
        ratios[20],
        ratios[35]
    );
}

/// A random network whose layers and channels differ in size by many orders of magnitude.
fn extreme_network(seed: u64) -> Graph<Float> {
    let mut graph = network(seed, true);
    let mut rng = StdRng::seed_from_u64(seed ^ 0xe57);
    for parameter in &mut graph.parameters {
        let spread = rng.gen_range(0.0..5.0f32);
        let size = 10f32.powf(rng.gen_range(-spread..=spread));
        for mut row in parameter.values.outer_iter_mut() {
            let own = size * 10f32.powf(rng.gen_range(-spread..=spread));
            // A variance stays positive.
            row.mapv_inplace(|value| (value * own).clamp(-1e12, 1e12));
        }
    }
    graph
}

/// What `quantize` accepts is accepted by lowering and setup, and proves on a calibration sample: with extreme sizes of
/// weights and biases, and with any three passes off.
#[test]
fn what_is_quantized_is_proved() {
    let passes: Vec<&str> = all()
        .map(Pass::name)
        .filter(|name| *name != "batch_norm_conversion")
        .collect();
    let (mut proved, mut refused) = (0, Vec::new());
    for seed in 0..40u64 {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x0ff);
        let float = extreme_network(1000 + seed);
        let samples = inputs(seed ^ 1, &float[float.input].fact, 8);
        let mut options = QuantizeOptions::default();
        for _ in 0..if seed % 2 == 0 { 0 } else { 3 } {
            options = options.without(passes[rng.gen_range(0..passes.len())]).unwrap();
        }
        let (optimized, _) = optimize(float, &options.switches).expect("optimize");
        let method = CalibrationMethod::default();
        let Ok(calibration) = Calibration::collect(&optimized, samples.clone(), method) else {
            continue;
        };
        let quantized = match quantize(&optimized, &calibration, &options) {
            Ok(quantized) => quantized,
            Err(error) => {
                refused.push(format!("{seed}: {error}"));
                continue;
            }
        };
        let left = |warning: &Warning| matches!(warning, Warning::LeavesTable { .. });
        assert!(
            !quantized.record.warnings.iter().any(left),
            "seed {seed}: {:?}",
            quantized.record.warnings
        );
        let input = quantized.quantize_input(&samples[3]).expect("a sample").integers;
        let model = CompiledModel::new(format!("extreme {seed}"), quantized).with_privacy(Privacy::PUBLIC);
        let key =
            setup(model, &SetupOptions::default()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let proof = prove(&key, &input, b"").unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        verify(&key.verifying, &proof, b"").unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        handed::answer(&key.verifying, &proof, b"");
        proved += 1;
    }
    println!("{proved} proved, refused:\n{}", refused.join("\n"));
    assert!(proved >= 25, "{proved} proved, refused:\n{}", refused.join("\n"));
}
