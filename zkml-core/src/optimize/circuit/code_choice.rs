//! The code of the commitments, by a cost model.
//!
//! Long rows make the opened columns short and the row combination long. A low rate needs few columns and much
//! encoding. Proof of work replaces columns by hashes. Narrow rows of the trace waste less on pads and need fewer
//! hashes, but have more cells in a column and longer tails. With this pass setup tries all codes and takes the
//! cheapest that is sound enough (`setup/cost.rs` has the price). Without it rows have about the square root of the
//! number of cells, the rate is 1/4, all rows are wide, and the proof of work is the least that setup may choose. The
//! number of commitments to the weights is chosen by its price in any case.

use core::ops::RangeInclusive;

use crate::optimize::{Outcome, Switches, pass};

pass!(CodeChoice, "code_choice", Circuit(changes) in "setup/search.rs", changes_code,
    "chooses row length, rate, proof of work and commitments to the weights by a cost model");

/// Row lengths that are tried, `log2`; no longer than all the data.
const LOG_ROWS: RangeInclusive<u32> = 6..=22;

/// The shortest row, `log2`.
pub const SHORTEST_LOG_ROW: u32 = *LOG_ROWS.start();

/// Rates that are tried: `1/2` to `1/16`.
const LOG_BLOWUPS: RangeInclusive<u32> = 1..=4;

/// The rate without the pass: `1/4`.
const FIXED_LOG_BLOWUP: u32 = 2;

/// Columns that are opened at that rate, about: what the row length without the pass goes by.
pub const TYPICAL_QUERIES: usize = 128;

/// The row lengths to try, where the longer of the two matrices has `longest` cells; `suggested` without the pass.
pub fn log_rows(switches: &Switches, longest: usize, suggested: u32) -> RangeInclusive<u32> {
    let longest = longest.next_power_of_two().ilog2().min(*LOG_ROWS.end());
    match switches.runs(&CodeChoice) {
        true => SHORTEST_LOG_ROW..=longest,
        false => {
            let fixed = suggested.clamp(SHORTEST_LOG_ROW, longest.max(SHORTEST_LOG_ROW));
            fixed..=fixed
        }
    }
}

/// The rates to try.
pub fn log_blowups(switches: &Switches) -> RangeInclusive<u32> {
    match switches.runs(&CodeChoice) {
        true => LOG_BLOWUPS,
        false => FIXED_LOG_BLOWUP..=FIXED_LOG_BLOWUP,
    }
}

/// The strides to try; `wanted` are those that setup may choose.
pub fn log_strides(switches: &Switches, wanted: &RangeInclusive<u32>) -> RangeInclusive<u32> {
    match switches.runs(&CodeChoice) {
        true => wanted.clone(),
        false => 0..=0,
    }
}

/// The bits of proof of work to try, of at least `least` and at most `most`.
pub fn grinding_bits(switches: &Switches, least: u32, most: u32) -> RangeInclusive<u32> {
    match switches.runs(&CodeChoice) {
        true => least..=most.max(least),
        false => least..=least,
    }
}

/// The code that was taken.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let text = outcome.code.map(|code| {
        format!(
            "rows of {}, those of the trace of {}, codewords of {}, {} columns opened, {} bits of work (as setup chooses by default)",
            code.row_length, code.trace_row_length, code.codeword_length, code.queries, code.grinding_bits
        )
    });
    text.into_iter().collect()
}
