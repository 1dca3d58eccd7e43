//! Evaluates the multilinear extension of a table at a point.

use ark_ff::AdditiveGroup;

use crate::field::{K, M61, k_from_base, mul_k, mul_k_base};

/// `sum_index values[index] eq(point, bits(index))` for `2^n` values in the base field. Missing values count as 0, and
/// values after the first `2^n` are ignored.
pub fn evaluate_base(values: &[M61], point: &[K]) -> K {
    let Some((&first, rest)) = point.split_first() else {
        return values.first().map_or(K::ZERO, |&value| k_from_base(value));
    };
    let half = 1usize.checked_shl(rest.len() as u32).unwrap_or(usize::MAX);
    let (low, high) = values.split_at(half.min(values.len()));
    let mut folded: Vec<K> = low.iter().map(|&value| k_from_base(value)).collect();
    for (low, &high) in folded.iter_mut().zip(high) {
        *low += mul_k_base(first, high - low.c0);
    }
    // Where the high half ends early the missing values are 0.
    for low in folded.iter_mut().skip(high.len()) {
        *low -= mul_k(first, *low);
    }
    fold_all(folded, rest)
}

/// `sum_index values[index] eq(point, bits(index))` for `2^n` values in `K`. Missing values count as 0, and values
/// after the first `2^n` are ignored.
pub fn evaluate(values: &[K], point: &[K]) -> K {
    let Some((&first, rest)) = point.split_first() else {
        return values.first().copied().unwrap_or(K::ZERO);
    };
    let half = 1usize.checked_shl(rest.len() as u32).unwrap_or(usize::MAX);
    let (low, high) = values.split_at(half.min(values.len()));
    let mut folded = low.to_vec();
    bind_first(&mut folded, high, first);
    fold_all(folded, rest)
}

/// Binds the remaining variables one by one, from the most significant.
fn fold_all(mut values: Vec<K>, point: &[K]) -> K {
    for (k, &coordinate) in point.iter().enumerate() {
        let half = 1usize
            .checked_shl((point.len() - 1 - k) as u32)
            .unwrap_or(usize::MAX);
        let split = half.min(values.len());
        let (low, high) = values.split_at_mut(split);
        bind_first(low, high, coordinate);
        values.truncate(split);
    }
    values.first().copied().unwrap_or(K::ZERO)
}

/// `low[i] += coordinate (high[i] - low[i])`, with zeros where `high` is shorter.
fn bind_first(low: &mut [K], high: &[K], coordinate: K) {
    let present = high.len().min(low.len());
    for (low, &high) in low.iter_mut().zip(high) {
        *low += mul_k(coordinate, high - *low);
    }
    for low in low.iter_mut().skip(present) {
        *low -= mul_k(coordinate, *low);
    }
}
