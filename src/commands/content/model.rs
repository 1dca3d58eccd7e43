//! A compiled model, by itself or in a proving key.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::keys::ROTATION_RESERVE;
use zkml_core::keys::{CompiledModel, ProveError, ProvingKey};

use super::{Fact, fact};
use crate::commands::CommandError;
use crate::commands::words::{count, shortest};

/// The model of a proving key, and what is left of its budget.
pub(super) fn proving_key(path: &Path) -> Result<Vec<Fact>, CommandError> {
    let mut facts = facts(&ProvingKey::read_model(path)?);
    if let Some(budget) = ProvingKey::read_budget(path)? {
        let refused = ProveError::from;
        let (used, limit) = (budget.used().map_err(refused)?, budget.limit());
        let left = budget.proofs_left().map_err(refused)?;
        facts.push(fact(
            "budget",
            format!(
                "{} left, {used} of {} used, {ROTATION_RESERVE} kept for a rotation",
                count(left, "proof"),
                count(limit, "opening"),
            ),
            json!({ "proofs_left": left, "used": used, "limit": limit }),
        ));
    }
    Ok(facts)
}

/// The network of a compiled model.
pub(super) fn facts(model: &CompiledModel) -> Vec<Fact> {
    let graph = &model.network.graph;
    let layers: Vec<Value> = graph
        .nodes
        .iter()
        .map(|node| json!({ "name": node.name, "shape": node.fact.shape }))
        .collect();
    let parameters: usize = graph
        .parameters
        .iter()
        .map(|parameter| parameter.values.len())
        .sum();
    vec![
        fact("name", model.name.clone(), model.name.clone()),
        fact(
            "parameters",
            format!("{parameters} in {}", count(graph.parameters.len(), "tensor")),
            parameters,
        ),
        fact(
            "limb bits",
            model.network.limb_bits.to_string(),
            model.network.limb_bits,
        ),
        preprocessing(model),
        fact("layers", graph.to_string(), layers),
    ]
}

/// How an image becomes the input, and what the classes are called.
fn preprocessing(model: &CompiledModel) -> Fact {
    let record = &model.network.record;
    let Some(preprocessing) = &record.preprocessing else {
        return fact("images", "(not taken)", Value::Null);
    };
    let (pad, mean, deviation) = (preprocessing.pad, &preprocessing.mean, &preprocessing.deviation);
    let mut text = format!("(byte / 255 - {mean:?}) / {deviation:?}, {pad} zero pixels around");
    if !record.classes.is_empty() {
        text += &format!(
            "\n{} classes: {}",
            record.classes.len(),
            record.classes.join(", ")
        );
    }
    fact(
        "images",
        text,
        json!({
            "pad": pad, "mean": shortest(mean), "deviation": shortest(deviation), "classes": record.classes,
        }),
    )
}
