//! Layers of trees of fractions.

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::{collect, halves, kernels};
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::parallel::{THRESHOLD, for_chunks_of_two};
use crate::field::{K, M61};

kernels! {
    /// One layer of a tree of fractions: the halves are added as fractions,
    /// `p[i]/q[i] + p[i + h]/q[i + h] = (p[i] q[i + h] + p[i + h] q[i]) / (q[i] q[i + h])`.
    /// Numerators and denominators of the sums, `h` of each.
    fn fraction_layer(self, p: &[K], q: &[K]) -> (Vec<K>, Vec<K>) {
        let half = common([p.len(), q.len()]) / 2;
        let (p, q) = (halves(p, half), halves(q, half));
        collect_two(half, |out_p, out_q| {
            for_chunks_of_two(out_p, out_q, |range, out_p, out_q| {
                let p = (&p.0[range.clone()], &p.1[range.clone()]);
                let q = (&q.0[range.clone()], &q.1[range]);
                dispatch!(self, fraction_layer(p, q, out_p, out_q))
            });
        })
    }
}

impl Backend {
    /// [`Self::fraction_layer`] of `2 half` fractions that are computed piece by piece and never stored.
    /// `denominators(start, out)` fills `out` with the denominators from cell `start` on, and `numerators(start, out)`
    /// with the numerators, or it returns false if all of them are 1. From cell `filled` on all fractions are `0/1`.
    pub fn fraction_layer_of(
        self,
        half: usize,
        filled: usize,
        numerators: impl Fn(usize, &mut [K]) -> bool + Sync,
        denominators: impl Fn(usize, &mut [K]) + Sync,
    ) -> (Vec<K>, Vec<K>) {
        type New = [MaybeUninit<K>];
        const CELLS: usize = 1 << 11;
        let chunk = |(index, (p, q)): (usize, (&mut New, &mut New))| {
            let (start, length) = (index * CELLS, q.len());
            let mut buffer = vec![K::default(); 4 * length];
            let (q_in, p_in) = buffer.split_at_mut(2 * length);
            let ((q_low, q_high), (p_low, p_high)) = (q_in.split_at_mut(length), p_in.split_at_mut(length));
            denominators(start, q_low);
            if half + start >= filled {
                if !numerators(start, p_low) {
                    p_low.fill(K::new(M61::from_raw(1), M61::from_raw(0)));
                }
                write_copy(p, p_low);
                return write_copy(q, q_low);
            }
            denominators(half + start, q_high);
            match [numerators(start, p_low), numerators(half + start, p_high)] {
                [false, false] => return dispatch!(self, unit_fraction_layer((q_low, q_high), p, q)),
                [false, true] => p_low.fill(K::new(M61::from_raw(1), M61::from_raw(0))),
                [true, false] => p_high.fill(K::new(M61::from_raw(1), M61::from_raw(0))),
                [true, true] => {}
            }
            dispatch!(self, fraction_layer((p_low, p_high), (q_low, q_high), p, q));
        };
        collect_two(half, |p, q| {
            if half < THRESHOLD {
                p.chunks_mut(CELLS)
                    .zip(q.chunks_mut(CELLS))
                    .enumerate()
                    .for_each(chunk);
            } else {
                p.par_chunks_mut(CELLS)
                    .zip(q.par_chunks_mut(CELLS))
                    .enumerate()
                    .for_each(chunk);
            }
        })
    }
}

/// Writes every element of `to`, which is as long as `from`.
fn write_copy(to: &mut [MaybeUninit<K>], from: &[K]) {
    assert_eq!(to.len(), from.len());
    to.iter_mut().zip(from).for_each(|(to, from)| {
        to.write(*from);
    });
}

/// Two vectors of `length` elements, all written by `fill`.
fn collect_two(
    length: usize,
    fill: impl FnOnce(&mut [MaybeUninit<K>], &mut [MaybeUninit<K>]),
) -> (Vec<K>, Vec<K>) {
    let mut second = Vec::new();
    let first = collect(length, |first| {
        second = collect(length, |second| fill(first, second));
    });
    (first, second)
}
