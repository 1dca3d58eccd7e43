//! Argmax: the index of the first maximum, proved by a one-hot row.
//!
//! ```text
//! h in {0, 1},  sum_i h_i = 1,   index = sum_i i h_i,   top = sum_i h_i x_i,   before_i = sum_{j > i} h_j
//! top - x_i - before_i >= 0      for every i
//! ```
//!
//! `before_i` is 1 exactly for `i < index`, so that ties go to the lowest index and the row is unique.

use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, Equality, Factor, Table};
use crate::field::{M61, from_i64};
use crate::graph::NodeId;

use super::builder::{Builder, Hint, check_bound};

/// Most candidates: `before` needs a public matrix with a cell for each pair of them.
const MAXIMUM_SIZE: usize = 1 << 12;

impl Builder<'_> {
    /// See the module's documentation.
    pub(crate) fn argmax(&mut self, id: NodeId, axis: usize) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let name = &node.name;
        let (x, fact) = self.operand(id, 0);
        let (shape, reduced) = (&fact.shape, &node.fact.shape);
        let size = shape[axis];
        if size > MAXIMUM_SIZE {
            return Err(CircuitError::Unsupported {
                layer: name.clone(),
                what: format!("an argmax over {size} values (at most {MAXIMUM_SIZE})"),
            });
        }
        if !self.is_zero_padded(x) {
            return Err(CircuitError::UnsoundPadding {
                place: format!("argmax `{name}`"),
            });
        }
        let spread = i128::from(fact.range.1) - i128::from(fact.range.0) + 1;
        let limb_count = (128 - spread.leading_zeros()).div_ceil(self.limb_bits).max(1);
        check_bound(
            name,
            "difference of two values",
            1i128 << (limb_count * self.limb_bits).min(126),
        )?;

        let one_hot = self.column(&format!("{name}/one_hot"), shape, ColumnKind::trace(false));
        let bit = self.table(Table::Range { bits: 1 });
        self.lookup(format!("{name}/one_hot"), vec![one_hot], bit);
        self.hints.push(Hint::OneHot {
            index: id,
            axis,
            output: one_hot,
        });

        // Axes of the result that stay: (dimension of the operand, dimension of the result).
        let kept: Vec<(usize, usize)> = (0..shape.len())
            .filter(|&a| a != axis)
            .enumerate()
            .map(|(to, from)| (from, to))
            .collect();
        let against = |weights: ColumnId, builder: &mut Self, name: String| {
            let mut axes: Vec<Axis> = kept
                .iter()
                .map(|&(from, to)| Axis::free_right(from, to))
                .collect();
            axes.push(Axis::summed(0, axis));
            builder.contraction(&name, reduced, weights, one_hot, axes)
        };
        let ones = self.constant(&[size], vec![1; size]);
        let count = against(ones, self, format!("{name}/count"));
        let one = self.ones(&format!("{name}/one"), reduced);
        self.circuit.equalities.push(Equality {
            name: format!("{name}/count"),
            left: count,
            right: one,
        });
        let indices = self.constant(&[size], (0..size as i64).collect());
        let index = against(indices, self, name.clone());

        let mut axes: Vec<Axis> = kept
            .iter()
            .map(|&(from, to)| Axis::shared(from, from, to))
            .collect();
        axes.push(Axis::summed(axis, axis));
        let top = self.contraction(&format!("{name}/top"), reduced, one_hot, x, axes);
        let factors = (0..shape.len())
            .map(|a| match kept.iter().find(|kept| kept.0 == a) {
                Some(&(from, to)) => Factor::identity(from, to),
                None => Factor::broadcast(a),
            })
            .collect();
        let top = self.view(&format!("{name}/top_everywhere"), shape, top, factors);
        // later[j, i] = 1 for i < j
        let later = (0..size * size)
            .map(|cell| i64::from(cell % size < cell / size))
            .collect();
        let later = self.constant(&[size, size], later);
        let mut axes: Vec<Axis> = kept
            .iter()
            .map(|&(from, _)| Axis::free_right(from, from))
            .collect();
        axes.push(Axis::free_left(1, axis));
        axes.push(Axis::summed(0, axis));
        let before = self.contraction(&format!("{name}/before"), shape, later, one_hot, axes);
        let margin = self.integer_sum(
            &format!("{name}/margin"),
            shape,
            &[(1, top), (-1, x), (-1, before)],
        );

        let limbs = self.limbs(&format!("{name}/margin_limb"), shape, limb_count);
        let terms: Vec<(M61, ColumnId)> = limbs
            .iter()
            .enumerate()
            .map(|(k, &limb)| (from_i64(1i64 << (self.limb_bits * k as u32)), limb))
            .collect();
        let composed = self.linear_column(
            &format!("{name}/margin_from_limbs"),
            shape,
            &terms,
            M61::from(0u64),
        );
        self.circuit.equalities.push(Equality {
            name: format!("{name}/margin"),
            left: margin,
            right: composed,
        });
        self.hints.push(Hint::Limbs {
            input: margin,
            limbs,
            bits: self.limb_bits,
        });
        Ok(index)
    }
}
