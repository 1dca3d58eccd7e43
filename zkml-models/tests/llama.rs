//! Llama against Hugging Face's transformers: logits, token ids, perplexity, and what a directory is refused for.
//!
//! `scripts/reference_llama.py` writes the values.

// Helpers outside of test functions unwrap as well.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, Slice};
use serde_json::Value;
use zkml_core::execute::float::{execute_float, execute_float_on, execute_float_outputs};
use zkml_core::execute::{execute, execute_reference};
use zkml_core::graph::Graph;
use zkml_core::nn::{Forward, Weights};
use zkml_core::ops::Float;
use zkml_core::optimize::{Switches, optimize};
use zkml_core::quant::{Calibration, CalibrationMethod, LanguageReport, QuantizeOptions, quantize};
use zkml_models::hugging_face::{PretrainedError, PretrainedLlama, PretrainedModel, Sampling};
use zkml_models::llama::{LlamaConfig, LlamaForCausalLM};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn shakespeare() -> PathBuf {
    root().join("examples/assets/shakespeare-llama3")
}

fn fixtures() -> PathBuf {
    root().join("tests/fixtures/llama")
}

fn tensor(file: &str, name: &str) -> ArrayD<f32> {
    let weights = Weights::open(fixtures().join(file)).unwrap();
    let values = weights.values(name).unwrap().unwrap();
    ArrayD::from_shape_vec(weights.shape(name).unwrap(), values).unwrap()
}

fn reference() -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join("shakespeare.json")).unwrap()).unwrap()
}

/// Indices `start` to `start + length` along axis 1.
fn part(x: &ArrayD<f32>, start: usize, length: usize) -> ArrayD<f32> {
    x.slice_axis(Axis(1), Slice::from(start..start + length))
        .to_owned()
}

/// The largest difference, relative to the largest value.
fn difference(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0f32, f32::max) / largest
}

#[test]
fn logits_of_the_shipped_checkpoint() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let ids = tensor("shakespeare.safetensors", "ids");
    let graph = model.graph(ids.len()).unwrap();
    let logits = execute_float(&graph, &ids)
        .unwrap()
        .swap_remove(graph.outputs[0].0);
    let expected = tensor("shakespeare.safetensors", "logits");
    let found = difference(&logits, &expected);
    assert!(found < 1e-5, "{found}");
    assert_eq!(graph.parameters.len(), 4 * 9 + 3);
}

/// Sharded bfloat16, an older `config.json`, Llama-3 scaling, a head dimension of its own.
#[test]
fn logits_of_a_model_with_a_tied_head() {
    let model = LlamaForCausalLM::from_pretrained(fixtures().join("tied")).unwrap();
    assert!(model.config().tie_word_embeddings && model.config().rope_scaling.is_some());
    let graph = model.model().trace_with_input(&[2, 7]).unwrap();
    assert!(
        graph
            .parameters
            .iter()
            .all(|parameter| parameter.path != "lm_head.weight")
    );
    let (graph, report) = graph
        .load(&Weights::open(fixtures().join("tied")).unwrap())
        .unwrap();
    assert!(report.unused.is_empty(), "{report}");
    let logits = execute_float(&graph, &tensor("tied.safetensors", "ids")).unwrap();
    let found = difference(&logits[graph.outputs[0].0], &tensor("tied.safetensors", "logits"));
    assert!(found < 1e-5, "{found}");
}

/// Tokens in three steps, with a cache, have the logits of all tokens at once.
#[test]
fn a_cache_changes_nothing() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let ids = tensor("shakespeare.safetensors", "ids");
    let expected = tensor("shakespeare.safetensors", "logits");
    let mut cache: Vec<ArrayD<f32>> = Vec::new();
    let mut start = 0;
    for tokens in [5, 1, 10] {
        let graph = model.step_graph(tokens, start).unwrap();
        let inputs: Vec<ArrayD<f32>> = std::iter::once(part(&ids, start, tokens)).chain(cache).collect();
        let values = execute_float_on(&graph, &inputs).unwrap();
        let mut outputs = graph.outputs.iter().map(|id| values[id.0].clone());
        let found = difference(&outputs.next().unwrap(), &part(&expected, start, tokens));
        assert!(found < 1e-5, "{found}");
        cache = outputs.collect();
        assert_eq!(cache.len(), 8);
        start += tokens;
    }
}

#[test]
fn token_ids_are_those_of_the_python_library() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let tokenizer = model.tokenizer();
    assert_eq!(tokenizer.vocabulary(), 1024);
    for entry in reference()["texts"].as_array().unwrap() {
        let text = entry["text"].as_str().unwrap();
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(Value::from(ids.clone()), entry["ids"], "{text}");
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}

/// `e` to the mean of the negative log-likelihood of each next token.
fn perplexity(logits: &[ArrayD<f32>], windows: &[ArrayD<f32>]) -> f64 {
    let (mut loss, mut count) = (0.0, 0.0);
    for (logits, ids) in logits.iter().zip(windows) {
        let ids: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
        let rows = logits.index_axis(Axis(0), 0);
        for (row, &next) in rows.outer_iter().zip(&ids[1..]) {
            let sum: f64 = row.iter().map(|&x| libm::exp(f64::from(x))).sum();
            loss += libm::log(sum) - f64::from(row[next]);
            count += 1.0;
        }
    }
    libm::exp(loss / count)
}

#[test]
fn perplexity_on_text_it_was_not_trained_on() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let reference = reference();
    let size = |key: &str| reference[key].as_u64().unwrap() as usize;
    let (window, windows) = (size("window"), size("windows"));
    let text = std::fs::read_to_string(shakespeare().join("heldout.txt")).unwrap();
    // More than enough text for the tokens, and not all of it.
    let text: String = text.chars().take(8 * window * windows).collect();
    let ids = model.tokenizer().encode(&text).unwrap();
    let window_of = |ids: &[u32]| {
        let ids = ids.iter().map(|&id| id as f32).collect();
        ArrayD::from_shape_vec(vec![1, window], ids).unwrap()
    };
    let windows: Vec<ArrayD<f32>> = ids[..window * windows]
        .chunks_exact(window)
        .map(window_of)
        .collect();
    let graph = model.graph(window).unwrap();
    let outputs = execute_float_outputs(&graph, &windows).unwrap();
    let logits: Vec<ArrayD<f32>> = outputs.into_iter().map(|mut outputs| outputs.remove(0)).collect();
    let (found, expected) = (
        perplexity(&logits, &windows),
        reference["perplexity"].as_f64().unwrap(),
    );
    assert!(
        (found / expected - 1.0).abs() < 1e-4,
        "found {found}, expected {expected}"
    );
}

#[test]
fn the_optimizer_keeps_the_logits() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let graph = model.graph(16).unwrap();
    let (graph, _) = zkml_core::optimize::optimize(graph, &Default::default()).unwrap();
    let logits = execute_float(&graph, &tensor("shakespeare.safetensors", "ids")).unwrap();
    let expected = tensor("shakespeare.safetensors", "logits");
    let found = difference(&logits[graph.outputs[0].0], &expected);
    assert!(found < 1e-5, "{found}");
}

fn config(change: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read(shakespeare().join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&text).unwrap();
    change(&mut config);
    config.to_string()
}

#[test]
fn both_forms_of_the_rotary_embedding() {
    let newer = LlamaConfig::from_json(&config(|_| {})).unwrap();
    assert_eq!((newer.rope_theta, newer.rope_scaling), (500_000.0, None));
    let llama31 = r#"{"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3"}"#;
    let older = |scaling: &str| {
        let scaling: Value = serde_json::from_str(scaling).unwrap();
        let text = config(|config| {
            config["rope_parameters"] = Value::Null;
            config["rope_theta"] = Value::from(10_000.0);
            config["rope_scaling"] = scaling;
        });
        LlamaConfig::from_json(&text)
    };
    let config = older("null").unwrap();
    assert_eq!((config.rope_theta, config.rope_scaling), (10_000.0, None));
    let scaling = older(llama31).unwrap().rope_scaling.unwrap();
    assert_eq!(
        (scaling.factor, scaling.original_max_position_embeddings),
        (8.0, 8192)
    );
    let with_type = older(&llama31.replace("rope_type", "type")).unwrap();
    assert_eq!(with_type.rope_scaling, Some(scaling));
    let error = older(&llama31.replace("llama3", "yarn")).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"`rope_scaling.rope_type`: expected "default" or "llama3", found "yarn""#
    );
    let error = older(&llama31.replace("4.0", "0.5")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("low_freq_factor below high_freq_factor"),
        "{error}"
    );
}

#[test]
fn what_the_model_lacks_is_refused_by_name() {
    let cases = [
        (
            "model_type",
            r#""gemma""#,
            r#"expected "llama" or "mistral" or "qwen2" or "qwen3", found "gemma""#,
        ),
        (
            "hidden_act",
            r#""gelu""#,
            r#"expected "silu" or "swish", found "gelu""#,
        ),
        (
            "sliding_window",
            "4096",
            "expected nothing: attention to all earlier tokens, found 4096",
        ),
        (
            "quantization_config",
            r#"{"bits":4}"#,
            r#"expected nothing: weights in BF16, F16 or F32, found {"bits":4}"#,
        ),
        (
            "num_key_value_heads",
            "3",
            "expected a divisor of num_attention_heads = 8, found 3",
        ),
        ("head_dim", "15", "expected an even number above 0, found 15"),
        (
            "hidden_size",
            "null",
            "expected a positive integer, found nothing",
        ),
        ("vocab_size", "-1", "expected a positive integer, found -1"),
        (
            "architectures",
            r#"["MistralForCausalLM"]"#,
            r#"expected `LlamaForCausalLM`, found ["MistralForCausalLM"]"#,
        ),
    ];
    for (key, value, message) in cases {
        let text = config(|config| config[key] = serde_json::from_str(value).unwrap());
        let error = LlamaConfig::from_json(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("`{key}`: {message}"));
    }
}

/// A copy of the shipped directory with another `config.json`.
fn copy(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["model.safetensors", "tokenizer.json"] {
        std::fs::copy(shakespeare().join(name), directory.path().join(name)).unwrap();
    }
    std::fs::write(directory.path().join("config.json"), text).unwrap();
    directory
}

#[test]
fn directories_that_do_not_fit_their_configuration() {
    let open = |change: fn(&mut Value)| {
        let directory = copy(&config(change));
        let model = LlamaForCausalLM::from_pretrained(directory.path());
        model.and_then(|model| model.graph(2)).unwrap_err()
    };
    let error = open(|config| config["tie_word_embeddings"] = true.into());
    assert!(matches!(error, PretrainedError::Untied { .. }), "{error}");
    let error = open(|config| config["num_hidden_layers"] = 3.into());
    assert!(
        error.to_string().contains("unused       model.layers.3."),
        "{error}"
    );
    let error = open(|config| config["attention_bias"] = true.into());
    let missing = "missing      model.layers.0.self_attn.q_proj.bias [128]";
    assert!(error.to_string().contains(missing), "{error}");
    let error = open(|config| config["vocab_size"] = 1000.into());
    let expected = "expected token ids below vocab_size = 1000, found 1024 ids";
    assert!(error.to_string().contains(expected), "{error}");
    let error = LlamaForCausalLM::from_pretrained(fixtures()).unwrap_err();
    assert!(
        error.to_string().contains("config.json: expected a file"),
        "{error}"
    );
}

/// The network on windows of a text, ids in and greedy tokens out.
fn optimized(model: &PretrainedLlama, tokens: usize) -> Graph<Float> {
    let graph = model.graph(tokens).unwrap().with_tokens().unwrap();
    optimize(graph, &Switches::default()).unwrap().0
}

/// The first windows of the text that the model was not trained on.
fn heldout(model: &PretrainedLlama, window: usize, windows: usize) -> Vec<ArrayD<f32>> {
    let text = std::fs::read_to_string(shakespeare().join("heldout.txt")).unwrap();
    let text: String = text.chars().take(8 * window * windows).collect();
    let ids = model.tokenizer().encode(&text).unwrap();
    let chunks = ids.chunks_exact(window).take(windows);
    chunks.map(row).collect()
}

fn row(ids: &[u32]) -> ArrayD<f32> {
    let values = ids.iter().map(|&id| id as f32).collect();
    ArrayD::from_shape_vec(vec![1, ids.len()], values).unwrap()
}

fn calibrated(model: &PretrainedLlama) -> Calibration {
    let sampling = Sampling {
        texts: 16,
        tokens: 48,
        seed: 1,
    };
    let texts = model.sample(sampling, || {}).unwrap();
    assert!(texts.iter().all(|text| text.len() == 48) && texts.len() == 16);
    let samples = texts.iter().map(|ids| row(ids));
    Calibration::collect(&optimized(model, 48), samples, CalibrationMethod::MinMax).unwrap()
}

/// Weights of 8 bits and activations of 16 keep the distribution of the next token. The whole text is measured by the
/// example; docs/quantization.md has the figures.
#[test]
fn integers_say_what_floats_say() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let options = QuantizeOptions::language_model();
    let calibration = calibrated(&model);
    let float = optimized(&model, 128);
    let network = quantize(&float, &calibration, &options).unwrap();
    let report = LanguageReport::measure(&float, &network, &heldout(&model, 128, 6), || {}).unwrap();
    assert_eq!((report.texts, report.refused), (6, 0), "{report}");
    assert_eq!((report.rows, report.predicted), (768, 762));
    assert!(report.perplexity_change().abs() < 0.5, "{report}");
    assert!(report.divergence < 0.001, "{report}");
    assert!(report.agreement as f64 > 0.97 * 768.0, "{report}");
    assert!(
        report.decided_agreement as f64 > 0.99 * report.decided as f64,
        "{report}"
    );
    assert!(
        report.worst_layer().unwrap().distance.cosine() > 0.999,
        "{report}"
    );

    // The definition, and the same integers for a text of another length.
    let short = quantize(&optimized(&model, 7), &calibration, &options).unwrap();
    let window = &heldout(&model, 128, 1)[0];
    let ids = network.quantize_input(window).unwrap().integers;
    let seven = ids.slice_axis(Axis(1), Slice::from(..7)).to_owned();
    let executed = execute(&short.graph, &seven).unwrap();
    let by_definition = execute_reference(&short.graph, &seven).unwrap();
    let tokens: Vec<i64> = executed
        .outputs(&short.graph)
        .next()
        .unwrap()
        .iter()
        .copied()
        .collect();
    let defined: Vec<i64> = by_definition
        .outputs(&short.graph)
        .next()
        .unwrap()
        .iter()
        .copied()
        .collect();
    assert_eq!(tokens, defined);
    let long = execute(&network.graph, &ids).unwrap();
    let long: Vec<i64> = long
        .outputs(&network.graph)
        .next()
        .unwrap()
        .iter()
        .copied()
        .collect();
    assert_eq!(tokens, long[..7]);
}

/// One table for embedding and head, Llama-3's scaling of frequencies, more heads than width.
#[test]
fn a_model_with_a_tied_head_becomes_integers() {
    let model = LlamaForCausalLM::from_pretrained(fixtures().join("tied")).unwrap();
    let graph = optimized(&model, 7);
    let ids = tensor("tied.safetensors", "ids");
    let rows: Vec<ArrayD<f32>> = ids
        .axis_iter(Axis(0))
        .map(|row| row.insert_axis(Axis(0)).to_owned())
        .collect();
    let calibration = Calibration::collect(&graph, rows.clone(), CalibrationMethod::MinMax).unwrap();
    let network = quantize(&graph, &calibration, &QuantizeOptions::language_model()).unwrap();
    let report = LanguageReport::measure(&graph, &network, &rows, || {}).unwrap();
    // Its large random weights make errors of one layer two times larger in the next.
    let layers = report
        .layers
        .iter()
        .filter(|layer| layer.name.contains("layers.0."));
    layers.for_each(|layer| assert!(layer.distance.cosine() > 0.999, "{layer:?}"));
    assert!(report.divergence < 0.05 && report.refused == 0, "{report}");
}

#[test]
fn what_a_language_model_is_not_quantized_with() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let graph = optimized(&model, 16);
    let sample = tensor("shakespeare.safetensors", "ids");
    let calibration = Calibration::collect(&graph, [sample.clone()], CalibrationMethod::MinMax).unwrap();
    let narrow = QuantizeOptions {
        error_budget: None,
        ..QuantizeOptions::default()
    };
    let error = quantize(&graph, &calibration, &narrow).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`model.embed_tokens`: an embedding needs activations of 15 or 16 bits, found 8: quantize with \
         `QuantizeOptions::language_model()`"
    );
    let network = quantize(&graph, &calibration, &QuantizeOptions::language_model()).unwrap();
    // Without a choice, bits are as many as an operation needs.
    let unasked = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    assert_eq!(unasked.record.activation_bits, 16);
    for wrong in [0.5, -1.0, 1024.0, f32::MAX] {
        let mut ids = sample.clone();
        ids[[0, 3]] = wrong;
        let error = network.quantize_input(&ids).unwrap_err();
        let expected = "expected a token id, an integer in [0, 1024)";
        assert!(error.to_string().contains(expected), "{error}");
    }
    // A gain that is not folded becomes the scales of channels, and its signs a product. One of zeros alone has no scale.
    let mut unfolded = model.graph(16).unwrap();
    let mut with_gain = |change: &dyn Fn(&mut ArrayD<f32>)| {
        let gain = unfolded.parameters.iter_mut();
        let mut gain = gain.filter(|parameter| parameter.path == "model.norm.weight");
        change(&mut gain.next().unwrap().values);
        let calibration =
            Calibration::collect(&unfolded, [sample.clone()], CalibrationMethod::MinMax).unwrap();
        quantize(&unfolded, &calibration, &QuantizeOptions::language_model())
    };
    let turned = with_gain(&|gain| gain[[5]] = -0.25).unwrap();
    let signs = turned
        .graph
        .nodes
        .iter()
        .filter(|node| node.name == "model.norm.multiplied");
    assert_eq!(signs.count(), 1);
    let error = with_gain(&|gain| gain.fill(0.0)).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`model.norm`: expected a gain of finite numbers that are not all 0, found 0"
    );
}

#[test]
fn the_same_seed_writes_the_same_texts() {
    let model = LlamaForCausalLM::from_pretrained(shakespeare()).unwrap();
    let texts = |texts, seed| {
        let sampling = Sampling {
            texts,
            tokens: 6,
            seed,
        };
        model.sample(sampling, || {}).unwrap()
    };
    let ten = texts(10, 0);
    assert_eq!(ten, texts(10, 0));
    assert_eq!(ten[..3], texts(3, 0));
    assert_ne!(ten, texts(10, 1));
    assert!(ten.iter().flatten().all(|id| *id < 1024));
    assert_eq!(model.end_tokens(), [1]);
}
