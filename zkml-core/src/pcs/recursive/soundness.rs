//! The soundness error of a recursion, term by term. All terms are proven.
//!
//! Level `l` has the codeword length `n_l`, `k_l` row variables and the rate `rho_l = (M_l + 1)/n_l`:
//!
//! - queries, for each level `((1 + rho_l)/2)^t_l 2^-grinding`: rows far from the code, or a next message that is not
//!   their combination, agree with the opened columns;
//! - proximity, for each level `k_l n_l/|K| 2^-g_l`, `k_l` challenges, each after `g_l` bits of proof of work
//!   (`rows_grinding_bits`): rows far from the code combine to a word near it (Diamond-Gruen, "Proximity Gaps in
//!   Interleaved Codes", ePrint 2024/1351, Theorems 3.1 and 3.6, on BCIKS20, Theorem 4.1);
//! - subspace, `1/|K|` for each of these challenges: rows of the Reed-Solomon code outside the space of the circle
//!   transform combine to a word inside it;
//! - rows, `2/|K|` for each of these challenges: a round of the sumcheck, of degree 2;
//! - batching, `1/|K|` for each level: the coefficients of the claims.

use super::parameters::{LevelShape, RecursionParameters};
use crate::transcript::term::FIELD_BITS;
use crate::transcript::{ErrorRule, ErrorTerm};

const QUERIES: ErrorRule = ErrorRule {
    formula: "((1 + rho)/2)^t of each level, less grinding",
    covers: &["recursion.positions"],
    page: "recursion.md#error",
};

const BATCHING: ErrorRule = ErrorRule {
    formula: "levels / |K|",
    covers: &["recursion.batch"],
    page: "recursion.md#error",
};

const PROXIMITY: ErrorRule = ErrorRule {
    formula: "k n / |K| of each level, less grinding",
    covers: &["recursion.rows"],
    page: "recursion.md#error",
};

const SUBSPACE: ErrorRule = ErrorRule {
    formula: "k / |K|, all levels together",
    covers: &["recursion.rows"],
    page: "recursion.md#error",
};

const ROWS: ErrorRule = ErrorRule {
    formula: "2 k / |K|, all levels together",
    covers: &["recursion.rows"],
    page: "recursion.md#error",
};

/// What the proximity term of each level should give, in bits: well above what the argument may lose in all.
pub const PROXIMITY_BITS: u32 = 110;

/// Most bits of proof of work before a challenge of the rows. They are enough up to `k n = 2^32`; beyond that the term
/// falls below [`PROXIMITY_BITS`], and the account says so.
pub const MAX_ROWS_GRINDING_BITS: u32 = 20;

/// Bits of proof of work before each challenge of a level's rows (`recursion.rows.grind`): the fewest `g` with
/// `k n/|K| 2^-g <= 2^-110`, at most [`MAX_ROWS_GRINDING_BITS`]. Prover and verifier both derive them, in integers.
///
/// Example: rows of `2^18`, 17 of them, and codewords of `2^20` have 5 challenges. They alone give 99.7 bits; with 11
/// bits of work it is 110.7.
pub(super) fn rows_grinding_bits(shape: &LevelShape<'_>) -> u32 {
    // n is a power of two, so that g is the same for k and for the next power of two.
    let log_variables = shape.variables.next_power_of_two().ilog2();
    let log_points = shape.code.log_codeword.saturating_add(log_variables);
    log_points
        .saturating_sub(FIELD_BITS - PROXIMITY_BITS)
        .min(MAX_ROWS_GRINDING_BITS)
}

/// The terms of a recursion over a vector of `message_length` elements. Errors
/// add up: see [`total`](crate::transcript::term::total). Without levels the list is empty.
pub fn recursion_terms(parameters: &RecursionParameters, message_length: usize) -> Vec<ErrorTerm> {
    let shapes = parameters.shapes(message_length);
    if shapes.is_empty() {
        return Vec::new();
    }
    let field = f64::from(FIELD_BITS);
    let mut terms: Vec<ErrorTerm> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            let level = index.saturating_add(1);
            let name = format!("recursion: queries of level {level}");
            ErrorTerm::new(&QUERIES, name, shape.code.query_bits())
        })
        .collect();
    let bits = field - libm::log2(shapes.len() as f64);
    terms.push(ErrorTerm::new(&BATCHING, "recursion: batching", bits));
    for (level, shape) in (1usize..).zip(&shapes) {
        let points = shape.variables as f64 * shape.code.codeword_length() as f64;
        if points > 0.0 {
            let grinding = rows_grinding_bits(shape);
            let name = match grinding {
                0 => format!("recursion: proximity of level {level}"),
                bits => format!("recursion: proximity of level {level}, {bits} bits of them grinding"),
            };
            let bits = field - libm::log2(points) + f64::from(grinding);
            terms.push(ErrorTerm::new(&PROXIMITY, name, bits));
        }
    }
    let draws: f64 = shapes.iter().map(|shape| shape.variables as f64).sum();
    if draws > 0.0 {
        terms.push(ErrorTerm::new(
            &SUBSPACE,
            "recursion: subspace",
            field - libm::log2(draws),
        ));
        terms.push(ErrorTerm::new(
            &ROWS,
            "recursion: rows",
            field - libm::log2(2.0 * draws),
        ));
    }
    terms
}
