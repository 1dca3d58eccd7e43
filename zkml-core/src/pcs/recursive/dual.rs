//! Combinations of basis vectors, by the transpose of the circle Fourier transform.
//!
//! ```text
//! out[x] = sum_j c_j b_x(P_j),      x < length
//! ```
//!
//! for a few positions `j` out of `n`. This is the transposed transform of the vector that is `c_j` at `j` and 0
//! elsewhere, with the layers in reverse. A block of `2^k` points gives the same sum over its own positions and the low
//! `k` bits of `x`, and two neighbouring blocks `a`, `b` are joined to `(a + b, phi_k (a - b))`. A block with one
//! position is a tensor and needs no layers; a block without a position is 0; values from `length` on are not computed.
//! `t` positions take about `length (1 + log2(t)/2)` products for each of the `n / length` parts of the codeword,
//! instead of `t length` one by one.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;

use crate::field::{K, M61, kernels};
use crate::pcs::circle::{basis_factors, domain_points};

/// Blocks of at least `2^PARALLEL` values are shared out.
const PARALLEL: u32 = 14;

/// A position with its coefficient and the factors `phi_k` of its basis.
struct Term {
    position: usize,
    coefficient: K,
    factors: Vec<M61>,
}

/// `sum_j c_j b_x(P_j)` for `x < length`, `terms` are the pairs `(j, c_j)` with `j` below `n = 2^log_codeword`, and
/// `length <= n`.
pub(super) fn combine_basis(log_codeword: u32, terms: &[(usize, K)], length: usize) -> Vec<K> {
    let mut sorted = terms.to_vec();
    sorted.sort_by_key(|(position, _)| *position);
    sorted.dedup_by(|next, first| {
        let same = next.0 == first.0;
        if same {
            first.1 += next.1;
        }
        same
    });
    let positions: Vec<usize> = sorted.iter().map(|(position, _)| *position).collect();
    let points = domain_points(log_codeword, &positions);
    let terms: Vec<Term> = sorted
        .into_iter()
        .zip(points)
        .map(|((position, coefficient), point)| Term {
            position,
            coefficient,
            factors: basis_factors(point, log_codeword as usize),
        })
        .collect();
    let mut out = vec![K::ZERO; length];
    block(&terms, log_codeword, &mut out);
    out
}

/// Writes the first `out.len()` values of the block of `2^log` points that holds all of `terms`.
fn block(terms: &[Term], log: u32, out: &mut [K]) {
    match terms {
        [] => return out.fill(K::ZERO),
        [term] => return tensor(term, out),
        _ => {}
    }
    let Some(layer) = log.checked_sub(1) else {
        return;
    };
    let half = 1usize << layer;
    let (first, second) = terms.split_at(terms.partition_point(|term| term.position & half == 0));
    // The factor of the layer at the first of the two blocks.
    let factor = match (first, second) {
        ([term, ..], _) => term.factors[layer as usize],
        (_, [term, ..]) => -term.factors[layer as usize],
        _ => M61::ZERO,
    };
    if out.len() == 2 * half {
        let (low, high) = out.split_at_mut(half);
        match (first, second) {
            (terms, []) => {
                block(terms, layer, low);
                kernels::multiples(high, low, factor);
            }
            ([], terms) => {
                block(terms, layer, low);
                kernels::multiples(high, low, -factor);
            }
            _ => {
                both(layer, (first, low), (second, high));
                kernels::butterfly_transposed(low, high, factor);
            }
        }
        return;
    }
    // Of the high half only the first values are wanted, or none.
    let (low, high) = out.split_at_mut(half.min(out.len()));
    let mut other = vec![K::ZERO; low.len()];
    both(layer, (first, low), (second, &mut other));
    let (low, low_only) = low.split_at_mut(high.len());
    let (other, other_only) = other.split_at_mut(high.len());
    kernels::butterfly_transposed(low, other, factor);
    high.copy_from_slice(other);
    kernels::add_to(low_only, other_only);
}

/// Two blocks, at the same time if they are large.
fn both(log: u32, first: (&[Term], &mut [K]), second: (&[Term], &mut [K])) {
    let mut one = move || block(first.0, log, first.1);
    let mut other = move || block(second.0, log, second.1);
    if log >= PARALLEL {
        rayon::join(one, other);
    } else {
        one();
        other();
    }
}

/// The first values of `c b_x(P)`, by doubling.
fn tensor(term: &Term, out: &mut [K]) {
    let Some(first) = out.first_mut() else {
        return;
    };
    *first = term.coefficient;
    let mut known = 1;
    for factor in &term.factors {
        let count = known.min(out.len() - known);
        let (low, high) = out.split_at_mut(known);
        kernels::multiples(&mut high[..count], &low[..count], *factor);
        known += count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::{P, mul_k_base};
    use crate::pcs::circle::{basis, domain_point};

    proptest! {
        #[test]
        fn combinations_follow_the_definition(
            log_codeword in 1u32..11,
            length in 1usize..1 << 10,
            terms in proptest::collection::vec((0usize..1 << 10, 0..P, 0..P), 0..40),
            near in proptest::bool::ANY,
        ) {
            let n = 1usize << log_codeword;
            let length = length.min(n);
            let terms: Vec<(usize, K)> = terms
                .into_iter()
                .map(|(position, c0, c1)| {
                    // Positions that crowd in one place, or that are everywhere; some twice.
                    let position = if near { position % 17 % n } else { position % n };
                    (position, K::new(M61::from_raw(c0), M61::from_raw(c1)))
                })
                .collect();
            let found = combine_basis(log_codeword, &terms, length);
            for (x, found) in found.into_iter().enumerate() {
                let expected: K = terms
                    .iter()
                    .map(|(position, c)| mul_k_base(*c, basis(x, domain_point(log_codeword, *position))))
                    .sum();
                prop_assert_eq!(found, expected, "{}", x);
            }
        }
    }

    #[test]
    fn large_combinations_are_the_transpose_of_the_encoder() {
        // <out, m> = sum_j c_j Enc(m)[j], with enough values that blocks are shared out.
        let code = crate::pcs::CircleCode::new(&crate::pcs::CodeParameters {
            log_row: 15,
            tail: 1 << 12,
            log_codeword: 17,
            queries: 1,
            log_stride: 0,
            digest_bytes: 32,
            grinding_bits: 0,
        })
        .unwrap();
        let length = code.rows().message_length();
        let number = |i: usize| M61::from((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let message: Vec<M61> = (0..length).map(number).collect();
        let codeword = code.encode(&message);
        let terms: Vec<(usize, K)> = (0..130)
            .map(|i| (i * i * 7919 % (1 << 17), K::new(number(i), number(i + 500))))
            .collect();
        let out = combine_basis(17, &terms, length);
        let left = kernels::dot_base(&message, &out);
        let right: K = terms.iter().map(|(j, c)| mul_k_base(*c, codeword[*j])).sum();
        assert_eq!(left, right);
    }
}
