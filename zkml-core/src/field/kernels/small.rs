//! Leaves of a tree of fractions whose columns are small integers.
//!
//! A leaf is `1/q` with `q = a - x_0 - b x_1 - b^2 x_2`. The columns `x_i` are integers, `a` and `b` are challenges of
//! `K` that all leaves of a group share. Two leaves `x` and `y` add up to `p/q` with
//!
//! ```text
//! p = 2 a - sum_i b^i s_i                                     s_i = x_i + y_i
//! q = a^2 - a sum_i b^i s_i + sum_{i <= j} b^(i + j) m_ij     m_ii = x_i y_i,  m_ij = x_i y_j + x_j y_i
//! ```
//!
//! Sums and products of integers take one instruction a vector; a product of an integer and a constant of `K` takes a
//! fifth of a product in `K`. So the lowest levels are computed from the columns wherever they are needed.

use core::mem::MaybeUninit;

use crate::field::{K, M61, P};

/// Columns are below `2^SMALL_BITS`.
///
/// On the grid an integer is below `2^(b + 1)` in absolute value, a sum of two products below `2^(2 b + 3)`. With
/// `2^(2 b + 3)` added it is not negative and below `2^43`, as the products with equality weights ask.
pub const SMALL_BITS: u32 = 19;

/// What makes sums of products on the grid positive.
pub(super) const BIAS: u64 = 1 << (2 * SMALL_BITS + 3);

/// The most columns of a leaf.
pub const SMALL_COLUMNS: usize = 3;

/// The number of leaves of a group is a multiple of this: all kernels then work on whole vectors.
pub(super) const SMALL_UNIT: usize = 128;

/// The most leaves of a group: sums over it need no reduction in between.
pub(super) const SMALL_LEAVES: usize = 1 << 13;

/// A group of leaves `1/q`, `q = a - x_0 - b x_1 - b^2 x_2`, whose columns `x_i` are integers below `2^SMALL_BITS`.
///
/// **Two rounds in one pass.** Let `G` be the polynomial of a sumcheck over `(X_1, X_2)`, quadratic in each. Nine
/// *values on the grid* fix it: its values where a coordinate is 0 or 1, and its leading coefficients in place of
/// values at infinity. Value `3 t_1 + t_2` is that at `(t_1, t_2)`, with 2 for infinity. A product of multilinear
/// tables has there the product of what the tables have there; at infinity a table has its difference `(1) - (0)`.
pub struct SmallLeaves {
    columns: Vec<u32>,
    arity: usize,
    /// `a`.
    constant: K,
    /// `b`.
    power: K,
}

crate::debug_without_values!(SmallLeaves, self => "SmallLeaves({} of {} columns)", self.length(), self.arity);

impl SmallLeaves {
    /// `arity` columns, one after another, and the constants `a` and `b`.
    ///
    /// Nothing if there are no columns or more than [`SMALL_COLUMNS`], or if their length is no multiple of 128 or more
    /// than `2^13`. Integers of [`SMALL_BITS`] bits or more give wrong sums.
    pub fn new(columns: Vec<u32>, arity: usize, constant: K, power: K) -> Option<Self> {
        let length = columns.len().checked_div(arity)?;
        let fits = arity <= SMALL_COLUMNS
            && length > 0
            && length * arity == columns.len()
            && length.is_multiple_of(SMALL_UNIT)
            && length <= SMALL_LEAVES;
        fits.then_some(Self {
            columns,
            arity,
            constant,
            power,
        })
    }

    /// Number of leaves.
    pub fn length(&self) -> usize {
        self.columns.len() / self.arity
    }

    /// Number of columns.
    pub(super) fn arity(&self) -> usize {
        self.arity
    }

    /// The columns.
    pub fn columns(&self) -> impl Iterator<Item = &[u32]> {
        self.columns.chunks_exact(self.length())
    }

    pub(super) fn constant(&self) -> K {
        self.constant
    }

    /// `1, b, b^2, ..`
    pub(super) fn powers<const C: usize>(&self) -> [K; C] {
        let mut power = K::from(1u64);
        core::array::from_fn(|_| {
            let this = power;
            power *= self.power;
            this
        })
    }
}

/// `cell - minimum` for each cell; whether all are below `2^SMALL_BITS`. Compiled anew for each instruction set.
#[inline(always)]
pub(super) fn narrow(column: &[M61], minimum: u64, out: &mut [MaybeUninit<u32>]) -> bool {
    let mut all = 0;
    for (out, cell) in out.iter_mut().zip(column) {
        let difference = cell.value.wrapping_sub(minimum);
        // A negative difference has its first bit set.
        let difference = difference.wrapping_add(P & (difference as i64 >> 63) as u64);
        all |= difference;
        out.write(difference as u32);
    }
    all >> SMALL_BITS == 0
}
