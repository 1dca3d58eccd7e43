//! Random float networks from end to end: optimize, calibrate, quantize, set up, prove, verify.

use super::handed;
use crate::execute::execute_reference;
use crate::execute::float::execute_float;
use crate::keys::CompiledModel;
use crate::optimize::operation::per_channel_scales::PerChannelScales;
use crate::optimize::{Switches, optimize};
use crate::privacy::Privacy;
use crate::prove::prove;
use crate::quant::tests::random::{inputs, network};
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
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
