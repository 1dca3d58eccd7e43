//! Butterflies of the transforms of the code.

use core::mem::MaybeUninit;

use super::declare::map_kernel;
use super::operands::{Operand, Read, Write, coordinates_mut};
use super::walk::{Map, run};
use crate::field::kernels::lengths::common;
use crate::field::kernels::vector::Vector;
use crate::field::{K, M61};

map_kernel! {
    /// `(low, high) = (low + t high, low - t high)`.
    fn butterfly<'a>(low: &'a mut [M61], high: &'a mut [M61], t: M61) |V, i| {
        let a = low.words::<V>(i);
        let b = high.words::<V>(i).mul(V::splat(t));
        low.put_words(i, a.add(b));
        high.put_words(i, a.sub(b));
    }
}

map_kernel! {
    /// [`butterfly_transposed`], by coordinates.
    fn transposed_of_words<'a>(low: &'a mut [M61], high: &'a mut [M61], t: M61) |V, i| {
        let (a, b) = (low.words::<V>(i), high.words::<V>(i));
        low.put_words(i, a.add(b));
        high.put_words(i, a.sub(b).mul(V::splat(t)));
    }
}

/// `(low, high) = (low + high, t (low - high))`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn butterfly_transposed<V: Vector>(
    low: &mut [K],
    high: &mut [K],
    t: M61,
) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { transposed_of_words::<V>(coordinates_mut(low), coordinates_mut(high), t) }
}

/// Two layers of butterflies on four runs of values: see [`butterfly_quads`].
struct ButterflyQuad<const LAST: bool> {
    from: [Read; 4],
    to: [Write; 4],
    factors: [u64; 3],
}

impl<const LAST: bool> Map for ButterflyQuad<LAST> {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, i: usize) {
        // SAFETY: the caller vouches for the index and the instruction set.
        unsafe {
            let [outer, first, second] = self.factors.map(|factor| V::factor(factor));
            let [a, b, c, d] = self.from.map(|from| V::load(from.0.add(i)));
            let (a, b) = (a.shorten(), b.shorten());
            let (c, d) = (c.lazy_mul(outer), d.lazy_mul(outer));
            let (a, c) = (a.lazy_add(c), a.lazy_sub(c));
            let (b, d) = (b.lazy_add(d).lazy_mul(first), b.lazy_sub(d).lazy_mul(second));
            let out = [a.lazy_add(b), a.lazy_sub(b), c.lazy_add(d), c.lazy_sub(d)];
            for (to, value) in self.to.iter().zip(out) {
                let value = if LAST { value.canonical() } else { value };
                value.store(to.0.add(i));
            }
        }
    }
}

/// Two layers of butterflies on each block of four runs `a, b, c, d` of `quarter` values. Block `k` joins `(a, c)` and
/// `(b, d)` with `outer[k]`, then `(a, b)` with `inner[2 k]` and `(c, d)` with `inner[2 k + 1]`. Unless this is the
/// `last` call, the words need not be canonical after it.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn butterfly_quads<V: Vector>(
    values: &mut [M61],
    quarter: usize,
    outer: &[M61],
    inner: &[M61],
    last: bool,
) {
    if quarter == 0 {
        return;
    }
    let factors = outer.iter().zip(inner.chunks_exact(2));
    for (block, (outer, inner)) in values.chunks_exact_mut(4 * quarter).zip(factors) {
        let start = block.as_mut_ptr();
        // SAFETY: four runs of a quarter of the block each, which is borrowed; each is read and written at the same
        // index. The caller vouches for the instruction set.
        unsafe {
            let runs = core::array::from_fn(|k| start.add(k * quarter).cast::<u64>());
            let from = runs.map(|run| Read(run));
            quad::<V>(
                from,
                runs.map(Write),
                quarter,
                [outer, &inner[0], &inner[1]],
                last,
            );
        }
    }
}

/// [`butterfly_quads`] of one block, from `from` to `to`. Writes every element of `to`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn butterfly_quad<V: Vector>(
    from: [&[M61]; 4],
    to: [&mut [MaybeUninit<M61>]; 4],
    factors: [&M61; 3],
    last: bool,
) {
    let lengths = from
        .map(<[M61]>::len)
        .into_iter()
        .chain(to.each_ref().map(|to| to.len()));
    let length = lengths.min().unwrap_or(0);
    let to = to.map(|to| Write(to.as_mut_ptr().cast()));
    // SAFETY: the runs have `length` words, and those that are written are borrowed for that. The caller vouches for
    // the instruction set.
    unsafe { quad::<V>(from.map(Operand::seen), to, length, factors, last) }
}

/// # Safety
/// The instruction set is there and all eight runs have `length` words.
#[inline(always)]
unsafe fn quad<V: Vector>(from: [Read; 4], to: [Write; 4], length: usize, factors: [&M61; 3], last: bool) {
    let factors = factors.map(|factor| factor.value);
    // SAFETY: as the caller vouches.
    unsafe {
        if last {
            run::<V>(length, ButterflyQuad::<true> { from, to, factors });
        } else {
            run::<V>(length, ButterflyQuad::<false> { from, to, factors });
        }
    }
}

/// A butterfly of the halves of each block of `2 half` values, with its own twiddle.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn butterfly_pairs<V: Vector>(
    values: &mut [M61],
    half: usize,
    twiddles: &[M61],
) {
    if half == 0 {
        return;
    }
    let done = if half >= V::WIDTH {
        0
    } else {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            match half {
                1 => small_blocks::<V, 1>(values, twiddles),
                2 => small_blocks::<V, 2>(values, twiddles),
                4 => small_blocks::<V, 4>(values, twiddles),
                _ => 0,
            }
        }
    };
    let (values, twiddles) = (&mut values[2 * half * done..], &twiddles[done..]);
    for (block, &t) in values.chunks_exact_mut(2 * half).zip(twiddles) {
        let (low, high) = block.split_at_mut(half);
        // SAFETY: the caller vouches for the instruction set.
        unsafe { butterfly::<V>(low, high, t) }
    }
}

/// Butterflies of blocks smaller than a vector; the number of blocks done.
///
/// # Safety
/// The instruction set is there and `HALF` is a power of two below `V::WIDTH`.
#[inline(always)]
unsafe fn small_blocks<V: Vector, const HALF: usize>(values: &mut [M61], twiddles: &[M61]) -> usize {
    let per_step = V::WIDTH / HALF;
    let steps = (values.len() / (2 * HALF)).min(twiddles.len()) / per_step;
    let (values, twiddles) = (values.seen().0, twiddles.seen().0);
    for step in 0..steps {
        // SAFETY: step < steps, so 2 WIDTH values and WIDTH / HALF twiddles are left from here.
        unsafe {
            let target = values.add(2 * V::WIDTH * step);
            let (low, high) = V::load_blocks::<HALF>(target);
            let high = high.mul(V::load_twiddles::<HALF>(twiddles.add(per_step * step)));
            V::store_blocks::<HALF>(low.add(high), low.sub(high), target);
        }
    }
    steps * per_step
}
