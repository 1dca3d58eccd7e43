//! The soundness error of an opening, term by term. All terms are proven; nothing rests on a conjecture.
//!
//! With `rho = (L + tail + 1)/n` and `|K| = 2^122` (nearly):
//!
//! - queries, `((1 + rho)/2)^t 2^-grinding`: a combination far from the code, or another codeword than the
//!   folded rows give, agrees with `Enc(u)` in at most that part of the positions;
//! - proximity, `n/|K|`, less the [proof of work](proximity_work) before its coefficients: rows far from the code, within the unique decoding radius, combine to one that is near it. Each
//!   row has a uniform coefficient of its own (`opening.proximity`), so that the combination is uniform in the affine
//!   space that all rows span, at the mask where there is one, whatever the other coefficients are, and the bound is that of one line (BCIKS20, Theorem
//!   1.6). Rows that agree with codewords at common positions do so in any combination: the coordinates of claims, and
//!   the closing challenge, add nothing;
//! - subspace, `1/|K|`: rows that are codewords of the Reed-Solomon code, but not in the space of the circle transform,
//!   combine to one that is;
//! - combination, `2/|K|`: false values at the common point whose combination is right, or a coefficient 0 of the random
//!   fold; twice more for the mask, and once for each answer of the closing check that is joined to it;
//! - with a merge: `1/|K|` for the coefficients of the claims, and the sumcheck.

use super::claim::ClaimPoint;
use super::code::CodeParameters;
use super::plan::Plan;
use crate::field::P;
use crate::sumcheck::{self, Shape};

/// What the proximity test should give at least, in bits: more than the whole argument's aim, since errors add up.
const PROXIMITY_BITS: f64 = 106.0;

/// `log2 |K|`.
fn field_bits() -> f64 {
    2.0 * (P as f64).log2()
}

/// Bits of proof of work before the coefficients of the proximity test, for codewords so long that its error exceeds its
/// share: a few, since the error is `n/|K|`.
pub fn proximity_work(code: &CodeParameters) -> u32 {
    let own = field_bits() - (code.codeword_length() as f64).log2();
    // A float-to-integer cast saturates; below 0 none is needed.
    (PROXIMITY_BITS - own).ceil().clamp(0.0, 40.0) as u32
}

/// The terms of an opening of `points` with their bits (`-log2` of the error), the smallest not first. Errors
/// add up: see [`total`].
///
/// `answers` is the number of further messages that are checked at the same columns: 0 without a mask.
pub fn opening_terms(code: &CodeParameters, points: &[ClaimPoint], answers: usize) -> Vec<(String, f64)> {
    let plan = Plan::new(points);
    let field = field_bits();
    let blind = usize::from(answers > 0);
    let n = code.codeword_length() as f64;
    let mut terms = vec![
        ("opening: queries".to_owned(), code.query_bits()),
        (
            "opening: proximity".to_owned(),
            field - n.log2() + f64::from(proximity_work(code)),
        ),
        ("opening: subspace".to_owned(), field),
        (
            "opening: combination".to_owned(),
            field - ((2 + 2 * blind + answers) as f64).log2(),
        ),
    ];
    if plan.needs_merge() {
        let shapes = [Shape {
            variables: code.log_row as usize,
            degree: 2,
        }];
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

    use super::super::claim::Coordinate;
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
        // Once, whatever the folds.
        assert!((bits("opening: proximity") - (122.0 - 13.0)).abs() < 1e-9);
        assert!((bits("opening: subspace") - 122.0).abs() < 1e-9);
        // Long codewords make up for their length by proof of work.
        for (log_codeword, work) in [(16, 0), (17, 1), (19, 3), (22, 6)] {
            let long =
                CodeParameters::for_target(log_codeword - 2, 0, log_codeword, 12, TARGET_BITS).unwrap();
            assert_eq!(proximity_work(&long), work);
            let terms = opening_terms(&long, &points, 0);
            let proximity = terms.iter().find(|(name, _)| name == "opening: proximity");
            assert!((proximity.unwrap().1 - 106.0).abs() < 1e-6);
        }
        assert!((bits("opening: merge: rounds") - (122.0 - 20f64.log2())).abs() < 1e-9);
        assert!(bits("opening: queries") >= TARGET_BITS && bits("opening: queries") < TARGET_BITS + 1.0);
        // With a mask and two answers four more draws could hide a false value.
        let masked = opening_terms(&code, &points, 2);
        let combination = |terms: &[(String, f64)]| {
            let found = terms.iter().find(|(name, _)| name == "opening: combination");
            found.unwrap().1
        };
        assert!((combination(&terms) - 121.0).abs() < 1e-9);
        assert!((combination(&masked) - (122.0 - 6f64.log2())).abs() < 1e-9);
        let sum = total(&terms);
        assert!(sum < bits("opening: queries") && sum > 103.0, "{sum}");
        assert!((total(&[("a".into(), 10.0), ("b".into(), 10.0)]) - 9.0).abs() < 1e-12);
    }
}
