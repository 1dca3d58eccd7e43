//! Families whose decoder is that of Llama, against Hugging Face's transformers: logits, integers, and what a file is
//! refused for.
//!
//! `scripts/reference_families.py` writes the values.

// Helpers outside of test functions unwrap as well.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use zkml_core::execute::float::execute_float;
use zkml_core::nn::{Forward, Weights};
use zkml_core::optimize::{Switches, optimize};
use zkml_models::hugging_face::PretrainedLlama;
use zkml_models::llama::LlamaForCausalLM;

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
