//! Small integers as elements of `F`, and back.

use crate::field::mersenne61::reduce64;
use crate::field::{M61, P};

/// `x mod p` for any unsigned integer. (`M61::from` divides by a 128-bit integer; this does not.)
#[inline(always)]
pub const fn from_u64(x: u64) -> M61 {
    M61::from_raw(reduce64(x))
}

/// `x mod p` for any signed integer.
#[inline(always)]
pub const fn from_i64(x: i64) -> M61 {
    let magnitude = reduce64(x.unsigned_abs());
    M61::from_raw(if x < 0 && magnitude != 0 {
        P - magnitude
    } else {
        magnitude
    })
}

/// The representative of `x` in `[-(p-1)/2, (p-1)/2]`.
#[inline(always)]
pub const fn to_i64_centered(x: M61) -> i64 {
    if x.value > P / 2 {
        x.value as i64 - P as i64
    } else {
        x.value as i64
    }
}
