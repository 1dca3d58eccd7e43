//! The kernels as the rest of the crate calls them.

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::backend::{Backend, Kind, dispatch};
use super::int8::{self, PackedMatrix, Patches};
use super::limb;
use super::parallel::{THRESHOLD, for_chunks, for_chunks_of_two, sum_chunks};
use crate::field::{K, M61};

/// Declares the kernels as methods of [`Backend`] and as free functions on [`Backend::best`].
macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($self:ident $(, $argument:ident: $type:ty)* $(,)?) $(-> $out:ty)? $body:block
    )*) => {
        impl Backend {
            $( $(#[$doc])* pub fn $name($self $(, $argument: $type)*) $(-> $out)? $body )*
        }
        $( $(#[$doc])* #[inline] pub fn $name($($argument: $type),*) $(-> $out)? {
            Backend::best().$name($($argument),*)
        } )*
    };
}

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

    /// `sum_i a[i] b[i]`.
    fn dot(self, a: &[K], b: &[K]) -> K {
        let length = common(&[a.len(), b.len()]);
        let [sum] = sum_chunks(length, |range| dispatch!(self, dot(&a[range.clone()], &b[range])));
        sum
    }

    /// `sum_i a[i] b[i]` with `a` in the base field.
    fn dot_base(self, a: &[M61], b: &[K]) -> K {
        let length = common(&[a.len(), b.len()]);
        let [sum] = sum_chunks(length, |range| dispatch!(self, dot_base(&a[range.clone()], &b[range])));
        sum
    }

    /// `acc[i] += c x[i]`.
    fn add_scaled(self, acc: &mut [K], c: K, x: &[K]) {
        let length = common(&[acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_scaled(acc, c, &x[range])));
    }

    /// `acc[i] += c x[i]` with `x` in the base field.
    fn add_scaled_base(self, acc: &mut [K], c: K, x: &[M61]) {
        let length = common(&[acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_scaled_base(acc, c, &x[range])));
    }

    /// `values[i] *= c`.
    fn scale(self, values: &mut [K], c: K) {
        for_chunks(values, |_, values| dispatch!(self, scale(values, c)));
    }

    /// `acc[i] *= x[i]`.
    fn multiply(self, acc: &mut [K], x: &[K]) {
        let length = common(&[acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, multiply(acc, &x[range])));
    }

    /// The round polynomial `g(X) = sum_i a(X, i) b(X, i)` in the most significant variable: `[g(0), g(2)]`.
    /// (`g(1)` is the claim minus `g(0)`.) Both tables have the same even length.
    fn product_round(self, a: &[K], b: &[K]) -> [K; 2] {
        let half = common(&[a.len(), b.len()]) / 2;
        let ((a_low, a_high), (b_low, b_high)) = (halves(a, half), halves(b, half));
        sum_chunks(half, |range| {
            let a = (&a_low[range.clone()], &a_high[range.clone()]);
            let b = (&b_low[range.clone()], &b_high[range]);
            dispatch!(self, product_round(a, b))
        })
    }

    /// [`fold`] of a table whose halves lie apart: `low[i] += r (high[i] - low[i])`.
    fn fold_halves(self, low: &mut [K], high: &[K], r: K) {
        let length = common(&[low.len(), high.len()]);
        for_chunks(&mut low[..length], |range, low| dispatch!(self, fold_halves(low, &high[range], r)));
    }

    /// The round polynomial `g(X) = sum_i a(X, i) b(X, i)` of tables given as their halves `(a(0, .), a(1, .))`:
    /// `[g(0), coefficient of X^2 in g]`. The claim gives the third coefficient.
    fn product_ends(self, a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2] {
        let length = common(&[a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
        sum_chunks(length, |range| {
            let a = (&a.0[range.clone()], &a.1[range.clone()]);
            let b = (&b.0[range.clone()], &b.1[range]);
            dispatch!(self, product_ends(a, b))
        })
    }

    /// `acc[i] += x[i]`.
    fn add_to(self, acc: &mut [K], x: &[K]) {
        let length = common(&[acc.len(), x.len()]);
        for_chunks(&mut acc[..length], |range, acc| dispatch!(self, add_to(acc, &x[range])));
    }

    /// `out[i] = t x[i]`.
    fn multiples(self, out: &mut [K], x: &[K], t: M61) {
        let length = common(&[out.len(), x.len()]);
        for_chunks(&mut out[..length], |range, out| dispatch!(self, multiples(out, &x[range], t)));
    }

    /// The transpose of [`butterfly`], over `K`: `(low, high) = (low + high, t (low - high))`.
    fn butterfly_transposed(self, low: &mut [K], high: &mut [K], t: M61) {
        for_chunks_of_two(low, high, |_, low, high| dispatch!(self, butterfly_transposed(low, high, t)));
    }

    /// The round polynomial `g(X) = sum_i e(X, i) a(X, i) b(X, i)`: `[g(0), g(2), g(3)]`. All tables have the
    /// same even length.
    fn eq_product_round(self, e: &[K], a: &[K], b: &[K]) -> [K; 3] {
        let half = common(&[e.len(), a.len(), b.len()]) / 2;
        let (e, a, b) = (halves(e, half), halves(a, half), halves(b, half));
        sum_chunks(half, |range| {
            dispatch!(self, eq_product_round(
                (&e.0[range.clone()], &e.1[range.clone()]),
                (&a.0[range.clone()], &a.1[range.clone()]),
                (&b.0[range.clone()], &b.1[range.clone()]),
            ))
        })
    }

    /// One layer of a tree of fractions: the halves are added as fractions,
    /// `p[i]/q[i] + p[i + h]/q[i + h] = (p[i] q[i + h] + p[i + h] q[i]) / (q[i] q[i + h])`.
    /// Numerators and denominators of the sums, `h` of each.
    fn fraction_layer(self, p: &[K], q: &[K]) -> (Vec<K>, Vec<K>) {
        let half = common(&[p.len(), q.len()]) / 2;
        let (p, q) = (halves(p, half), halves(q, half));
        collect_two(half, |out_p, out_q| {
            for_chunks_of_two(out_p, out_q, |range, out_p, out_q| {
                let p = (&p.0[range.clone()], &p.1[range.clone()]);
                let q = (&q.0[range.clone()], &q.1[range]);
                dispatch!(self, fraction_layer(p, q, out_p, out_q))
            });
        })
    }

    /// A round of the fractional sumcheck without its equality factor (Gruen's form). With
    /// `G(X) = sum_x eq[x] (p0 q1 + r1 q0)(X, x)`: `[G(0), coefficient of X^2 in G]`; the claim gives the third
    /// coefficient. Tables `p0, r1, q0, q1` are given as their halves; `eq` covers the variables *after* this round.
    fn fraction_round(self, eq: &[K], tables: [(&[K], &[K]); 4]) -> [K; 2] {
        let lengths = tables.map(|(low, high)| common(&[low.len(), high.len()]));
        sum_chunks(common(&lengths).min(eq.len()), |range| {
            let tables = tables.map(|(low, high)| (&low[range.clone()], &high[range.clone()]));
            dispatch!(self, fraction_round(&eq[range.clone()], tables))
        })
    }

    /// With `G(X) = sum_x eq[x] (a b)(X, x)`: `[G(0), coefficient of X^2 in G]`. Tables are given as their halves.
    fn weighted_product_round(self, eq: &[K], a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2] {
        let length = common(&[eq.len(), a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
        sum_chunks(length, |range| {
            let a = (&a.0[range.clone()], &a.1[range.clone()]);
            let b = (&b.0[range.clone()], &b.1[range.clone()]);
            dispatch!(self, weighted_product_round(&eq[range], a, b))
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
        // The last variable is the lowest bit: it is there first, each earlier one doubles what exists.
        for &r in point.iter().rev() {
            let filled = table.len();
            let (low, high): (*mut K, *mut MaybeUninit<K>) =
                (table.as_mut_ptr(), table.spare_capacity_mut().as_mut_ptr());
            // SAFETY: `low` are the initialized elements, `high` the `filled` uninitialized ones behind them
            // (2 filled <= length <= capacity); they do not overlap and live as long as `table`.
            let (low, high) = unsafe {
                (core::slice::from_raw_parts_mut(low, filled), core::slice::from_raw_parts_mut(high, filled))
            };
            for_chunks_of_two(low, high, |_, low, high| dispatch!(self, eq_double(low, high, r)));
            // SAFETY: the kernel wrote all of `high`.
            unsafe { table.set_len(2 * filled) };
        }
        table
    }

    /// Elementwise butterfly with one twiddle: `(low, high) = (low + t high, low - t high)`.
    fn butterfly(self, low: &mut [M61], high: &mut [M61], t: M61) {
        for_chunks_of_two(low, high, |_, low, high| dispatch!(self, butterfly(low, high, t)));
    }

    /// For each block `b` of `2 half` consecutive values the [`butterfly`] of its halves with `twiddles[b]`. Values after the
    /// last full block, or after the last twiddle, stay as they are.
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

    /// Two layers of [`butterfly_pairs`] at once: on each block of `4 quarter` values those of its halves with the block's factor in
    /// `outer`, then those of the halves of both halves with its two in `inner`. Runs on the calling thread.
    ///
    /// Between two such calls the values are words of the right residues, not canonical ones; after the `last` one they are.
    fn butterfly_quads(self, values: &mut [M61], quarter: usize, outer: &[M61], inner: &[M61], last: bool) {
        dispatch!(self, butterfly_quads(values, quarter, outer, inner, last));
    }

    /// [`butterfly_quads`] of one block into a new one, where the first values of the block are those of `head` instead: at most a
    /// quarter. Runs on the calling thread.
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

    /// The combination of rows in the base field: `out[j] = sum_a weights[a] rows[a * row_length + j]`, `row_length` elements.
    /// There must be a row for each weight.
    fn combine_rows(self, rows: &[M61], row_length: usize, weights: &[K]) -> Vec<K> {
        let rows = &rows[..row_length * weights.len()];
        collect(row_length, |out| {
            for_chunks(out, |range, out| {
                dispatch!(self, combine_base(out, rows.get(range.start..).unwrap_or(&[]), row_length, weights))
            });
        })
    }

    /// The combination of int8 rows: `out[j] = sum_a coefficients[a] rows[a * row_length + j]`, `row_length`
    /// elements. Rows without a coefficient, and coefficients without a full row, do not count.
    fn fold_rows_i8(self, rows: &[i8], row_length: usize, coefficients: &[K]) -> Vec<K> {
        limb::fold_rows(self, rows, row_length, coefficients)
    }

    /// The inner product of each int8 row with `vector`: `out[a] = sum_j rows[a * row_length + j] vector[j]`,
    /// one element for each full row.
    fn rows_dot_i8(self, rows: &[i8], row_length: usize, vector: &[K]) -> Vec<K> {
        limb::rows_dot(self, rows, row_length, vector)
    }

    /// The product of an int8 matrix with every patch, `[output, position]`, exact if no sum of absolute values
    /// reaches `2^31`.
    ///
    /// # Panics
    /// If the patches have another number of segments than the matrix, or leave the data.
    fn multiply_patches(self, weights: &PackedMatrix, patches: Patches<'_>) -> Vec<i32> {
        int8::multiply(self, weights, patches)
    }

    /// `out[i] = floor((x[i] multiplier + 2^(shift - 1)) / 2^shift)` for `shift >= 1`, modulo `2^64`; the smallest and the largest
    /// of the results, 0 among them.
    fn rescale_integers(self, x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
        dispatch!(self, int8::rescale(x, multiplier, shift, out))
    }
}

impl Backend {
    /// [`Self::fraction_layer`] of fractions that are nowhere written down, `2 half` of them: `denominators(start, out)`
    /// fills `out` with the denominators from cell `start` on, `numerators(start, out)` with the numerators, or returns
    /// false if all of them are 1. From cell `filled` on all fractions are `0/1`.
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

/// The little-endian words of `values`, as in `field::encoding`; `out` takes 8 bytes for each.
#[inline]
pub fn write_words(values: &[M61], out: &mut [u8]) {
    assert_eq!(out.len(), 8 * values.len());
    if cfg!(target_endian = "little") {
        // SAFETY: an element is a word (asserted where it is defined), `out` has as many bytes, and both are borrowed.
        unsafe { core::ptr::copy_nonoverlapping(values.as_ptr().cast(), out.as_mut_ptr(), out.len()) };
    } else {
        for (bytes, value) in out.chunks_exact_mut(8).zip(values) {
            bytes.copy_from_slice(&value.value.to_le_bytes());
        }
    }
}

/// The shortest of the lengths; in debug builds they must agree.
fn common(lengths: &[usize]) -> usize {
    let shortest = lengths.iter().copied().min().unwrap_or(0);
    debug_assert!(
        lengths.iter().all(|&length| length == shortest),
        "slices of different lengths: {lengths:?}"
    );
    shortest
}

/// The first `2 half` elements as two halves.
fn halves(table: &[K], half: usize) -> (&[K], &[K]) {
    (&table[..half], &table[half..2 * half])
}

/// A vector of `length` elements, all written by `fill`.
fn collect<T>(length: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut out = Vec::with_capacity(length);
    fill(&mut out.spare_capacity_mut()[..length]);
    // SAFETY: the kernels that are used as `fill` write every element of their output.
    unsafe { out.set_len(length) };
    out
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
