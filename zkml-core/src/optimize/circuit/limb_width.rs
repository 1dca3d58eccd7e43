//! The width of remainder limbs, by a cost model.
//!
//! A remainder in `[0, 2^s)` is checked as `s / b` limbs of `b` bits in a range table of `2^b` rows. Wide limbs are few,
//! narrow ones have a small table; [`crate::quant::shift`] takes the `b` of 8 to 16 with the fewest cells. Without this
//! pass `b` is 8.

use crate::circuit::Circuit;

/// Name of the pass.
pub const NAME: &str = "limb_width";

/// Bits of a limb without the pass.
pub const FIXED_BITS: u32 = 8;

/// The width, and how many limbs there are.
pub fn changes(circuit: &Circuit, limb_bits: u32) -> Vec<String> {
    let limbs = circuit
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
