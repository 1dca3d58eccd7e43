//! Row length and rate of the code, proof of work, and commitments to the weights, by a cost model.
//!
//! Long rows make the opened columns short and the row combination long; a low rate needs few columns and much encoding;
//! proof of work replaces columns by hashes; a commitment to the weights that serves more proofs has longer tails; narrow rows
//! of the trace waste less on pads and need fewer hashes, and have more cells in a column and longer tails. With this pass setup tries all of them and takes the cheapest that is sound enough:
//!
//! ```text
//! price = bytes of proof + bytes of setup proof * setup_weight
//!       + (encoded cells + CELLS_PER_LEAF * leaves + folded cells + CELLS_PER_HASH * hashes) * bytes_per_cell
//! ```
//!
//! with the two weights of [`SetupOptions`]. Without it rows have about the square root of the number of cells
//! ([`CodeParameters::suggested_log_row`]), the rate is 1/4, all rows are wide, the proof of work [`SetupOptions::grinding_bits`]; only the
//! number of commitments, which the key must have one of, is still chosen by its price.

use core::ops::RangeInclusive;

use super::SetupOptions;
use crate::pcs::CodeParameters;

/// Name of the pass.
pub use crate::optimize::circuit::CODE_CHOICE as NAME;

/// Row lengths that are tried, `log2`; no longer than all the data.
pub const LOG_ROWS: RangeInclusive<u32> = 6..=20;

/// Rates that are tried: `1/2` to `1/16`.
pub const LOG_BLOWUPS: RangeInclusive<u32> = 1..=4;

/// The rate without the pass: `1/4`.
pub const FIXED_LOG_BLOWUP: u32 = 2;

/// Columns that are opened at that rate, about: what the row length without the pass goes by.
const TYPICAL_QUERIES: usize = 128;

/// What a hash of the proof of work costs, in cells to encode and to hash.
pub const CELLS_PER_HASH: f64 = 1.5;

/// What a leaf costs besides its cells: its salt, and a node of the tree.
pub const CELLS_PER_LEAF: f64 = 3.0;

/// What a choice costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CodeCost {
    /// Bytes of a proof that depend on the choice: columns, salts, paths, and the row combination or its recursion.
    pub bytes: f64,
    /// Cells that the prover encodes and hashes for a proof.
    pub encoded_cells: f64,
    /// Leaves of the trace's tree.
    pub leaves: f64,
    /// Elements of the row combinations that claims are merged over.
    pub folded_cells: f64,
    /// Hashes of the proof of work, as expected.
    pub hashes: f64,
    /// Bytes of the setup proof that depend on the choice.
    pub setup_bytes: f64,
}

impl CodeCost {
    /// All of it in bytes of proof.
    pub fn price(&self, options: &SetupOptions) -> f64 {
        let cells = self.encoded_cells + self.leaves * CELLS_PER_LEAF + self.folded_cells;
        let work = cells + self.hashes * CELLS_PER_HASH;
        self.bytes + work * options.bytes_per_cell + self.setup_bytes * options.setup_weight
    }

    /// As sizes of a report.
    pub fn sizes(&self) -> [(&'static str, u64); 3] {
        [
            ("bytes of columns and combination", self.bytes as u64),
            ("encoded cells", self.encoded_cells as u64),
            ("hashes of work", self.hashes as u64),
        ]
    }
}

/// The row lengths to try for `cells` cells of trace and weights, the longer of the two matrices having `longest`.
pub fn log_rows(enabled: bool, cells: usize, longest: usize) -> RangeInclusive<u32> {
    let longest = longest.next_power_of_two().ilog2().min(*LOG_ROWS.end());
    match enabled {
        true => *LOG_ROWS.start()..=longest,
        false => {
            let fixed = CodeParameters::suggested_log_row(cells, TYPICAL_QUERIES);
            let fixed = fixed.clamp(*LOG_ROWS.start(), longest.max(*LOG_ROWS.start()));
            fixed..=fixed
        }
    }
}

/// The rates to try.
pub fn log_blowups(enabled: bool) -> RangeInclusive<u32> {
    match enabled {
        true => LOG_BLOWUPS,
        false => FIXED_LOG_BLOWUP..=FIXED_LOG_BLOWUP,
    }
}

/// The strides to try.
pub fn log_strides(enabled: bool, options: &SetupOptions) -> RangeInclusive<u32> {
    match enabled {
        true => options.log_strides.clone(),
        false => 0..=0,
    }
}

/// The code that was taken.
pub fn changes(code: &CodeParameters) -> Vec<String> {
    vec![format!(
        "rows of {}, those of the trace of {}, codewords of {}, {} columns opened, {} bits of work (as setup chooses by default)",
        code.row_length(),
        code.narrow().row_length(),
        code.codeword_length(),
        code.queries,
        code.grinding_bits
    )]
}
