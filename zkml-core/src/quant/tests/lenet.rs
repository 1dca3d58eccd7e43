//! LeNet-5 on MNIST digits: the accuracy of the integer network.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use ndarray::ArrayD;
use rayon::prelude::*;

use crate::graph::{Float, FloatOp, Graph, GraphBuilder, Parameter, Window2d};
use crate::quant::float_execution::execute_float;
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use crate::witness::Executor;

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
        let conv = FloatOp::Conv2d {
            weight,
            bias,
            window: window(5, 1),
            groups: 1,
        };
        x = builder.add(&format!("conv{i}"), conv, &[x]).unwrap();
        x = builder.add(&format!("relu{i}"), FloatOp::Relu, &[x]).unwrap();
        x = builder
            .add(
                &format!("pool{i}"),
                FloatOp::MaxPool2d { window: window(2, 2) },
                &[x],
            )
            .unwrap();
    }
    x = builder.reshape("flatten", x, &[1, 400]).unwrap();
    for i in 1..=3 {
        let weight = parameter(&mut builder, format!("fc{i}.weight"));
        let bias = Some(parameter(&mut builder, format!("fc{i}.bias")));
        x = builder
            .add(&format!("fc{i}"), FloatOp::Linear { weight, bias }, &[x])
            .unwrap();
        if i < 3 {
            x = builder
                .add(&format!("relu{}", i + 2), FloatOp::Relu, &[x])
                .unwrap();
        }
    }
    builder.finish(vec![x]).unwrap().with_argmax().unwrap()
}

#[test]
fn integer_accuracy_is_within_a_fifth_of_a_point() {
    let (images, labels) = digits();
    let float = lenet();
    let class = float.outputs[1].0;
    let start = Instant::now();
    let float_classes: Vec<u8> = images
        .par_iter()
        .map(|image| execute_float(&float, image).unwrap()[class][[0]] as u8)
        .collect();
    println!("float: {:?} for {} digits", start.elapsed(), images.len());
    let correct = |classes: &[u8]| classes.iter().zip(&labels).filter(|(a, b)| a == b).count() as i64;
    println!("float: {} of {}", correct(&float_classes), images.len());
    for method in [
        CalibrationMethod::MinMax,
        CalibrationMethod::Percentile(99.99),
        CalibrationMethod::Mse,
    ] {
        let calibration = Calibration::collect(&float, images[..64].iter().cloned(), method).unwrap();
        let quantized = quantize(&float, &calibration, &QuantizeOptions::default()).unwrap();
        println!(
            "{method:?}, limbs of {} bits\n{}",
            quantized.limb_bits, quantized.graph
        );
        let executor = Executor::new(&quantized.graph).unwrap();
        let start = Instant::now();
        let classes: Vec<u8> = images
            .iter()
            .map(|image| {
                let execution = executor.run(&quantized.quantize_input(image).unwrap()).unwrap();
                execution.value(quantized.graph.outputs[1]).unwrap()[[0]] as u8
            })
            .collect();
        println!("integer: {:?} a digit", start.elapsed() / images.len() as u32);
        println!("integer: {} of {}", correct(&classes), images.len());
        assert!((correct(&classes) - correct(&float_classes)).abs() <= 2);
    }
}
