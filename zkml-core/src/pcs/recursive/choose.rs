//! What a recursion costs, and the choice of one that costs least.

use super::parameters::{LevelShape, RecursionParameters, level_shape};
use super::soundness::rows_grinding_bits;
use crate::field::{K_BYTES, packed_length};
use crate::pcs::{CodeParameters, TARGET_BITS};

/// Rates that are tried: `1/2` to `1/32`.
const LOG_BLOWUPS: [u32; 5] = [1, 2, 3, 4, 5];

/// The longest row that is tried.
const MAX_LOG_ROW: u32 = 20;

/// What a recursion must reach, and the price of prover work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecursionGoal {
    /// Bits of each level's queries and proof of work together; errors of levels add up.
    pub target_bits: f64,
    /// Bits of proof of work at each level.
    pub grinding_bits: u32,
    /// Bytes of a node of the trees.
    pub digest_bytes: u32,
    /// What an encoded cell (8 bytes to be transformed and hashed) is worth in bytes of proof.
    pub bytes_per_cell: f64,
}

impl Default for RecursionGoal {
    /// [`TARGET_BITS`], no proof of work, whole digests, 100 encoded cells for a byte.
    fn default() -> Self {
        Self {
            target_bits: TARGET_BITS,
            grinding_bits: 0,
            digest_bytes: 32,
            bytes_per_cell: 0.01,
        }
    }
}

/// What a recursion costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RecursionCost {
    /// Bytes in the proof, as expected over the choice of positions (nodes of the trees vary by a few).
    pub bytes: usize,
    /// Cells over `F` that the prover encodes and hashes, at all levels.
    pub encoded_cells: usize,
    /// Hashes of the proofs of work, as expected.
    pub hashes: f64,
}

impl RecursionParameters {
    /// The recursion over a vector of `message_length` elements that is cheapest for `goal`; an empty one if sending
    /// the vector is cheapest. The vector counts as padded to [`Self::padded_length`].
    pub fn choose(message_length: usize, goal: &RecursionGoal) -> Self {
        RecursionPlanner::new(*goal).choose(message_length)
    }

    /// The cost of a recursion over a vector of `message_length` elements, or what fills its rows.
    pub fn cost(&self, message_length: usize) -> RecursionCost {
        let length = self.padded_length(message_length);
        let mut bytes = (K_BYTES * self.last_length(length)) as f64;
        let (mut encoded_cells, mut hashes) = (0usize, 0f64);
        for shape in self.shapes(length) {
            bytes += level_bytes(&shape);
            encoded_cells = encoded_cells.saturating_add(level_cells(&shape));
            hashes += level_hashes(&shape);
        }
        RecursionCost {
            bytes: bytes.round() as usize,
            encoded_cells,
            hashes,
        }
    }

    /// [`RecursionCost::bytes`] of [`Self::cost`].
    pub fn bytes(&self, message_length: usize) -> usize {
        self.cost(message_length).bytes
    }
}

/// Chooses recursions for one goal and any number of lengths: what lengths share is computed once.
#[derive(Debug, Clone)]
pub(crate) struct RecursionPlanner {
    goal: RecursionGoal,
    /// The best for each power of two, from the shorter ones.
    best: Vec<Plan>,
}

impl RecursionPlanner {
    pub(crate) fn new(goal: RecursionGoal) -> Self {
        let mut best: Vec<Plan> = Vec::new();
        for log in 0..=MAX_LOG_ROW {
            let plan = Plan::best(1 << log, &goal, &best);
            best.push(plan);
        }
        Self { goal, best }
    }

    #[cfg(feature = "prover")]
    pub(crate) fn goal(&self) -> &RecursionGoal {
        &self.goal
    }

    /// See [`RecursionParameters::choose`].
    pub(crate) fn choose(&self, message_length: usize) -> RecursionParameters {
        let plan = Plan::best(message_length, &self.goal, &self.best);
        RecursionParameters { levels: plan.levels }
    }
}

/// The cheapest levels for some length.
#[derive(Debug, Clone)]
struct Plan {
    price: f64,
    levels: Vec<CodeParameters>,
}

impl Plan {
    /// The best for `length`, from the best for powers of two, by their logarithm.
    fn best(length: usize, goal: &RecursionGoal, shorter: &[Self]) -> Self {
        let mut best = Self {
            price: K_BYTES as f64 * length as f64,
            levels: Vec::new(),
        };
        for (log_row, rest) in (0u32..).zip(shorter).skip(1) {
            if 1usize << log_row >= length {
                break;
            }
            for log_blowup in LOG_BLOWUPS {
                let Ok(code) = CodeParameters::for_target(
                    log_row,
                    0,
                    log_row + log_blowup,
                    goal.grinding_bits,
                    goal.target_bits,
                ) else {
                    continue;
                };
                let code = CodeParameters {
                    digest_bytes: goal.digest_bytes,
                    ..code
                };
                let shape = level_shape(&code, length);
                let price =
                    rest.price + level_bytes(&shape) + goal.bytes_per_cell * level_cells(&shape) as f64;
                if price < best.price {
                    let mut levels = vec![code];
                    levels.extend_from_slice(&rest.levels);
                    best = Self { price, levels };
                }
            }
        }
        best
    }
}

/// Expected bytes of a level: root, rounds with their nonces, nonce, columns, path.
fn level_bytes(shape: &LevelShape<'_>) -> f64 {
    let code = shape.code;
    let nonce = |bits| if bits > 0 { 8 } else { 0 };
    let round = 2 * K_BYTES + nonce(rows_grinding_bits(shape));
    let fixed = 32 + round * shape.variables + nonce(code.grinding_bits);
    let columns = packed_length(code.queries.saturating_mul(shape.base_rows()));
    fixed as f64
        + columns as f64
        + f64::from(code.digest_bytes) * expected_path_nodes(code.log_codeword, code.queries)
}

/// Expected hashes of a level's proofs of work.
fn level_hashes(shape: &LevelShape<'_>) -> f64 {
    let hashes = |bits| libm::exp2(f64::from(bits));
    hashes(shape.code.grinding_bits) + shape.variables as f64 * hashes(rows_grinding_bits(shape))
}

/// Cells over `F` of the encoded matrix of a level.
fn level_cells(shape: &LevelShape<'_>) -> usize {
    shape.base_rows().saturating_mul(shape.code.codeword_length())
}

/// The most nodes that a verifier may need besides `known` leaves out of `2^log_leaves`: in each level of the tree, a
/// pair of nodes lacks one at most, and so does a node above a known leaf.
pub(crate) fn most_path_nodes(log_leaves: u32, known: usize) -> usize {
    let pairs = |log: u32| 1usize.checked_shl(log).unwrap_or(usize::MAX);
    let levels = (0..log_leaves).map(|log| pairs(log).min(known));
    levels.fold(0, usize::saturating_add)
}

/// A power by squares: the search for a code takes millions of them.
fn power(mut base: f64, mut exponent: usize) -> f64 {
    let mut power = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power *= base;
        }
        base *= base;
        exponent /= 2;
    }
    power
}

/// The expected number of nodes that a verifier needs besides `known` random leaves out of `2^log_leaves`: in each
/// level of the tree, the nodes without a known leaf below whose sibling has one.
pub(crate) fn expected_path_nodes(log_leaves: u32, known: usize) -> f64 {
    // Nodes known out of `2^log`, for independent leaves.
    let known_at = |log: u32| {
        let size = libm::exp2(f64::from(log));
        size * (1.0 - power(1.0 - 1.0 / size, known))
    };
    (1..=log_leaves)
        .map(|log| 2.0 * known_at(log - 1) - known_at(log))
        .sum()
}
