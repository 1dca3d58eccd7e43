//! The compression function of BLAKE3 on 16 inputs: lane `l` of each vector belongs to input `l`.

use core::arch::x86_64::*;

use super::super::blake3::{Half, IV, ORDER, State};

/// Four `G` side by side: on the columns or on the diagonals of the state.
#[inline(always)]
unsafe fn quarter_rounds(
    v: &mut [__m512i; 16],
    at: [[usize; 4]; 4],
    message: &[__m512i; 16],
    order: &[usize; 8],
) {
    // Each step runs over all four: they do not depend on each other, and a step alone waits for the one before.
    macro_rules! mix {
        ($word:literal, $first:literal, $second:literal) => {
            for ([a, b, _, _], words) in at.iter().zip(order.chunks_exact(2)) {
                let word = message[words[$word]];
                v[*a] = _mm512_add_epi32(_mm512_add_epi32(v[*a], word), v[*b]);
            }
            for [a, _, _, d] in at {
                v[d] = _mm512_ror_epi32::<$first>(_mm512_xor_si512(v[d], v[a]));
            }
            for [_, _, c, d] in at {
                v[c] = _mm512_add_epi32(v[c], v[d]);
            }
            for [_, b, c, _] in at {
                v[b] = _mm512_ror_epi32::<$second>(_mm512_xor_si512(v[b], v[c]));
            }
        };
    }
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe {
        mix!(0, 16, 12);
        mix!(1, 8, 7);
    }
}

/// From 16 words of each input to 16 inputs of each word.
#[inline(always)]
unsafe fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe {
        let mut pairs = rows;
        for i in 0..8 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        // Vector 4 g + k: in each run of 128 bits the word k of the inputs 4 g to 4 g + 3.
        let mut quads = pairs;
        for (g, i) in (0..4).flat_map(|g| (0..2).map(move |i| (g, i))) {
            let (low, high) = (pairs[4 * g + i], pairs[4 * g + 2 + i]);
            quads[4 * g + 2 * i] = _mm512_unpacklo_epi64(low, high);
            quads[4 * g + 2 * i + 1] = _mm512_unpackhi_epi64(low, high);
        }
        let mut words = quads;
        for k in 0..4 {
            let [q0, q1, q2, q3] = [quads[k], quads[4 + k], quads[8 + k], quads[12 + k]];
            let even = [
                _mm512_shuffle_i32x4::<0x88>(q0, q1),
                _mm512_shuffle_i32x4::<0x88>(q2, q3),
            ];
            let odd = [
                _mm512_shuffle_i32x4::<0xdd>(q0, q1),
                _mm512_shuffle_i32x4::<0xdd>(q2, q3),
            ];
            words[k] = _mm512_shuffle_i32x4::<0x88>(even[0], even[1]);
            words[4 + k] = _mm512_shuffle_i32x4::<0x88>(odd[0], odd[1]);
            words[8 + k] = _mm512_shuffle_i32x4::<0xdd>(even[0], even[1]);
            words[12 + k] = _mm512_shuffle_i32x4::<0xdd>(odd[0], odd[1]);
        }
        words
    }
}

/// See `api::compress_blocks`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(in super::super) fn compress(state: &mut State, [low, high]: [Half<'_>; 2], counter: u64, flags: u32) {
    let splat = |word: u32| _mm512_set1_epi32(word as i32);
    // SAFETY: each half has four words for each of 16 inputs, and each row of the state is 16 words.
    let (message, before) = unsafe {
        let rows = core::array::from_fn(|lane| {
            let low = _mm256_loadu_si256(low.lane(lane).as_ptr().cast());
            let high = _mm256_loadu_si256(high.lane(lane).as_ptr().cast());
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        });
        let before: [__m512i; 8] = core::array::from_fn(|k| _mm512_loadu_si512(state[k].as_ptr().cast()));
        (transpose(rows), before)
    };
    let mut v = [splat(0); 16];
    v[..8].copy_from_slice(&before);
    for (v, word) in v[8..12].iter_mut().zip(IV) {
        *v = splat(word);
    }
    let rest = [counter as u32, (counter >> 32) as u32, 64, flags];
    for (v, word) in v[12..].iter_mut().zip(rest) {
        *v = splat(word);
    }
    macro_rules! rounds {
        ($($round:literal)*) => { $(
            // SAFETY: this function can only be reached with the instruction set.
            unsafe {
                let columns = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]];
                quarter_rounds(&mut v, columns, &message, &ORDER[$round][0]);
                let diagonals = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];
                quarter_rounds(&mut v, diagonals, &message, &ORDER[$round][1]);
            }
        )* };
    }
    rounds!(0 1 2 3 4 5 6);
    for k in 0..8 {
        let word = _mm512_xor_si512(v[k], v[8 + k]);
        // SAFETY: a row of the state is 16 words.
        unsafe { _mm512_storeu_si512(state[k].as_mut_ptr().cast(), word) };
    }
}
