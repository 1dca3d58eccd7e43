//! One code with its tail and its recursion, and how many commitments to the weights it is made for.

use super::SetupOptions;
use super::search::{Search, Shape};
use crate::keys::{ROTATION_RESERVE, WeightCommitments, needed_tail};
use crate::pcs::recursive::{RecursionGoal, RecursionPlanner};
use crate::pcs::{CodeParameters, RecursionParameters};

/// How many proofs a commitment is made for, in the order tried: more of them make each proof larger, fewer make the
/// verifying key larger. All that are wanted is tried last.
const PROOFS_PER_COMMITMENT: [u32; 10] = [1, 2, 4, 6, 8, 12, 16, 32, 64, 128];

/// Most commitments to the weights in one key.
const MAXIMUM_COMMITMENTS: usize = 256;

impl Search<'_> {
    /// A given code, if its tail is long enough, and the recursion for it. A model without secrets has no tail.
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
            // Its rows do not make up whole rows of a recursion: the combination is sent.
            false => (code.clone(), RecursionParameters::default()),
        })
    }

    /// The code with the fewest queries: the tail depends on their number, and lowers the rate's margin in turn.
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
            // More randomness than needed fills the last row of the recursion. Without secrets there is none.
            let padded = match needed {
                0 => 0,
                _ => recursion.padded_length(length) - code.row_length(),
            };
            if padded == tail {
                return code.validate().is_ok().then_some((code, recursion));
            }
            // It grows to its fixed point, or out of the row.
            tail = padded.max(tail);
        }
        None
    }
}

/// How often each commitment may be opened, and how many there are.
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

/// What a recursion has to reach with that many bits of proof of work.
pub(super) fn goal(options: &SetupOptions, target_bits: f64, grinding_bits: u32) -> RecursionGoal {
    RecursionGoal {
        target_bits,
        grinding_bits,
        digest_bytes: options.digest_bytes,
        bytes_per_cell: options.bytes_per_cell,
    }
}
