//! The limb product in tiles, for instruction sets with int8 or int16 multiply-adds.
//!
//! `fold_columns` works on [`STRIP`] columns by [`DEPTH`] rows at a time. The rows are interleaved so that the
//! values which one instruction adds up (2 or 4 rows of one column) are neighbours; then 16 limbs times a
//! vector of columns are accumulated in registers, over all rows of the tile.
//! `dot_rows` needs no interleaving: a row and a plane of limbs run in the same direction.

use crate::field::K;

use super::limb::{Planes, Rows, join};

/// Limbs of an element of `K`.
pub(super) const LIMBS: usize = 16;

/// Columns of a tile: a cache line of a row.
pub(super) const STRIP: usize = 64;

/// Rows of a tile.
pub(super) const DEPTH: usize = 128;

/// Columns whose sums are kept at a time: 64 KiB of accumulators.
const COLUMNS: usize = 1 << 10;

/// Columns of [`dot_rows`] between two reductions: eight planes of them fit in the first-level cache.
const RUN: usize = 1 << 12;

/// Terms that a 32-bit sum of `u8 * i8` products takes: `2^16 * 255 * 128 < 2^31`.
const TERMS: usize = 1 << 16;

/// The sums of a strip: 16 limbs of 64 columns, in an order of the instruction set's own.
pub(super) type Sums = [i32; LIMBS * STRIP];

/// Interleaved rows, large enough for 16-bit values.
#[repr(C, align(64))]
pub(super) struct Packed(pub(super) [u8; 2 * STRIP * DEPTH]);

/// Limbs of the coefficients of a tile, in the order in which they are broadcast.
#[repr(C, align(64))]
pub(super) struct Limbs(pub(super) [u8; 2 * LIMBS * DEPTH]);

/// The inner loops of an instruction set.
///
/// # Safety
///
/// All functions: the processor must have the instruction set.
pub(super) trait Tile {
    /// Interleaves `STRIP` columns of `count <= DEPTH` rows from `source`, the first `width` columns of which
    /// exist; what does not exist becomes 0. `source` is valid for `width` bytes at each multiple of `row_length`
    /// below `count`.
    unsafe fn pack(source: *const i8, row_length: usize, count: usize, width: usize, packed: &mut Packed);

    /// The limbs of `coefficients` (at most `DEPTH`), padded with 0 to whole groups of rows.
    unsafe fn limbs(coefficients: &[K], limbs: &mut Limbs);

    /// Adds `limbs * packed` to the sums, over `count` rows.
    unsafe fn accumulate(packed: &Packed, limbs: &Limbs, count: usize, sums: &mut Sums);

    /// `sum_l 2^(8 l) sums_l` for each column.
    unsafe fn finish(sums: &Sums, out: &mut [K; STRIP]);

    /// The columns of one tile with all their rows: [`Tile::accumulate`] and [`Tile::finish`] in one.
    unsafe fn product(packed: &Packed, limbs: &Limbs, count: usize, out: &mut [K; STRIP]) {
        let mut sums = [0; LIMBS * STRIP];
        // SAFETY: the same contract.
        unsafe {
            Self::accumulate(packed, limbs, count, &mut sums);
            Self::finish(&sums, out);
        }
    }

    /// Sums over `j` of `plane_l[j] * row[j]` for the eight planes from `planes` on, `stride` apart, for two rows.
    /// Only the first `width` values of the rows exist; planes are readable to the next multiple of 64.
    unsafe fn dot_two(rows: [*const i8; 2], planes: *const u8, stride: usize, width: usize) -> [[i32; 8]; 2];
}

/// `out[j] = sum_a coefficients[a] rows[a][first + j]`.
///
/// # Safety
/// The instruction set of the tile is there.
#[inline(always)]
pub(super) unsafe fn fold_columns<T: Tile>(rows: Rows<'_>, first: usize, coefficients: &[K], out: &mut [K]) {
    let (rows, row_length) = (rows.values, rows.length);
    assert!(first + out.len() <= row_length && rows.len() == coefficients.len() * row_length);
    let mut packed = Packed([0; 2 * STRIP * DEPTH]);
    let mut limbs = Limbs([0; 2 * LIMBS * DEPTH]);
    if coefficients.len() <= DEPTH {
        // One tile: its sums never leave the registers.
        // SAFETY: columns first + 64 strip .. + width of all rows are inside `rows`.
        unsafe {
            T::limbs(coefficients, &mut limbs);
            for (strip, out) in out.chunks_mut(STRIP).enumerate() {
                let source = rows.as_ptr().wrapping_add(first + strip * STRIP);
                T::pack(source, row_length, coefficients.len(), out.len(), &mut packed);
                match out.try_into() {
                    Ok(out) => T::product(&packed, &limbs, coefficients.len(), out),
                    Err(_) => {
                        let mut whole = [K::default(); STRIP];
                        T::product(&packed, &limbs, coefficients.len(), &mut whole);
                        out.copy_from_slice(&whole[..out.len()]);
                    }
                }
            }
        }
        return;
    }
    let mut sums = vec![[0; LIMBS * STRIP]; out.len().min(COLUMNS).div_ceil(STRIP)];
    for (block, out) in out.chunks_mut(COLUMNS).enumerate() {
        let start = first + block * COLUMNS;
        out.fill(K::default());
        for (part, coefficients) in coefficients.chunks(TERMS).enumerate() {
            for (tile, coefficients) in coefficients.chunks(DEPTH).enumerate() {
                let row = part * TERMS + tile * DEPTH;
                // SAFETY: columns start + 64 strip .. + width of rows row .. row + count are inside `rows`.
                unsafe {
                    T::limbs(coefficients, &mut limbs);
                    for (strip, sums) in sums.iter_mut().enumerate().take(out.len().div_ceil(STRIP)) {
                        let width = STRIP.min(out.len() - strip * STRIP);
                        let source = rows.as_ptr().add(row * row_length + start + strip * STRIP);
                        T::pack(source, row_length, coefficients.len(), width, &mut packed);
                        T::accumulate(&packed, &limbs, coefficients.len(), sums);
                    }
                }
            }
            for (out, sums) in out.chunks_mut(STRIP).zip(&mut sums) {
                let mut reduced = [K::default(); STRIP];
                // SAFETY: the caller vouches for the instruction set.
                unsafe { T::finish(sums, &mut reduced) };
                out.iter_mut()
                    .zip(reduced)
                    .for_each(|(out, reduced)| *out += reduced);
                sums.fill(0);
            }
        }
    }
}

/// The limbs of a vector, plane by plane, padded with 0 to whole strips.
pub(super) fn planes(vector: &[K]) -> Planes {
    // An odd number of cache lines, so that the planes do not fall on the same cache sets.
    let stride = (vector.len().div_ceil(STRIP) | 1) * STRIP;
    let mut bytes = vec![0; LIMBS * stride];
    for (l, plane) in bytes.chunks_exact_mut(stride).enumerate() {
        let shift = 8 * (l % 8);
        for (byte, x) in plane.iter_mut().zip(vector) {
            let coordinate = if l < 8 { x.c0 } else { x.c1 };
            *byte = (coordinate.value >> shift) as u8;
        }
    }
    Planes {
        bytes,
        stride,
        ..Planes::default()
    }
}

/// `out[a] = sum_j rows[a][j] vector[j]`.
///
/// # Safety
/// The instruction set of the tile is there.
#[inline(always)]
pub(super) unsafe fn dot_rows<T: Tile>(rows: Rows<'_>, planes: &Planes, out: &mut [K]) {
    let (rows, row_length) = (rows.values, rows.length);
    assert!(rows.len() == out.len() * row_length);
    assert!(row_length <= planes.stride && planes.bytes.len() == LIMBS * planes.stride);
    out.fill(K::default());
    for start in (0..row_length).step_by(RUN) {
        let width = RUN.min(row_length - start);
        for (index, out) in out.chunks_mut(2).enumerate() {
            // SAFETY: both rows have `width` values from `start` on (an odd last row stands in for its missing
            // neighbour), and planes are padded to whole strips.
            let values = unsafe {
                let row = rows.as_ptr().add(2 * index * row_length + start);
                let other = if out.len() == 2 { row.add(row_length) } else { row };
                let plane = planes.bytes.as_ptr().add(start);
                [
                    T::dot_two([row, other], plane, planes.stride, width),
                    T::dot_two([row, other], plane.add(8 * planes.stride), planes.stride, width),
                ]
            };
            for (a, out) in out.iter_mut().enumerate() {
                *out += K::new(join(values[0][a]), join(values[1][a]));
            }
        }
    }
}

/// The functions that `limb` calls, compiled for an instruction set.
macro_rules! entries {
    ($tile:ty, $features:literal) => {
        /// See `limb_tiles::planes`.
        #[target_feature(enable = "avx2")]
        pub(in super::super) fn planes(vector: &[K]) -> $crate::field::kernels::limb::Planes {
            limb_tiles::planes(vector)
        }

        /// See `limb_tiles::fold_columns`.
        #[target_feature(enable = $features)]
        pub(in super::super) fn fold_columns(
            rows: $crate::field::kernels::limb::Rows<'_>,
            first: usize,
            coefficients: &[K],
            out: &mut [K],
        ) {
            // SAFETY: this function can only be reached with the instruction set.
            unsafe { limb_tiles::fold_columns::<$tile>(rows, first, coefficients, out) }
        }

        /// See `limb_tiles::dot_rows`.
        #[target_feature(enable = $features)]
        pub(in super::super) fn dot_rows(
            rows: $crate::field::kernels::limb::Rows<'_>,
            planes: &$crate::field::kernels::limb::Planes,
            out: &mut [K],
        ) {
            // SAFETY: this function can only be reached with the instruction set.
            unsafe { limb_tiles::dot_rows::<$tile>(rows, planes, out) }
        }
    };
}

pub(super) use entries;
