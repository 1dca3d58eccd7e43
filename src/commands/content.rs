//! What stands in a file, kind by kind, for `zkml inspect`.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::argument::{SoundnessReport, Statement, soundness};
use zkml_core::field::packed_length;
use zkml_core::keys::{PublicTensor, ROTATION_RESERVE, VerifyingKey};
use zkml_core::privacy::{Privacy, Visibility};
use zkml_core::proof::{Kind, Proof, PublicValues, read_file};

use super::{CommandError, hex};

/// One thing to say about a file: for people, perhaps in several lines, and for programs.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) value: Value,
}

pub(super) fn fact(name: impl Into<String>, text: impl Into<String>, value: impl Into<Value>) -> Fact {
    Fact {
        name: name.into(),
        text: text.into(),
        value: value.into(),
    }
}

/// Decodes the file and says what is in it.
pub(super) fn read(path: &Path, kind: Kind) -> Result<Vec<Fact>, CommandError> {
    match kind {
        Kind::VerifyingKey => verifying_key(path),
        Kind::Proof => Ok(proof(&read_file(path)?)),
        Kind::PublicValues => Ok(public_values(&read_file(path)?)),
        #[cfg(feature = "prover")]
        Kind::CompiledModel => Ok(model(&read_file(path)?)),
        #[cfg(feature = "prover")]
        Kind::ProvingKey => proving_key(path),
        // A build of the verifier alone does not know the prover's types.
        _ => Ok(Vec::new()),
    }
}

fn verifying_key(path: &Path) -> Result<Vec<Fact>, CommandError> {
    let refused = |error| CommandError::Key {
        path: path.to_path_buf(),
        error,
    };
    let key: VerifyingKey = read_file(path)?;
    let statement = Statement::new(&key).map_err(refused)?;
    let (circuit, code) = (&key.circuit, &key.code);
    let (columns, committed, parameters) = (
        circuit.columns.len(),
        statement.committed.len(),
        statement.parameters.len(),
    );
    let (lookups, tables, equalities) = (
        circuit.lookups.len(),
        circuit.tables.len(),
        circuit.equalities.len(),
    );
    let report = soundness(&statement);
    let opening = opening_bytes(&statement);
    let separate = separate_rows(&statement);
    let digest = hex(&statement.digest);
    let mut facts = vec![
        fact("name", key.name.clone(), key.name.clone()),
        fact("digest", digest.clone(), digest),
        fact(
            "columns",
            format!("{columns}, {committed} of them committed, {parameters} weights"),
            json!({ "all": columns, "committed": committed, "parameters": parameters }),
        ),
        fact("lookups", format!("{lookups} in {tables} tables"), lookups),
        fact("tables", tables.to_string(), tables),
        fact("equalities", equalities.to_string(), equalities),
        fact(
            "code",
            format!(
                "rows of {} (of the trace {}), codewords of {} (rate {:.4}), {} columns opened, {} bits of grinding",
                code.row_length(),
                code.narrow().row_length(),
                code.codeword_length(),
                code.rate(),
                code.queries,
                code.grinding_bits
            ),
            json!({
                "row_length": code.row_length(),
                "stride": code.stride(),
                "codeword_length": code.codeword_length(),
                "rate": code.rate(),
                "queries": code.queries,
                "grinding_bits": code.grinding_bits,
            }),
        ),
        fact(
            "rows",
            format!(
                "{} of the trace, {} of weights{}",
                statement.trace_rows(),
                statement.weights.rows,
                if separate > 0 {
                    format!(", {separate} of tensors committed apart")
                } else {
                    String::new()
                }
            ),
            json!({ "trace": statement.trace_rows(), "weights": statement.weights.rows, "separate": separate }),
        ),
        fact(
            "hardening",
            format!("{} sequential hashes", key.hardening),
            key.hardening,
        ),
        fact(
            "opening",
            format!("about {opening} bytes of a proof"),
            json!({ "estimated_bytes": opening }),
        ),
        privacy(&key.privacy),
        match &statement.input {
            Some(input) => tensor(&key, "input".into(), input, key.interface.input_scale),
            None => private("input".into(), Some(key.interface.input_scale)),
        },
    ];
    let scales = key.interface.output_scales.iter().enumerate();
    facts.extend(scales.map(|(index, &scale)| {
        let name = format!("output {index}");
        match statement.outputs.get(index) {
            Some(output) => tensor(&key, name, output, scale),
            None => private(name, Some(scale)),
        }
    }));
    let setup = soundness(&Statement::of_setup(&key).map_err(refused)?);
    let bits = report.sum(&setup);
    facts.push(weights(&key));
    let table = |report: &SoundnessReport| {
        let terms = report.terms.iter();
        let terms: Vec<Value> = terms
            .map(|term| json!({ "name": term.name, "bits": term.bits }))
            .collect();
        json!({ "bits": report.bits, "terms": terms })
    };
    facts.push(fact("soundness", report.to_string(), table(&report)));
    facts.push(fact("setup proof", setup.to_string(), table(&setup)));
    facts.push(fact(
        "together",
        format!("{bits:.1} bits"),
        json!({ "bits": bits }),
    ));
    Ok(facts)
}

/// The commitments to the weights and how many proofs they are good for.
fn weights(key: &VerifyingKey) -> Fact {
    let weights = &key.weights;
    let (count, proof) = (weights.roots.len(), key.setup_proof.len());
    let rotated = key.previous.map(|root| hex(&root));
    let proofs = weights.budget().saturating_sub(ROTATION_RESERVE);
    let budget = match key.privacy.weights {
        Visibility::Public => "any number of proofs".to_owned(),
        Visibility::Private => format!("{proofs} proofs and a rotation"),
    };
    let from = rotated
        .as_ref()
        .map_or(String::new(), |root| format!(", rotated from {root}"));
    fact(
        "weights",
        format!("{count} commitments for {budget}, setup proof of {proof} bytes{from}"),
        json!({
            "commitments": count,
            "openings_each": weights.openings,
            "proofs": key.privacy.weights.is_private().then_some(proofs),
            "setup_proof_bytes": proof,
            "rotated_from": rotated,
        }),
    )
}

fn privacy(privacy: &Privacy) -> Fact {
    let Privacy {
        input,
        output,
        weights,
        commit_input,
    } = privacy;
    let committed = if *commit_input { " (committed)" } else { "" };
    fact(
        "privacy",
        format!("{input} input{committed}, {output} output, {weights} weights"),
        json!({
            "input": input.to_string(),
            "output": output.to_string(),
            "weights": weights.to_string(),
            "commit_input": commit_input,
            "zero_knowledge": privacy.zero_knowledge(),
        }),
    )
}

/// A tensor that only the prover sees.
fn private(name: String, scale: Option<f64>) -> Fact {
    match scale {
        Some(scale) => fact(
            name,
            format!("(private), scale {scale:e}"),
            json!({ "private": true, "scale": scale }),
        ),
        None => fact(name, "(private)", json!({ "private": true })),
    }
}

fn tensor(key: &VerifyingKey, name: String, tensor: &PublicTensor, scale: f64) -> Fact {
    let shape = key.circuit[tensor.column].shape.sizes();
    let (minimum, maximum) = (tensor.minimum, tensor.maximum);
    fact(
        name,
        format!("{shape:?}, integers in [{minimum}, {maximum}], scale {scale:e}"),
        json!({ "shape": shape, "minimum": minimum, "maximum": maximum, "scale": scale }),
    )
}

/// The opening is most of a proof: the row combination, and for each opened column its cells, its salts and its part
/// of the Merkle proofs of all matrices.
fn opening_bytes(statement: &Statement<'_>) -> u64 {
    let code = &statement.key.code;
    let queries = code.queries as f64;
    let path = |log_leaves: u32| 32.0 * (f64::from(log_leaves) - queries.log2()).max(1.0);
    let rows = statement.trace_rows() + statement.weights.rows + separate_rows(statement);
    let narrow = 32.0 + path(code.narrow().log_codeword);
    let trees = narrow * (1 + statement.separate.len()) as f64 + 32.0 + path(code.log_codeword);
    (16.0 * code.message_length() as f64 + packed_length(rows * code.queries) as f64 + queries * trees) as u64
}

fn separate_rows(statement: &Statement<'_>) -> usize {
    statement
        .separate
        .iter()
        .map(|tensors| tensors.packing.rows)
        .sum()
}

fn proof(proof: &Proof) -> Vec<Fact> {
    let (key, bytes) = (hex(&proof.key), proof.messages.len());
    vec![
        fact("key digest", key.clone(), key),
        fact("messages", format!("{bytes} bytes"), bytes),
    ]
}

/// How many values are shown.
const FIRST: usize = 10;

fn public_values(public: &PublicValues) -> Vec<Fact> {
    let outputs: Vec<(String, Option<&Vec<i64>>)> = match &public.outputs {
        Some(outputs) => outputs
            .iter()
            .enumerate()
            .map(|(index, values)| (format!("output {index}"), Some(values)))
            .collect(),
        None => vec![("outputs".to_owned(), None)],
    };
    let tensors = std::iter::once(("input".to_owned(), public.input.as_ref())).chain(outputs);
    tensors
        .map(|(name, values)| {
            let Some(values) = values else {
                return private(name, None);
            };
            let first = values.get(..FIRST).unwrap_or(values);
            let more = if values.len() > first.len() { ", ..." } else { "" };
            let list: Vec<String> = first.iter().map(i64::to_string).collect();
            let noun = if values.len() == 1 { "integer" } else { "integers" };
            let text = format!("{} {noun}: {}{more}", values.len(), list.join(", "));
            fact(name, text, json!({ "length": values.len(), "first": first }))
        })
        .collect()
}

/// The model of a proving key, and what is left of its budget.
#[cfg(feature = "prover")]
fn proving_key(path: &Path) -> Result<Vec<Fact>, CommandError> {
    use zkml_core::keys::ProvingKey;
    let mut facts = model(&ProvingKey::read_model(path)?);
    if let Some(budget) = ProvingKey::read_budget(path)? {
        let refused = zkml_core::keys::ProveError::from;
        let (used, limit) = (budget.used().map_err(refused)?, budget.limit());
        let left = budget.proofs_left().map_err(refused)?;
        facts.push(fact(
            "budget",
            format!(
                "{left} proofs left, {used} of {limit} openings used, {ROTATION_RESERVE} kept for a rotation"
            ),
            json!({ "proofs_left": left, "used": used, "limit": limit }),
        ));
    }
    Ok(facts)
}

#[cfg(feature = "prover")]
fn model(model: &zkml_core::keys::CompiledModel) -> Vec<Fact> {
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
            format!("{parameters} in {} tensors", graph.parameters.len()),
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
#[cfg(feature = "prover")]
fn preprocessing(model: &zkml_core::keys::CompiledModel) -> Fact {
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
        json!({ "pad": pad, "mean": mean, "deviation": deviation, "classes": record.classes }),
    )
}
