//! One choice of the code, and what it costs.

use std::collections::BTreeSet;

use super::{Candidate, Search, Shape};
use crate::field::packed_length;
use crate::keys::{Choice, ProveError, WeightCommitments, needed_tail};
use crate::pcs::recursive::{RecursionGoal, RecursionPlanner, expected_path_nodes};
use crate::pcs::{CodeParameters, Packing, RecursionParameters, RowCode};
use crate::setup::code_choice::CodeCost;

/// About how many scalars a proof hides; it grows with the depth of the network, and with the logarithm of its size.
const TYPICAL_PADS: usize = 600;

/// Most cells of encoded weights in all commitments of a key that setup chooses: 8 bytes each, kept by the prover.
const MAXIMUM_ENCODED_CELLS: u64 = 1 << 28;

impl Search<'_> {
    /// One choice, unless it is impossible.
    pub(super) fn candidate(
        &self,
        shape: Shape,
        planner: &RecursionPlanner,
    ) -> Result<Option<Candidate>, ProveError> {
        let Shape {
            log_row,
            log_stride,
            plan: (openings, count),
            ..
        } = shape;
        if log_row <= log_stride {
            return Ok(None);
        }
        let narrow = RowCode {
            log_stride,
            ..RowCode::uncoded(log_row - log_stride)
        };
        let masks = match self.privacy.zero_knowledge() {
            true => 4 * TYPICAL_PADS.div_ceil(narrow.row_length()) + (2 << log_stride),
            false => 0,
        };
        let trace = Packing::new(&self.trace, narrow)?;
        let weights_packing = Packing::new(&self.weights, RowCode::uncoded(log_row))?;
        let weights = WeightCommitments {
            roots: vec![[0; 32]; count],
            rows: weights_packing.rows,
            openings,
        };
        let chosen = match &self.options.code {
            None => self.code_with_tail(shape, &weights, planner),
            Some(code) => self.given_code(code, &weights, planner),
        };
        let Some((code, recursion)) = chosen else {
            return Ok(None);
        };
        let encoded = (count * weights_packing.rows) as u64 * code.codeword_length() as u64;
        if encoded > MAXIMUM_ENCODED_CELLS && self.options.code.is_none() {
            return Ok(None);
        }
        let cost = self.cost(&code, &recursion, (&trace, masks), (&weights_packing, count));
        Ok(Some(Candidate {
            price: cost.price(self.options),
            cost,
            choice: Choice {
                code,
                recursion,
                weights,
            },
            shape,
        }))
    }

    /// What a proof and a setup with this code cost: `masks` rows stand after those of the trace, and there are `count`
    /// commitments to the weights.
    fn cost(
        &self,
        code: &CodeParameters,
        recursion: &RecursionParameters,
        (trace, masks): (&Packing, usize),
        (weights, count): (&Packing, usize),
    ) -> CodeCost {
        let narrow = code.narrow();
        let (trace_rows, weight_rows) = (trace.rows + masks, weights.rows);
        let queries = code.queries as f64;
        let (leaves, log_leaves) = (code.narrow().codeword_length(), code.narrow().log_codeword);
        let cell_bytes = |rows: usize| packed_length(rows.saturating_mul(code.queries)) as f64;
        let path = |log_codeword| {
            f64::from(code.digest_bytes) * expected_path_nodes(log_codeword, code.queries) + 32.0 * queries
        };
        let paths = path(code.log_codeword) + path(log_leaves);
        let combination = recursion.cost(code.message_length());
        let grinds = core::iter::once(code).chain(&recursion.levels);
        CodeCost {
            bytes: combination.bytes as f64 + cell_bytes(trace_rows + weight_rows) + paths,
            encoded_cells: (trace_rows * leaves + combination.encoded_cells) as f64,
            leaves: leaves as f64,
            folded_cells: (folds(trace) * narrow.row_length() + folds(weights) * code.row_length()) as f64,
            hashes: grinds.map(|code| f64::from(code.grinding_bits).exp2()).sum(),
            setup_bytes: count as f64 * (cell_bytes(weight_rows) + path(code.log_codeword)),
        }
    }

    /// A given code, if its tail is long enough, and the recursion for it. A model without secrets has no tail.
    fn given_code(
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
    fn code_with_tail(
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

/// Row combinations that claims on packed columns speak of, about: columns in one row share it.
fn folds(packing: &Packing) -> usize {
    let rows: BTreeSet<usize> = packing.slots.iter().map(|slot| slot.first_row).collect();
    rows.len()
}
