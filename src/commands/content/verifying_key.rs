//! A verifying key: its circuit, its code, its tensors, its weights, and how sound its proofs are.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::argument::{SoundnessReport, Statement, opening_bytes, soundness};
use zkml_core::circuit::Circuit;
use zkml_core::keys::{PublicTensor, ROTATION_RESERVE, VerifyingKey};
use zkml_core::pcs::CodeParameters;
use zkml_core::privacy::{Privacy, Visibility};
use zkml_core::proof::read_file;
use zkml_core::transcript::VerifyError;

use super::{Fact, fact, private};
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
    let digest = hex(&statement.digest);
    let opening = opening_bytes(&statement);
    let mut facts = vec![
        fact("name", key.name.clone(), key.name.clone()),
        fact("digest", digest.clone(), digest),
    ];
    facts.extend(circuit(&key.circuit, &statement));
    facts.extend([
        code(&key.code),
        rows(&statement),
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
    ]);
    facts.extend(tensors(key, &statement));
    facts.push(weights(key));
    facts.extend(account(
        &soundness(&statement),
        &soundness(&Statement::of_setup(key)?),
    ));
    Ok(facts)
}

/// How many columns, lookups, tables and equalities there are.
fn circuit(circuit: &Circuit, statement: &Statement<'_>) -> [Fact; 4] {
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

/// The input and the outputs, public or not.
fn tensors<'s>(key: &VerifyingKey, statement: &'s Statement<'_>) -> Vec<Fact> {
    let named = |name: String, public: Option<&PublicTensor>, scale: f64| match public {
        Some(public) => tensor(key, name, public, public.scale),
        None => private(name, Some(scale)),
    };
    let interface = &key.interface;
    let outputs = interface.output_scales.iter().enumerate();
    let find = |tensors: &'s [PublicTensor], index: usize| {
        tensors.iter().find(|tensor| tensor.index as usize == index)
    };
    let further = statement.inputs.iter().filter(|tensor| tensor.index > 0);
    core::iter::once(named(
        "input".into(),
        find(&statement.inputs, 0),
        interface.input_scale,
    ))
    .chain(further.map(|public| named(format!("input {}", public.index), Some(public), public.scale)))
    .chain(
        outputs
            .map(|(index, &scale)| named(format!("output {index}"), find(&statement.outputs, index), scale)),
    )
    .collect()
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

fn tensor(key: &VerifyingKey, name: String, tensor: &PublicTensor, scale: f64) -> Fact {
    let shape = key.circuit[tensor.column].shape.sizes();
    let (minimum, maximum) = (tensor.minimum, tensor.maximum);
    fact(
        name,
        format!("{shape:?}, integers in [{minimum}, {maximum}], scale {scale:e}"),
        json!({ "shape": shape, "minimum": minimum, "maximum": maximum, "scale": scale }),
    )
}

fn separate_rows(statement: &Statement<'_>) -> usize {
    statement
        .separate
        .iter()
        .map(|tensors| tensors.packing.rows)
        .sum()
}
