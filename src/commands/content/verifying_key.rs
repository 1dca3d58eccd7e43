//! A verifying key: its network, its tensors, its weights, its circuit and code, and how sound its proofs are.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::argument::{SoundnessReport, Statement, opening_bytes, soundness};
use zkml_core::graph::{ChannelScales, Node, Operation as _, Preprocessing};
use zkml_core::keys::{NetworkSkeleton, PublicTensor, ROTATION_RESERVE, VerifyingKey};
use zkml_core::ops::Skeleton;
use zkml_core::pcs::CodeParameters;
use zkml_core::privacy::{Privacy, Visibility};
use zkml_core::proof::read_file;
use zkml_core::transcript::VerifyError;

use super::{Fact, fact, private};
use crate::commands::words::{count, shortest};
use crate::commands::{CommandError, hex};

pub(super) fn read(path: &Path) -> Result<Vec<Fact>, CommandError> {
    let key: VerifyingKey = read_file(path)?;
    facts(&key).map_err(|error| CommandError::Key {
        path: path.to_path_buf(),
        error,
    })
}

fn facts(key: &VerifyingKey) -> Result<Vec<Fact>, VerifyError> {
    let statement = Statement::new(key)?;
    let opening = opening_bytes(&statement);
    // The digests first: whatever follows was chosen by whoever made the key.
    let mut facts: Vec<Fact> = digests(key, &statement)?.into();
    facts.push(fact("name", key.name(), key.name()));
    facts.extend(network(key));
    facts.push(privacy(&key.privacy()));
    facts.extend(tensors(key, &statement));
    facts.push(weights(key));
    facts.extend(circuit(&statement));
    facts.extend([
        code(&key.weights.code),
        rows(&statement),
        fact(
            "hardening",
            format!("{} sequential hashes", statement.hardening),
            statement.hardening,
        ),
        fact(
            "opening",
            format!("about {opening} bytes of a proof"),
            json!({ "estimated_bytes": opening }),
        ),
    ]);
    facts.extend(account(
        &soundness(&statement),
        &soundness(&Statement::of_setup(&key.weights)?),
    ));
    Ok(facts)
}

/// Digests of the key and of its parts.
fn digests(key: &VerifyingKey, statement: &Statement<'_>) -> Result<[Fact; 4], VerifyError> {
    let digest = |name: &str, digest: [u8; 32]| fact(name, hex(&digest), hex(&digest));
    Ok([
        digest("digest", statement.digest),
        digest("architecture", key.network.architecture().digest()?),
        digest("skeleton", key.network.digest()?),
        digest("weights key", key.weights.digest()?),
    ])
}

/// The network as PyTorch prints a model, the preparation of images and the names of classes: all under the digest.
fn network(key: &VerifyingKey) -> Vec<Fact> {
    let NetworkSkeleton {
        graph,
        preprocessing,
        classes,
        ..
    } = &key.network;
    let layer = |node: &Node<Skeleton>| {
        let (minimum, maximum) = node.fact.range;
        json!({
            "name": node.name, "operation": node.op.name(), "inputs": node.inputs, "shape": node.fact.shape,
            "minimum": minimum, "maximum": maximum, "scale": node.fact.scale,
        })
    };
    let layers: Vec<Value> = graph.nodes.iter().map(layer).collect();
    let images = match preprocessing {
        None => fact("images", "(not taken)", Value::Null),
        Some(Preprocessing { pad, mean, deviation }) => fact(
            "images",
            format!("(byte / 255 - {mean:?}) / {deviation:?}, {pad} zero pixels around"),
            json!({ "pad": pad, "mean": shortest(mean), "deviation": shortest(deviation) }),
        ),
    };
    let named = match classes.is_empty() {
        true => "(no names)".to_owned(),
        false => format!("{}: {}", classes.len(), classes.join(", ")),
    };
    let texts = key.network.sizing.any_length().map(|lengths| {
        let values = json!({ "tokens": lengths.tokens, "past": lengths.past });
        fact(
            "texts",
            format!("of any length; written down at {lengths}"),
            values,
        )
    });
    let facts = vec![
        fact("network", key.network.to_string(), layers),
        images,
        fact("classes", named, classes.clone()),
    ];
    facts.into_iter().chain(texts).collect()
}

/// How many columns, lookups, tables and equalities there are.
fn circuit(statement: &Statement<'_>) -> [Fact; 4] {
    let circuit = statement.circuit();
    let (columns, lookups, tables) = (circuit.columns.len(), circuit.lookups.len(), circuit.tables.len());
    let (committed, parameters) = (statement.committed.len(), statement.parameters.len());
    let equalities = circuit.equalities.len();
    [
        fact(
            "columns",
            format!("{columns}, {committed} of them committed, {parameters} weights"),
            json!({ "all": columns, "committed": committed, "parameters": parameters }),
        ),
        fact("lookups", format!("{lookups} in {tables} tables"), lookups),
        fact("tables", tables.to_string(), tables),
        fact("equalities", equalities.to_string(), equalities),
    ]
}

fn code(code: &CodeParameters) -> Fact {
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
    )
}

fn rows(statement: &Statement<'_>) -> Fact {
    let separate = separate_rows(statement);
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
    )
}

/// The inputs and the outputs, public or not.
fn tensors(key: &VerifyingKey, statement: &Statement<'_>) -> Vec<Fact> {
    let fact_of = |name: String, public: &[PublicTensor], index: usize, scales: &ChannelScales| match public
        .iter()
        .find(|tensor| tensor.index as usize == index)
    {
        Some(public) => tensor(statement, name, public),
        None => private(name, Some(scales)),
    };
    let inputs = key
        .network
        .input_scales
        .iter()
        .enumerate()
        .map(|(index, scales)| {
            let name = match index {
                0 => "input".to_owned(),
                _ => format!("input {index}"),
            };
            fact_of(name, &statement.inputs, index, scales)
        });
    let outputs = key.network.output_scales.iter().enumerate();
    let outputs =
        outputs.map(|(index, scales)| fact_of(format!("output {index}"), &statement.outputs, index, scales));
    inputs.chain(outputs).collect()
}

/// The soundness of an answer, of the setup proof, and of both.
fn account(answer: &SoundnessReport, setup: &SoundnessReport) -> [Fact; 3] {
    let table = |report: &SoundnessReport| {
        let terms = report.terms.iter();
        let terms: Vec<Value> = terms
            .map(|term| json!({ "name": term.name, "bits": term.bits }))
            .collect();
        json!({ "bits": report.bits, "terms": terms })
    };
    let bits = answer.sum(setup);
    [
        fact("soundness", answer.to_string(), table(answer)),
        fact("setup proof", setup.to_string(), table(setup)),
        fact("together", format!("{bits:.1} bits"), json!({ "bits": bits })),
    ]
}

/// The commitments to the weights and how many proofs they are good for.
fn weights(key: &VerifyingKey) -> Fact {
    let weights = &key.weights.commitments;
    let (roots, proof) = (weights.roots.len(), key.weights.setup_proof.len());
    let rotated = key.weights.previous.map(|root| hex(&root));
    let proofs = weights.budget().saturating_sub(ROTATION_RESERVE);
    let budget = match key.weights.visibility {
        Visibility::Public => "any number of proofs".to_owned(),
        Visibility::Private => format!("{} and a rotation", count(proofs, "proof")),
    };
    let from = rotated
        .as_ref()
        .map_or(String::new(), |root| format!(", rotated from {root}"));
    fact(
        "weights",
        format!(
            "{} for {budget}, setup proof of {proof} bytes{from}",
            count(roots, "commitment")
        ),
        json!({
            "commitments": roots,
            "openings_each": weights.openings,
            "proofs": key.weights.visibility.is_private().then_some(proofs),
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

fn tensor(statement: &Statement<'_>, name: String, tensor: &PublicTensor) -> Fact {
    let shape = statement.circuit()[tensor.column].shape.sizes();
    let PublicTensor {
        minimum,
        maximum,
        scales,
        ..
    } = tensor;
    fact(
        name,
        format!("{shape:?}, integers in [{minimum}, {maximum}], scale {scales}"),
        json!({ "shape": shape, "minimum": minimum, "maximum": maximum, "scale": scales }),
    )
}

fn separate_rows(statement: &Statement<'_>) -> usize {
    statement
        .separate
        .iter()
        .map(|tensors| tensors.packing.rows)
        .sum()
}
