//! The width of remainder limbs, by a cost model.
//!
//! A remainder in `[0, 2^s)` is `s / b` limbs of `b` bits, each looked up in a range table of `2^b` rows. Wide limbs
//! are few, narrow limbs have a small table. This pass takes the `b` in 8 to 16 with the fewest cells, among those that
//! cost the least precision. Without it `b` is 8.

use core::ops::RangeInclusive;

use crate::optimize::{Outcome, Switches, pass};

pass!(LimbWidth, "limb_width", Circuit(changes) in "quant/shift.rs",
    "splits remainders into limbs of the width that costs the fewest cells");

/// Widths considered.
pub const WIDTHS: RangeInclusive<u32> = 8..=16;

/// Bits of a limb without the pass.
const FIXED_BITS: u32 = 8;

/// The widths to choose from.
pub fn widths(switches: &Switches) -> RangeInclusive<u32> {
    match switches.runs(&LimbWidth) {
        true => WIDTHS,
        false => FIXED_BITS..=FIXED_BITS,
    }
}

/// What one width costs.
pub struct Attempt<T> {
    /// By how many bits some shift falls short of the wanted precision.
    pub shortfall: u32,
    /// Cells of all limbs.
    pub cells: u64,
    /// What follows from the width.
    pub result: T,
}

/// The width that costs the least precision, and then the fewest cells; `None` where every attempt fails.
pub fn cheapest<T>(
    widths: RangeInclusive<u32>,
    attempt: impl Fn(u32) -> Option<Attempt<T>>,
) -> Option<(u32, T)> {
    let cost = |bits: u32, attempt: &Attempt<T>| {
        let table = 1u64 << bits;
        (attempt.shortfall, attempt.cells.saturating_add(table))
    };
    widths
        .filter_map(|bits| attempt(bits).map(|attempt| (bits, attempt)))
        .min_by_key(|(bits, attempt)| cost(*bits, attempt))
        .map(|(bits, attempt)| (bits, attempt.result))
}

/// The width, and how many limbs there are.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let limb_bits = outcome.limb_bits;
    let limbs = outcome
        .circuit
        .lookups
        .iter()
        .filter(|lookup| lookup.name.contains("/remainder."))
        .count();
    if limbs == 0 || limb_bits == FIXED_BITS {
        return Vec::new();
    }
    vec![format!(
        "{limbs} remainder limbs of {limb_bits} bits instead of {FIXED_BITS}"
    )]
}
