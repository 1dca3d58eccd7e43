//! The choice of the code: row length, rate, commitments to the weights, and how the row combination is shown.

use super::setup::{SetupOptions, refuse_insecure, verifying_key};
use super::{CompiledModel, ProveError};
use crate::circuit::lower::Lowered;
use crate::pcs::recursive::{RecursionGoal, expected_path_nodes};
use crate::pcs::{CodeParameters, Extent, Packing, RecursionParameters};
use crate::privacy::Privacy;
use crate::verify::{
    ROTATION_RESERVE, SECURITY_BITS, WeightCommitments, needed_tail, trace_extents, weight_extents,
};

/// How many proofs a commitment is made for, in the order tried: more of them make each proof larger, fewer make the
/// verifying key larger. All that are wanted is tried last.
const PROOFS_PER_COMMITMENT: [u32; 10] = [1, 2, 4, 6, 8, 12, 16, 32, 64, 128];

/// About how many scalars a proof hides; it grows with the depth of the network, and with the logarithm of its size.
const TYPICAL_PADS: usize = 600;

/// Row lengths that are tried, `log2`.
const SHORTEST_ROW: u32 = 6;
const LONGEST_ROW: u32 = 20;

/// Most cells of encoded weights in all commitments of a key that setup chooses: 8 bytes each, kept by the prover.
const MAXIMUM_ENCODED_CELLS: u64 = 1 << 28;

/// Most commitments to the weights in one key.
const MAXIMUM_COMMITMENTS: usize = 256;

/// What setup decides of the commitments.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// The code.
    pub(super) code: CodeParameters,
    /// How a row combination is shown.
    pub(super) recursion: RecursionParameters,
    /// The commitments to the weights; their roots are not known yet.
    pub(super) weights: WeightCommitments,
}

/// Row length, rate and number of commitments: a few bytes of proof against a little time of the prover, among those
/// that are sound enough.
///
/// Proof bytes: the row combination, 16 a coordinate or as many as its recursion takes, and for each opened column its
/// cells (8 bytes), its salt and its part of the Merkle multiproof. Work: cells to encode. The setup proof is paid once,
/// for all proofs.
pub(super) fn choose_code(
    model: &CompiledModel,
    lowered: &Lowered,
    options: &SetupOptions,
) -> Result<Choice, ProveError> {
    let circuit = &lowered.circuit;
    let (trace, weights) = (trace_extents(circuit), weight_extents(circuit));
    let private = model.privacy.weights.is_private();
    // Rows are not longer than all the data.
    let rows_of = |extents: &[Extent]| Packing::new(extents, SHORTEST_ROW).map(|packing| packing.rows);
    let cells = rows_of(&trace)?.max(rows_of(&weights)?) << SHORTEST_ROW;
    let longest = cells.next_power_of_two().ilog2().min(LONGEST_ROW);
    let (rows, blowups) = match &options.code {
        None => (SHORTEST_ROW..=longest, 2..=4),
        Some(code) => {
            code.validate()?;
            let blowup = code.log_codeword.saturating_sub(code.log_row);
            (code.log_row..=code.log_row, blowup..=blowup)
        }
    };
    let plans = plans(private, options);
    let mut candidates = Vec::new();
    for log_row in rows {
        let masks = match model.privacy.zero_knowledge() {
            true => 4 * TYPICAL_PADS.div_ceil(1 << log_row) + 2,
            false => 0,
        };
        let trace_rows = Packing::new(&trace, log_row)?.rows + masks;
        let weight_rows = Packing::new(&weights, log_row)?.rows;
        for (log_blowup, &(openings, count)) in blowups
            .clone()
            .flat_map(|blowup| plans.iter().map(move |plan| (blowup, plan)))
        {
            let commitments = WeightCommitments {
                roots: vec![[0; 32]; count],
                rows: weight_rows,
                openings,
            };
            let chosen = match &options.code {
                None => code_with_tail(
                    log_row,
                    log_row + log_blowup,
                    &commitments,
                    model.privacy,
                    options,
                ),
                Some(code) => given_code(code, &commitments, model.privacy, options),
            };
            let Some((code, recursion)) = chosen else {
                continue;
            };
            let encoded = (count * weight_rows) as u64 * code.codeword_length() as u64;
            if encoded > MAXIMUM_ENCODED_CELLS && options.code.is_none() {
                continue;
            }
            let queries = code.queries as f64;
            let paths = 32.0 * (expected_path_nodes(&code) + queries);
            let combination = recursion.cost(code.message_length());
            let bytes =
                combination.bytes as f64 + queries * 8.0 * (trace_rows + weight_rows) as f64 + 2.0 * paths;
            let cells = (trace_rows * code.codeword_length() + combination.encoded_cells) as f64;
            let setup = count as f64 * (queries * 8.0 * weight_rows as f64 + paths);
            let cost = bytes + cells * options.bytes_per_cell + setup * options.setup_weight;
            let weights = commitments;
            candidates.push((
                cost,
                Choice {
                    code,
                    recursion,
                    weights,
                },
            ));
        }
    }
    if let (Some(code), true) = (&options.code, candidates.is_empty()) {
        return Err(ProveError::Malformed {
            place: "the code given to setup".into(),
            expected: "a tail with room for this model's randomness, and none for a public one".into(),
            found: format!("a tail of {} for {} opened columns", code.tail, code.queries),
        });
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best = 0f64;
    for (_, choice) in candidates {
        // Soundness depends on sizes alone: any root will do.
        let previous = Some([0; 32]).filter(|_| private);
        match refuse_insecure(&verifying_key(model, lowered, choice.clone(), previous)) {
            Ok(()) => return Ok(choice),
            Err(ProveError::Insecure { found, .. }) => best = best.max(found),
            Err(error) => return Err(error),
        }
    }
    Err(ProveError::Insecure {
        wanted: SECURITY_BITS,
        found: best,
    })
}

/// How often each commitment may be opened, and how many there are.
fn plans(private: bool, options: &SetupOptions) -> Vec<(u32, usize)> {
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

/// A given code, if its tail is long enough, and the recursion for it. A model without secrets has no tail.
fn given_code(
    code: &CodeParameters,
    weights: &WeightCommitments,
    privacy: Privacy,
    options: &SetupOptions,
) -> Option<(CodeParameters, RecursionParameters)> {
    let needed = needed_tail(&privacy, weights, code.queries);
    if needed > code.tail || (needed == 0) != (code.tail == 0) {
        return None;
    }
    let length = code.message_length();
    let recursion = RecursionParameters::choose(length, &goal(options));
    Some(match recursion.padded_length(length) == length {
        true => (code.clone(), recursion),
        // Its rows do not make up whole rows of a recursion: the combination is sent.
        false => (code.clone(), RecursionParameters::default()),
    })
}

/// The code with the fewest queries: the tail depends on their number, and lowers the rate's margin in turn.
fn code_with_tail(
    log_row: u32,
    log_codeword: u32,
    weights: &WeightCommitments,
    privacy: Privacy,
    options: &SetupOptions,
) -> Option<(CodeParameters, RecursionParameters)> {
    let mut tail = 0;
    for _ in 0..16 {
        let (grinding, bits) = (options.grinding_bits, options.query_bits);
        let code = CodeParameters::for_target(log_row, tail, log_codeword, grinding, bits).ok()?;
        let needed = needed_tail(&privacy, weights, code.queries);
        let length = code.row_length() + needed;
        let recursion = RecursionParameters::choose(length, &goal(options));
        // More randomness than needed fills the last row of the recursion. Without secrets there is none.
        let padded = match needed {
            0 => 0,
            _ => recursion.padded_length(length) - code.row_length(),
        };
        if padded == tail {
            return Some((code, recursion));
        }
        // It grows to its fixed point, or out of the row.
        tail = padded.max(tail);
    }
    None
}

fn goal(options: &SetupOptions) -> RecursionGoal {
    RecursionGoal {
        target_bits: options.query_bits,
        grinding_bits: options.grinding_bits,
        bytes_per_cell: options.bytes_per_cell,
    }
}
