//! GPT-2, BERT and ViT against Hugging Face's transformers: floats, integers, proofs, and what a file is refused for.
//!
//! `scripts/reference_families.py` writes the values.

// Helpers outside of test functions unwrap as well.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, Slice};
use serde_json::Value;
use zkml_core::execute::float::execute_float;
use zkml_core::graph::Graph;
use zkml_core::keys::CompiledModel;
use zkml_core::nn::{Forward, Weights};
use zkml_core::ops::{Float, FloatOp};
use zkml_core::optimize::{Switches, optimize};
use zkml_core::prove::prove;
use zkml_core::quant::{
    AccuracyReport, Calibration, CalibrationMethod, LanguageReport, QuantizeOptions, Quantized, quantize,
};
use zkml_core::setup::{SetupOptions, setup};
use zkml_core::verify::verify;
use zkml_models::bert::{BertConfig, BertModel};
use zkml_models::gpt2::{GPT2Config, GPT2LMHeadModel};
use zkml_models::hugging_face::{ConfigError, PretrainedModel};
use zkml_models::vit::{ViTConfig, ViTForImageClassification};

fn directory(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/families")
        .join(family)
}

fn reference(family: &str, name: &str) -> ArrayD<f32> {
    let weights = Weights::open(directory(family).with_extension("safetensors")).unwrap();
    let values = weights.values(name).unwrap().unwrap();
    ArrayD::from_shape_vec(weights.shape(name).unwrap(), values).unwrap()
}

/// The samples of a tensor of the reference, each as a batch of one.
fn samples(family: &str, name: &str) -> Vec<ArrayD<f32>> {
    let all = reference(family, name);
    let rows = all.axis_iter(Axis(0));
    rows.map(|row| row.insert_axis(Axis(0)).to_owned()).collect()
}

/// A network, its inputs, and the names of its outputs in the reference.
struct Case {
    name: &'static str,
    graph: Graph<Float>,
    inputs: Vec<ArrayD<f32>>,
    outputs: &'static [&'static str],
}

impl Case {
    fn family(&self) -> &'static str {
        self.name.split(' ').next().unwrap()
    }
}

const TOKENS: usize = 7;

fn cases() -> Vec<Case> {
    let gpt2 = |name: &'static str| Case {
        name,
        graph: GPT2LMHeadModel::from_pretrained(directory(name))
            .unwrap()
            .graph(TOKENS)
            .unwrap(),
        inputs: samples(name, "ids"),
        outputs: &["logits"],
    };
    let bert = BertModel::from_pretrained(directory("bert")).unwrap();
    let vit = ViTForImageClassification::from_pretrained(directory("vit")).unwrap();
    vec![
        gpt2("gpt2"),
        gpt2("gpt2_variant"),
        Case {
            name: "bert",
            graph: bert.graph(TOKENS).unwrap(),
            inputs: samples("bert", "ids"),
            outputs: &["hidden", "pooled"],
        },
        Case {
            name: "bert sentence",
            graph: bert.sentence_graph(TOKENS).unwrap(),
            inputs: samples("bert", "ids"),
            outputs: &["sentence"],
        },
        Case {
            name: "vit",
            graph: vit.graph(1).unwrap(),
            inputs: samples("vit", "pixels"),
            outputs: &["logits"],
        },
    ]
}

fn optimized(graph: Graph<Float>) -> Graph<Float> {
    optimize(graph, &Switches::default()).unwrap().0
}

/// The largest difference, relative to the largest value.
fn difference(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0f32, f32::max) / largest
}

#[test]
fn outputs_are_those_of_transformers() {
    for case in cases() {
        for (graph, stage) in [
            (case.graph.clone(), "traced"),
            (optimized(case.graph.clone()), "optimized"),
        ] {
            for (index, input) in case.inputs.iter().enumerate() {
                let values = execute_float(&graph, input).unwrap();
                for (output, name) in graph.outputs.iter().zip(case.outputs) {
                    let expected = &samples(case.family(), name)[index];
                    let found = difference(&values[output.0], expected);
                    assert!(found < 1e-5, "{}, {stage}, {name} {index}: {found}", case.name);
                }
            }
        }
    }
}

/// Gain and bias of a normalization go into the layers behind it. What stays: before a head that is tied, before the
/// class token is taken, and where a residual sum takes the normalized value, as everywhere in BERT.
#[test]
fn affine_maps_stay_where_no_layer_takes_them() {
    let maps = |graph: &Graph<Float>| {
        let of_map = |op: &FloatOp| matches!(op, FloatOp::ChannelAffine(_));
        graph.nodes.iter().filter(|node| of_map(&node.op)).count()
    };
    for case in cases() {
        let (before, left) = match case.name {
            "gpt2" => (5, 1),
            "gpt2_variant" => (5, 0),
            "vit" => (5, 1),
            _ => (5, 5),
        };
        assert_eq!(maps(&case.graph), before, "{}", case.name);
        assert_eq!(maps(&optimized(case.graph.clone())), left, "{}", case.name);
    }
}

/// A network as integers, with 16 bits.
fn quantized(graph: Graph<Float>, inputs: &[ArrayD<f32>]) -> (Graph<Float>, Quantized) {
    let float = optimized(graph);
    let calibration = Calibration::collect(&float, inputs.to_vec(), CalibrationMethod::MinMax).unwrap();
    let integers = quantize(&float, &calibration, &QuantizeOptions::language_model()).unwrap();
    (float, integers)
}

#[test]
fn integers_say_what_floats_say() {
    for case in cases() {
        let (float, integers) = quantized(case.graph, &case.inputs);
        let report = AccuracyReport::measure(&float, &integers, &case.inputs, None).unwrap();
        for (output, name) in report.outputs.iter().zip(case.outputs) {
            let error = output.total().relative_rms();
            assert!(error < 0.02, "{} {name}: {error}\n{report}", case.name);
        }
    }
}

#[test]
fn tokens_are_those_of_the_floats() {
    for family in ["gpt2", "gpt2_variant"] {
        let model = GPT2LMHeadModel::from_pretrained(directory(family)).unwrap();
        let texts = samples(family, "ids");
        let (float, integers) = quantized(model.graph(TOKENS).unwrap().with_tokens().unwrap(), &texts);
        let report = LanguageReport::measure(&float, &integers, &texts, || {}).unwrap();
        assert_eq!((report.texts, report.refused), (2, 0), "{family}\n{report}");
        assert!(report.perplexity_change().abs() < 1.5, "{family}\n{report}");
        assert!(report.divergence < 0.001, "{family}\n{report}");
        assert_eq!(report.decided_agreement, report.decided, "{family}\n{report}");
    }
}

/// A cache of the tokens before gives what the whole text gives.
#[test]
fn steps_after_a_cache_are_those_of_the_whole_text() {
    let model = GPT2LMHeadModel::from_pretrained(directory("gpt2")).unwrap();
    let ids = &samples("gpt2", "ids")[0];
    let part = |from: usize, to: usize| ids.slice_axis(Axis(1), Slice::from(from..to)).to_owned();
    let run = |graph: &Graph<Float>, inputs: Vec<ArrayD<f32>>| {
        let executor = zkml_core::execute::float::FloatExecutor::new(graph).unwrap();
        executor
            .outputs(&[inputs])
            .map_err(|failed| failed.reason)
            .unwrap()
            .remove(0)
    };
    let first = run(&model.step_graph(4, 0).unwrap(), vec![part(0, 4)]);
    let mut inputs = vec![part(4, TOKENS)];
    inputs.extend(first.into_iter().skip(1));
    let second = run(&model.step_graph(TOKENS - 4, 4).unwrap(), inputs);
    let expected = samples("gpt2", "logits")[0]
        .slice_axis(Axis(1), Slice::from(4..))
        .to_owned();
    assert!(difference(&second[0], &expected) < 1e-5);
}

fn proved(name: &str, graph: Graph<Float>, inputs: &[ArrayD<f32>]) {
    let (_, integers) = quantized(graph, inputs);
    let input = integers.quantize_input(&inputs[0]).unwrap().integers;
    let key = setup(CompiledModel::new(name, integers), &SetupOptions::default()).unwrap();
    let proof = prove(&key, &input, b"context").unwrap();
    verify(key.verifying(), &proof, b"context").unwrap();
}

#[test]
fn each_is_proved_and_verified() {
    let short = |family: &str| -> Vec<ArrayD<f32>> {
        let texts = samples(family, "ids").into_iter();
        let cut = |ids: ArrayD<f32>| ids.slice_axis(Axis(1), Slice::from(..3)).to_owned();
        texts.map(cut).collect()
    };
    let gpt2 = GPT2LMHeadModel::from_pretrained(directory("gpt2")).unwrap();
    proved(
        "gpt2",
        gpt2.graph(3).unwrap().with_tokens().unwrap(),
        &short("gpt2"),
    );
    let bert = BertModel::from_pretrained(directory("bert")).unwrap();
    proved("bert", bert.sentence_graph(3).unwrap(), &short("bert"));
    let vit = ViTForImageClassification::from_pretrained(directory("vit")).unwrap();
    proved("vit", vit.graph(1).unwrap(), &samples("vit", "pixels"));
}

#[test]
fn a_text_beyond_the_positions_is_refused() {
    let gpt2 = GPT2LMHeadModel::from_pretrained(directory("gpt2")).unwrap();
    assert!(gpt2.graph(16).is_ok());
    let error = gpt2.graph(17).unwrap_err().to_string();
    assert!(
        error.contains("transformer.wpe") && error.contains("17"),
        "{error}"
    );
    let error = gpt2.step_graph(1, 16).unwrap_err().to_string();
    assert!(error.contains("transformer.wpe"), "{error}");
}

/// A published `config.json` with small sizes, and one setting of it changed.
fn altered<C>(
    family: &str,
    (key, value): (&str, &str),
    read: fn(&str) -> Result<C, ConfigError>,
) -> Option<String> {
    let text = std::fs::read(directory(family).join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&text).unwrap();
    config[key] = serde_json::from_str(value).unwrap();
    read(&config.to_string()).err().map(|error| error.to_string())
}

#[test]
fn what_the_families_lack_is_refused_by_name() {
    let gelu = "expected \"gelu\" or \"gelu_new\" or \"gelu_pytorch_tanh\", found \"relu\"";
    let none = "expected nothing: weights in BF16, F16 or F32, found {}";
    let alone = "expected false: attention to the text itself alone, found true";
    let cases = [
        ("gpt2", "activation_function", "\"relu\"", gelu),
        ("gpt2", "add_cross_attention", "true", alone),
        (
            "gpt2",
            "n_head",
            "5",
            "expected a divisor of n_embd = 24, found 5",
        ),
        (
            "gpt2",
            "model_type",
            "\"gpt_neo\"",
            "expected \"gpt2\", found \"gpt_neo\"",
        ),
        (
            "gpt2",
            "architectures",
            "[\"GPT2DoubleHeadsModel\"]",
            "expected `GPT2LMHeadModel`, found [\"GPT2DoubleHeadsModel\"]",
        ),
        ("gpt2", "quantization_config", "{}", none),
        ("bert", "hidden_act", "\"relu\"", gelu),
        (
            "bert",
            "is_decoder",
            "true",
            "expected false: attention to the whole text, found true",
        ),
        (
            "bert",
            "position_embedding_type",
            "\"relative_key\"",
            "expected \"absolute\", found \"relative_key\"",
        ),
        (
            "bert",
            "num_attention_heads",
            "0",
            "expected a positive integer, found 0",
        ),
        ("vit", "hidden_act", "\"relu\"", gelu),
        (
            "vit",
            "image_size",
            "[12, 8, 3]",
            "expected a positive integer or two of them, found [12,8,3]",
        ),
        (
            "vit",
            "patch_size",
            "9",
            "expected patches that fit in image_size = [12, 8], found [9, 9]",
        ),
    ];
    for (family, key, value, expected) in cases {
        let change = (key, value);
        let found = match family {
            "gpt2" => altered(family, change, GPT2Config::from_json),
            "bert" => altered(family, change, BertConfig::from_json),
            _ => altered(family, change, ViTConfig::from_json),
        };
        assert_eq!(found, Some(format!("`{key}`: {expected}")));
    }
    let unchanged = ("bert", ("use_cache", "true"));
    assert_eq!(altered(unchanged.0, unchanged.1, BertConfig::from_json), None);
}

/// Batches are batches: two images, two sentences.
#[test]
fn batches_are_traced() {
    let vit = ViTForImageClassification::from_pretrained(directory("vit")).unwrap();
    let graph = vit.graph(2).unwrap();
    let values = execute_float(&graph, &reference("vit", "pixels")).unwrap();
    assert!(difference(&values[graph.outputs[0].0], &reference("vit", "logits")) < 1e-5);
    let bert = BertModel::from_pretrained(directory("bert")).unwrap();
    let graph = bert
        .load(bert.model().trace_with_input(&[2, TOKENS]).unwrap())
        .unwrap();
    let values = execute_float(&graph, &reference("bert", "ids")).unwrap();
    assert!(difference(&values[graph.outputs[1].0], &reference("bert", "pooled")) < 1e-5);
}
