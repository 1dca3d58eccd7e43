//! Families whose decoder is that of Llama, against Hugging Face's transformers: logits, integers, and what a file is
//! refused for.
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
use zkml_core::ops::Float;
use zkml_core::optimize::{Switches, optimize};
use zkml_core::prove::prove;
use zkml_core::quant::{
    Calibration, CalibrationMethod, LanguageReport, QuantizeOptions, Quantized, quantize,
};
use zkml_core::setup::{SetupOptions, setup};
use zkml_core::verify::verify;
use zkml_models::hugging_face::{PretrainedLlama, PretrainedModel};
use zkml_models::llama::{LlamaConfig, LlamaForCausalLM};

const FAMILIES: [&str; 10] = [
    "llama2",
    "llama3",
    "llama31",
    "llama32",
    "smollm2",
    "tinyllama",
    "mistral",
    "qwen2",
    "qwen25",
    "qwen3",
];

fn directory(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/families")
        .join(family)
}

fn open(family: &str) -> PretrainedLlama {
    LlamaForCausalLM::from_pretrained(directory(family)).unwrap()
}

fn reference(family: &str, name: &str) -> ArrayD<f32> {
    let weights = Weights::open(directory(family).with_extension("safetensors")).unwrap();
    let values = weights.values(name).unwrap().unwrap();
    ArrayD::from_shape_vec(weights.shape(name).unwrap(), values).unwrap()
}

/// The largest difference, relative to the largest value.
fn difference(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0f32, f32::max) / largest
}

/// The two texts of the reference, each alone.
fn texts(family: &str) -> Vec<ArrayD<f32>> {
    let ids = reference(family, "ids");
    let rows = ids.axis_iter(Axis(0));
    rows.map(|row| row.insert_axis(Axis(0)).to_owned()).collect()
}

#[test]
fn logits_are_those_of_transformers() {
    for family in FAMILIES {
        let model = open(family);
        let expected = reference(family, "logits");
        for (graph, stage) in [
            (model.graph(7).unwrap(), "traced"),
            (
                optimize(model.graph(7).unwrap(), &Switches::default()).unwrap().0,
                "optimized",
            ),
        ] {
            for (index, ids) in texts(family).iter().enumerate() {
                let logits = execute_float(&graph, ids)
                    .unwrap()
                    .swap_remove(graph.outputs[0].0);
                let expected = expected.index_axis(Axis(0), index).insert_axis(Axis(0));
                let found = difference(&logits, &expected.to_owned());
                assert!(found < 1e-5, "{family}, {stage}, text {index}: {found}");
            }
        }
    }
}

/// What each family has and others have not, by the keys of its parameters.
#[test]
fn the_configuration_decides_what_a_layer_has() {
    let parameters = |family: &str| {
        let graph = open(family).model().trace_with_input(&[1, 3]).unwrap();
        let paths = graph.parameters.into_iter().map(|parameter| parameter.path);
        paths.collect::<Vec<String>>()
    };
    let has = |family: &str, key: &str| parameters(family).iter().any(|path| path.ends_with(key));
    for family in FAMILIES {
        let qwen2 = ["qwen2", "qwen25"].contains(&family);
        for key in ["q_proj.bias", "k_proj.bias", "v_proj.bias"] {
            assert_eq!(has(family, key), qwen2, "{family} {key}");
        }
        assert!(!has(family, "o_proj.bias") && !has(family, "up_proj.bias"));
        for key in ["q_norm.weight", "k_norm.weight"] {
            assert_eq!(has(family, key), family == "qwen3", "{family} {key}");
        }
        let tied = ["llama32", "smollm2", "qwen2", "qwen3"].contains(&family);
        assert_eq!(has(family, "lm_head.weight"), !tied, "{family}");
    }
}

/// The network on texts of so many tokens, ids in and greedy tokens out, as floats and as integers.
fn quantized(family: &str, tokens: usize) -> (Graph<Float>, Quantized) {
    let model = open(family);
    let network = |tokens: usize| {
        let graph = model.graph(tokens).unwrap().with_tokens().unwrap();
        optimize(graph, &Switches::default()).unwrap().0
    };
    let calibration = Calibration::collect(&network(7), texts(family), CalibrationMethod::MinMax).unwrap();
    let float = network(tokens);
    let integers = quantize(&float, &calibration, &QuantizeOptions::language_model()).unwrap();
    (float, integers)
}

#[test]
fn integers_say_what_floats_say() {
    for family in FAMILIES {
        let (float, integers) = quantized(family, 7);
        let report = LanguageReport::measure(&float, &integers, &texts(family), || {}).unwrap();
        assert_eq!((report.texts, report.refused), (2, 0), "{family}\n{report}");
        assert_eq!((report.rows, report.predicted), (14, 12), "{family}");
        // Float perplexities of these random models are 46 to 85.
        assert!(report.perplexity_change().abs() < 1.5, "{family}\n{report}");
        assert!(report.divergence < 0.001, "{family}\n{report}");
        assert_eq!(report.decided_agreement, report.decided, "{family}\n{report}");
        assert!(report.decided >= 8, "{family}\n{report}");
        let cosine = report.worst_layer().unwrap().distance.cosine();
        assert!(cosine > 0.999, "{family}: {cosine}\n{report}");
    }
}

/// A head that is tied to the embedding is the same tensor of integers.
#[test]
fn a_tied_table_is_there_once() {
    for family in FAMILIES {
        let (_, integers) = quantized(family, 3);
        let table = |path: &str| {
            ["model.embed_tokens.weight", "lm_head.weight"]
                .iter()
                .any(|key| path.starts_with(key))
        };
        let tables = integers
            .graph
            .parameters
            .iter()
            .filter(|parameter| table(&parameter.path));
        let tied = open(family).config().tie_word_embeddings;
        assert_eq!(tables.count(), if tied { 1 } else { 2 }, "{family}");
    }
}

/// Biases of queries, keys and values and a tied head; normalized heads, some gains of which are negative or zero.
#[test]
fn a_text_is_proved_and_verified() {
    for family in ["qwen2", "qwen3"] {
        let (_, integers) = quantized(family, 3);
        let ids = texts(family)[0].slice_axis(Axis(1), Slice::from(..3)).to_owned();
        let ids = integers.quantize_input(&ids).unwrap().integers;
        let key = setup(CompiledModel::new(family, integers), &SetupOptions::default()).unwrap();
        let proof = prove(&key, &ids, b"context").unwrap();
        verify(key.verifying(), &proof, b"context").unwrap();
    }
}

/// A published `config.json` with small sizes, and one setting of it changed.
fn config(family: &str, key: &str, value: &str) -> Result<LlamaConfig, String> {
    let text = std::fs::read(directory(family).join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&text).unwrap();
    config[key] = serde_json::from_str(value).unwrap();
    LlamaConfig::from_json(&config.to_string()).map_err(|error| error.to_string())
}

#[test]
fn what_the_families_lack_is_refused_by_name() {
    let window = |context: usize, window: usize| {
        format!(
            "`sliding_window`: expected no window, or one of at least max_position_embeddings = {context}: attention is \
             to all earlier tokens (for texts of at most {window} tokens set max_position_embeddings to {window}; longer \
             ones are then refused), found {window}"
        )
    };
    let known = "\"llama\" or \"mistral\" or \"qwen2\" or \"qwen3\"";
    let experts = "expected nothing: one MLP in each layer, no mixture of experts, found 8";
    let layers = "\"full_attention\" or \"sliding_attention\" for each of num_hidden_layers = 2";
    let cases = [
        ("mistral", "sliding_window", "15", window(16, 15)),
        (
            "mistral",
            "model_type",
            "\"mixtral\"",
            format!("`model_type`: expected {known}, found \"mixtral\""),
        ),
        (
            "mistral",
            "num_local_experts",
            "8",
            format!("`num_local_experts`: {experts}"),
        ),
        ("qwen3", "num_experts", "8", format!("`num_experts`: {experts}")),
        (
            "qwen2",
            "architectures",
            "[\"Qwen3ForCausalLM\"]",
            "`architectures`: expected `Qwen2ForCausalLM`, found [\"Qwen3ForCausalLM\"]".to_owned(),
        ),
        (
            "qwen2",
            "hidden_act",
            "\"gelu\"",
            "`hidden_act`: expected \"silu\" or \"swish\", found \"gelu\"".to_owned(),
        ),
        (
            "qwen2",
            "attention_dropout",
            "0.1",
            "`attention_dropout`: expected 0: dropout has no part in inference, found 0.1".to_owned(),
        ),
        (
            "qwen25",
            "num_key_value_heads",
            "3",
            "`num_key_value_heads`: expected a divisor of num_attention_heads = 4, found 3".to_owned(),
        ),
        (
            "qwen3",
            "layer_types",
            "[\"full_attention\"]",
            format!("`layer_types`: expected {layers}, found [\"full_attention\"]"),
        ),
        (
            "qwen3",
            "layer_types",
            "[\"full_attention\",\"sliding_attention\"]",
            "`layer_types`: expected \"full_attention\" alone without `use_sliding_window`, found \
             [\"full_attention\",\"sliding_attention\"]"
                .to_owned(),
        ),
    ];
    for (family, key, value, message) in cases {
        assert_eq!(config(family, key, value).unwrap_err(), message, "{family}");
    }
    for scaling in ["yarn", "linear", "dynamic", "longrope"] {
        let value = format!(r#"{{"rope_type": "{scaling}", "factor": 4.0}}"#);
        assert_eq!(
            config("qwen3", "rope_scaling", &value).unwrap_err(),
            format!("`rope_scaling.rope_type`: expected \"default\" or \"llama3\", found \"{scaling}\"")
        );
    }
}

/// A window counts where a layer has one, and then no text is longer.
#[test]
fn a_window_holds_the_whole_text() {
    assert_eq!(
        config("mistral", "sliding_window", "null")
            .unwrap()
            .sliding_window,
        None
    );
    let mistral = open("mistral");
    assert_eq!(mistral.config().sliding_window, Some(16));
    let refused = [
        mistral.graph(17).unwrap_err().to_string(),
        mistral.step_graph(1, 16).unwrap_err().to_string(),
    ];
    for error in refused {
        assert_eq!(
            error,
            "input_ids: expected a text of at most sliding_window = 16 tokens, found 17; give it in shorter parts"
        );
    }
    mistral.graph(16).unwrap();
    // Qwen: a number that no layer heeds, and one that the layers from `max_window_layers` on do.
    assert_eq!(
        config("qwen25", "sliding_window", "8").unwrap().sliding_window,
        None
    );
    let text = std::fs::read_to_string(directory("qwen25").join("config.json")).unwrap();
    let uses = text.replace("\"use_sliding_window\": false", "\"use_sliding_window\": true");
    assert_eq!(LlamaConfig::from_json(&uses).unwrap().sliding_window, Some(32768));
    let bites = uses.replace("\"sliding_window\": 32768", "\"sliding_window\": 4096");
    let error = LlamaConfig::from_json(&bites).unwrap_err().to_string();
    assert!(error.contains("set max_position_embeddings to 4096"), "{error}");
    let no_layer = bites.replace("\"max_window_layers\": 1", "\"max_window_layers\": 2");
    assert_eq!(LlamaConfig::from_json(&no_layer).unwrap().sliding_window, None);
}
