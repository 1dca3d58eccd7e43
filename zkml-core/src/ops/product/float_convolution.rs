//! Convolutions in `f32`.
//!
//! ```text
//! y[o, p] = bias[o] + sum_k w[o, k] x[k, p],      k = (channel, kernel row, kernel column), x[k, p] = 0 in the padding
//! ```
//!
//! It is a matrix product, summed as [`float`](crate::float) says. Images are first copied with their padding around
//! them; for strides above 1 as one plane for each phase, so that neighbours in the result read neighbours in a plane.
//! Then `x[k, p]` is at `starts[k] + q`, where `q` depends on the position alone. [`LANES`] positions at a time, across
//! images, are gathered into a panel `x[k, p]`, and all outputs of the group pass over it. Groups with few outputs
//! (depthwise layers) do not repay a panel: they read the planes where they are, and drop what lies between the rows.

use rayon::prelude::*;

use crate::field::kernels::Backend;
use crate::float::{LANES, ROWS, Strips, Tile, multiply_add};
use crate::graph::Window2d;

/// Outputs of a group below which no panel is gathered.
const FEW_OUTPUTS: usize = 4;

/// Positions for which images are copied together, so that few lanes of the last panel are empty.
const POSITIONS: usize = 8 * LANES;

/// Tasks for each thread, so that the last ones end at about the same time.
const TASKS: usize = 4;

/// A convolution, its weights side by side.
#[derive(Debug, Clone)]
pub(super) struct FloatConvolution {
    window: Window2d,
    groups: usize,
    /// Input channels of a group.
    inputs: usize,
    blocks: Vec<Block>,
    /// Block by block; for each `k` those of all outputs of the block.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Up to [`ROWS`] outputs of a group that share a pass.
#[derive(Debug, Clone, Copy)]
struct Block {
    group: usize,
    /// First output, counted from that of the first group.
    output: usize,
    rows: usize,
}

/// The sizes of one operand, and where its values stand in the copy with padding.
struct Layout {
    window: Window2d,
    /// Height and width of an image.
    size: [usize; 2],
    /// Height and width of the result.
    out: [usize; 2],
    /// Phases `[row, column]` that some cell of the kernel reads, by the number of their plane.
    phases: Vec<[usize; 2]>,
    /// Height and width of a plane.
    plane: [usize; 2],
    /// Values of one image with all planes of a group.
    image: usize,
    /// Where the values under each `k` begin, for the first position.
    starts: Vec<usize>,
}

/// What a thread reuses from task to task.
#[derive(Default)]
struct Scratch {
    /// Images with their padding.
    planes: Vec<f32>,
    panel: Vec<f32>,
}

/// Part of a layer: some outputs of some images.
struct Task<'a, 'y> {
    images: &'a [&'a [f32]],
    blocks: &'a [Block],
    /// Of each image its values at these outputs.
    results: Vec<&'y mut [f32]>,
}

/// Positions that are consecutive in a plane and in a result.
struct Run {
    lane: usize,
    length: usize,
    image: usize,
    /// In the result.
    position: usize,
    /// In a plane, counted from the first start of the first image.
    source: usize,
}

impl FloatConvolution {
    /// `weights` is `[O, inputs, KH, KW]`; `None` where the sizes do not fit.
    pub(super) fn new(
        weights: &[f32],
        bias: Vec<f32>,
        inputs: usize,
        window: Window2d,
        groups: usize,
    ) -> Option<Self> {
        let (outputs, depth) = (
            bias.len().checked_div(groups)?,
            weights.len().checked_div(bias.len())?,
        );
        let fits = outputs * groups == bias.len() && depth == inputs * window.kernel[0] * window.kernel[1];
        if !fits || depth == 0 {
            return None;
        }
        let mut blocks = Vec::new();
        let mut packed = Vec::with_capacity(weights.len());
        for group in 0..groups {
            for first in (0..outputs).step_by(ROWS) {
                let (output, rows) = (group * outputs + first, ROWS.min(outputs - first));
                let rows_of_weights: Vec<&[f32]> = weights[output * depth..][..rows * depth]
                    .chunks_exact(depth)
                    .collect();
                packed.extend((0..depth).flat_map(|k| rows_of_weights.iter().map(move |row| row[k])));
                blocks.push(Block { group, output, rows });
            }
        }
        Some(Self {
            window,
            groups,
            inputs,
            blocks,
            weights: packed,
            bias,
        })
    }

    /// The layer on samples `[N, C, H, W]`, each with its place for a result `[N, O, H', W']`. `None` where the sizes
    /// do not fit.
    pub(super) fn multiply(
        &self,
        backend: Backend,
        samples: &[&[f32]],
        operand: &[usize],
        shape: &[usize],
        results: &mut [Vec<f32>],
    ) -> Option<()> {
        let (&[n, channels, height, width], &[_, outputs, out_height, out_width]) = (operand, shape) else {
            return None;
        };
        let out = self.window.output([height, width])?;
        if channels != self.groups * self.inputs || *shape != [n, self.bias.len(), out[0], out[1]] {
            return None;
        }
        let layout = Layout::new(self.window, [height, width], out, self.inputs);
        let positions = out_height * out_width;
        let images: Vec<&[f32]> = samples
            .iter()
            .flat_map(|x| x.chunks_exact(channels * height * width))
            .collect();
        let mut places = results
            .iter_mut()
            .flat_map(|y| y.chunks_exact_mut(outputs * positions));

        let few = self.blocks.iter().all(|block| block.rows < FEW_OUTPUTS);
        let threads = rayon::current_num_threads();
        let wanted = if threads == 1 { 1 } else { TASKS * threads };
        let (least, most) = match few {
            true => (1, 1),
            false => (LANES.div_ceil(positions), POSITIONS.div_ceil(positions)),
        };
        let together = images.len().div_ceil(wanted).clamp(least, most);
        let parts = wanted.div_ceil(images.len().div_ceil(together)).max(1);
        // A part gathers its panels itself, so it must have some outputs.
        let part = self.blocks.len().div_ceil(parts).max(if few { 1 } else { 4 });

        let mut tasks = Vec::new();
        for images in images.chunks(together) {
            let first = tasks.len();
            tasks.extend(self.blocks.chunks(part).map(|blocks| Task {
                images,
                blocks,
                results: Vec::with_capacity(images.len()),
            }));
            for mut place in places.by_ref().take(images.len()) {
                for task in &mut tasks[first..] {
                    let rows: usize = task.blocks.iter().map(|block| block.rows).sum();
                    let (own, rest) = place.split_at_mut(rows * positions);
                    task.results.push(own);
                    place = rest;
                }
            }
        }
        let run = |scratch: &mut Scratch, task| match few {
            true => self.in_place(backend, &layout, task, scratch),
            false => self.by_panels(backend, &layout, task, scratch),
        };
        if tasks.len() == 1 || threads == 1 {
            let mut scratch = Scratch::default();
            tasks.into_iter().for_each(|task| run(&mut scratch, task));
        } else {
            tasks.into_par_iter().for_each_init(Scratch::default, run);
        }
        Some(())
    }

    fn weights(&self, block: &Block) -> &[f32] {
        let depth = self.weights.len() / self.bias.len();
        &self.weights[block.output * depth..][..block.rows * depth]
    }

    /// Has the sums of each output of the block begin at its bias.
    fn start(&self, block: &Block, sums: &mut Tile) {
        let bias = &self.bias[block.output..][..block.rows];
        sums.iter_mut()
            .zip(bias)
            .for_each(|(sums, bias)| *sums = [*bias; LANES]);
    }

    /// Gathers [`LANES`] positions at a time, of all images of the task.
    fn by_panels(&self, backend: Backend, layout: &Layout, task: Task<'_, '_>, scratch: &mut Scratch) {
        let Task {
            images,
            blocks,
            mut results,
        } = task;
        let strips = Strips::consecutive(layout.starts.len());
        scratch.planes.resize(images.len() * layout.image, 0.0);
        scratch.panel.resize(strips.reach(), 0.0);
        let positions = layout.out[0] * layout.out[1];
        let first_output = blocks.first().map_or(0, |block| block.output);
        let mut sums: Tile = [[0.0; LANES]; ROWS];
        for blocks in blocks.chunk_by(|a, b| a.group == b.group) {
            let group = blocks.first().map_or(0, |block| block.group);
            for (image, planes) in images.iter().zip(scratch.planes.chunks_exact_mut(layout.image)) {
                layout.copy(image, group * self.inputs, planes);
            }
            for first in (0..images.len() * positions).step_by(LANES) {
                let runs = layout.runs(first, images.len());
                let cells = scratch.panel.chunks_exact_mut(LANES);
                for (start, cells) in layout.starts.iter().zip(cells) {
                    for run in &runs {
                        let source = &scratch.planes[start + run.source..][..run.length];
                        copy_run(source, &mut cells[run.lane..][..run.length]);
                    }
                }
                for block in blocks {
                    self.start(block, &mut sums);
                    let right = (scratch.panel.as_slice(), &strips);
                    multiply_add(backend, block.rows, self.weights(block), right, &mut sums);
                    for (row, sums) in sums[..block.rows].iter().enumerate() {
                        let row = (block.output - first_output + row) * positions;
                        for run in &runs {
                            let to = &mut results[run.image][row + run.position..][..run.length];
                            copy_run(&sums[run.lane..][..run.length], to);
                        }
                    }
                }
            }
        }
    }

    /// Computes the outputs for all values of a plane in a row, also where a window would begin in one row and end in
    /// the next; those are dropped.
    fn in_place(&self, backend: Backend, layout: &Layout, task: Task<'_, '_>, scratch: &mut Scratch) {
        let Task {
            images,
            blocks,
            mut results,
        } = task;
        let strips = Strips::new(layout.starts.clone());
        scratch.planes.resize(layout.image + LANES, 0.0);
        let ([height, width], pitch) = (layout.out, layout.plane[1]);
        let first_output = blocks.first().map_or(0, |block| block.output);
        let mut sums: Tile = [[0.0; LANES]; ROWS];
        for (image, result) in images.iter().zip(&mut results) {
            for blocks in blocks.chunk_by(|a, b| a.group == b.group) {
                let group = blocks.first().map_or(0, |block| block.group);
                layout.copy(image, group * self.inputs, &mut scratch.planes[..layout.image]);
                for block in blocks {
                    let rows = &mut result[(block.output - first_output) * height * width..];
                    for first in (0..(height - 1) * pitch + width).step_by(LANES) {
                        self.start(block, &mut sums);
                        let right = (&scratch.planes[first..], &strips);
                        multiply_add(backend, block.rows, self.weights(block), right, &mut sums);
                        let mut at = first;
                        while at < first + LANES {
                            let (row, column) = (at / pitch, at % pitch);
                            let end = (first + LANES).min((row + 1) * pitch);
                            if column < width && row < height {
                                let length = (end - at).min(width - column);
                                for (sums, plane) in sums[..block.rows]
                                    .iter()
                                    .zip(rows.chunks_exact_mut(height * width))
                                {
                                    let to = &mut plane[row * width + column..][..length];
                                    copy_run(&sums[at - first..][..length], to);
                                }
                            }
                            at = end;
                        }
                    }
                }
            }
        }
    }
}

impl Layout {
    fn new(window: Window2d, size: [usize; 2], out: [usize; 2], inputs: usize) -> Self {
        let extent = |axis: usize| (size[axis] + 2 * window.padding[axis]).div_ceil(window.stride[axis]);
        let plane = [extent(0), extent(1)];
        let [height, width] = window.kernel;
        let taps = (0..height).flat_map(|row| (0..width).map(move |column| [row, column]));
        let mut phases = Vec::new();
        let taps: Vec<(usize, usize)> = taps
            .map(|tap| {
                let reach = [tap[0] * window.dilation[0], tap[1] * window.dilation[1]];
                let phase = [reach[0] % window.stride[0], reach[1] % window.stride[1]];
                let known = phases.iter().position(|known| *known == phase);
                let number = known.unwrap_or(phases.len());
                if known.is_none() {
                    phases.push(phase);
                }
                let [row, column] = [reach[0] / window.stride[0], reach[1] / window.stride[1]];
                (number, row * plane[1] + column)
            })
            .collect();
        let channel = phases.len() * plane[0] * plane[1];
        let starts = (0..inputs).flat_map(|input| {
            taps.iter()
                .map(move |(phase, offset)| input * channel + phase * plane[0] * plane[1] + offset)
        });
        Self {
            window,
            size,
            out,
            plane,
            image: inputs * channel,
            starts: starts.collect(),
            phases,
        }
    }

    /// Copies the channels of a group, from `channel` on, into their planes. The padding there is zero already.
    fn copy(&self, image: &[f32], channel: usize, planes: &mut [f32]) {
        let ([height, width], [plane_height, pitch]) = (self.size, self.plane);
        let (stride, padding) = (self.window.stride, self.window.padding);
        let channels = image[channel * height * width..].chunks_exact(height * width);
        let planes = planes.chunks_exact_mut(plane_height * pitch);
        let phases = channels.flat_map(|channel| self.phases.iter().map(move |phase| (channel, phase)));
        for ((channel, phase), plane) in phases.zip(planes) {
            // Cell `i` of a plane stands for place `i stride + phase - padding` of the image.
            let first = |axis: usize| padding[axis].saturating_sub(phase[axis]).div_ceil(stride[axis]);
            let [first_row, first_column] = [first(0), first(1)];
            let source = |axis: usize, cell: usize| cell * stride[axis] + phase[axis] - padding[axis];
            for (row, cells) in plane.chunks_exact_mut(pitch).enumerate().skip(first_row) {
                let Some(source_row) = channel.chunks_exact(width).nth(source(0, row)) else {
                    break;
                };
                let (Some(cells), Some(from)) = (
                    cells.get_mut(first_column..),
                    source_row.get(source(1, first_column)..),
                ) else {
                    continue;
                };
                match stride[1] {
                    1 => cells[..from.len()].copy_from_slice(from),
                    step => cells
                        .iter_mut()
                        .zip(from.iter().step_by(step))
                        .for_each(|(to, from)| *to = *from),
                }
            }
        }
    }

    /// The positions from `first` on that fill a panel, counted over so many images.
    fn runs(&self, first: usize, images: usize) -> Vec<Run> {
        let ([height, width], pitch) = (self.out, self.plane[1]);
        let positions = height * width;
        let mut runs = Vec::new();
        let mut lane = 0;
        while lane < LANES && first + lane < images * positions {
            let (image, position) = ((first + lane) / positions, (first + lane) % positions);
            let (row, column) = (position / width, position % width);
            let length = (width - column).min(LANES - lane);
            runs.push(Run {
                lane,
                length,
                image,
                position,
                source: image * self.image + row * pitch + column,
            });
            lane += length;
        }
        runs
    }
}

/// Copies up to [`LANES`] values, without a call.
#[inline(always)]
fn copy_run(from: &[f32], to: &mut [f32]) {
    match from.len() {
        32 => copy::<32>(from, to),
        16..32 => copy_ends::<16>(from, to),
        8..16 => copy_ends::<8>(from, to),
        4..8 => copy_ends::<4>(from, to),
        2..4 => copy_ends::<2>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` values, which meet.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[f32], to: &mut [f32]) {
    let end = from.len() - N;
    copy::<N>(from, to);
    copy::<N>(&from[end..], &mut to[end..]);
}

#[inline(always)]
fn copy<const N: usize>(from: &[f32], to: &mut [f32]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        *to = *from;
    }
}
