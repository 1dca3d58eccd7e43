//! Butterflies: the layers of the code's transforms.

use rayon::prelude::*;

use super::{collect, kernels};
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::parallel::{THRESHOLD, for_chunks_of_two};
use crate::field::{K, M61};

kernels! {
    /// Elementwise butterfly with one twiddle: `(low, high) = (low + t high, low - t high)`.
    fn butterfly(self, low: &mut [M61], high: &mut [M61], t: M61) {
        for_chunks_of_two(low, high, |_, low, high| dispatch!(self, butterfly(low, high, t)));
    }

    /// The [`butterfly`] of the halves of each block of `2 half` consecutive values; block `b` has the factor
    /// `twiddles[b]`. Values after the last full block, or after the last twiddle, stay as they are.
    fn butterfly_pairs(self, values: &mut [M61], half: usize, twiddles: &[M61]) {
        let block = 2 * half;
        if block == 0 {
            return;
        }
        if values.len() < THRESHOLD || values.len() < 2 * block {
            if block > THRESHOLD {
                for (block, &t) in values.chunks_exact_mut(block).zip(twiddles) {
                    let (low, high) = block.split_at_mut(half);
                    self.butterfly(low, high, t);
                }
                return;
            }
            return dispatch!(self, butterfly_pairs(values, half, twiddles));
        }
        let blocks = (THRESHOLD / block).max(1);
        values
            .par_chunks_mut(blocks * block)
            .zip(twiddles.par_chunks(blocks))
            .for_each(|(values, twiddles)| dispatch!(self, butterfly_pairs(values, half, twiddles)));
    }

    /// Two layers of [`butterfly_pairs`] in one pass over memory. Block `b` is four runs `w, x, y, z` of `quarter`
    /// values. `(w, y)` and `(x, z)` are joined with `outer[b]`, then `(w, x)` with `inner[2 b]` and `(y, z)` with
    /// `inner[2 b + 1]`. Runs on the calling thread.
    ///
    /// Unless this is the `last` such call, the values need not be canonical after it.
    fn butterfly_quads(self, values: &mut [M61], quarter: usize, outer: &[M61], inner: &[M61], last: bool) {
        dispatch!(self, butterfly_quads(values, quarter, outer, inner, last));
    }

    /// [`butterfly_quads`] of one block into a new vector. The values of `head`, at most a quarter of the block, stand
    /// for the first ones of the block. Runs on the calling thread.
    fn butterfly_quad_of(self, head: &[M61], values: &[M61], factors: [&M61; 3], last: bool) -> Vec<M61> {
        let quarter = values.len() / 4;
        let split = head.len().min(quarter);
        let from: [&[M61]; 4] = core::array::from_fn(|k| &values[k * quarter..(k + 1) * quarter]);
        collect(4 * quarter, |out| {
            let (low, high) = out.split_at_mut(2 * quarter);
            let ((a, b), (c, d)) = (low.split_at_mut(quarter), high.split_at_mut(quarter));
            let parts = [a, b, c, d].map(|run| run.split_at_mut(split));
            let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = parts;
            let rest = from.map(|run| &run[split..]);
            let first = [&head[..split], &from[1][..split], &from[2][..split], &from[3][..split]];
            dispatch!(self, butterfly_quad(first, [a, b, c, d], factors, last));
            dispatch!(self, butterfly_quad(rest, [a_rest, b_rest, c_rest, d_rest], factors, last));
        })
    }

    /// The transpose of [`butterfly`], over `K`: `(low, high) = (low + high, t (low - high))`.
    fn butterfly_transposed(self, low: &mut [K], high: &mut [K], t: M61) {
        for_chunks_of_two(low, high, |_, low, high| dispatch!(self, butterfly_transposed(low, high, t)));
    }
}
