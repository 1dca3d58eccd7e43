//! Choices about columns, tables and lookups, made when the network is quantized and lowered ([`crate::lower`]).
//!
//! | pass | what it does |
//! |---|---|
//! | [`limb_width`] | remainders are split into limbs of the width that costs the fewest cells |
//! | [`table_sharing`] | one table for all lookups of the same function or range, the widest serving all |
//! | [`virtual_values`] | linear algebra is never committed: sums and products are evaluated where they are needed |
//! | [`shifted_convolution`] | a convolution reads its input through an affine map; no patches are laid out |
//! | [`layer_stacking`] | layers of one depth are reduced by one batched sumcheck |
//! | [`trace_packing`] | columns share rows, rows of padding are not stored |
//! | `code_choice` | row length, rate, proof of work and commitments to the weights by a cost model |
//!
//! Every switch gives a circuit that proves and verifies: without a pass it has more cells, which are constrained as well.
//! The last one runs in setup, which knows what a proof may weigh.

pub mod layer_stacking;
pub mod limb_width;
pub mod shifted_convolution;
pub mod table_sharing;
pub mod trace_packing;
pub mod virtual_values;

use serde::{Deserialize, Serialize};

use crate::circuit::{Circuit, ColumnKind, Home, Schedule};

/// Name of the pass that chooses the code, which runs in setup.
pub const CODE_CHOICE: &str = "code_choice";

/// Which passes run; all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitOptions {
    /// [`limb_width`]
    pub limb_width: bool,
    /// [`table_sharing`]
    pub table_sharing: bool,
    /// [`virtual_values`]
    pub virtual_values: bool,
    /// [`shifted_convolution`]
    pub shifted_convolution: bool,
    /// [`layer_stacking`]
    pub layer_stacking: bool,
    /// [`trace_packing`]
    pub trace_packing: bool,
    /// `code_choice`, see [`CODE_CHOICE`]
    pub code_choice: bool,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self {
            limb_width: true,
            table_sharing: true,
            virtual_values: true,
            shifted_convolution: true,
            layer_stacking: true,
            trace_packing: true,
            code_choice: true,
        }
    }
}

impl CircuitOptions {
    /// Names of all passes.
    pub const NAMES: [&str; 7] = [
        limb_width::NAME,
        table_sharing::NAME,
        virtual_values::NAME,
        shifted_convolution::NAME,
        layer_stacking::NAME,
        trace_packing::NAME,
        CODE_CHOICE,
    ];

    /// The switch of the pass of that name.
    pub fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            limb_width::NAME => Some(&mut self.limb_width),
            table_sharing::NAME => Some(&mut self.table_sharing),
            virtual_values::NAME => Some(&mut self.virtual_values),
            shifted_convolution::NAME => Some(&mut self.shifted_convolution),
            layer_stacking::NAME => Some(&mut self.layer_stacking),
            trace_packing::NAME => Some(&mut self.trace_packing),
            CODE_CHOICE => Some(&mut self.code_choice),
            _ => None,
        }
    }
}

/// The sizes of a circuit that cost time or bytes: cells of the trace with the multiplicities of tables, rows that are
/// looked up, rows of tables, columns, and depths at which columns are reduced.
pub fn sizes(circuit: &Circuit) -> [(&'static str, u64); 5] {
    let in_trace = |kind: &ColumnKind| {
        matches!(
            kind,
            ColumnKind::Committed {
                home: Home::Trace,
                ..
            }
        )
    };
    let columns: usize = circuit
        .columns
        .iter()
        .filter(|column| in_trace(&column.kind))
        .map(|column| column.shape.padded_len())
        .sum();
    let tables: usize = circuit
        .tables
        .iter()
        .map(|table| 1usize << table.variables())
        .sum();
    let rows = circuit.lookups.iter().filter_map(|lookup| {
        let column = lookup.columns.first()?;
        Some(circuit[*column].shape.padded_len() as u64)
    });
    [
        ("committed cells", (columns + tables) as u64),
        ("looked-up rows", rows.sum()),
        ("table rows", tables as u64),
        ("columns", circuit.columns.len() as u64),
        ("depths", Schedule::new(circuit).stages.len() as u64),
    ]
}
