//! One table for all lookups of the same function or range.
//!
//! A table costs as many committed multiplicities as it has rows, whoever looks into it. Rescales whose functions differ
//! in nothing but the width of their domain take the widest of them, and equal tables are made once. Without this pass
//! every rescale, limb and pool has its own.

use crate::circuit::{Circuit, Table};

/// Name of the pass.
pub const NAME: &str = "table_sharing";

/// The tables that several lookups share.
pub fn changes(circuit: &Circuit) -> Vec<String> {
    let mut users = vec![0usize; circuit.tables.len()];
    for lookup in &circuit.lookups {
        if let Some(count) = users.get_mut(lookup.table as usize) {
            *count += 1;
        }
    }
    let shared = circuit.tables.iter().zip(users).filter(|(_, count)| *count > 1);
    shared
        .map(|(table, count)| {
            format!(
                "{} of {} rows serves {count} lookups",
                name(table),
                1u64 << table.variables()
            )
        })
        .collect()
}

fn name(table: &Table) -> String {
    match table {
        Table::Range { .. } | Table::Integers { .. } => "a range".into(),
        Table::Function(function) => format!(
            "{} to [{}, {}]",
            function.function, function.minimum, function.maximum
        ),
    }
}
