//! What a proof is bound to before its first message.

use super::{Statement, Subject};
use crate::proof::PublicValues;

/// What the transcript absorbs before the first message, in order.
pub fn bindings(
    statement: &Statement<'_>,
    public: &PublicValues,
    commitment: u32,
    context: &[u8],
) -> Vec<(&'static str, Vec<u8>)> {
    if statement.subject == Subject::Setup {
        return vec![("bind.key", statement.digest.to_vec())];
    }
    let integers = |values: &[i64]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut list = vec![
        ("bind.key", statement.digest.to_vec()),
        ("bind.commitment", commitment.to_le_bytes().to_vec()),
    ];
    // What is private is bound as absent.
    list.push(match &public.input {
        Some(input) => ("bind.input", integers(input)),
        None => ("bind.input.private", Vec::new()),
    });
    match &public.outputs {
        Some(outputs) => list.extend(outputs.iter().map(|output| ("bind.output", integers(output)))),
        None => list.push(("bind.output.private", Vec::new())),
    }
    list.push(("bind.context", context.to_vec()));
    list
}
