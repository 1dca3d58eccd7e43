//! The compression function of BLAKE3 on 16 inputs: lane `l` of each array belongs to input `l`. The compiler makes two
//! vectors of an array.

use core::array::from_fn;

use super::super::blake3::{Half, IV, LANES, ORDER, State};

type Words = [u32; LANES];

#[inline(always)]
fn add(a: Words, b: Words) -> Words {
    from_fn(|lane| a[lane].wrapping_add(b[lane]))
}

#[inline(always)]
fn turn<const BITS: u32>(a: Words, b: Words) -> Words {
    from_fn(|lane| (a[lane] ^ b[lane]).rotate_right(BITS))
}

/// The function `G` of the specification.
#[inline(always)]
fn mix(v: &mut [Words; 16], [a, b, c, d]: [usize; 4], [first, second]: [Words; 2]) {
    v[a] = add(add(v[a], v[b]), first);
    v[d] = turn::<16>(v[d], v[a]);
    v[c] = add(v[c], v[d]);
    v[b] = turn::<12>(v[b], v[c]);
    v[a] = add(add(v[a], v[b]), second);
    v[d] = turn::<8>(v[d], v[a]);
    v[c] = add(v[c], v[d]);
    v[b] = turn::<7>(v[b], v[c]);
}

/// See `api::compress_blocks`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn compress(state: &mut State, halves: [Half<'_>; 2], counter: u64, flags: u32) {
    let mut message = [[0; LANES]; 16];
    for lane in 0..LANES {
        let words = halves.iter().flat_map(|half| half.lane(lane));
        for (pair, word) in message.chunks_exact_mut(2).zip(words) {
            pair[0][lane] = *word as u32;
            pair[1][lane] = (*word >> 32) as u32;
        }
    }
    let [i0, i1, i2, i3] = IV.map(|word| [word; LANES]);
    let rest = [counter as u32, (counter >> 32) as u32, 64, flags];
    let [r0, r1, r2, r3] = rest.map(|word| [word; LANES]);
    let [s0, s1, s2, s3, s4, s5, s6, s7] = *state;
    let mut v = [s0, s1, s2, s3, s4, s5, s6, s7, i0, i1, i2, i3, r0, r1, r2, r3];
    for [columns, diagonals] in &ORDER {
        let word = |order: &[usize; 8], i: usize| [message[order[2 * i]], message[order[2 * i + 1]]];
        mix(&mut v, [0, 4, 8, 12], word(columns, 0));
        mix(&mut v, [1, 5, 9, 13], word(columns, 1));
        mix(&mut v, [2, 6, 10, 14], word(columns, 2));
        mix(&mut v, [3, 7, 11, 15], word(columns, 3));
        mix(&mut v, [0, 5, 10, 15], word(diagonals, 0));
        mix(&mut v, [1, 6, 11, 12], word(diagonals, 1));
        mix(&mut v, [2, 7, 8, 13], word(diagonals, 2));
        mix(&mut v, [3, 4, 9, 14], word(diagonals, 3));
    }
    let (low, high) = v.split_at(8);
    for (row, (low, high)) in state.iter_mut().zip(low.iter().zip(high)) {
        *row = from_fn(|lane| low[lane] ^ high[lane]);
    }
}
