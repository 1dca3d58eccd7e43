//! Products of int8 rows with many vectors over `K` at once, as one tiled matrix product.
//!
//! `out[a][v] = sum_j rows[a][j] vectors[v][j]`. The limbs of the vectors (see `limb`) are the columns of a matrix of
//! bytes, 16 for each vector. The instruction `vpdpbusd` adds four products of a byte of limbs and an int8 value to a
//! 32-bit sum, so a *line* holds 16 limbs of four neighbouring terms. A *panel* holds the lines of up to three vectors:
//! eight rows times three lines are sums that stay in registers.
//!
//! Blocks of [`DEPTH`] terms of a panel stay in the first-level cache while all rows of a group pass over them.

use rayon::prelude::*;

use super::backend::{Backend, Kind, dispatch};
use super::limb::join_limbs;
use crate::field::K;

/// Limbs of an element of `K`.
pub(super) const LIMBS: usize = 16;

/// Terms in a line.
pub(super) const QUAD: usize = 4;

/// Vectors in a panel.
pub(super) const PANEL: usize = 3;

/// Terms of a panel that are multiplied with all rows of a group before the next ones.
const DEPTH: usize = 1 << 10;

/// Rows that pass over a block of a panel, which is read from the second-level cache once for all of them.
const GROUP: usize = 1 << 7;

/// Most terms: a 32-bit sum takes 65,536 products of a byte and an int8 value.
const MAXIMUM_TERMS: usize = 1 << 16;

/// Limb `l` of four neighbouring terms at `4 l`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; LIMBS * QUAD]);

/// Vectors over `K` of one length, laid out for [`rows_times_panels`](super::rows_times_panels).
pub struct LimbPanels {
    /// Panel after panel; in a panel, the lines of its vectors for each four terms.
    lines: Vec<Line>,
    vectors: usize,
    length: usize,
}

impl LimbPanels {
    /// Lays out the first `length` elements of each vector.
    ///
    /// # Panics
    ///
    /// If a vector is shorter, or if `length` is more than 65,536.
    pub fn new(vectors: &[Vec<K>], length: usize) -> Self {
        assert!(length <= MAXIMUM_TERMS, "the terms of a 32-bit sum");
        assert!(
            vectors.iter().all(|vector| vector.len() >= length),
            "vectors as long as a row"
        );
        let quads = length.div_ceil(QUAD);
        let mut lines = vec![Line([0; LIMBS * QUAD]); vectors.len() * quads];
        let panels = lines.par_chunks_mut((PANEL * quads).max(1));
        panels
            .zip(vectors.par_chunks(PANEL))
            .for_each(|(lines, vectors)| {
                for (quad, lines) in lines.chunks_exact_mut(vectors.len()).enumerate() {
                    for (line, vector) in lines.iter_mut().zip(vectors) {
                        let terms = &vector[quad * QUAD..length.min((quad + 1) * QUAD)];
                        for (place, term) in terms.iter().enumerate() {
                            let limbs = [term.c0.value, term.c1.value].map(u64::to_le_bytes);
                            for (bytes, limb) in line.0.chunks_exact_mut(QUAD).zip(limbs.as_flattened()) {
                                bytes[place] = *limb;
                            }
                        }
                    }
                }
            });
        Self {
            lines,
            vectors: vectors.len(),
            length,
        }
    }

    /// Number of vectors.
    pub fn vectors(&self) -> usize {
        self.vectors
    }

    /// First vector, number of vectors and lines of each panel.
    fn panels(&self) -> impl Iterator<Item = (usize, usize, &[Line])> {
        let quads = self.length.div_ceil(QUAD);
        let panels = self.lines.chunks((PANEL * quads).max(1)).enumerate();
        panels.map(move |(panel, lines)| (PANEL * panel, lines.len() / quads.max(1), lines))
    }
}

/// A panel's block of terms, and the rows that are multiplied with it.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The rows, from their first term in this block on.
    pub(super) rows: &'a [i8],
    pub(super) row_length: usize,
    /// How many rows.
    pub(super) count: usize,
    /// Terms of a row.
    pub(super) terms: usize,
    /// `width` lines for each four terms.
    pub(super) lines: &'a [Line],
    pub(super) width: usize,
    /// Distance of the sums of neighbouring rows.
    pub(super) stride: usize,
}

impl Block<'_> {
    /// Whether rows, lines and `sums` are there, as the loops over pointers assume.
    pub(super) fn is_whole(&self, sums: &[i32]) -> bool {
        let last = self.count.saturating_sub(1);
        self.count > 0
            && (1..=PANEL).contains(&self.width)
            && self.rows.len() >= last * self.row_length + self.terms
            && self.lines.len() >= self.terms.div_ceil(QUAD) * self.width
            && sums.len() >= last * self.stride + self.width * LIMBS
    }
}

/// See [`super::rows_times_panels`].
pub(super) fn multiply(backend: Backend, rows: &[i8], panels: &LimbPanels, out: &mut [K]) {
    let (length, vectors) = (panels.length, panels.vectors);
    if length == 0 || vectors == 0 {
        return out.fill(K::default());
    }
    assert!(
        rows.len() / length == out.len() / vectors,
        "an element for each row and vector"
    );
    // Vector loops take four terms of a row at once.
    let backend = if length.is_multiple_of(QUAD) {
        backend
    } else {
        Backend::PORTABLE
    };
    let groups = out
        .par_chunks_mut(GROUP * vectors)
        .zip(rows.par_chunks(GROUP * length));
    groups.for_each_init(Vec::new, |sums: &mut Vec<i32>, (out, rows)| {
        let (count, stride) = (out.len() / vectors, vectors * LIMBS);
        sums.clear();
        sums.resize(count * stride, 0);
        for first in (0..length).step_by(DEPTH) {
            let terms = DEPTH.min(length - first);
            for (vector, width, lines) in panels.panels() {
                let block = Block {
                    rows: &rows[first..],
                    row_length: length,
                    count,
                    terms,
                    lines: &lines[first / QUAD * width..],
                    width,
                    stride,
                };
                let sums = &mut sums[vector * LIMBS..];
                assert!(block.is_whole(sums), "a block of whole rows");
                dispatch!(backend, panels::accumulate(block, sums));
            }
        }
        for (out, sums) in out.iter_mut().zip(sums.as_chunks::<LIMBS>().0) {
            *out = join_limbs(sums);
        }
    });
}
