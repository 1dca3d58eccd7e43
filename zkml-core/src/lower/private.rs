//! Private inputs and outputs: committed columns instead of public ones.
//!
//! ```text
//! raw in [minimum, maximum]       every cell of a committed column, padding included
//! input = crop(raw)               the node's column: what stands on the padding of raw is irrelevant
//! output = node's column          committed apart from the trace, padding included
//! ```
//!
//! A verifier checks the range of a public input itself. For a private input the range analysis, and all that follows
//! from it, rests on the lookup, which admits exactly `[minimum, maximum]`. A range of `2^b` integers has a table of
//! its own. Any other range is the set of fixed points of a clamp: `(raw, raw)` in `{ (v, clamp(v)) }`.

use crate::circuit::{
    CircuitError, ColumnId, ColumnKind, Function, FunctionTable, Home, MAXIMUM_TABLE_VARIABLES, Table, View,
};
use crate::graph::NodeId;

use super::builder::Builder;
use crate::ops::Hint;

impl Builder<'_> {
    /// The column of a private input that lives in `home`.
    pub(crate) fn private_input(&mut self, id: NodeId, home: Home) -> Result<ColumnId, CircuitError> {
        let node = &self.graph()[id];
        let (name, shape) = (&node.name, &node.fact.shape);
        let kind = ColumnKind::Committed {
            zero_padded: false,
            home,
        };
        let exact = shape.iter().all(|size| size.is_power_of_two());
        let raw_name = if exact {
            name.clone()
        } else {
            format!("{name}/raw")
        };
        let raw = self.circuit.column(&raw_name, shape, kind);
        self.range_lookup(name, raw, node.fact.range)?;
        self.hints.push(Hint::Input {
            node: id,
            output: raw,
        });
        if exact {
            return Ok(raw);
        }
        Ok(self
            .circuit
            .column(name, shape, ColumnKind::View(View::crop(raw, shape.len()))))
    }

    /// Every cell of `column` lies in `[minimum, maximum]`.
    fn range_lookup(
        &mut self,
        layer: &str,
        column: ColumnId,
        (minimum, maximum): (i64, i64),
    ) -> Result<(), CircuitError> {
        let count = (i128::from(maximum) - i128::from(minimum) + 1).unsigned_abs();
        // The smallest domain [-2^d, 2^d) that holds the range.
        let domain_bits = bits(minimum.checked_neg().map_or(u128::MAX, |low| low.max(0) as u128))
            .max(bits((i128::from(maximum) + 1).max(0).unsigned_abs()));
        let (table, columns) = if count.is_power_of_two() {
            let bits = count.trailing_zeros();
            (Table::Integers { minimum, bits }, vec![column])
        } else {
            let table = FunctionTable {
                function: Function::Identity,
                domain_bits,
                minimum,
                maximum,
            };
            (Table::Function(table), vec![column, column])
        };
        if table.variables() > MAXIMUM_TABLE_VARIABLES as usize {
            return Err(CircuitError::Unsupported {
                layer: layer.to_owned(),
                what: format!("a private input of integers in [{minimum}, {maximum}] (use fewer bits)"),
            });
        }
        let table = self.circuit.table(table);
        self.circuit.lookup(format!("{layer}/range"), columns, table);
        Ok(())
    }

    /// A column for a private output, committed apart, equal to the node's column.
    pub(crate) fn private_output(&mut self, index: usize, node: NodeId) -> ColumnId {
        let name = format!("output.{index}");
        let kind = ColumnKind::Committed {
            zero_padded: false,
            home: Home::Output,
        };
        let output = self.circuit.column(&name, &self.graph()[node].fact.shape, kind);
        let left = self.nodes[node.0];
        self.circuit.equality(&name, left, output);
        self.hints.push(Hint::Copy { input: left, output });
        output
    }
}

/// `ceil(log2 count)`.
fn bits(count: u128) -> u32 {
    count
        .checked_next_power_of_two()
        .map_or(128, u128::trailing_zeros)
}
