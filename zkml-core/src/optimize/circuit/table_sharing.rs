//! One table for all lookups of the same function or range.
//!
//! A table costs one committed multiplicity for each row, however many lookups use it. Rescales whose functions differ
//! only in the width of their domain take the widest domain, and equal tables are made once. Without this pass every
//! rescale, limb and pool has a table of its own.

#[cfg(feature = "prover")]
use std::collections::HashMap;

use crate::circuit::{CircuitBuilder, Table};
#[cfg(feature = "prover")]
use crate::circuit::{Function, FunctionTable};
#[cfg(feature = "prover")]
use crate::graph::Graph;
#[cfg(feature = "prover")]
use crate::ops::{Int, IntOp};
use crate::optimize::{Outcome, Switches, pass};

pass!(TableSharing, "table_sharing", Circuit(changes) in "quant/settle.rs",
    "makes one table for all lookups of the same function or range, the widest serving all");

/// Gives all rescales of one function the widest of their tables.
#[cfg(feature = "prover")]
#[expect(
    clippy::mutable_key_type,
    reason = "the memo of a curve takes no part in equality or hashing"
)]
pub(crate) fn widen(switches: &Switches, graph: &mut Graph<Int>) {
    if !switches.runs(&TableSharing) {
        return;
    }
    let mut domains: HashMap<(Function, i64, i64), u32> = HashMap::new();
    let key = |table: &FunctionTable| (table.function.clone(), table.minimum, table.maximum);
    for node in &graph.nodes {
        if let IntOp::Rescale(rescale) = &node.op {
            let bits = domains.entry(key(&rescale.table)).or_default();
            *bits = (*bits).max(rescale.table.domain_bits);
        }
    }
    for node in &mut graph.nodes {
        if let IntOp::Rescale(rescale) = &mut node.op {
            let table = &mut rescale.table;
            table.domain_bits = domains.get(&key(table)).copied().unwrap_or(table.domain_bits);
        }
    }
}

/// An empty circuit, which shares equal tables if the pass runs.
pub(crate) fn circuit(switches: &Switches, limb_bits: u32) -> CircuitBuilder {
    CircuitBuilder::new(limb_bits, switches.runs(&TableSharing))
}

/// The tables that several lookups share.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let circuit = outcome.circuit;
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
        Table::Integers { .. } => "a range".into(),
        Table::Decay(table) => table.curve.to_string(),
        Table::Function(function) => format!(
            "{} to [{}, {}]",
            function.function, function.minimum, function.maximum
        ),
    }
}
