//! Tables: folded, scaled, added, multiplied, combined; tables of the equality polynomial.

use core::mem::MaybeUninit;

use super::declare::map_kernel;
use super::operands::{Operand, Read, Write, coordinates, coordinates_mut};
use super::walk::{Map, run};
use crate::field::kernels::lengths::common;
use crate::field::kernels::vector::{Pair, TERMS_BETWEEN_FLUSHES, Vector};
use crate::field::{K, M61};

map_kernel! {
    /// `low += r (high - low)`.
    fn fold_halves<'a>(low: &'a mut [K], high: &'a [K], r: K) |V, i| {
        let a = low.pair::<V>(i);
        let d = high.pair::<V>(i).loose_sub(a);
        low.put(i, V::mul_add_pair(d, Pair::splat(r), a));
    }
}

map_kernel! {
    /// `out = low + r (high - low)`; writes every element of `out`.
    fn fold_base_halves<'a>(out: &'a mut [MaybeUninit<K>], low: &'a [M61], high: &'a [M61], r: K) |V, i| {
        let a = low.base::<V>(i);
        let d = high.base::<V>(i).sub(a);
        let r = Pair::<V>::splat(r);
        out.put(i, Pair { re: d.mul_add(r.re, a), im: d.mul(r.im) });
    }
}

map_kernel! {
    /// `acc += c x`.
    fn add_scaled<'a>(acc: &'a mut [K], c: K, x: &'a [K]) |V, i| {
        acc.put(i, V::mul_add_pair(x.pair(i), Pair::splat(c), acc.pair(i)));
    }
}

map_kernel! {
    /// `acc += c x`, with `x` in the base field.
    fn add_scaled_base<'a>(acc: &'a mut [K], c: K, x: &'a [M61]) |V, i| {
        let x = x.base::<V>(i);
        let c = Pair::<V>::splat(c);
        let old = acc.pair::<V>(i);
        acc.put(i, Pair { re: x.mul_add(c.re, old.re), im: x.mul_add(c.im, old.im) });
    }
}

map_kernel! {
    /// `values *= c`.
    fn scale<'a>(values: &'a mut [K], c: K) |V, i| {
        values.put(i, V::mul_pair(values.pair(i), Pair::splat(c)));
    }
}

map_kernel! {
    /// `acc *= x`.
    fn multiply<'a>(acc: &'a mut [K], x: &'a [K]) |V, i| {
        acc.put(i, V::mul_pair(acc.pair(i), x.pair(i)));
    }
}

map_kernel! {
    /// `(low, high) = (low - r low, r low)`; writes every element of `high`.
    fn eq_double<'a>(low: &'a mut [K], high: &'a mut [MaybeUninit<K>], r: K) |V, i| {
        let a = low.pair::<V>(i);
        let upper = V::mul_pair(a, Pair::splat(r));
        high.put(i, upper);
        low.put(i, a.sub(upper));
    }
}

map_kernel! {
    /// `out = t x`, by coordinates.
    fn multiples_of_words<'a>(out: &'a mut [M61], x: &'a [M61], t: M61) |V, i| {
        out.put_words(i, x.words::<V>(i).mul(V::splat(t)));
    }
}

/// `out = t x`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn multiples<V: Vector>(out: &mut [K], x: &[K], t: M61) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { multiples_of_words::<V>(coordinates_mut(out), coordinates(x), t) }
}

map_kernel! {
    /// `acc += x`, by coordinates.
    fn add_words_to<'a>(acc: &'a mut [M61], x: &'a [M61]) |V, i| {
        acc.put_words(i, acc.words::<V>(i).add(x.words(i)));
    }
}

/// `acc += x`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn add_to<V: Vector>(acc: &mut [K], x: &[K]) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { add_words_to::<V>(coordinates_mut(acc), coordinates(x)) }
}

/// `out[j] = sum_a weights[a] rows[a stride + j]`, over `count` rows.
struct CombineBase {
    out: Write,
    rows: Read,
    stride: usize,
    weights: Read,
    count: usize,
}

impl Map for CombineBase {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, i: usize) {
        // SAFETY: the caller vouches for the index and the instruction set.
        unsafe {
            let mut sum = Pair {
                re: V::no_sum(),
                im: V::no_sum(),
            };
            for row in 0..self.count {
                let cells = Read(self.rows.0.add(row * self.stride)).base::<V>(i);
                let weight = self.weights.0.add(2 * row);
                sum.re = V::mac_base(sum.re, cells, V::splat(*weight));
                sum.im = V::mac_base(sum.im, cells, V::splat(*weight.add(1)));
                if row % TERMS_BETWEEN_FLUSHES == TERMS_BETWEEN_FLUSHES - 1 {
                    sum = Pair {
                        re: V::flush(sum.re),
                        im: V::flush(sum.im),
                    };
                }
            }
            self.out.put(
                i,
                Pair {
                    re: V::reduce(sum.re),
                    im: V::reduce(sum.im),
                },
            );
        }
    }
}

/// `out[j] = sum_a weights[a] rows[a stride + j]`; writes every element of `out`, whose length is at most `stride`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn combine_base<V: Vector>(
    out: &mut [MaybeUninit<K>],
    rows: &[M61],
    stride: usize,
    weights: &[K],
) {
    let count = weights.len();
    // Of the last row only the part that is read has to be there.
    assert!(out.len() <= stride && (count == 0 || rows.len() >= (count - 1) * stride + out.len()));
    let length = out.len();
    let kernel = CombineBase {
        out: out.seen(),
        rows: rows.seen(),
        stride,
        weights: weights.seen(),
        count,
    };
    // SAFETY: the caller vouches for the instruction set; `count` rows, `stride` apart, have `length` cells in `rows`.
    unsafe { run::<V>(length, kernel) }
}
