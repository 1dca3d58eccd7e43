//! Numbers in limbs: ranges that are wider than a table.
//!
//! A field element is in `[0, 2^bits)` if it is `sum_k 2^(w k) limb_k`, where each limb is looked up in its own range:
//! the sum is an integer below `2^bits`, and no two sums of limbs are equal. `w` is the width of the circuit's limbs.

use crate::circuit::{CircuitBuilder, ColumnId, ColumnKind, Table};
use crate::field::{M61, from_i64};

use super::{Hint, Lowering};

/// Bits of the integers `0..=largest`, at least one.
pub(super) fn bits_of(largest: i128) -> u32 {
    (i128::BITS - largest.max(1).leading_zeros()).max(1)
}

/// The widths of the limbs of a number of `bits` bits, least significant first: all are `limb_bits` but the last one.
pub(super) fn widths(bits: u32, limb_bits: u32) -> Vec<u32> {
    let limb_bits = limb_bits.max(1);
    (0..bits.div_ceil(limb_bits))
        .map(|k| limb_bits.min(bits - k * limb_bits))
        .collect()
}

/// The limbs of an integer, of these widths.
#[cfg(feature = "prover")]
pub(super) fn digits(integer: i64, widths: &[u32]) -> impl Iterator<Item = i64> + '_ {
    widths.iter().scan(integer, |rest, &width| {
        let digit = *rest & ((1 << width) - 1);
        *rest >>= width;
        Some(digit)
    })
}

/// Committed limbs of a number of `bits` bits, each looked up in its range.
pub(super) fn committed(
    circuit: &mut CircuitBuilder,
    name: &str,
    shape: &[usize],
    bits: u32,
) -> Vec<ColumnId> {
    let widths = widths(bits, circuit.limb_bits);
    let limb = |(k, bits): (usize, u32)| {
        let name = format!("{name}.{k}");
        let limb = circuit.column(&name, shape, ColumnKind::trace(false));
        let table = circuit.table(Table::Range { bits });
        circuit.lookup(name, vec![limb], table);
        limb
    };
    widths.into_iter().enumerate().map(limb).collect()
}

/// `scale * sum_k 2^(w k) limb_k`, as the terms of a sum.
pub(super) fn composed(limbs: &[ColumnId], limb_bits: u32, scale: M61) -> Vec<(M61, ColumnId)> {
    let base = from_i64(1i64 << limb_bits);
    let powers = core::iter::successors(Some(scale), |power| Some(*power * base));
    powers.zip(limbs.iter().copied()).collect()
}

/// Requires that every cell of `value`, padding included, is in `[0, 2^bits)`. The highest limb is virtual: it is what
/// the others leave of the value, divided by its weight. The caller sees to it that no other integer that the value can
/// be is one of these modulo p.
pub(super) fn in_range(lowering: &mut dyn Lowering<'_>, name: &str, value: ColumnId, bits: u32) {
    let circuit = lowering.circuit();
    let limb_bits = circuit.limb_bits;
    let shape = circuit.circuit[value].shape.sizes();
    let widths = widths(bits, limb_bits);
    let (top_bits, lower) = widths.split_last().map_or((bits, 0), |(top, rest)| (*top, rest.len()));
    let limbs = circuit.limbs(name, &shape, lower as u32);
    let mut top = value;
    if !limbs.is_empty() {
        let weight = from_i64(1i64 << (limb_bits * lower as u32));
        let inverse = ark_ff::Field::inverse(&weight).unwrap_or_default();
        let mut terms = composed(&limbs, limb_bits, -inverse);
        terms.push((inverse, value));
        top = circuit.linear_column(&format!("{name}.{lower}"), &shape, &terms, M61::from(0u64));
    }
    let table = circuit.table(Table::Range { bits: top_bits });
    circuit.lookup(name.to_owned(), vec![top], table);
    if !limbs.is_empty() {
        lowering.hint(Hint::Limbs {
            input: value,
            limbs,
            bits: limb_bits,
        });
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use super::*;

    #[test]
    fn limbs_compose_to_their_number() {
        assert_eq!(widths(23, 8), [8, 8, 7]);
        assert_eq!(widths(16, 8), [8, 8]);
        assert_eq!(widths(3, 8), [3]);
        for (number, bits) in [(0i64, 1), (1, 1), (4_194_304, 23), (8_388_607, 23)] {
            assert!(bits_of(number.into()) <= bits);
            let widths = widths(bits, 8);
            let digits: Vec<i64> = digits(number, &widths).collect();
            let sum = digits.iter().rev().fold(0, |sum, digit| (sum << 8) + digit);
            assert_eq!(sum, number);
        }
        // Of a negative number: those of what it is above a multiple of 2^bits.
        assert_eq!(digits(-1, &[8, 2]).collect::<Vec<_>>(), [255, 3]);
        assert_eq!((bits_of(0), bits_of(1), bits_of(2), bits_of(4)), (1, 1, 2, 3));
    }
}
