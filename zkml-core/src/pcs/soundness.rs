//! The soundness error of an opening, term by term. All terms are proven; nothing rests on a conjecture.
//!
//! With `rho = (L + tail + 1)/n` and `|K| = 2^122` (nearly):
//!
//! - queries, `((1 + rho)/2)^t 2^-grinding`: a combination far from the code, or another codeword than the
//!   folded rows give, agrees with `Enc(u)` in at most that part of the positions;
//! - proximity, `n/|K|` for each distinct challenge among the coordinates of the folds, and once for the coefficients of
//!   the combination: rows far from the code stay far, within the unique decoding radius. A challenge folds all rows it
//!   is a coordinate for at once, as one line of words of an interleaved code (Diamond-Gruen, "Proximity Gaps in
//!   Interleaved Codes", Theorem 3.1), independent coefficients span an affine space (BCIKS20, Theorem 1.6);
//! - subspace, `1/|K|` for each of these: rows that are codewords of the Reed-Solomon code, but not in the
//!   space of the circle transform, combine to one that is;
//! - combination, `1/|K|`: false values at the common point whose combination is right; once more for the mask, and for
//!   each answer of the closing check that is joined to it;
//! - with a merge: `1/|K|` for the coefficients of the claims, and the sumcheck.

use std::collections::BTreeSet;

use super::claim::{ClaimPoint, Coordinate};
use super::code::CodeParameters;
use super::plan::Plan;
use crate::field::P;
use crate::sumcheck::{self, Shape};

/// The terms of an opening of `points` with their bits (`-log2` of the error), the smallest not first. Errors
/// add up: see [`total`].
///
/// `answers` is the number of further messages that are checked at the same columns: 0 without a mask. With one, `xi_1`
/// that separates it from the claims, the closing challenge on each answer and the coefficient that joins each answer
/// are further draws.
pub fn opening_terms(code: &CodeParameters, points: &[ClaimPoint], answers: usize) -> Vec<(String, f64)> {
    let plan = Plan::new(points);
    let field = 2.0 * (P as f64).log2();
    let challenges: BTreeSet<(u64, u64)> = plan
        .folds
        .iter()
        .flat_map(|fold| &fold.high)
        .filter_map(|coordinate| match coordinate {
            Coordinate::Challenge(value) => Some((value.c0.value, value.c1.value)),
            Coordinate::Bit(_) => None,
        })
        .collect();
    let blind = usize::from(answers > 0);
    let draws = (challenges.len() + 1 + blind + 2 * answers) as f64;
    let n = code.codeword_length() as f64;
    let mut terms = vec![
        ("opening: queries".to_owned(), code.query_bits()),
        ("opening: proximity".to_owned(), field - (n * draws).log2()),
        ("opening: subspace".to_owned(), field - draws.log2()),
        (
            "opening: combination".to_owned(),
            field - ((1 + blind + answers) as f64).log2(),
        ),
    ];
    if plan.needs_merge() {
        let shapes = vec![
            Shape {
                variables: code.log_row as usize,
                degree: 2
            };
            plan.lows.len()
        ];
        terms.push(("opening: claims".to_owned(), field));
        terms.extend(sumcheck::soundness("opening: merge", &shapes));
    }
    terms
}

/// Bits of the sum of errors.
pub fn total(terms: &[(String, f64)]) -> f64 {
    -terms.iter().map(|(_, bits)| (-bits).exp2()).sum::<f64>().log2()
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;

    use super::*;
    use crate::field::{K, M61};
    use crate::pcs::{StoredRows, TARGET_BITS};

    #[test]
    fn terms_are_what_the_formulas_give() {
        let code = CodeParameters::for_target(10, 0, 13, 12, TARGET_BITS).unwrap();
        let challenge = |value| Coordinate::Challenge(K::new(M61::from_raw(value), M61::ZERO));
        let point = |first_row, high: Vec<Coordinate>, low: u64| ClaimPoint {
            matrix: 0,
            first_row,
            stored: StoredRows::full(high.len()).unwrap(),
            high,
            low: vec![K::from(low); 10],
        };
        let points = vec![
            point(0, vec![challenge(3), Coordinate::Bit(true), challenge(4)], 1),
            point(0, vec![challenge(3), Coordinate::Bit(true), challenge(4)], 2),
            point(8, vec![challenge(4), challenge(5)], 2),
            point(16, vec![], 2),
        ];
        let terms = opening_terms(&code, &points, 0);
        let bits = |name: &str| terms.iter().find(|(found, _)| found == name).unwrap().1;
        // Two challenges in the one fold, the same ones and another in the next, none in the last; and the coefficients.
        assert!((bits("opening: proximity") - (122.0 - 13.0 - 2.0)).abs() < 1e-9);
        assert!((bits("opening: subspace") - 120.0).abs() < 1e-9);
        assert!((bits("opening: merge: rounds") - (122.0 - 20f64.log2())).abs() < 1e-9);
        assert!(bits("opening: queries") >= TARGET_BITS && bits("opening: queries") < TARGET_BITS + 1.0);
        // With a mask and two answers: one draw for the mask, two for each answer.
        let masked = opening_terms(&code, &points, 2);
        let proximity = masked
            .iter()
            .find(|(name, _)| name == "opening: proximity")
            .unwrap()
            .1;
        assert!((proximity - (122.0 - 13.0 - 9f64.log2())).abs() < 1e-9);
        let sum = total(&terms);
        assert!(sum < bits("opening: queries") && sum > 103.0, "{sum}");
        assert!((total(&[("a".into(), 10.0), ("b".into(), 10.0)]) - 9.0).abs() < 1e-12);
    }
}
