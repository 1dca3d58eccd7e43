//! A proof: what it speaks of, and with its key what its bytes are.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::argument::Statement;
use zkml_core::graph::Lengths;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{Outline, Proof, ProofOutline, PublicValues, outline_file, read_file, read_proof};
use zkml_core::transcript::{Event, LABELS, VerifyError};
use zkml_core::verify::{Recording, TrustedKey};

use super::{Fact, fact, first_integers, integers, private};
use crate::commands::words::{FIRST, count};
use crate::commands::{CommandError, hex};

/// What the file says by itself.
pub(super) fn read(path: &Path) -> Result<Vec<Fact>, CommandError> {
    let proof = outline_file(path)?;
    let mut facts = head(&proof.key, proof.opening);
    facts.extend(text(proof.lengths));
    facts.extend(outlined(&proof));
    facts.push(messages(proof.messages));
    facts.push(fact(
        "labels",
        "(--key KEY lists the messages; for a proof bound to a context add --context TEXT)",
        Value::Null,
    ));
    Ok(facts)
}

/// What it says to whoever has the key and the context. The messages are read as the verifier reads them, but this is
/// no verdict: the key's setup proof is not looked at.
pub(in crate::commands) fn read_with_key(
    path: &Path,
    key: &Path,
    context: &str,
) -> Result<Vec<Fact>, CommandError> {
    let verifying: VerifyingKey = read_file(key)?;
    let unusable = |error| CommandError::Key {
        path: key.to_path_buf(),
        error,
    };
    let digest = verifying.weights.digest().map_err(unusable)?;
    let general = TrustedKey::remembered(&verifying, &digest).map_err(unusable)?;
    let trusted = match verifying.network.sizing.any_length() {
        None => general,
        Some(_) => general.for_outline(&outline_file(path)?)?.into_owned(),
    };
    let proof = read_proof(path, &trusted.statement().proof_limits())?;
    let Recording { events, verdict, .. } = trusted.verify_recording(&proof, context.as_bytes());
    let mut facts = head(&proof.key, proof.opening);
    facts.extend(text(proof.lengths));
    facts
        .extend(tensors(trusted.statement(), &proof.public).unwrap_or_else(|_| public_values(&proof.public)));
    facts.extend([
        messages(proof.messages.len() as u64),
        progress(&proof, &events, verdict.err()),
        labels(&events),
    ]);
    Ok(facts)
}

/// The length of its text, of a proof that names one.
fn text(lengths: Option<Lengths>) -> Option<Fact> {
    let lengths = lengths?;
    let values = json!({ "tokens": lengths.tokens, "past": lengths.past });
    Some(fact("text", lengths.to_string(), values))
}

fn head(key: &[u8; 32], opening: u64) -> Vec<Fact> {
    let key = hex(key);
    vec![
        fact("key digest", key.clone(), key),
        fact("opening", opening.to_string(), opening),
    ]
}

fn messages(bytes: u64) -> Fact {
    fact("messages", count(bytes, "byte"), bytes)
}

/// How far the messages can be read.
fn progress(proof: &Proof, events: &[Event], error: Option<VerifyError>) -> Fact {
    let read = events.iter().rfind(|event| event.kind.is_message());
    let read = read.map_or(0, |event| event.offset + event.length);
    let error = error.map(|error| error.to_string());
    let text = match &error {
        None => format!("{read} bytes"),
        Some(error) => format!("{read} of {} bytes, then: {error}", proof.messages.len()),
    };
    fact("read", text, json!({ "bytes": read, "error": error }))
}

/// The messages by label.
fn labels(events: &[Event]) -> Fact {
    let all: usize = events.iter().map(message_bytes).sum();
    let mut text = format!(
        "{:<24} {:>4} {:>8} {:>9} {:>7}  what",
        "label", "kind", "messages", "bytes", "share"
    );
    let mut rows = Vec::new();
    for item in LABELS.iter().filter(|item| item.kind.is_message()) {
        let same = |event: &&Event| (event.kind, event.label) == (item.kind, item.label);
        let found: Vec<usize> = events.iter().filter(same).map(message_bytes).collect();
        if found.is_empty() {
            continue;
        }
        let (kind, count, bytes) = (item.kind as u8, found.len(), found.iter().sum::<usize>());
        let share = 100.0 * bytes as f64 / all.max(1) as f64;
        text += &format!(
            "\n{:<24} {kind:>4} {count:>8} {bytes:>9} {share:>5.1} %  {}",
            item.label, item.what
        );
        rows.push(json!({
            "label": item.label, "kind": kind, "messages": count, "bytes": bytes, "what": item.what,
            "page": item.page,
        }));
    }
    fact("labels", text, rows)
}

fn message_bytes(event: &Event) -> usize {
    match event.kind.is_message() {
        true => event.length,
        false => 0,
    }
}

/// The public values of a proof that was not decoded.
fn outlined(proof: &ProofOutline) -> Vec<Fact> {
    let tensor = |name: String, Outline { length, first }: &Outline| {
        let shape: Option<&[usize]> = None;
        let value = json!({ "length": length, "shape": shape, "first": first });
        fact(name, first_integers(*length, first), value)
    };
    let mut facts = vec![match &proof.input {
        Some(input) => tensor("input".to_owned(), input),
        None => private("input".to_owned(), None),
    }];
    match &proof.outputs {
        None => facts.push(private("outputs".to_owned(), None)),
        Some(outputs) => {
            let outputs = outputs.iter().enumerate();
            facts.extend(outputs.map(|(place, values)| tensor(format!("output {place}"), values)));
        }
    }
    facts
}

/// The public values without a key, which does not say their shapes, nor which outputs are private.
fn public_values(public: &PublicValues) -> Vec<Fact> {
    let input = public.input.as_deref();
    let mut facts = vec![input.map_or_else(
        || private("input".to_owned(), None),
        |values| values_of("input", None, values),
    )];
    match &public.outputs {
        None => facts.push(private("outputs".to_owned(), None)),
        Some(outputs) => facts.extend(
            outputs
                .iter()
                .enumerate()
                .map(|(place, values)| values_of(&format!("output {place}"), None, values)),
        ),
    }
    facts
}

/// The public values with their numbers and shapes.
fn tensors(statement: &Statement<'_>, public: &PublicValues) -> Result<Vec<Fact>, VerifyError> {
    public.check(statement)?;
    let inputs = public.split_input(statement)?;
    let several = inputs.len() > 1;
    let mut facts = Vec::new();
    let shape = |column| statement.circuit()[column].shape.sizes();
    for (tensor, values) in inputs {
        let name = match several {
            true => format!("input {}", tensor.index),
            false => "input".to_owned(),
        };
        facts.push(values_of(&name, Some(&shape(tensor.column)), values));
    }
    if public.input.is_none() {
        facts.push(private("input".to_owned(), None));
    }
    for (tensor, values) in statement.outputs.iter().zip(public.outputs.iter().flatten()) {
        let name = format!("output {}", tensor.index);
        facts.push(values_of(&name, Some(&shape(tensor.column)), values));
    }
    if public.outputs.is_none() {
        facts.push(private("outputs".to_owned(), None));
    }
    Ok(facts)
}

fn values_of(name: &str, shape: Option<&[usize]>, values: &[i64]) -> Fact {
    let text = match shape {
        Some(shape) => format!("{shape:?}, {}", integers(values)),
        None => integers(values),
    };
    let first = values.get(..FIRST).unwrap_or(values);
    fact(
        name,
        text,
        json!({ "length": values.len(), "shape": shape, "first": first }),
    )
}
