//! How many random coefficients rows need: those of the trace, of tensors that are committed apart, and of weights.

use super::WeightCommitments;
use crate::privacy::Privacy;

/// Openings of a tensor with a commitment of its own: the proof that makes the commitment, and one that links to it.
const TENSOR_OPENINGS: usize = 2;

/// Random coefficients of a row of a trace in zero knowledge: `t + 2` for `t` opened columns. With only `t`, the values
/// at `t` points of the circle could depend on each other.
pub(crate) fn trace_tail(queries: usize) -> usize {
    queries.saturating_add(2)
}

/// Random coefficients of a row of a tensor with a commitment of its own.
pub(crate) fn tensor_tail(queries: usize) -> usize {
    queries.saturating_mul(TENSOR_OPENINGS).saturating_add(2)
}

/// The least tail for proofs with this privacy: as long as their most demanding row needs, for `queries` columns in each
/// opening. A coefficient of a narrow row takes `stride` places.
pub(crate) fn needed_tail(
    privacy: &Privacy,
    weights: &WeightCommitments,
    queries: usize,
    stride: usize,
) -> usize {
    let trace = match privacy.zero_knowledge() {
        true => trace_tail(queries),
        false => 0,
    };
    let tensors = match privacy.commits_tensors() {
        true => tensor_tail(queries),
        false => 0,
    };
    let narrow = trace.max(tensors).saturating_mul(stride);
    let needed = weights.tail(queries, stride).max(narrow);
    needed.checked_next_multiple_of(stride).unwrap_or(needed)
}
