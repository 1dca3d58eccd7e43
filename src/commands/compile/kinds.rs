//! What is given in the place of a model's name.

use std::path::Path;

use zkml::models::registry::UnknownModel;

use super::super::CommandError;

/// No model has that name; what else is meant, where the name tells.
pub(super) fn unknown(name: &str, error: UnknownModel) -> CommandError {
    let extension = Path::new(name).extension().unwrap_or_default();
    let remedy = match extension.to_string_lossy().to_lowercase().as_str() {
        "model" => "a compiled model goes to `zkml setup` as it is",
        "json" => "no such file; a decision forest is the JSON file that XGBoost's `save_model` writes",
        "ubj" | "bst" => "`save_model(\"forest.json\")` of XGBoost writes what zkml reads",
        "joblib" | "pkl" | "pickle" => "scripts/forest_to_json.py writes a forest of scikit-learn as JSON",
        "safetensors" | "pt" | "pth" | "bin" | "npz" => {
            "weights go to --weights, behind the name of their model"
        }
        "onnx" | "pb" | "tflite" | "h5" | "keras" | "pt2" | "mlmodel" => {
            "zkml reads no graphs; write the network as a struct with #[zk_model] and load its weights"
        }
        _ if name.to_lowercase().starts_with("llama") => {
            "language models are proved from Rust, as `cargo run --release --example llama3` does"
        }
        _ if error.suggestion.is_some() => return CommandError::Model(error),
        _ => {
            "a network of your own is compiled in Rust: `quantized.save(\"mine.model\")`, then `zkml setup mine.model`"
        }
    };
    CommandError::Usage(format!("expected the name of a model, found `{name}`: {remedy}"))
}
