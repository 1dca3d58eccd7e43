//! The kernels, written once over [`Vector`]; each instruction set instantiates them.
//!
//! Each kernel is a *step* on the vectors at one index. `run` walks over the full vectors; what is left
//! after the last one is done one element at a time by [`Scalar`], through the same step.

use core::mem::MaybeUninit;

use super::portable::Scalar;
use super::vector::{Pair, TERMS_BETWEEN_FLUSHES, Vector};
use crate::field::{K, M61};

/// A kernel that writes its result element by element.
trait Map {
    /// # Safety
    /// The instruction set of `V` is there, and `index .. index + V::WIDTH` is inside all operands.
    unsafe fn step<V: Vector>(&self, index: usize);
}

/// A kernel that sums `N` products.
trait Fold<const N: usize> {
    /// Adds one product to each of the sums.
    ///
    /// # Safety
    /// As for [`Map::step`].
    unsafe fn step<V: Vector>(&self, index: usize, sums: &mut [Pair<V::Sum>; N]);
}

/// # Safety
/// The instruction set of `V` is there and all operands have `length` elements.
#[inline(always)]
unsafe fn run<V: Vector>(length: usize, kernel: impl Map) {
    let full = length - length % V::WIDTH;
    let mut index = 0;
    while index < full {
        // SAFETY: index + WIDTH <= full <= length.
        unsafe { kernel.step::<V>(index) };
        index += V::WIDTH;
    }
    while index < length {
        // SAFETY: index < length, and scalars need no instruction set.
        unsafe { kernel.step::<Scalar>(index) };
        index += 1;
    }
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn sum<V: Vector, const N: usize>(length: usize, kernel: impl Fold<N>) -> [K; N] {
    // SAFETY: indices stay below `length` as in `run`; flushes come every TERMS_BETWEEN_FLUSHES terms.
    unsafe {
        let full = length - length % V::WIDTH;
        let mut sums = [Pair {
            re: V::no_sum(),
            im: V::no_sum(),
        }; N];
        let mut index = 0;
        while index < full {
            let end = full.min(index + TERMS_BETWEEN_FLUSHES * V::WIDTH);
            while index < end {
                kernel.step::<V>(index, &mut sums);
                index += V::WIDTH;
            }
            for sum in &mut sums {
                *sum = Pair {
                    re: V::flush(sum.re),
                    im: V::flush(sum.im),
                };
            }
        }
        let mut rest = [Pair {
            re: Scalar::no_sum(),
            im: Scalar::no_sum(),
        }; N];
        while index < length {
            kernel.step::<Scalar>(index, &mut rest);
            index += 1;
        }
        core::array::from_fn(|k| {
            K::new(
                V::total(sums[k].re) + Scalar::total(rest[k].re),
                V::total(sums[k].im) + Scalar::total(rest[k].im),
            )
        })
    }
}

/// Operands of a kernel, as words: element `i` of `K` is the words `2 i` and `2 i + 1`.
#[derive(Clone, Copy)]
struct Read(*const u64);

#[derive(Clone, Copy)]
struct Write(*mut u64);

impl Read {
    fn of(slice: &[K]) -> Self {
        Read(slice.as_ptr().cast())
    }

    fn of_base(slice: &[M61]) -> Self {
        Read(slice.as_ptr().cast())
    }

    #[inline(always)]
    unsafe fn pair<V: Vector>(self, index: usize) -> Pair<V> {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_pair(self.0.add(2 * index)) }
    }

    #[inline(always)]
    unsafe fn base<V: Vector>(self, index: usize) -> V {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_in_pair_order(self.0.add(index)) }
    }
}

impl Write {
    fn of(slice: &mut [K]) -> Self {
        Write(slice.as_mut_ptr().cast())
    }

    fn of_new(slice: &mut [MaybeUninit<K>]) -> Self {
        Write(slice.as_mut_ptr().cast())
    }

    fn of_base(slice: &mut [M61]) -> Self {
        Write(slice.as_mut_ptr().cast())
    }

    #[inline(always)]
    unsafe fn pair<V: Vector>(self, index: usize) -> Pair<V> {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_pair(self.0.add(2 * index)) }
    }

    #[inline(always)]
    unsafe fn put<V: Vector>(self, index: usize, value: Pair<V>) {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::store_pair(value, self.0.add(2 * index)) }
    }
}

/// Declares a kernel: a struct of operands and its step.
macro_rules! map_kernel {
    ($name:ident { $($field:ident: $type:ty),* } |$v:ident, $index:ident| $body:block) => {
        struct $name { $($field: $type),* }
        impl Map for $name {
            #[inline(always)]
            unsafe fn step<$v: Vector>(&self, $index: usize) {
                let &Self { $($field),* } = self;
                // SAFETY: the caller vouches for the index and the instruction set.
                unsafe { $body }
            }
        }
    };
}

macro_rules! fold_kernel {
    ($name:ident<$count:literal> { $($field:ident: $type:ty),* } |$v:ident, $index:ident, $sums:ident| $body:block) => {
        struct $name { $($field: $type),* }
        impl Fold<$count> for $name {
            #[inline(always)]
            unsafe fn step<$v: Vector>(&self, $index: usize, $sums: &mut [Pair<$v::Sum>; $count]) {
                let &Self { $($field),* } = self;
                // SAFETY: the caller vouches for the index and the instruction set.
                unsafe { $body }
            }
        }
    };
}

map_kernel! {
    FoldHalves { low: Write, high: Read, r: K } |V, i| {
        let a = low.pair::<V>(i);
        let d = high.pair::<V>(i).loose_sub(a);
        low.put(i, V::mul_add_pair(d, Pair::splat(r), a));
    }
}

map_kernel! {
    FoldBaseHalves { out: Write, low: Read, high: Read, r: K } |V, i| {
        let a = low.base::<V>(i);
        let d = high.base::<V>(i).sub(a);
        let r = Pair::<V>::splat(r);
        out.put(i, Pair { re: d.mul_add(r.re, a), im: d.mul(r.im) });
    }
}

map_kernel! {
    AddScaled { acc: Write, c: K, x: Read } |V, i| {
        acc.put(i, V::mul_add_pair(x.pair(i), Pair::splat(c), acc.pair(i)));
    }
}

map_kernel! {
    AddScaledBase { acc: Write, c: K, x: Read } |V, i| {
        let x = x.base::<V>(i);
        let c = Pair::<V>::splat(c);
        let old = acc.pair::<V>(i);
        acc.put(i, Pair { re: x.mul_add(c.re, old.re), im: x.mul_add(c.im, old.im) });
    }
}

map_kernel! {
    Scale { values: Write, c: K } |V, i| {
        values.put(i, V::mul_pair(values.pair(i), Pair::splat(c)));
    }
}

map_kernel! {
    Multiply { acc: Write, x: Read } |V, i| {
        acc.put(i, V::mul_pair(acc.pair(i), x.pair(i)));
    }
}

map_kernel! {
    EqDouble { low: Write, high: Write, r: K } |V, i| {
        let a = low.pair::<V>(i);
        let upper = V::mul_pair(a, Pair::splat(r));
        high.put(i, upper);
        low.put(i, a.sub(upper));
    }
}

map_kernel! {
    FractionLayer { p_low: Read, p_high: Read, q_low: Read, q_high: Read, p: Write, q: Write } |V, i| {
        let (q_low, q_high) = (q_low.pair::<V>(i), q_high.pair::<V>(i));
        let cross = V::mac_pair(Pair { re: V::no_sum(), im: V::no_sum() }, p_low.pair(i), q_high);
        let cross = V::mac_pair(cross, p_high.pair(i), q_low);
        p.put(i, Pair { re: V::reduce(cross.re), im: V::reduce(cross.im) });
        q.put(i, V::mul_pair(q_low, q_high));
    }
}

map_kernel! {
    UnitFractionLayer { q_low: Read, q_high: Read, p: Write, q: Write } |V, i| {
        let (q_low, q_high) = (q_low.pair::<V>(i), q_high.pair::<V>(i));
        p.put(i, q_low.add(q_high));
        q.put(i, V::mul_pair(q_low, q_high));
    }
}

map_kernel! {
    Butterfly { low: Write, high: Write, t: u64 } |V, i| {
        let (low, high) = (low.0.add(i), high.0.add(i));
        let a = V::load(low);
        let b = V::load(high).mul(V::splat(t));
        a.add(b).store(low);
        a.sub(b).store(high);
    }
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

map_kernel! {
    ButterflyTransposed { low: Write, high: Write, t: u64 } |V, i| {
        let (low, high) = (low.0.add(i), high.0.add(i));
        let (a, b) = (V::load(low), V::load(high));
        a.add(b).store(low);
        a.sub(b).mul(V::splat(t)).store(high);
    }
}

map_kernel! {
    Multiples { out: Write, x: Read, t: u64 } |V, i| {
        V::load(x.0.add(i)).mul(V::splat(t)).store(out.0.add(i));
    }
}

map_kernel! {
    AddTo { acc: Write, x: Read } |V, i| {
        let acc = acc.0.add(i);
        V::load(acc).add(V::load(x.0.add(i))).store(acc);
    }
}

fold_kernel! {
    Dot<1> { a: Read, b: Read } |V, i, sums| {
        sums[0] = V::mac_pair(sums[0], a.pair(i), b.pair(i));
    }
}

fold_kernel! {
    DotBase<1> { a: Read, b: Read } |V, i, sums| {
        let (a, b) = (a.base::<V>(i), b.pair::<V>(i));
        sums[0] = Pair { re: V::mac_base(sums[0].re, a, b.re), im: V::mac_base(sums[0].im, a, b.im) };
    }
}

fold_kernel! {
    ProductRound<2> { a_low: Read, a_high: Read, b_low: Read, b_high: Read } |V, i, sums| {
        let (a, b) = (a_low.pair::<V>(i), b_low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], a, b);
        let (a_high, b_high) = (a_high.pair::<V>(i), b_high.pair::<V>(i));
        // At 2: high + (high - low).
        let a_two = a_high.loose_sub(a).loose_add(a_high);
        let b_two = b_high.loose_sub(b).loose_add(b_high);
        sums[1] = V::mac_pair(sums[1], a_two, b_two);
    }
}

fold_kernel! {
    ProductEnds<2> { a_low: Read, a_high: Read, b_low: Read, b_high: Read } |V, i, sums| {
        let (a, b) = (a_low.pair::<V>(i), b_low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], a, b);
        let a_step = a_high.pair::<V>(i).loose_sub(a);
        let b_step = b_high.pair::<V>(i).loose_sub(b);
        sums[1] = V::mac_pair(sums[1], a_step, b_step);
    }
}

fold_kernel! {
    EqProductRound<3> {
        e_low: Read, e_high: Read, a_low: Read, a_high: Read, b_low: Read, b_high: Read
    } |V, i, sums| {
        let (e, a, b) = (e_low.pair::<V>(i), a_low.pair::<V>(i), b_low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], e, V::mul_pair(a, b));
        let (e_high, a_high, b_high) = (e_high.pair::<V>(i), a_high.pair::<V>(i), b_high.pair::<V>(i));
        let (e_step, a_step, b_step) = (e_high.sub(e), a_high.sub(a), b_high.sub(b));
        let (e_two, a_two, b_two) = (e_high.add(e_step), a_high.add(a_step), b_high.add(b_step));
        sums[1] = V::mac_pair(sums[1], e_two, V::mul_pair(a_two, b_two));
        let product = V::mul_pair(a_two.loose_add(a_step), b_two.add(b_step));
        sums[2] = V::mac_pair(sums[2], e_two.loose_add(e_step), product);
    }
}

fold_kernel! {
    FractionRound<2> {
        eq: Read, p0_low: Read, p0_high: Read, r1_low: Read, r1_high: Read,
        q0_low: Read, q0_high: Read, q1_low: Read, q1_high: Read
    } |V, i, sums| {
        let none = Pair { re: V::no_sum(), im: V::no_sum() };
        let eq = eq.pair::<V>(i);
        let (p0, r1, q0, q1) = (p0_low.pair::<V>(i), r1_low.pair::<V>(i), q0_low.pair::<V>(i), q1_low.pair::<V>(i));
        let value = V::mac_pair(V::mac_pair(none, p0, q1), q0, r1);
        sums[0] = V::mac_pair(sums[0], eq, Pair { re: V::reduce(value.re), im: V::reduce(value.im) });
        // The coefficient of X^2 comes from the differences alone.
        let p0_step = p0_high.pair::<V>(i).loose_sub(p0);
        let r1_step = r1_high.pair::<V>(i).loose_sub(r1);
        let q0_step = q0_high.pair::<V>(i).loose_sub(q0);
        let q1_step = q1_high.pair::<V>(i).loose_sub(q1);
        let value = V::mac_pair(V::mac_pair(none, p0_step, q1_step), q0_step, r1_step);
        sums[1] = V::mac_pair(sums[1], eq, Pair { re: V::reduce(value.re), im: V::reduce(value.im) });
    }
}

fold_kernel! {
    WeightedProductRound<2> { eq: Read, a_low: Read, a_high: Read, b_low: Read, b_high: Read } |V, i, sums| {
        let (eq, a, b) = (eq.pair::<V>(i), a_low.pair::<V>(i), b_low.pair::<V>(i));
        sums[0] = V::mac_pair(sums[0], eq, V::mul_pair(a, b));
        let a_step = a_high.pair::<V>(i).loose_sub(a);
        let b_step = b_high.pair::<V>(i).sub(b);
        sums[1] = V::mac_pair(sums[1], eq, V::mul_pair(a_step, b_step));
    }
}

/// The shortest of the lengths; in debug builds they must agree.
fn common<const N: usize>(lengths: [usize; N]) -> usize {
    let shortest = lengths.into_iter().min().unwrap_or(0);
    debug_assert!(
        lengths.iter().all(|&length| length == shortest),
        "slices of different lengths: {lengths:?}"
    );
    shortest
}

/// The two halves of a table.
type Halves<'a> = (&'a [K], &'a [K]);

/// `low += r (high - low)`.
#[inline(always)]
pub(super) unsafe fn fold_halves<V: Vector>(low: &mut [K], high: &[K], r: K) {
    let length = common([low.len(), high.len()]);
    // SAFETY: the caller vouches for the instruction set; the lengths are checked above. So in all that follow.
    unsafe {
        run::<V>(
            length,
            FoldHalves {
                low: Write::of(low),
                high: Read::of(high),
                r,
            },
        )
    }
}

/// `out = low + r (high - low)`; writes every element of `out`.
#[inline(always)]
pub(super) unsafe fn fold_base_halves<V: Vector>(
    out: &mut [MaybeUninit<K>],
    low: &[M61],
    high: &[M61],
    r: K,
) {
    let length = common([out.len(), low.len(), high.len()]);
    let (low, high) = (Read::of_base(low), Read::of_base(high));
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            length,
            FoldBaseHalves {
                out: Write::of_new(out),
                low,
                high,
                r,
            },
        )
    }
}

/// `acc += c x`.
#[inline(always)]
pub(super) unsafe fn add_scaled<V: Vector>(acc: &mut [K], c: K, x: &[K]) {
    let length = common([acc.len(), x.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            length,
            AddScaled {
                acc: Write::of(acc),
                c,
                x: Read::of(x),
            },
        )
    }
}

/// `acc += c x`.
#[inline(always)]
pub(super) unsafe fn add_scaled_base<V: Vector>(acc: &mut [K], c: K, x: &[M61]) {
    let length = common([acc.len(), x.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            length,
            AddScaledBase {
                acc: Write::of(acc),
                c,
                x: Read::of_base(x),
            },
        )
    }
}

/// `out[j] = sum_a weights[a] rows[a stride + j]`; writes every element of `out`, whose length is at most `stride`.
#[inline(always)]
pub(super) unsafe fn combine_base<V: Vector>(
    out: &mut [MaybeUninit<K>],
    rows: &[M61],
    stride: usize,
    weights: &[K],
) {
    let count = weights.len();
    // Of the last row only the part that is read has to be there.
    assert!(out.len() <= stride && (count == 0 || rows.len() >= (count - 1) * stride + out.len()));
    let kernel = CombineBase {
        out: Write::of_new(out),
        rows: Read::of_base(rows),
        stride,
        weights: Read::of(weights),
        count,
    };
    // SAFETY: see `fold_halves`; `count` rows of `stride`, of which `out.len()` cells are read, are inside `rows`.
    unsafe { run::<V>(out.len(), kernel) }
}

/// `values *= c`.
#[inline(always)]
pub(super) unsafe fn scale<V: Vector>(values: &mut [K], c: K) {
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            values.len(),
            Scale {
                values: Write::of(values),
                c,
            },
        )
    }
}

/// `acc *= x`.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector>(acc: &mut [K], x: &[K]) {
    let length = common([acc.len(), x.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            length,
            Multiply {
                acc: Write::of(acc),
                x: Read::of(x),
            },
        )
    }
}

/// `(low, high) = (low - r low, r low)`; writes every element of `high`.
#[inline(always)]
pub(super) unsafe fn eq_double<V: Vector>(low: &mut [K], high: &mut [MaybeUninit<K>], r: K) {
    let length = common([low.len(), high.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        run::<V>(
            length,
            EqDouble {
                low: Write::of(low),
                high: Write::of_new(high),
                r,
            },
        )
    }
}

/// `p = p_low q_high + p_high q_low`, `q = q_low q_high`; writes every element of both.
#[inline(always)]
pub(super) unsafe fn fraction_layer<V: Vector>(
    (p_low, p_high): Halves<'_>,
    (q_low, q_high): Halves<'_>,
    p: &mut [MaybeUninit<K>],
    q: &mut [MaybeUninit<K>],
) {
    let length = common([
        p.len(),
        q.len(),
        p_low.len(),
        p_high.len(),
        q_low.len(),
        q_high.len(),
    ]);
    let (p_low, p_high, q_low, q_high) = (
        Read::of(p_low),
        Read::of(p_high),
        Read::of(q_low),
        Read::of(q_high),
    );
    let kernel = FractionLayer {
        p_low,
        p_high,
        q_low,
        q_high,
        p: Write::of_new(p),
        q: Write::of_new(q),
    };
    // SAFETY: see `fold_halves`.
    unsafe { run::<V>(length, kernel) }
}

/// `(low, high) = (low + t high, low - t high)`.
#[inline(always)]
pub(super) unsafe fn butterfly<V: Vector>(low: &mut [M61], high: &mut [M61], t: M61) {
    let length = common([low.len(), high.len()]);
    let kernel = Butterfly {
        low: Write::of_base(low),
        high: Write::of_base(high),
        t: t.value,
    };
    // SAFETY: see `fold_halves`.
    unsafe { run::<V>(length, kernel) }
}

/// Two layers of butterflies on each block of `4 quarter` values `a, b, c, d`: `(a, c)` and `(b, d)` with the block's factor in
/// `outer`, then `(a, b)` and `(c, d)` with its two in `inner`. Between such calls the words need not be canonical; after the
/// `last` one they are.
#[inline(always)]
pub(super) unsafe fn butterfly_quads<V: Vector>(
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
        // SAFETY: four runs of a quarter of the block each, which is borrowed; each is read and written at the same index. The
        // caller vouches for the instruction set.
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

/// One block of [`butterfly_quads`] from one place to another; writes every element of `to`.
#[inline(always)]
pub(super) unsafe fn butterfly_quad<V: Vector>(
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
    // SAFETY: the runs have `length` words, and those that are written are borrowed for that. The caller vouches for the
    // instruction set.
    unsafe { quad::<V>(from.map(Read::of_base), to, length, factors, last) }
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
pub(super) unsafe fn butterfly_pairs<V: Vector>(values: &mut [M61], half: usize, twiddles: &[M61]) {
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
    let (values, twiddles) = (Write::of_base(values).0, Read::of_base(twiddles).0);
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

/// `(low, high) = (low + high, t (low - high))`.
#[inline(always)]
pub(super) unsafe fn butterfly_transposed<V: Vector>(low: &mut [K], high: &mut [K], t: M61) {
    let length = common([low.len(), high.len()]);
    let kernel = ButterflyTransposed {
        low: Write::of(low),
        high: Write::of(high),
        t: t.value,
    };
    // SAFETY: see `fold_halves`; `t` is in F, so both coordinates are words alike, two for each element.
    unsafe { run::<V>(2 * length, kernel) }
}

/// `out = t x`.
#[inline(always)]
pub(super) unsafe fn multiples<V: Vector>(out: &mut [K], x: &[K], t: M61) {
    let length = common([out.len(), x.len()]);
    let kernel = Multiples {
        out: Write::of(out),
        x: Read::of(x),
        t: t.value,
    };
    // SAFETY: see `butterfly_transposed`.
    unsafe { run::<V>(2 * length, kernel) }
}

/// `acc += x`.
#[inline(always)]
pub(super) unsafe fn add_to<V: Vector>(acc: &mut [K], x: &[K]) {
    let length = common([acc.len(), x.len()]);
    let kernel = AddTo {
        acc: Write::of(acc),
        x: Read::of(x),
    };
    // SAFETY: see `butterfly_transposed`.
    unsafe { run::<V>(2 * length, kernel) }
}

/// `[sum a b]`.
#[inline(always)]
pub(super) unsafe fn dot<V: Vector>(a: &[K], b: &[K]) -> [K; 1] {
    let length = common([a.len(), b.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        sum::<V, 1>(
            length,
            Dot {
                a: Read::of(a),
                b: Read::of(b),
            },
        )
    }
}

/// `[sum a b]`.
#[inline(always)]
pub(super) unsafe fn dot_base<V: Vector>(a: &[M61], b: &[K]) -> [K; 1] {
    let length = common([a.len(), b.len()]);
    // SAFETY: see `fold_halves`.
    unsafe {
        sum::<V, 1>(
            length,
            DotBase {
                a: Read::of_base(a),
                b: Read::of(b),
            },
        )
    }
}

/// `[sum a b at 0, sum a b at 2]`.
#[inline(always)]
pub(super) unsafe fn product_round<V: Vector>(a: Halves<'_>, b: Halves<'_>) -> [K; 2] {
    let length = common([a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
    let (a_low, a_high, b_low, b_high) = (Read::of(a.0), Read::of(a.1), Read::of(b.0), Read::of(b.1));
    // SAFETY: see `fold_halves`.
    unsafe {
        sum::<V, 2>(
            length,
            ProductRound {
                a_low,
                a_high,
                b_low,
                b_high,
            },
        )
    }
}

/// `[sum a b at 0, coefficient of X^2]`.
#[inline(always)]
pub(super) unsafe fn product_ends<V: Vector>(a: Halves<'_>, b: Halves<'_>) -> [K; 2] {
    let length = common([a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
    let (a_low, a_high, b_low, b_high) = (Read::of(a.0), Read::of(a.1), Read::of(b.0), Read::of(b.1));
    // SAFETY: see `fold_halves`.
    unsafe {
        sum::<V, 2>(
            length,
            ProductEnds {
                a_low,
                a_high,
                b_low,
                b_high,
            },
        )
    }
}

/// `[sum e a b at 0, at 2, at 3]`.
#[inline(always)]
pub(super) unsafe fn eq_product_round<V: Vector>(e: Halves<'_>, a: Halves<'_>, b: Halves<'_>) -> [K; 3] {
    let length = common([e.0.len(), e.1.len(), a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
    let (e_low, e_high) = (Read::of(e.0), Read::of(e.1));
    let (a_low, a_high, b_low, b_high) = (Read::of(a.0), Read::of(a.1), Read::of(b.0), Read::of(b.1));
    // SAFETY: see `fold_halves`.
    unsafe {
        sum::<V, 3>(
            length,
            EqProductRound {
                e_low,
                e_high,
                a_low,
                a_high,
                b_low,
                b_high,
            },
        )
    }
}

/// `[G(0), coefficient of X^2 of G]`, `G(X) = sum eq (p0 q1 + r1 q0)(X)`; tables in the order `p0, r1, q0, q1`.
#[inline(always)]
pub(super) unsafe fn fraction_round<V: Vector>(eq: &[K], tables: [Halves<'_>; 4]) -> [K; 2] {
    let [p0, r1, q0, q1] = tables;
    let length = common([
        eq.len(),
        p0.0.len(),
        p0.1.len(),
        r1.0.len(),
        r1.1.len(),
        q0.0.len(),
        q0.1.len(),
        q1.0.len(),
        q1.1.len(),
    ]);
    let kernel = FractionRound {
        eq: Read::of(eq),
        p0_low: Read::of(p0.0),
        p0_high: Read::of(p0.1),
        r1_low: Read::of(r1.0),
        r1_high: Read::of(r1.1),
        q0_low: Read::of(q0.0),
        q0_high: Read::of(q0.1),
        q1_low: Read::of(q1.0),
        q1_high: Read::of(q1.1),
    };
    // SAFETY: see `fold_halves`.
    unsafe { sum::<V, 2>(length, kernel) }
}

/// `[G(0), coefficient of X^2 of G]`, `G(X) = sum eq (a b)(X)`.
#[inline(always)]
pub(super) unsafe fn weighted_product_round<V: Vector>(eq: &[K], a: Halves<'_>, b: Halves<'_>) -> [K; 2] {
    let length = common([eq.len(), a.0.len(), a.1.len(), b.0.len(), b.1.len()]);
    let kernel = WeightedProductRound {
        eq: Read::of(eq),
        a_low: Read::of(a.0),
        a_high: Read::of(a.1),
        b_low: Read::of(b.0),
        b_high: Read::of(b.1),
    };
    // SAFETY: see `fold_halves`.
    unsafe { sum::<V, 2>(length, kernel) }
}

/// `p = q_low + q_high`, `q = q_low q_high`; writes every element of both.
#[inline(always)]
pub(super) unsafe fn unit_fraction_layer<V: Vector>(
    (q_low, q_high): Halves<'_>,
    p: &mut [MaybeUninit<K>],
    q: &mut [MaybeUninit<K>],
) {
    let length = common([p.len(), q.len(), q_low.len(), q_high.len()]);
    let kernel = UnitFractionLayer {
        q_low: Read::of(q_low),
        q_high: Read::of(q_high),
        p: Write::of_new(p),
        q: Write::of_new(q),
    };
    // SAFETY: see `fold_halves`.
    unsafe { run::<V>(length, kernel) }
}

/// Instantiates every kernel for one vector type, compiled with the given target features. `$custom` replaces
/// the generic loop where an instruction set has a better one.
macro_rules! instantiate {
    ($vector:ty $(, $feature:literal)*) => {
        $crate::field::kernels::generic::instantiate!(@functions $vector, [$($feature),*],
            fold_halves(low: &mut [K], high: &[K], r: K);
            fold_base_halves(out: &mut [MaybeUninit<K>], low: &[M61], high: &[M61], r: K);
            add_scaled(acc: &mut [K], c: K, x: &[K]);
            add_scaled_base(acc: &mut [K], c: K, x: &[M61]);
            scale(values: &mut [K], c: K);
            combine_base(out: &mut [MaybeUninit<K>], rows: &[M61], stride: usize, weights: &[K]);
            multiply(acc: &mut [K], x: &[K]);
            eq_double(low: &mut [K], high: &mut [MaybeUninit<K>], r: K);
            fraction_layer(p_in: (&[K], &[K]), q_in: (&[K], &[K]), p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
            butterfly(low: &mut [M61], high: &mut [M61], t: M61);
            butterfly_pairs(values: &mut [M61], half: usize, twiddles: &[M61]);
            butterfly_quads(values: &mut [M61], quarter: usize, outer: &[M61], inner: &[M61], last: bool);
            butterfly_quad(from: [&[M61]; 4], to: [&mut [MaybeUninit<M61>]; 4], factors: [&M61; 3], last: bool);
            butterfly_transposed(low: &mut [K], high: &mut [K], t: M61);
            multiples(out: &mut [K], x: &[K], t: M61);
            add_to(acc: &mut [K], x: &[K]);
            product_ends(a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            dot(a: &[K], b: &[K]) -> [K; 1];
            dot_base(a: &[M61], b: &[K]) -> [K; 1];
            product_round(a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            eq_product_round(e: (&[K], &[K]), a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 3];
            fraction_round(eq: &[K], tables: [(&[K], &[K]); 4]) -> [K; 2];
            weighted_product_round(eq: &[K], a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            unit_fraction_layer(q_in: (&[K], &[K]), p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
        );
    };
    (@functions $vector:ty, $features:tt, $($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {
        $( $crate::field::kernels::generic::instantiate!(@one $vector, $features,
            $name($($arg: $type),*) $(-> $out)?); )*
    };
    (@one $vector:ty, [$($feature:literal),*], $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) fn $name($($arg: $type),*) $(-> $out)? {
            use $crate::field::kernels::generic;
            // SAFETY: this function is compiled for, and can only be reached with, the instruction set.
            unsafe { generic::$name::<$vector>($($arg),*) }
        }
    };
}

pub(super) use instantiate;
