//! Products of an int8 matrix with patches of bytes: the inner loops of convolutions and linear layers.
//!
//! ```text
//! out[p][o] = sum_{s, t} weights[o][s length + t] * data[positions[p] + segments[s] + t],      t < length
//! ```
//!
//! A patch is a number of equally long segments of consecutive bytes. Their distances are the same at each position.
//! Example: in a convolution over channels-last data a segment is a row of the window, so no patch is ever copied.
//!
//! Weights lie in panels of up to 64 outputs, four terms of an output side by side. One instruction multiplies four
//! bytes of data with the weights of 16 outputs. The sums of a panel and up to six positions stay in registers.

use rayon::prelude::*;

use super::backend::{Backend, Kind, dispatch};

/// Outputs of a full panel.
const PANEL: usize = 64;

/// Outputs of a vector of four-byte sums; panels are padded with zeros to a multiple of it.
pub(super) const BLOCK: usize = 16;

/// Terms that one instruction adds up.
pub(super) const QUAD: usize = 4;

/// Multiply-adds of a task, about.
const PARALLEL_WORK: usize = 1 << 20;

/// A cache line of weights: four terms of 16 outputs.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [i8; BLOCK * QUAD]);

/// An int8 matrix of `outputs` rows, laid out for [`Backend::multiply_patches`].
#[derive(Clone)]
pub struct PackedMatrix {
    outputs: usize,
    segments: usize,
    /// Padded to whole quads.
    segment_length: usize,
    /// Panel by panel, quad by quad, block by block.
    lines: Vec<Line>,
}

crate::debug_without_values!(PackedMatrix, self => "PackedMatrix({} outputs)", self.outputs);

/// The bytes that a matrix is multiplied with; see the module's documentation.
#[derive(Clone, Copy)]
pub struct Patches<'a> {
    /// All bytes.
    pub data: &'a [u8],
    /// Where each patch begins.
    pub positions: &'a [usize],
    /// Where each segment begins, counted from the patch.
    pub segments: &'a [usize],
}

crate::debug_without_values!(Patches<'_>, self => "Patches({} bytes)", self.data.len());

/// The part of a product that one call of an instruction set computes.
pub(super) struct Task<'a> {
    pub(super) lines: &'a [Line],
    pub(super) blocks: usize,
    pub(super) quads: usize,
    pub(super) patches: Patches<'a>,
}

impl Task<'_> {
    /// Where a segment begins in `P` patches, each with all quads of it.
    #[inline(always)]
    pub(super) fn starts<const P: usize>(&self, segment: usize, positions: &[usize]) -> [*const u8; P] {
        let data = &self.patches.data[segment..];
        core::array::from_fn(|p| data[positions[p]..][..self.quads * QUAD].as_ptr())
    }
}

impl PackedMatrix {
    /// Packs `weights`, row-major `[outputs, segments, segment_length]`; what is missing counts as zero.
    pub fn new(weights: impl Fn(usize, usize, usize) -> i8, [outputs, segments, length]: [usize; 3]) -> Self {
        let segment_length = length.next_multiple_of(QUAD);
        let mut lines = Vec::with_capacity(outputs.div_ceil(BLOCK) * segments * segment_length / QUAD);
        for panel in (0..outputs).step_by(PANEL) {
            let end = outputs.min(panel + PANEL);
            for (segment, first) in
                (0..segments).flat_map(|s| (0..length).step_by(QUAD).map(move |first| (s, first)))
            {
                for block in (panel..end).step_by(BLOCK) {
                    let mut line = Line([0; BLOCK * QUAD]);
                    for output in block..end.min(block + BLOCK) {
                        for term in first..length.min(first + QUAD) {
                            line.0[QUAD * (output - block) + term - first] = weights(output, segment, term);
                        }
                    }
                    lines.push(line);
                }
            }
        }
        Self {
            outputs,
            segments,
            segment_length,
            lines,
        }
    }

    /// Number of rows.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// All cells, for whoever overwrites them.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [i8]> {
        self.lines.iter_mut().map(|line| line.0.as_mut_slice())
    }

    /// Bytes of a segment of a patch: terms, padded to a multiple of four.
    pub fn segment_length(&self) -> usize {
        self.segment_length
    }

    /// Blocks of 16 outputs in the panel that begins at `panel`.
    fn blocks(&self, panel: usize) -> usize {
        (self.outputs - panel).min(PANEL).div_ceil(BLOCK)
    }
}

/// See [`super::multiply_patches`].
pub(super) fn multiply(backend: Backend, weights: &PackedMatrix, patches: Patches<'_>) -> Vec<i32> {
    let Patches {
        data,
        positions,
        segments,
    } = patches;
    assert_eq!(
        segments.len(),
        weights.segments,
        "as many segments as the weights have"
    );
    let reach = |offsets: &[usize]| offsets.iter().copied().max().unwrap_or(0);
    assert!(
        positions.is_empty()
            || weights.lines.is_empty()
            || reach(positions) + reach(segments) + weights.segment_length <= data.len(),
        "patches lie inside the data"
    );
    let count = positions.len();
    let quads = weights.segment_length / QUAD;
    let mut sums = vec![0i32; weights.outputs.div_ceil(BLOCK) * BLOCK * count];
    // Each task has a panel and a range of positions, so that its sums are consecutive in memory.
    let mut tasks = Vec::new();
    let (mut rest, mut line) = (sums.as_mut_slice(), 0);
    for panel in (0..weights.outputs).step_by(PANEL) {
        let blocks = weights.blocks(panel);
        let lines = &weights.lines[line..line + blocks * quads * weights.segments];
        line += lines.len();
        let work = size_of_val(lines);
        let part = PARALLEL_WORK.div_ceil(work.max(1)).next_multiple_of(12);
        for positions in positions.chunks(part) {
            let (own, after) = rest.split_at_mut(positions.len() * blocks * BLOCK);
            rest = after;
            let patches = Patches {
                data,
                positions,
                segments,
            };
            tasks.push((
                Task {
                    lines,
                    blocks,
                    quads,
                    patches,
                },
                own,
            ));
        }
    }
    let run = |(task, out): (Task<'_>, &mut [i32])| dispatch!(backend, int8::multiply(&task, out));
    if tasks.len() == 1 || rayon::current_num_threads() == 1 {
        tasks.into_iter().for_each(run);
    } else {
        tasks.into_par_iter().for_each(run);
    }
    to_planes(weights, &sums, count)
}

/// Transposes the sums of each panel, `[position, output]`, to `[output, position]`.
fn to_planes(weights: &PackedMatrix, sums: &[i32], count: usize) -> Vec<i32> {
    let mut planes = vec![0i32; weights.outputs * count];
    if count == 0 {
        return planes;
    }
    let mut rest = sums;
    for (index, planes) in planes.chunks_mut(PANEL * count).enumerate() {
        let width = weights.blocks(index * PANEL) * BLOCK;
        let (own, after) = rest.split_at(width * count);
        rest = after;
        // Sixteen positions at a time: a cache line of every plane.
        for (part, rows) in own.chunks(width * BLOCK).enumerate() {
            for (output, plane) in planes.chunks_exact_mut(count).enumerate() {
                let column = rows.iter().skip(output).step_by(width);
                plane[part * BLOCK..]
                    .iter_mut()
                    .zip(column)
                    .for_each(|(to, from)| *to = *from);
            }
        }
    }
    planes
}

/// Walks over the tiles of a task: calls `tile(positions, out)` for up to `most` positions at a time, whose sums are
/// `out`.
#[inline(always)]
pub(super) fn for_tiles(
    task: &Task<'_>,
    most: usize,
    out: &mut [i32],
    mut tile: impl FnMut(&[usize], &mut [i32]),
) {
    let width = task.blocks * BLOCK;
    let tiles = task.patches.positions.chunks(most);
    for (positions, out) in tiles.zip(out.chunks_mut(most * width)) {
        tile(positions, out);
    }
}

/// See [`super::rescale_integers`]. Compiled anew for each instruction set.
#[inline(always)]
pub(super) fn rescale(x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
    let half = 1i64 << (shift - 1);
    let (mut least, mut most) = (0, 0);
    for (out, x) in out.iter_mut().zip(x) {
        let value = x.wrapping_mul(multiplier).wrapping_add(half) >> shift;
        *out = value;
        least = value.min(least);
        most = value.max(most);
    }
    (least, most)
}
