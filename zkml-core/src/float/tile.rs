//! The tile: some rows of sums, in registers.

#![allow(unsafe_code)]

use crate::field::kernels::{Backend, Kind};

/// Sums of a row: output positions, or outputs, that are computed together.
pub const LANES: usize = 32;

/// Most rows of a tile. Twelve times two vectors of AVX-512 leave room for operands in 32 registers.
pub const ROWS: usize = 12;

/// The sums of a tile; of `r` rows the first `r` count.
pub type Tile = [[f32; LANES]; ROWS];

/// Where the strips of a right operand begin: strip `k` is the [`LANES`] values from `starts[k]` on.
#[derive(Debug, Clone)]
pub struct Strips {
    starts: Vec<usize>,
    /// Values that the operand has at least.
    reach: usize,
}

impl Strips {
    /// Strips at the given places.
    pub fn new(starts: Vec<usize>) -> Self {
        let reach = starts.iter().max().map_or(0, |last| last + LANES);
        Self { starts, reach }
    }

    /// So many strips, one after the other.
    pub fn consecutive(count: usize) -> Self {
        Self::new((0..count).map(|k| k * LANES).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Where each begins.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// How many values an operand must have: the end of the last strip.
    pub fn reach(&self) -> usize {
        self.reach
    }
}

/// `sums[r][l] += left[k * rows + r] * right[strips[k] + l]` for each `k` in its order, for the first `rows` rows. Each
/// product and each sum is rounded by itself, so all backends give the same bits.
///
/// # Panics
/// More than [`ROWS`] rows; a left operand of another size than rows times strips; a right operand that is too short.
#[inline]
pub fn multiply_add(
    backend: Backend,
    rows: usize,
    left: &[f32],
    (right, strips): (&[f32], &Strips),
    sums: &mut Tile,
) {
    assert!(rows <= ROWS, "a tile has at most {ROWS} rows");
    assert_eq!(
        left.len(),
        rows * strips.count(),
        "a value for each row and strip"
    );
    assert!(strips.reach <= right.len(), "strips lie inside their operand");
    let operands = Operands {
        left,
        rows,
        right,
        starts: &strips.starts,
    };
    let sums = &mut sums[..rows];
    match backend.kind() {
        Kind::Portable => portable(&operands, sums),
        // SAFETY: a `Backend` of this kind exists only where the instruction set was detected. The assertions above are
        // the contract of `Operands`.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::run(&operands, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::run(&operands, sums) },
    }
}

/// Operands of a tile: `left` has `rows` values for each start, and [`LANES`] values of `right` follow each start.
struct Operands<'a> {
    left: &'a [f32],
    rows: usize,
    right: &'a [f32],
    starts: &'a [usize],
}

/// In parts of at most four rows and eight lanes, whose sums fit 16 registers of 128 bits.
fn portable(operands: &Operands<'_>, sums: &mut [[f32; LANES]]) {
    const PART: usize = 4;
    for (index, sums) in sums.chunks_mut(PART).enumerate() {
        let first = index * PART;
        match sums.len() {
            4 => portable_rows::<4>(operands, first, sums),
            3 => portable_rows::<3>(operands, first, sums),
            2 => portable_rows::<2>(operands, first, sums),
            _ => portable_rows::<1>(operands, first, sums),
        }
    }
}

/// Rows `first..first + R`.
fn portable_rows<const R: usize>(operands: &Operands<'_>, first: usize, sums: &mut [[f32; LANES]]) {
    const WIDTH: usize = 8;
    let lefts = || operands.left.chunks_exact(operands.rows);
    for lane in (0..LANES).step_by(WIDTH) {
        let mut part = [[0f32; WIDTH]; R];
        for (part, sums) in part.iter_mut().zip(sums.iter()) {
            part.copy_from_slice(&sums[lane..lane + WIDTH]);
        }
        for (left, start) in lefts().zip(operands.starts) {
            let right = &operands.right[start + lane..][..WIDTH];
            for (sums, w) in part.iter_mut().zip(&left[first..first + R]) {
                for (sum, x) in sums.iter_mut().zip(right) {
                    *sum += w * x;
                }
            }
        }
        for (part, sums) in part.iter().zip(sums.iter_mut()) {
            sums[lane..lane + WIDTH].copy_from_slice(part);
        }
    }
}

/// A tile in vector registers, `R` rows and `V` vectors at a time.
#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($module:ident, $features:literal, $width:literal, $part:literal, $columns:literal,
        $zero:ident, $splat:ident, $load:ident, $store:ident, $multiply:ident, $add:ident, [$($rows:literal)*]) => {
        mod $module {
            use core::arch::x86_64::*;

            use super::{LANES, Operands};

            /// All rows of a tile, in parts that fit the registers and are about equally high.
            ///
            /// # Safety
            /// The processor has the instruction set; what [`Operands`] says.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn run(operands: &Operands<'_>, sums: &mut [[f32; LANES]]) {
                let part = sums.len().div_ceil(sums.len().div_ceil($part).max(1)).max(1);
                for (index, sums) in sums.chunks_mut(part).enumerate() {
                    let first = index * part;
                    for lane in (0..LANES).step_by($width * $columns) {
                        // SAFETY: the same contract; the part has that many rows.
                        unsafe {
                            match sums.len() {
                                $($rows => rows::<$rows>(operands, first, lane, sums),)*
                                _ => {}
                            }
                        }
                    }
                }
            }

            /// Rows `first..first + R` and two vectors of sums from `lane` on.
            ///
            /// # Safety
            /// As [`run`]; `sums` has `R` rows.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn rows<const R: usize>(
                operands: &Operands<'_>,
                first: usize,
                lane: usize,
                sums: &mut [[f32; LANES]],
            ) {
                debug_assert!(sums.len() == R && first + R <= operands.rows);
                let mut part = [[$zero(); $columns]; R];
                for (part, sums) in part.iter_mut().zip(sums.iter()) {
                    for (column, part) in part.iter_mut().enumerate() {
                        // SAFETY: these lanes lie in the row.
                        *part = unsafe { $load(sums.as_ptr().add(lane + $width * column)) };
                    }
                }
                let mut left = operands.left.as_ptr().wrapping_add(first);
                for start in operands.starts {
                    // SAFETY: `LANES` values follow each start, and each start has `rows` values of `left`.
                    unsafe {
                        let right = operands.right.as_ptr().add(start + lane);
                        let mut x = [$zero(); $columns];
                        for (column, x) in x.iter_mut().enumerate() {
                            *x = $load(right.add($width * column));
                        }
                        for (row, part) in part.iter_mut().enumerate() {
                            let w = $splat(*left.add(row));
                            for (sum, x) in part.iter_mut().zip(x) {
                                *sum = $add(*sum, $multiply(w, x));
                            }
                        }
                    }
                    left = left.wrapping_add(operands.rows);
                }
                for (part, sums) in part.iter().zip(sums.iter_mut()) {
                    for (column, part) in part.iter().enumerate() {
                        // SAFETY: these lanes lie in the row.
                        unsafe { $store(sums.as_mut_ptr().add(lane + $width * column), *part) };
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vectors!(
    avx2, "avx2", 8, 6, 2, _mm256_setzero_ps, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_mul_ps,
    _mm256_add_ps, [1 2 3 4 5 6]
);

#[cfg(target_arch = "x86_64")]
vectors!(
    avx512, "avx512f", 16, 12, 2, _mm512_setzero_ps, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_mul_ps,
    _mm512_add_ps, [1 2 3 4 5 6 7 8 9 10 11 12]
);
