//! The soundness error of an opening, term by term. All terms are proven; nothing rests on a conjecture.
//!
//! With `rho = (L + tail + 1)/n` and `|K| = 2^122` (nearly):
//!
//! - queries, `((1 + rho)/2)^t 2^-grinding`: a combination far from the code, or another codeword than the folded rows
//!   give, agrees with `Enc(u)` in at most that part of the positions;
//! - proximity, `2 n/|K| 2^-10`: two draws, each after [`PROXIMITY_GRINDING_BITS`] of proof of work. "Near" is within
//!   the unique decoding radius. The first draw is the coefficients of the fold (`opening.proximity`; BCIKS20, Theorem
//!   1.6): rows far from the code give a near fold, or near rows give a fold that agrees with its codeword at a
//!   position where they do not. The second is the coefficient of the fold in the combination (`opening.combine`;
//!   Theorem 4.1): a far fold, or a fold far together with the rest, gives a near row combination.
//!   `docs/protocol/proof.md` has the argument, in rounds 10 and 11;
//! - subspace, `2/|K|`: rows are codewords of the Reed-Solomon code, but not in the space of the circle transform, and
//!   fold or combine to one in that space;
//! - combination, `1/|K|`: false values at the common point have a right combination; once more for a factor 0 of all
//!   but the mask, and once for the answers of the closing check that are joined to it;
//! - merge, `(1 + 2 log L)/|K|`: the coefficients of the claims, and the sumcheck.

use super::code::CodeParameters;
use crate::transcript::term::FIELD_BITS;
use crate::transcript::{ErrorRule, ErrorTerm};

/// Bits of proof of work before the coefficients of the random fold are drawn, and again before those of the row
/// combination: with long codewords `n/|K|` alone is too near to what a whole argument may lose. A few microseconds.
pub const PROXIMITY_GRINDING_BITS: u32 = 10;

const QUERIES: ErrorRule = ErrorRule {
    formula: "((1 + rho)/2)^t, less grinding",
    covers: &["opening.positions"],
    page: "commitment.md#error",
};

const PROXIMITY: ErrorRule = ErrorRule {
    formula: "2 n / |K|, each of the two draws less 10 bits of grinding",
    covers: &["opening.proximity", "opening.combine"],
    page: "commitment.md#error",
};

const SUBSPACE: ErrorRule = ErrorRule {
    formula: "2 / |K|",
    covers: &["opening.proximity", "opening.combine"],
    page: "commitment.md#error",
};

const COMBINATION: ErrorRule = ErrorRule {
    formula: "1 / |K|; with a mask 3 / |K|",
    covers: &["opening.combine", "opening.blind", "opening.join"],
    page: "commitment.md#error",
};

const MERGE: ErrorRule = ErrorRule {
    formula: "(1 + 2 log L) / |K|",
    covers: &["opening.batch", "opening.merge"],
    page: "commitment.md#error",
};

/// The terms of an opening, whatever it opens, not sorted. Errors add up: see [`total`](crate::transcript::term::total).
///
/// `masked`: whether there is a mask, and answers of a closing check at the same columns.
pub fn opening_terms(code: &CodeParameters, masked: bool) -> Vec<ErrorTerm> {
    let field = f64::from(FIELD_BITS);
    let n = code.codeword_length() as f64;
    let proximity = field - libm::log2(2.0 * n) + f64::from(PROXIMITY_GRINDING_BITS);
    let combination = if masked { 3f64 } else { 1f64 };
    let merge = 1.0 + 2.0 * f64::from(code.log_row);
    vec![
        ErrorTerm::new(&QUERIES, "opening: queries", code.query_bits()),
        ErrorTerm::new(&PROXIMITY, "opening: proximity", proximity),
        ErrorTerm::new(&SUBSPACE, "opening: subspace", field - 1.0),
        ErrorTerm::new(
            &COMBINATION,
            "opening: combination",
            field - libm::log2(combination),
        ),
        ErrorTerm::new(&MERGE, "opening: merge", field - libm::log2(merge)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcs::TARGET_BITS;
    use crate::transcript::term::total;

    #[test]
    fn terms_are_what_the_formulas_give() {
        let code = CodeParameters::for_target(10, 0, 13, 12, TARGET_BITS).unwrap();
        let terms = opening_terms(&code, false);
        let bits = |name: &str| terms.iter().find(|term| term.name == name).unwrap().bits;
        // Twice, whatever the folds; less the work.
        assert!((bits("opening: proximity") - (122.0 - 14.0 + 10.0)).abs() < 1e-9);
        assert!((bits("opening: subspace") - 121.0).abs() < 1e-9);
        assert!((bits("opening: merge") - (122.0 - 21f64.log2())).abs() < 1e-9);
        assert!(bits("opening: queries") >= TARGET_BITS && bits("opening: queries") < TARGET_BITS + 1.0);
        // With a mask and answers two more draws could hide a false value.
        let masked = opening_terms(&code, true);
        let combination = |terms: &[ErrorTerm]| {
            let found = terms.iter().find(|term| term.name == "opening: combination");
            found.unwrap().bits
        };
        assert!((combination(&terms) - 122.0).abs() < 1e-9);
        assert!((combination(&masked) - (122.0 - 3f64.log2())).abs() < 1e-9);
        let sum = total(&terms);
        assert!(sum < bits("opening: queries") && sum > TARGET_BITS - 0.1, "{sum}");
        let ten = ["a", "b"].map(|name| ErrorTerm::new(&MERGE, name, 10.0));
        assert!((total(&ten) - 9.0).abs() < 1e-12);
    }
}
