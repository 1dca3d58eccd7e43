//! Rescaling: the only place where a value is rounded, and where most of the trace comes from.
//!
//! ```text
//! x * m + 2^(s-1) = v * 2^s + sum_k limb_k * 2^(b k),      limb_k in [0, 2^b),  b * limbs = s
//! (v, q) in the function table
//! ```
//!
//! `v` is virtual: `v = 2^-s (x m + 2^(s-1) - sum_k limb_k 2^(b k))` in the field. It is the integer quotient because
//! both sides of the first line are integers of absolute value below p/2: the left one by range analysis, the right
//! one because `v` stands in the table's domain, `2^(domain_bits + s) <= 2^58`. On padding `x = 0`, hence
//! `v = 0` and `q = f(0)`.

use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, FunctionTable, Table};
use crate::field::{M61, from_i64};
use crate::graph::NodeId;

use super::builder::{Builder, Hint, check_bound, magnitude};

impl Builder<'_> {
    /// See the module's documentation.
    pub(crate) fn rescale(
        &mut self,
        id: NodeId,
        multipliers: &[i64],
        axis: usize,
        shift: u32,
        table: FunctionTable,
    ) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let shape = &node.fact.shape;
        let (x, fact) = self.operand(id, 0);
        let bits = self.limb_bits;
        if shift == 0 || !shift.is_multiple_of(bits) {
            return Err(CircuitError::Unsupported {
                layer: node.name.clone(),
                what: format!("a rescale by 2^{shift} with remainder limbs of {bits} bits"),
            });
        }
        let largest = multipliers.iter().copied().max().unwrap_or(1);
        let half = 1i64 << (shift - 1);
        check_bound(
            &node.name,
            "rescaled accumulator",
            magnitude(fact.range) * i128::from(largest) + i128::from(half),
        )?;
        check_bound(
            &node.name,
            "table domain times 2^shift",
            1i128 << (table.domain_bits + shift + 1).min(126),
        )?;
        if !self.is_zero_padded(x) {
            return Err(CircuitError::UnsoundPadding {
                place: format!("rescale `{}`", node.name),
            });
        }

        let inverse = ark_ff::Field::inverse(&from_i64(1i64 << shift)).unwrap_or_default();
        let (scaled, coefficient) = match multipliers {
            [multiplier] => (x, from_i64(*multiplier) * inverse),
            _ => {
                let constants = self.constant(&[multipliers.len()], multipliers.to_vec());
                let axes = (0..shape.len())
                    .map(|a| {
                        if a == axis {
                            Axis::shared(0, a, a)
                        } else {
                            Axis::free_right(a, a)
                        }
                    })
                    .collect();
                (
                    self.contraction(&format!("{}/multiplied", node.name), shape, constants, x, axes),
                    inverse,
                )
            }
        };
        let limbs = self.limbs(&format!("{}/remainder", node.name), shape, shift / bits);
        let mut terms: Vec<(M61, ColumnId)> = limbs
            .iter()
            .enumerate()
            .map(|(k, &limb)| (-(inverse * from_i64(1i64 << (bits * k as u32))), limb))
            .collect();
        terms.push((coefficient, scaled));
        let value = self.linear_column(
            &format!("{}/value", node.name),
            shape,
            &terms,
            from_i64(half) * inverse,
        );
        // What is looked up: the quotient, or a committed column that equals it.
        let mut looked_up = value;
        if !self.options.virtual_values
            && let Some(copy) = self.committed(value)
        {
            looked_up = copy;
        }
        let entry_at_zero = table.apply(0).map_err(|error| CircuitError::Table {
            place: node.name.clone(),
            error,
        })?;
        let zero_padded = entry_at_zero == 0;
        let output = self.column(&node.name, shape, ColumnKind::trace(zero_padded));
        let table = self.table(Table::Function(table));
        self.lookup(node.name.clone(), vec![looked_up, output], table);
        self.hints.push(Hint::Rescale {
            node: id,
            value,
            output,
            limbs,
            bits,
        });
        if looked_up != value {
            self.hints.push(Hint::Copy {
                input: value,
                output: looked_up,
            });
        }
        Ok(output)
    }
}
