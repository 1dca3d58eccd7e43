//! Vectors of leaves and of their sums: what the kernels of this folder compute with.

use ark_ff::Field;

use crate::field::K;
use crate::field::kernels::generic::operands::{Operand, ReadSmall};
use crate::field::kernels::small::SmallLeaves;
use crate::field::kernels::vector::{Pair, Vector};

/// A fraction, or a vector of them.
#[derive(Clone, Copy)]
pub(super) struct Fraction<V> {
    pub(super) p: Pair<V>,
    pub(super) q: Pair<V>,
}

impl<V: Vector> Fraction<V> {
    /// # Safety
    /// The instruction set of `V` is there.
    #[inline(always)]
    pub(super) unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            let cross = V::mac_pair(none::<V>(), self.p, other.q);
            let cross = V::mac_pair(cross, other.p, self.q);
            Self {
                p: reduce::<V>(cross),
                q: V::mul_pair(self.q, other.q),
            }
        }
    }
}

#[inline(always)]
pub(super) unsafe fn none<V: Vector>() -> Pair<V::Sum> {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        Pair {
            re: V::no_sum(),
            im: V::no_sum(),
        }
    }
}

#[inline(always)]
pub(super) unsafe fn reduce<V: Vector>(sum: Pair<V::Sum>) -> Pair<V> {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        Pair {
            re: V::reduce(sum.re),
            im: V::reduce(sum.im),
        }
    }
}

/// `sum + x c` for a small integer `x` and a constant.
#[inline(always)]
pub(super) unsafe fn mac<V: Vector>(sum: Pair<V::Sum>, x: V, c: K) -> Pair<V::Sum> {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        Pair {
            re: V::mac_small(sum.re, x, V::splat(c.c0.value)),
            im: V::mac_small(sum.im, x, V::splat(c.c1.value)),
        }
    }
}

/// The sum that is a constant and an integer below `2^61` so far.
#[inline(always)]
pub(super) unsafe fn start<V: Vector>(c: K, x: V) -> Pair<V::Sum> {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        Pair {
            re: V::sum_of(V::splat(c.c0.value).int_add(x)),
            im: V::sum_of(V::splat(c.c1.value)),
        }
    }
}

#[inline(always)]
pub(super) unsafe fn totals<V: Vector, const N: usize>(sums: [Pair<V::Sum>; N]) -> [K; N] {
    let mut totals = [K::default(); N];
    for (total, sum) in totals.iter_mut().zip(sums) {
        // SAFETY: the caller vouches for the instruction set.
        *total = unsafe { K::new(V::total(sum.re), V::total(sum.im)) };
    }
    totals
}

/// The columns of a group, and the constants of their sums.
pub(super) struct Leaves<const C: usize> {
    pub(super) columns: [ReadSmall; C],
    /// Half the number of leaves.
    pub(super) half: usize,
    pub(super) a: K,
    /// `b^i`.
    pub(super) powers: [K; C],
}

/// The integers `s_i` and `m_ij`, `i <= j`, of pairs of leaves.
#[derive(Clone, Copy)]
pub(super) struct Integers<V, const C: usize> {
    pub(super) s: [V; C],
    pub(super) m: [[V; C]; C],
}

impl<V: Vector, const C: usize> Integers<V, C> {
    /// # Safety
    /// The instruction set of `V` is there.
    #[inline(always)]
    pub(super) unsafe fn of(x: [V; C], y: [V; C]) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut s = x;
            for (s, y) in s.iter_mut().zip(y) {
                *s = s.int_add(y);
            }
            Self { s, m: products(x, y) }
        }
    }
}

/// `m_ij` for `i <= j`; 0 for others.
///
/// # Safety
/// The instruction set of `V` is there.
#[inline(always)]
pub(super) unsafe fn products<V: Vector, const C: usize>(x: [V; C], y: [V; C]) -> [[V; C]; C] {
    // SAFETY: as the caller vouches.
    unsafe {
        let mut m = [[V::splat(0); C]; C];
        for i in 0..C {
            m[i][i] = x[i].int_mul(y[i]);
            for j in i + 1..C {
                m[i][j] = x[i].int_mul(y[j]).int_add(x[j].int_mul(y[i]));
            }
        }
        m
    }
}

/// How the integers of pairs enter `p` and `q`: the factors of `s_i`, and of `m_ij`.
pub(super) struct Factors<const C: usize> {
    pub(super) p: [K; C],
    pub(super) q: [K; C],
    pub(super) m: [[K; C]; C],
}

impl<const C: usize> Leaves<C> {
    #[inline(always)]
    pub(super) fn new(leaves: &SmallLeaves) -> Self {
        let mut all = leaves.columns();
        // There are `C` of them: see `with_columns`.
        let columns = [(); C].map(|()| all.next().unwrap_or_default().seen());
        Self {
            columns,
            half: leaves.length() / 2,
            a: leaves.constant(),
            powers: leaves.powers(),
        }
    }

    /// The factors, each times `scale`.
    #[inline(always)]
    pub(super) fn factors(&self, scale: K) -> Factors<C> {
        let powers = self.powers.map(|power| power * scale);
        Factors {
            p: powers.map(|power| -power),
            q: powers.map(|power| -power * self.a),
            m: powers.map(|power| self.powers.map(|other| power * other)),
        }
    }

    /// The leaves `i ..`.
    ///
    /// # Safety
    /// All methods that take an index: the instruction set of `V` is there, and the leaves that are read exist.
    #[inline(always)]
    pub(super) unsafe fn leaf<V: Vector>(&self, i: usize) -> [V; C] {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut leaf = [V::splat(0); C];
            for (leaf, column) in leaf.iter_mut().zip(&self.columns) {
                *leaf = column.small::<V>(i);
            }
            leaf
        }
    }

    /// The leaves `i ..` and three more times as many, `distance` apart.
    #[inline(always)]
    pub(super) unsafe fn corners<V: Vector>(&self, i: usize, distance: usize) -> [[V; C]; 4] {
        // SAFETY: as the caller vouches.
        unsafe {
            [
                self.leaf(i),
                self.leaf(i + distance),
                self.leaf(i + 2 * distance),
                self.leaf(i + 3 * distance),
            ]
        }
    }

    /// The pairs of leaves `i ..`.
    #[inline(always)]
    pub(super) unsafe fn pair<V: Vector>(&self, i: usize) -> Integers<V, C> {
        // SAFETY: as the caller vouches.
        unsafe { Integers::of(self.leaf(i), self.leaf(self.half + i)) }
    }

    /// The fractions of pairs.
    #[inline(always)]
    pub(super) unsafe fn fraction<V: Vector>(
        &self,
        factors: &Factors<C>,
        integers: Integers<V, C>,
    ) -> Fraction<V> {
        let Integers { s, m } = integers;
        let twice = self.a + self.a;
        // SAFETY: as the caller vouches. The first factors in `p` and in `q` are -1 and 1.
        unsafe {
            let mut p = Pair {
                re: V::splat(twice.c0.value).sub(s[0]),
                im: V::splat(twice.c1.value),
            };
            if C > 1 {
                let mut sum = Pair {
                    re: V::sum_of(p.re),
                    im: V::sum_of(p.im),
                };
                for i in 1..C {
                    sum = mac(sum, s[i], factors.p[i]);
                }
                p = reduce::<V>(sum);
            }
            let mut q = start(self.a.square(), m[0][0]);
            for i in 0..C {
                q = mac(q, s[i], factors.q[i]);
                for j in i..C {
                    if j > 0 {
                        q = mac(q, m[i][j], factors.m[i][j]);
                    }
                }
            }
            Fraction { p, q: reduce::<V>(q) }
        }
    }

    /// Fractions `i ..` of the level above the leaves, and of the two above it.
    #[inline(always)]
    pub(super) unsafe fn level_1<V: Vector>(&self, factors: &Factors<C>, i: usize) -> Fraction<V> {
        // SAFETY: as the caller vouches.
        unsafe { self.fraction(factors, self.pair(i)) }
    }

    /// Fractions of the level above the leaves at the four corners, as [`Self::corners`].
    #[inline(always)]
    pub(super) unsafe fn level_1_corners<V: Vector>(
        &self,
        factors: &Factors<C>,
        i: usize,
        distance: usize,
    ) -> [Fraction<V>; 4] {
        // SAFETY: as the caller vouches.
        unsafe {
            [
                self.level_1(factors, i),
                self.level_1(factors, i + distance),
                self.level_1(factors, i + 2 * distance),
                self.level_1(factors, i + 3 * distance),
            ]
        }
    }

    #[inline(always)]
    pub(super) unsafe fn level_2<V: Vector>(&self, factors: &Factors<C>, i: usize) -> Fraction<V> {
        // SAFETY: as the caller vouches.
        unsafe {
            let high = self.level_1(factors, i + self.half / 2);
            self.level_1::<V>(factors, i).add(high)
        }
    }

    #[inline(always)]
    pub(super) unsafe fn level_3<V: Vector>(&self, factors: &Factors<C>, i: usize) -> Fraction<V> {
        // SAFETY: as the caller vouches.
        unsafe {
            let high = self.level_2(factors, i + self.half / 4);
            self.level_2::<V>(factors, i).add(high)
        }
    }
}
