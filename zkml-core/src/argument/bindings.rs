//! What a proof is bound to before its first message.

use super::{Statement, Subject};
use crate::proof::PublicValues;

/// What the transcript absorbs before the first message, in order.
pub fn bindings(
    statement: &Statement<'_>,
    public: &PublicValues,
    opening: u64,
    context: &[u8],
) -> Vec<(&'static str, Vec<u8>)> {
    let bound = statement.bound.iter();
    let mut list: Vec<_> = bound.map(|(label, digest)| (*label, digest.to_vec())).collect();
    if statement.subject == Subject::Setup {
        return list;
    }
    let integers = |values: &[i64]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    // It is published: two proofs of one number show that the pads of an opening were used twice.
    list.push(("bind.opening", opening.to_le_bytes().to_vec()));
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
