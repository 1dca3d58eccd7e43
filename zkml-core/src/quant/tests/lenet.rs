//! LeNet-5 on MNIST digits: the accuracy of the integer network.

use crate::ops;
use crate::quant::tests::eight_bits;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use ndarray::ArrayD;

use crate::execute::Executor;
use crate::graph::{Graph, GraphBuilder, Parameter, Window2d};
use crate::keys::CompiledModel;
use crate::ops::{Float, FloatOp};
use crate::optimize::Switches;
use crate::optimize::operation::per_channel_scales::PerChannelScales;
use crate::prove::prove;
use crate::quant::{
    AccuracyError, AccuracyReport, Calibration, CalibrationMethod, QuantizeOptions, quantize,
};
use crate::setup::{SetupOptions, setup};
use crate::verify::verify;

fn asset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/assets")
        .join(name)
}

fn digits() -> (Vec<ArrayD<f32>>, Vec<u8>) {
    let mut images = Vec::new();
    let file = File::open(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut images)
        .unwrap();
    let labels = std::fs::read(asset("mnist-t10k-first1000-labels-idx1-ubyte")).unwrap();
    let digit = |pixels: &[u8]| {
        let mut image = ArrayD::zeros(vec![1, 1, 32, 32]);
        for (at, &pixel) in pixels.iter().enumerate() {
            image[[0, 0, 2 + at / 28, 2 + at % 28]] = f32::from(pixel) / 255.0;
        }
        image
    };
    (
        images[16..].chunks_exact(28 * 28).map(digit).collect(),
        labels[8..].to_vec(),
    )
}

pub(crate) fn lenet() -> Graph<Float> {
    let bytes = std::fs::read(asset("lenet5-mnist.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut builder = GraphBuilder::<Float>::new();
    let parameter = |builder: &mut GraphBuilder<Float>, path: String| {
        let tensor = tensors.tensor(&path).unwrap();
        let values = tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let values = ArrayD::from_shape_vec(tensor.shape(), values).unwrap();
        builder.parameter(Parameter { path, values })
    };
    let window = |kernel, stride| Window2d {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [0; 2],
        dilation: [1; 2],
    };
    let mut x = builder.input("image", &[1, 1, 32, 32]).unwrap();
    for i in 1..=2 {
        let weight = parameter(&mut builder, format!("conv{i}.weight"));
        let bias = Some(parameter(&mut builder, format!("conv{i}.bias")));
        let conv = FloatOp::Conv2d(ops::Conv2d {
            weight,
            bias,
            window: window(5, 1),
            groups: 1,
        });
        x = builder.add(&format!("conv{i}"), conv, &[x]).unwrap();
        x = builder
            .add(&format!("relu{i}"), FloatOp::Relu(ops::Relu), &[x])
            .unwrap();
        x = builder
            .add(
                &format!("pool{i}"),
                FloatOp::MaxPool2d(ops::MaxPool2d { window: window(2, 2) }),
                &[x],
            )
            .unwrap();
    }
    x = builder.reshape("flatten", x, &[1, 400]).unwrap();
    for i in 1..=3 {
        let weight = parameter(&mut builder, format!("fc{i}.weight"));
        let bias = Some(parameter(&mut builder, format!("fc{i}.bias")));
        x = builder
            .add(
                &format!("fc{i}"),
                FloatOp::Linear(ops::Linear { weight, bias }),
                &[x],
            )
            .unwrap();
        if i < 3 {
            x = builder
                .add(&format!("relu{}", i + 2), FloatOp::Relu(ops::Relu), &[x])
                .unwrap();
        }
    }
    builder.finish(vec![x]).unwrap().with_argmax().unwrap()
}

#[test]
fn integer_accuracy_is_within_a_fifth_of_a_point() {
    let (images, labels) = digits();
    let float = lenet();
    let labels: Vec<usize> = labels.into_iter().map(usize::from).collect();
    for method in [
        CalibrationMethod::MinMax,
        CalibrationMethod::Percentile(99.99),
        CalibrationMethod::Mse,
    ] {
        let calibration = Calibration::collect(&float, images[..64].iter().cloned(), method).unwrap();
        for per_channel in [true, false] {
            let options = QuantizeOptions {
                switches: Switches::default().with(&PerChannelScales, per_channel),
                ..Default::default()
            };
            let quantized = quantize(&float, &calibration, &options).unwrap();
            let report = AccuracyReport::measure(&float, &quantized, &images, Some(&labels)).unwrap();
            println!(
                "{method:?}, scales per channel: {per_channel}, limbs of {} bits\n{report}",
                quantized.limb_bits
            );
            let classes = report.classes.as_ref().unwrap();
            let (float_correct, integer) = (classes.float_correct.unwrap(), classes.integer_correct.unwrap());
            assert!(float_correct >= 985, "{report}");
            assert!(float_correct.abs_diff(integer) <= 2, "{report}");
            assert!(classes.agreement >= 995 && report.out_of_domain == 0, "{report}");
            assert_eq!(report.warnings(), Vec::<String>::new(), "{report}");
            assert!(
                report.worst_layer().unwrap().distance.cosine() > 0.999,
                "{report}"
            );
        }
    }
}

/// Fewer bits: everything in range, nearly as accurate, and it proves.
#[test]
fn four_bits_prove_and_verify() {
    let (images, labels) = digits();
    let float = lenet();
    let labels: Vec<usize> = labels.into_iter().map(usize::from).collect();
    let calibration =
        Calibration::collect(&float, images[..64].iter().cloned(), CalibrationMethod::MinMax).unwrap();
    let network = |weight_bits, activation_bits| {
        let options = QuantizeOptions {
            weight_bits,
            activation_bits,
            ..eight_bits()
        };
        quantize(&float, &calibration, &options).unwrap()
    };
    for (weight_bits, activation_bits, agreement) in [(4, 8, 290), (8, 4, 290), (4, 4, 285)] {
        let network = network(weight_bits, activation_bits);
        let limit = |bits: u32| (1i64 << (bits - 1)) - 1;
        for parameter in &network.graph.parameters {
            let values = parameter.values.to_vec().into_iter();
            let largest = values.map(|value| i64::from(value.abs())).max();
            let used = largest.unwrap_or(0);
            if parameter.role == crate::graph::ParameterRole::Weight {
                let limit = limit(weight_bits);
                assert!((limit / 2..=limit).contains(&used), "{} {used}", parameter.path);
            }
        }
        let limit = limit(activation_bits);
        for node in &network.graph.nodes {
            let activation = matches!(
                node.op,
                crate::ops::IntOp::Rescale(_) | crate::ops::IntOp::Input(ops::Input)
            );
            let (low, high) = node.fact.range;
            assert!(
                !activation || (-limit <= low && high == limit),
                "{}",
                network.graph
            );
        }
        let report = AccuracyReport::measure(&float, &network, &images[..300], Some(&labels[..300])).unwrap();
        println!("{weight_bits} and {activation_bits} bits\n{report}");
        assert!(
            report.classes.as_ref().unwrap().agreement >= agreement && report.out_of_domain == 0,
            "{report}"
        );
    }
    let network = network(4, 4);
    let input = network.quantize_input(&images[0]).unwrap().integers;
    let key = setup(CompiledModel::new("lenet", network), &SetupOptions::default()).unwrap();
    let proof = prove(&key, &input, b"four bits").unwrap();
    verify(&key.verifying, &proof, b"four bits").unwrap();
    assert_eq!(proof.public.outputs.as_ref().unwrap()[1], [labels[0] as i64]);
    let mut other = proof;
    other.public.outputs.as_mut().unwrap()[0][0] += 1;
    assert!(verify(&key.verifying, &other, b"four bits").is_err());
}

#[test]
fn a_digit_takes_well_under_two_milliseconds() {
    let (images, _) = digits();
    let float = lenet();
    let method = CalibrationMethod::MinMax;
    let calibration = Calibration::collect(&float, images[..8].iter().cloned(), method).unwrap();
    let quantized = quantize(&float, &calibration, &eight_bits()).unwrap();
    let executor = Executor::new(&quantized.graph).unwrap();
    let input = quantized.quantize_input(&images[0]).unwrap().integers;
    // The best of many runs: other load on the machine does not count.
    let time = |_| {
        let start = Instant::now();
        executor.run(&input).unwrap();
        start.elapsed()
    };
    let best = (0..50).map(time).min().unwrap();
    println!("LeNet-5: {best:?}");
    assert!(best.as_micros() < 2000, "{best:?}");
}

#[test]
fn labels_and_graphs_that_do_not_belong_together_are_refused() {
    let (images, _) = digits();
    let float = lenet();
    let images = &images[..2];
    let calibration = Calibration::collect(&float, images.to_vec(), CalibrationMethod::MinMax).unwrap();
    let mut quantized = quantize(&float, &calibration, &eight_bits()).unwrap();
    let measure = |quantized: &_, images, labels| AccuracyReport::measure(&float, quantized, images, labels);
    assert_eq!(
        measure(&quantized, &[], None).unwrap_err(),
        AccuracyError::NoSamples
    );
    let labels = measure(&quantized, images, Some(&[1])).unwrap_err();
    assert_eq!(
        labels,
        AccuracyError::Labels {
            expected: 2,
            found: 1
        }
    );
    let unlabelled = measure(&quantized, images, None).unwrap();
    assert_eq!(unlabelled.classes.unwrap().integer_correct, None);
    quantized.correspondence.pop();
    assert_eq!(
        measure(&quantized, images, None).unwrap_err(),
        AccuracyError::OtherGraph
    );
}
