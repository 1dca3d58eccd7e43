//! Inner products and the rounds of sumchecks.
//!
//! A round polynomial is summed over the pairs of cells in the two halves of a table. Along such a pair a table is
//! `low + X (high - low)`: the *step* is its coefficient of `X`.

use super::declare::fold_kernel;
use super::operands::{Halves, Operand};
use super::walk::{Fold, sum};
use crate::field::kernels::lengths::common;
use crate::field::kernels::vector::{Pair, Vector};
use crate::field::{K, M61};

fold_kernel! {
    /// `[sum a b]`.
    fn dot<'a>(a: &'a [K], b: &'a [K]) -> [K; 1] |V, i, sums| {
        sums[0] = V::mac_pair(sums[0], a.pair(i), b.pair(i));
    }
}

fold_kernel! {
    /// `[sum a b]`, with `a` in the base field.
    fn dot_base<'a>(a: &'a [M61], b: &'a [K]) -> [K; 1] |V, i, sums| {
        let (a, b) = (a.base::<V>(i), b.pair::<V>(i));
        sums[0] = Pair { re: V::mac_base(sums[0].re, a, b.re), im: V::mac_base(sums[0].im, a, b.im) };
    }
}

fold_kernel! {
    /// `[sum x b]`, with integers `x`.
    fn dot_small<'a>(x: &'a [u32], b: &'a [K]) -> [K; 1] |V, i, sums| {
        let (x, b) = (x.small::<V>(i), b.pair::<V>(i));
        sums[0] = Pair { re: V::mac_small(sums[0].re, x, b.re), im: V::mac_small(sums[0].im, x, b.im) };
    }
}

fold_kernel! {
    /// `[sum a b at 0, sum a b at 2]`.
    fn product_round<'a>(a: Halves<'a>, b: Halves<'a>) -> [K; 2] |V, i, sums| {
        let (a_low, b_low) = (a.low.pair::<V>(i), b.low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], a_low, b_low);
        let (a_high, b_high) = (a.high.pair::<V>(i), b.high.pair::<V>(i));
        // At 2: high + (high - low).
        let a_two = a_high.loose_sub(a_low).loose_add(a_high);
        let b_two = b_high.loose_sub(b_low).loose_add(b_high);
        sums[1] = V::mac_pair(sums[1], a_two, b_two);
    }
}

fold_kernel! {
    /// `[sum a b at 0, coefficient of X^2]`.
    fn product_ends<'a>(a: Halves<'a>, b: Halves<'a>) -> [K; 2] |V, i, sums| {
        let (a_low, b_low) = (a.low.pair::<V>(i), b.low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], a_low, b_low);
        let a_step = a.high.pair::<V>(i).loose_sub(a_low);
        let b_step = b.high.pair::<V>(i).loose_sub(b_low);
        sums[1] = V::mac_pair(sums[1], a_step, b_step);
    }
}

fold_kernel! {
    /// `[sum e a b at 0, at 2, at 3]`.
    fn eq_product_round<'a>(e: Halves<'a>, a: Halves<'a>, b: Halves<'a>) -> [K; 3] |V, i, sums| {
        let (e_low, a_low, b_low) = (e.low.pair::<V>(i), a.low.pair::<V>(i), b.low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], e_low, V::mul_pair(a_low, b_low));
        let (e_high, a_high, b_high) = (e.high.pair::<V>(i), a.high.pair::<V>(i), b.high.pair::<V>(i));
        let (e_step, a_step, b_step) = (e_high.sub(e_low), a_high.sub(a_low), b_high.sub(b_low));
        let (e_two, a_two, b_two) = (e_high.add(e_step), a_high.add(a_step), b_high.add(b_step));
        sums[1] = V::mac_pair(sums[1], e_two, V::mul_pair(a_two, b_two));
        let product = V::mul_pair(a_two.loose_add(a_step), b_two.add(b_step));
        sums[2] = V::mac_pair(sums[2], e_two.loose_add(e_step), product);
    }
}

fold_kernel! {
    /// `[G(0), coefficient of X^2 of G]`, `G(X) = sum eq (p0 q1 + r1 q0)(X)`; tables in the order `p0, r1, q0, q1`.
    fn fraction_round<'a>(eq: &'a [K], tables: [Halves<'a>; 4]) -> [K; 2] |V, i, sums| {
        let none = Pair { re: V::no_sum(), im: V::no_sum() };
        let eq = eq.pair::<V>(i);
        let [p0, r1, q0, q1] = tables;
        let (p0_low, r1_low) = (p0.low.pair::<V>(i), r1.low.pair::<V>(i));
        let (q0_low, q1_low) = (q0.low.pair::<V>(i), q1.low.pair::<V>(i));
        let value = V::mac_pair(V::mac_pair(none, p0_low, q1_low), q0_low, r1_low);
        sums[0] = V::mac_pair(sums[0], eq, Pair { re: V::reduce(value.re), im: V::reduce(value.im) });
        // The coefficient of X^2 comes from the differences alone.
        let p0_step = p0.high.pair::<V>(i).loose_sub(p0_low);
        let r1_step = r1.high.pair::<V>(i).loose_sub(r1_low);
        let q0_step = q0.high.pair::<V>(i).loose_sub(q0_low);
        let q1_step = q1.high.pair::<V>(i).loose_sub(q1_low);
        let value = V::mac_pair(V::mac_pair(none, p0_step, q1_step), q0_step, r1_step);
        sums[1] = V::mac_pair(sums[1], eq, Pair { re: V::reduce(value.re), im: V::reduce(value.im) });
    }
}

fold_kernel! {
    /// `[G(0), coefficient of X^2 of G]`, `G(X) = sum eq (a b)(X)`.
    fn weighted_product_round<'a>(eq: &'a [K], a: Halves<'a>, b: Halves<'a>) -> [K; 2] |V, i, sums| {
        let (eq, a_low, b_low) = (eq.pair::<V>(i), a.low.pair::<V>(i), b.low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], eq, V::mul_pair(a_low, b_low));
        let a_step = a.high.pair::<V>(i).loose_sub(a_low);
        let b_step = b.high.pair::<V>(i).sub(b_low);
        sums[1] = V::mac_pair(sums[1], eq, V::mul_pair(a_step, b_step));
    }
}
