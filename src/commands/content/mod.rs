//! The contents of each kind of file as facts, for `zkml inspect`.

#[cfg(feature = "prover")]
mod model;
pub(super) mod proof;
mod verifying_key;

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::graph::ChannelScales;
use zkml_core::proof::Kind;
#[cfg(feature = "prover")]
use zkml_core::proof::read_file;

use super::CommandError;
use super::words::{FIRST, count};

/// A fact about a file: `text` for people, perhaps in several lines, and `value` for programs.
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
        Kind::VerifyingKey => verifying_key::read(path),
        Kind::Proof => proof::read(path),
        #[cfg(feature = "prover")]
        Kind::CompiledModel => Ok(model::facts(&read_file(path)?)),
        #[cfg(feature = "prover")]
        Kind::ProvingKey => model::proving_key(path),
        // A build of the verifier alone does not know the prover's types.
        _ => Ok(Vec::new()),
    }
}

/// What stands in the place of values that only the prover sees.
pub(super) const PRIVATE: &str = "(private)";

/// The number of a tensor's values and the first of them.
pub(super) fn integers(values: &[i64]) -> String {
    first_integers(values.len() as u64, values.get(..FIRST).unwrap_or(values))
}

/// As [`integers`], of a tensor of `length` values of which the first are known.
fn first_integers(length: u64, first: &[i64]) -> String {
    let more = if length > first.len() as u64 { ", ..." } else { "" };
    let list: Vec<String> = first.iter().map(i64::to_string).collect();
    format!("{}: {}{more}", count(length, "integer"), list.join(", "))
}

/// A tensor that only the prover sees.
fn private(name: String, scales: Option<&ChannelScales>) -> Fact {
    match scales {
        Some(scales) => fact(
            name,
            format!("{PRIVATE}, scale {scales}"),
            json!({ "private": true, "scale": scales }),
        ),
        None => fact(name, PRIVATE, json!({ "private": true })),
    }
}
