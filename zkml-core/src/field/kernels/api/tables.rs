//! Tables: folded, scaled, added, multiplied, combined; tables of the equality polynomial.

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::{collect, kernels};
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::parallel::{for_chunks, for_chunks_of_two};
use crate::field::{K, M61};

kernels! {
    /// Binds the most significant variable of a table of even length `2 h` to `r`:
    /// `values[i] += r (values[i + h] - values[i])`, and truncates to `h`.
    fn fold(self, values: &mut Vec<K>, r: K) {
        let half = values.len() / 2;
        let (low, high) = values.split_at_mut(half);
        let high = &high[..half];
        for_chunks(low, |range, low| dispatch!(self, fold_halves(low, &high[range], r)));
        values.truncate(half);
    }

    /// [`fold`] of a table in the base field: a new table of half the length in `K`.
    fn fold_base(self, values: &[M61], r: K) -> Vec<K> {
        let half = values.len() / 2;
        let (low, high) = (&values[..half], &values[half..2 * half]);
        collect(half, |out| {
            for_chunks(out, |range, out| {
                dispatch!(self, fold_base_halves(out, &low[range.clone()], &high[range], r))
            });
        })
    }

    /// [`fold`] of `pieces` tables of `2 half` elements, which are computed by `make(piece, out)` and never stored: the
    /// folded tables, one after another.
    fn fold_pieces(self, pieces: usize, half: usize, r: K, make: impl Fn(usize, &mut [K]) + Sync) -> Vec<K> {
        collect(pieces * half, |out| {
            let buffer = || vec![K::default(); 2 * half];
            let parts = out.par_chunks_exact_mut(half.max(1)).enumerate();
            parts.for_each_init(buffer, |buffer, (piece, out)| {
                make(piece, buffer);
                let (low, high) = buffer.split_at_mut(half);
                dispatch!(self, fold_halves(low, high, r));
                out.iter_mut().zip(low).for_each(|(out, low)| {
                    out.write(*low);
                });
            });
        })
    }

    /// [`fold`] of a table whose halves lie apart: `low[i] += r (high[i] - low[i])`.
    fn fold_halves(self, low: &mut [K], high: &[K], r: K) {
        let length = common([low.len(), high.len()]);
        for_chunks(&mut low[..length], |range, low| dispatch!(self, fold_halves(low, &high[range], r)));
    }

    /// `acc[i] += c x[i]`.
    fn add_scaled(self, acc: &mut [K], c: K, x: &[K]) {
        let length = common([acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_scaled(acc, c, &x[range])));
    }

    /// `acc[i] += c x[i]` with `x` in the base field.
    fn add_scaled_base(self, acc: &mut [K], c: K, x: &[M61]) {
        let length = common([acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_scaled_base(acc, c, &x[range])));
    }

    /// `acc[i] += x[i]`.
    fn add_to(self, acc: &mut [K], x: &[K]) {
        let length = common([acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_to(acc, &x[range])));
    }

    /// `values[i] *= c`.
    fn scale(self, values: &mut [K], c: K) {
        for_chunks(values, |_, values| dispatch!(self, scale(values, c)));
    }

    /// `out[i] = t x[i]`.
    fn multiples(self, out: &mut [K], x: &[K], t: M61) {
        let length = common([out.len(), x.len()]);
        for_chunks(&mut out[..length], |range, out| dispatch!(self, multiples(out, &x[range], t)));
    }

    /// `acc[i] *= x[i]`.
    fn multiply(self, acc: &mut [K], x: &[K]) {
        let length = common([acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, multiply(acc, &x[range])));
    }

    /// The combination of rows in the base field: `out[j] = sum_a weights[a] rows[a * row_length + j]`, `row_length`
    /// elements. There must be a row for each weight.
    fn combine_rows(self, rows: &[M61], row_length: usize, weights: &[K]) -> Vec<K> {
        let rows = &rows[..row_length * weights.len()];
        collect(row_length, |out| {
            for_chunks(out, |range, out| {
                dispatch!(self, combine_base(out, rows.get(range.start..).unwrap_or(&[]), row_length, weights))
            });
        })
    }

    /// All `2^n` values `eq(point, bits(index))`, `point[0]` the most significant bit.
    fn eq_table(self, point: &[K]) -> Vec<K> {
        self.eq_table_scaled(point, K::new(M61::from_raw(1), M61::from_raw(0)))
    }

    /// `scale` times [`eq_table`].
    fn eq_table_scaled(self, point: &[K], scale: K) -> Vec<K> {
        let length = 1usize << point.len();
        let mut table = Vec::with_capacity(length);
        table.push(scale);
        // Starts with the last variable, the lowest bit of the index. Each earlier variable doubles the table.
        for &r in point.iter().rev() {
            let filled = table.len();
            let (low, high): (*mut K, *mut MaybeUninit<K>) =
                (table.as_mut_ptr(), table.spare_capacity_mut().as_mut_ptr());
            // SAFETY: `low` are the initialized elements, `high` the `filled` uninitialized ones after them (2 filled
            // <= length <= capacity); they do not overlap and live as long as `table`.
            let (low, high) = unsafe {
                (core::slice::from_raw_parts_mut(low, filled), core::slice::from_raw_parts_mut(high, filled))
            };
            for_chunks_of_two(low, high, |_, low, high| dispatch!(self, eq_double(low, high, r)));
            // SAFETY: the kernel wrote all of `high`.
            unsafe { table.set_len(2 * filled) };
        }
        table
    }
}
