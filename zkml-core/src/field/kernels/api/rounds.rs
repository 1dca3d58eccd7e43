//! Inner products and the rounds of sumchecks.

use super::{halves, kernels};
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::parallel::sum_chunks;
use crate::field::{K, M61};

kernels! {
    /// `sum_i a[i] b[i]`.
    fn dot(self, a: &[K], b: &[K]) -> K {
        let length = common([a.len(), b.len()]);
        let [sum] = sum_chunks(length, |range| dispatch!(self, dot(&a[range.clone()], &b[range])));
        sum
    }

    /// `sum_i a[i] b[i]` with `a` in the base field.
    fn dot_base(self, a: &[M61], b: &[K]) -> K {
        let length = common([a.len(), b.len()]);
        let [sum] = sum_chunks(length, |range| dispatch!(self, dot_base(&a[range.clone()], &b[range])));
        sum
    }

    /// The round polynomial `g(X) = sum_i a(X, i) b(X, i)` in the most significant variable: `[g(0), g(2)]`.
    /// (`g(1)` is the claim minus `g(0)`.) Both tables have the same even length.
    fn product_round(self, a: &[K], b: &[K]) -> [K; 2] {
        let half = common([a.len(), b.len()]) / 2;
        let ((a_low, a_high), (b_low, b_high)) = (halves(a, half), halves(b, half));
        sum_chunks(half, |range| {
            let a = (&a_low[range.clone()], &a_high[range.clone()]);
            let b = (&b_low[range.clone()], &b_high[range]);
            dispatch!(self, product_round(a, b))
        })
    }

    /// The round polynomial `g(X) = sum_i a(X, i) b(X, i)` of tables given as their halves `(a(0, .), a(1, .))`:
    /// `[g(0), coefficient of X^2 in g]`. The claim gives the third coefficient.
    fn product_ends(self, a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2] {
        let length = common([a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
        sum_chunks(length, |range| {
            let a = (&a.0[range.clone()], &a.1[range.clone()]);
            let b = (&b.0[range.clone()], &b.1[range]);
            dispatch!(self, product_ends(a, b))
        })
    }

    /// The round polynomial `g(X) = sum_i e(X, i) a(X, i) b(X, i)`: `[g(0), g(2), g(3)]`. All tables have the
    /// same even length.
    fn eq_product_round(self, e: &[K], a: &[K], b: &[K]) -> [K; 3] {
        let half = common([e.len(), a.len(), b.len()]) / 2;
        let (e, a, b) = (halves(e, half), halves(a, half), halves(b, half));
        sum_chunks(half, |range| {
            dispatch!(self, eq_product_round(
                (&e.0[range.clone()], &e.1[range.clone()]),
                (&a.0[range.clone()], &a.1[range.clone()]),
                (&b.0[range.clone()], &b.1[range.clone()]),
            ))
        })
    }

    /// With `G(X) = sum_x eq[x] (a b)(X, x)`: `[G(0), coefficient of X^2 in G]`. Tables are given as their halves.
    fn weighted_product_round(self, eq: &[K], a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2] {
        let length = common([eq.len(), a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
        sum_chunks(length, |range| {
            let a = (&a.0[range.clone()], &a.1[range.clone()]);
            let b = (&b.0[range.clone()], &b.1[range.clone()]);
            dispatch!(self, weighted_product_round(&eq[range], a, b))
        })
    }

    /// A round of the fractional sumcheck without its equality factor (Gruen's form). With
    /// `G(X) = sum_x eq[x] (p0 q1 + r1 q0)(X, x)`: `[G(0), coefficient of X^2 in G]`; the claim gives the third
    /// coefficient. Tables `p0, r1, q0, q1` are given as their halves; `eq` covers the variables *after* this round.
    fn fraction_round(self, eq: &[K], tables: [(&[K], &[K]); 4]) -> [K; 2] {
        let lengths = tables.map(|(low, high)| common([low.len(), high.len()]));
        sum_chunks(common(lengths).min(eq.len()), |range| {
            let tables = tables.map(|(low, high)| (&low[range.clone()], &high[range.clone()]));
            dispatch!(self, fraction_round(&eq[range.clone()], tables))
        })
    }
}
