//! The multilinear extension of equality.

use ark_ff::{AdditiveGroup, Field};

use crate::field::{K, mul_k};

/// All `2^n` values `eq(point, bits(index))`, in the order of `index`: for `(a, b)` entry `0b10` is `a (1 - b)`.
pub fn eq_table(point: &[K]) -> Vec<K> {
    let mut table = Vec::with_capacity(1usize.checked_shl(point.len() as u32).unwrap_or(0));
    table.push(K::ONE);
    // From the last variable (lowest bit) upwards: each variable adds a half above the existing one.
    for &coordinate in point.iter().rev() {
        for index in 0..table.len() {
            let high = mul_k(table[index], coordinate);
            table[index] -= high;
            table.push(high);
        }
    }
    table
}

/// `eq(a, b) = prod_k (a_k b_k + (1 - a_k)(1 - b_k))`; one multiplication per factor and one for the product.
/// Points of different lengths are never equal: the result is 0.
pub fn eq_eval(a: &[K], b: &[K]) -> K {
    if a.len() != b.len() {
        return K::ZERO;
    }
    a.iter().zip(b).fold(K::ONE, |product, (&x, &y)| {
        // x y + (1 - x)(1 - y) = 1 - x - y + 2 x y
        mul_k(product, K::ONE - x - y + mul_k(x, y).double())
    })
}

/// `eq(point, bits(index))`: the entry `index` of [`eq_table`], with `n` multiplications. It is 0 where
/// `index` has more bits than the point.
pub fn eq_at_index(point: &[K], index: usize) -> K {
    let bits = point.len();
    if bits < usize::BITS as usize && index >> bits != 0 {
        return K::ZERO;
    }
    point
        .iter()
        .enumerate()
        .fold(K::ONE, |product, (k, &coordinate)| {
            let bit = index.checked_shr((bits - 1 - k) as u32).unwrap_or(0) & 1;
            mul_k(product, if bit == 1 { coordinate } else { K::ONE - coordinate })
        })
}
