//! Public columns that a rule gives, with extensions in closed form: nobody writes their cells out to verify.
//!
//! ```text
//! Ones          1
//! Index         i                          on one axis
//! Causal        [j <= i + offset]          on [queries, keys]
//! LessThan      [v < id_t]                 on [.., size], for public ids of the other axes
//! OneHot        [v = id_t]                 on [.., size], likewise
//! ```
//!
//! Cells outside the logical shape are 0. Every rule is a sum of prefixes: the extension of `[i < n]` at a point has
//! one term for each bit of `n` that is set, since `[0, n)` is a union of aligned blocks. Example: `n = 6 = 0b110` on
//! three bits is the blocks `0b0..` and `0b10.`, so `prefix(z, 6) = (1 - z_0) + z_0 (1 - z_1)`.

use serde::{Deserialize, Serialize};

use super::ColumnId;
use crate::field::{K, M61, from_i64, from_u64, mul_k, to_i64_centered};
use crate::poly::{PaddedShape, eq_at_index, eq_table};

/// The rule of a public column that is not written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selector {
    /// 1 in every cell.
    Ones,
    /// The index, on one axis: `0, 1, 2, ...`
    Index,
    /// `[j <= i + offset]` in cell `(i, j)`: which keys query `i` sees, where `offset` keys come before the first
    /// query.
    Causal {
        /// Keys before the first query.
        offset: u32,
    },
    /// `[v < id_t]` in cell `(t, v)`.
    LessThan {
        /// A public input or output of the shape of all axes but the last, with values in `[0, size)`.
        ids: ColumnId,
    },
    /// `[v = id_t]` in cell `(t, v)`.
    OneHot {
        /// A public input or output of the shape of all axes but the last, with values in `[0, size)`.
        ids: ColumnId,
    },
}

impl Selector {
    /// The column that the rule reads.
    pub fn ids(&self) -> Option<ColumnId> {
        match self {
            Self::LessThan { ids } | Self::OneHot { ids } => Some(*ids),
            Self::Ones | Self::Index | Self::Causal { .. } => None,
        }
    }

    /// The cell at a logical index. `ids` are the values of the ids, row-major.
    fn cell(&self, index: usize, last: usize, ids: &[i64]) -> i64 {
        let (row, column) = (index / last, index % last);
        let id = ids.get(row).copied().unwrap_or(-1);
        match self {
            Self::Ones => 1,
            Self::Index => index as i64,
            Self::Causal { offset } => i64::from(column <= row.saturating_add(*offset as usize)),
            Self::LessThan { .. } => i64::from((column as i64) < id),
            Self::OneHot { .. } => i64::from(column as i64 == id),
        }
    }

    /// The padded cells, by definition. `ids` are the padded cells of [`Self::ids`], and its shape.
    pub fn cells(&self, shape: &PaddedShape, ids: Option<(&[M61], &PaddedShape)>) -> Vec<M61> {
        let rank = shape.rank();
        let last = if rank == 0 { 1 } else { shape.size(rank - 1) };
        let ids = ids.map_or_else(Vec::new, |(cells, shape)| logical(cells, shape));
        let mut padded = vec![M61::from(0u64); shape.padded_len()];
        shape.for_each_cell(|index, at| {
            if let Some(cell) = padded.get_mut(at) {
                *cell = from_i64(self.cell(index, last, &ids));
            }
        });
        padded
    }

    /// The multilinear extension at a point, in closed form. `ids` as in [`Self::cells`].
    pub fn evaluate(&self, shape: &PaddedShape, point: &[K], ids: Option<(&[M61], &PaddedShape)>) -> K {
        let one = K::from(1u64);
        let axes = (0..shape.rank()).map(|axis| {
            let coordinates = point.get(shape.variable_range(axis)).unwrap_or_default();
            (coordinates, shape.size(axis))
        });
        let axes: Vec<(&[K], usize)> = axes.collect();
        match (self, axes.as_slice()) {
            (Self::Ones, axes) => axes
                .iter()
                .fold(one, |product, (z, n)| mul_k(product, prefix(z, *n))),
            (Self::Index, [(z, n)]) => index(z, *n),
            (Self::Causal { offset }, [(rows, queries), (z, keys)]) => {
                let eq = eq_table(rows);
                let seen = |row: usize| row.saturating_add(*offset as usize).saturating_add(1).min(*keys);
                let terms = eq.iter().take(*queries).enumerate();
                terms.map(|(row, eq)| mul_k(*eq, prefix(z, seen(row)))).sum()
            }
            (Self::LessThan { .. }, [.., (z, _)]) => by_row(point, z, ids, prefix),
            (Self::OneHot { .. }, [.., (z, _)]) => by_row(point, z, ids, eq_at_index),
            _ => K::from(0u64),
        }
    }
}

/// The cells of the logical shape as integers.
fn logical(cells: &[M61], shape: &PaddedShape) -> Vec<i64> {
    let mut values = Vec::with_capacity(shape.logical_len());
    shape.for_each_cell(|_, at| values.push(cells.get(at).map_or(-1, |cell| to_i64_centered(*cell))));
    values
}

/// `sum_t eq(z_t, t) f(z, id_t)`, for `point = (z_t, z)`. An id that no public value has counts as none.
fn by_row(point: &[K], z: &[K], ids: Option<(&[M61], &PaddedShape)>, f: impl Fn(&[K], usize) -> K) -> K {
    let Some((cells, shape)) = ids else {
        return K::from(0u64);
    };
    let rows = point
        .get(..point.len().saturating_sub(z.len()))
        .unwrap_or_default();
    let eq = eq_table(rows);
    let mut sum = K::from(0u64);
    shape.for_each_cell(|_, at| {
        let id = cells.get(at).map(|cell| usize::try_from(to_i64_centered(*cell)));
        if let (Some(Ok(id)), Some(eq)) = (id, eq.get(at)) {
            sum += mul_k(*eq, f(z, id));
        }
    });
    sum
}

/// `sum_{i < n} eq(z, i)`, for `n` up to `2^bits`.
fn prefix(z: &[K], n: usize) -> K {
    let mut sum = K::from(0u64);
    blocks(z, n, |weight, _, _| sum += weight);
    sum
}

/// `sum_{i < n} i eq(z, i)`. In a block of `2^k` indices from `start` on, the mean index is `start` and what the `k`
/// free coordinates add.
fn index(z: &[K], n: usize) -> K {
    let mut sum = K::from(0u64);
    blocks(z, n, |weight, start, free| {
        let within = free.iter().fold(K::from(0u64), |index, bit| index + index + bit);
        let start = K::new(from_u64(start as u64), M61::from(0u64));
        sum += mul_k(weight, start + within);
    });
    sum
}

/// Visits the aligned blocks whose union is `[0, n)`: the value of `eq` on the fixed coordinates, the first index, the
/// free coordinates.
fn blocks<'z>(z: &'z [K], n: usize, mut visit: impl FnMut(K, usize, &'z [K])) {
    let bits = z.len() as u32;
    if n.checked_shr(bits).unwrap_or(0) != 0 {
        // All of it, where `n = 2^bits`.
        return visit(K::from(1u64), 0, z);
    }
    let (mut weight, mut start) = (K::from(1u64), 0usize);
    for (k, &coordinate) in z.iter().enumerate() {
        let size = 1usize.checked_shl(bits.saturating_sub(k as u32 + 1)).unwrap_or(0);
        if n & size == 0 {
            weight -= mul_k(weight, coordinate);
            continue;
        }
        let low = weight - mul_k(weight, coordinate);
        visit(low, start, z.get(k + 1..).unwrap_or_default());
        weight = mul_k(weight, coordinate);
        start |= size;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::poly::evaluate_base;
    use crate::sumcheck::testing::Stream;

    fn point(seed: u64, shape: &PaddedShape) -> Vec<K> {
        let mut random = Stream(seed);
        (0..shape.variables()).map(|_| random.element()).collect()
    }

    fn agrees(rule: &Selector, sizes: &[usize], ids: &[i64], seed: u64) {
        let shape = PaddedShape::new(sizes);
        let of_ids = PaddedShape::new(&sizes[..sizes.len().saturating_sub(1)]);
        let elements: Vec<M61> = ids.iter().map(|&id| from_i64(id)).collect();
        let padded = rule.ids().map(|_| of_ids.pad(&elements, M61::from(0u64)));
        let ids = padded.as_deref().map(|cells| (cells, &of_ids));
        let at = point(seed, &shape);
        let cells = rule.cells(&shape, ids);
        let expected = evaluate_base(&cells, &at);
        assert_eq!(rule.evaluate(&shape, &at, ids), expected, "{rule:?} on {shape}");
    }

    proptest! {
        #[test]
        fn closed_forms_are_the_extensions_of_the_cells(
            rows in 1usize..12,
            size in 1usize..40,
            offset in 0u32..20,
            ids in proptest::collection::vec(0usize..40, 12),
            seed in 0u64..1000,
        ) {
            let ids: Vec<i64> = ids[..rows].iter().map(|id| (id % size) as i64).collect();
            let of = ColumnId(0);
            agrees(&Selector::Ones, &[rows, size], &[], seed);
            agrees(&Selector::Ones, &[rows], &[], seed);
            agrees(&Selector::Ones, &[], &[], seed);
            agrees(&Selector::Index, &[size], &[], seed);
            agrees(&Selector::Causal { offset }, &[rows, size], &[], seed);
            agrees(&Selector::LessThan { ids: of }, &[rows, size], &ids, seed);
            agrees(&Selector::OneHot { ids: of }, &[rows, size], &ids, seed);
            // Two axes of ids.
            let two: Vec<i64> = ids.iter().chain(&ids).copied().collect();
            agrees(&Selector::LessThan { ids: of }, &[2, rows, size], &two, seed);
            agrees(&Selector::OneHot { ids: of }, &[2, rows, size], &two, seed);
        }
    }

    #[test]
    fn cells_follow_their_rules() {
        let cells = |rule: Selector, sizes: &[usize], ids: &[i64]| {
            let shape = PaddedShape::new(sizes);
            let of_ids = PaddedShape::new(&sizes[..sizes.len() - 1]);
            let elements: Vec<M61> = ids.iter().map(|&id| from_i64(id)).collect();
            let padded = of_ids.pad(&elements, M61::from(0u64));
            let cells = rule.cells(&shape, rule.ids().map(|_| (padded.as_slice(), &of_ids)));
            cells.into_iter().map(to_i64_centered).collect::<Vec<_>>()
        };
        let of = ColumnId(0);
        assert_eq!(cells(Selector::Index, &[3], &[]), [0, 1, 2, 0]);
        assert_eq!(
            cells(Selector::Causal { offset: 1 }, &[2, 3], &[]),
            [1, 1, 0, 0, 1, 1, 1, 0]
        );
        assert_eq!(
            cells(Selector::LessThan { ids: of }, &[2, 3], &[2, 0]),
            [1, 1, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            cells(Selector::OneHot { ids: of }, &[2, 3], &[2, 0]),
            [0, 0, 1, 0, 1, 0, 0, 0]
        );
    }
}
