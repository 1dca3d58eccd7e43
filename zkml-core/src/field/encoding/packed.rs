//! Many elements of `F`, 61 bits each, the least significant first.

use crate::field::{M61, P};

/// Bits of a packed element.
const BITS: usize = 61;

/// Bytes that `count` packed elements of `F` take.
pub const fn packed_length(count: usize) -> usize {
    count.saturating_mul(BITS).div_ceil(8)
}

/// The byte in which packed element number `index` begins.
pub const fn packed_offset(index: usize) -> usize {
    index.saturating_mul(BITS) / 8
}

/// The elements, packed.
pub fn pack(values: &[M61]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_length(values.len()));
    let (mut held, mut bits) = (0u128, 0);
    for value in values {
        held |= u128::from(value.value) << bits;
        bits += BITS;
        while bits >= 8 {
            bytes.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        bytes.push(held as u8);
    }
    bytes
}

/// The elements that are packed in `bytes`, as many as there is room for.
///
/// # Errors
///
/// The number of the first element that is stored as `p`: it is 0, which has an encoding already. If bits are left over
/// after the last element, the number of elements.
pub fn unpack(bytes: &[u8]) -> Result<Vec<M61>, usize> {
    let mut values = Vec::with_capacity(bytes.len().saturating_mul(8) / BITS);
    let (mut held, mut bits) = (0u128, 0);
    for byte in bytes {
        held |= u128::from(*byte) << bits;
        bits += 8;
        if bits >= BITS {
            let value = held as u64 & P;
            if value == P {
                return Err(values.len());
            }
            values.push(M61::from_raw(value));
            held >>= BITS;
            bits -= BITS;
        }
    }
    if held != 0 || bits >= 8 {
        return Err(values.len());
    }
    Ok(values)
}
