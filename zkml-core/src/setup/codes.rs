//! The code of one candidate, with its tail and its recursion; and the plans of how many proofs share a commitment.

use super::SetupOptions;
use super::search::{Search, Shape};
use crate::keys::{ROTATION_RESERVE, WeightCommitments, needed_tail};
use crate::pcs::recursive::{RecursionGoal, RecursionPlanner};
use crate::pcs::{CodeParameters, RecursionParameters};

/// Proofs for which one commitment is made, in the order tried. More of them lengthen the tails, and so each proof;
/// fewer need more roots in the verifying key. The number of all wanted proofs is tried last.
const PROOFS_PER_COMMITMENT: [u32; 10] = [1, 2, 4, 6, 8, 12, 16, 32, 64, 128];

/// Most commitments to the weights in one key.
const MAXIMUM_COMMITMENTS: usize = 256;

impl Search<'_> {
    /// The given code and its recursion; `None` if the tail is too short, or if a model without secrets has a tail.
    pub(super) fn given_code(
        &self,
        code: &CodeParameters,
        weights: &WeightCommitments,
        planner: &RecursionPlanner,
    ) -> Option<(CodeParameters, RecursionParameters)> {
        let needed = needed_tail(&self.privacy, weights, code.queries, code.stride());
        if needed > code.tail || (needed == 0) != (code.tail == 0) {
            return None;
        }
        let length = code.message_length();
        let recursion = planner.choose(length);
        Some(match recursion.padded_length(length) == length {
            true => (code.clone(), recursion),
            // The message does not fill whole rows of a recursion: the combination is sent.
            false => (code.clone(), RecursionParameters::default()),
        })
    }

    /// The code with the fewest queries. More queries need a longer tail, which raises the rate, and a higher rate
    /// needs more queries: the tail is raised to a fixed point.
    pub(super) fn code_with_tail(
        &self,
        shape: Shape,
        weights: &WeightCommitments,
        planner: &RecursionPlanner,
    ) -> Option<(CodeParameters, RecursionParameters)> {
        let Shape {
            log_row,
            log_blowup,
            log_stride,
            ..
        } = shape;
        let log_codeword = log_row + log_blowup;
        let RecursionGoal {
            target_bits,
            grinding_bits,
            ..
        } = *planner.goal();
        let mut tail = 0;
        for _ in 0..16 {
            let wide =
                CodeParameters::for_target(log_row, tail, log_codeword, grinding_bits, target_bits).ok()?;
            let code = CodeParameters {
                log_stride,
                digest_bytes: self.options.digest_bytes,
                ..wide
            };
            let needed = needed_tail(&self.privacy, weights, code.queries, code.stride());
            let length = code.row_length() + needed;
            let recursion = planner.choose(length);
            // Spare places in the last row of the recursion become randomness. Without secrets there is none.
            let padded = match needed {
                0 => 0,
                _ => recursion.padded_length(length) - code.row_length(),
            };
            if padded == tail {
                return code.validate().is_ok().then_some((code, recursion));
            }
            // The tail only grows: to its fixed point, or until it is too long for the row.
            tail = padded.max(tail);
        }
        None
    }
}

/// Pairs of openings of each commitment and number of commitments. Example: for 68 wanted openings, 8 of each
/// commitment for proofs and 1 for setup, the plan is (9, 9).
pub(super) fn plans(private: bool, options: &SetupOptions) -> Vec<(u32, usize)> {
    if !private {
        return vec![(0, 1)];
    }
    let reserve = u32::try_from(ROTATION_RESERVE).unwrap_or(u32::MAX);
    let wanted = options.proofs_per_key.max(1).saturating_add(reserve);
    PROOFS_PER_COMMITMENT
        .iter()
        .chain([&wanted])
        .map(|&each| (each.saturating_add(1), wanted.div_ceil(each) as usize))
        .filter(|(_, count)| *count <= MAXIMUM_COMMITMENTS)
        .collect()
}

/// What a recursion must reach with `grinding_bits` of proof of work.
pub(super) fn goal(options: &SetupOptions, target_bits: f64, grinding_bits: u32) -> RecursionGoal {
    RecursionGoal {
        target_bits,
        grinding_bits,
        digest_bytes: options.digest_bytes,
        bytes_per_cell: options.bytes_per_cell,
    }
}
