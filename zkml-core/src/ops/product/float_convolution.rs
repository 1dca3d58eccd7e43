//! Convolutions in `f32`, for the reference execution.
//!
//! ```text
//! y[o, p] = bias[o] + sum_k w[o, k] x[k, p],      k = (channel, kernel row, kernel column), x[k, p] = 0 in the padding
//! ```
//!
//! It is a matrix product. [`COLUMNS`] positions at a time are unrolled into a panel `x[k, p]`, and [`ROWS`] output
//! channels pass over it with their sums in registers. Every sum starts at the bias and adds its products in the order
//! of k, rounded after each step, so that the result is the same on every machine. Layers with few outputs a group
//! (depthwise ones) are added up row by row instead, with the same sums.

use ndarray::{ArrayD, ArrayViewD};

use crate::graph::Window2d;

/// Positions of a panel.
const COLUMNS: usize = 8;
/// Output channels that share a pass over a panel.
const ROWS: usize = 4;

/// One convolution: sizes and what slides.
struct Shape<'a> {
    window: &'a Window2d,
    /// Height and width of the input.
    size: [usize; 2],
    /// Height and width of the result.
    out: [usize; 2],
    /// Input channels of a group.
    inputs: usize,
    /// Output channels of a group.
    outputs: usize,
}

/// `[N, C, H, W] -> shape`, weight `[O, C / groups, KH, KW]`, bias `[O]`; `None` where the sizes do not fit.
pub(crate) fn conv2d(
    x: &ArrayD<f32>,
    weight: ArrayViewD<'_, f32>,
    window: &Window2d,
    groups: usize,
    bias: Option<Vec<f32>>,
    shape: &[usize],
) -> Option<ArrayD<f32>> {
    let (&[n, channels, height, width], &[_, outputs, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let weight = weight.as_standard_layout();
    let (weight, x) = (weight.as_slice()?, x.as_slice()?);
    let layer = Shape {
        window,
        size: [height, width],
        out: [out_height, out_width],
        inputs: channels.checked_div(groups)?,
        outputs: outputs.checked_div(groups)?,
    };
    let (in_group, out_group) = (
        layer.inputs * height * width,
        layer.outputs * out_height * out_width,
    );
    let weights = layer.outputs * layer.inputs * window.kernel[0] * window.kernel[1];
    let mut y = Vec::with_capacity(n * groups * out_group);
    for _ in 0..n {
        for o in 0..outputs {
            let start = bias.as_ref().map_or(0.0, |bias| bias[o]);
            y.resize(y.len() + out_height * out_width, start);
        }
    }
    for image_group in 0..n * groups {
        let group = image_group % groups;
        let x = x.get(image_group * in_group..)?.get(..in_group)?;
        let y = y.get_mut(image_group * out_group..)?.get_mut(..out_group)?;
        let weight = weight.get(group * weights..)?.get(..weights)?;
        if layer.outputs < ROWS {
            layer.row_by_row(x, weight, y);
        } else {
            layer.product(x, weight, y);
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

impl Shape<'_> {
    fn kernel_cells(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let [height, width] = self.window.kernel;
        (0..height).flat_map(move |row| (0..width).map(move |column| (row, column)))
    }

    /// Row and column of the input under a cell of the kernel; outside of the input it is padding.
    fn under(&self, position: usize, offset: usize, axis: usize) -> usize {
        let window = self.window;
        (position * window.stride[axis] + offset * window.dilation[axis]).wrapping_sub(window.padding[axis])
    }

    /// The matrix product, panel by panel.
    fn product(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        let ([height, width], positions) = (self.size, self.out[0] * self.out[1]);
        let depth = self.inputs * self.window.kernel[0] * self.window.kernel[1];
        let mut panel = vec![[0f32; COLUMNS]; depth];
        for first in (0..positions).step_by(COLUMNS) {
            let count = COLUMNS.min(positions - first);
            for column in 0..count {
                let (row, at) = ((first + column) / self.out[1], (first + column) % self.out[1]);
                let sources: Vec<Option<usize>> = self
                    .kernel_cells()
                    .map(|(kh, kw)| {
                        let (h, w) = (self.under(row, kh, 0), self.under(at, kw, 1));
                        (h < height && w < width).then(|| h * width + w)
                    })
                    .collect();
                let mut cells = panel.iter_mut();
                for plane in x.chunks_exact(height * width) {
                    for (source, cell) in sources.iter().zip(&mut cells) {
                        cell[column] = source.map_or(0.0, |source| plane[source]);
                    }
                }
            }
            for (block, rows) in weight.chunks(ROWS * depth).enumerate() {
                let o = block * ROWS;
                let rest = self.outputs - o;
                if rest >= ROWS {
                    pass::<ROWS>(rows, &panel, y, (o, positions, first), count);
                } else {
                    for row in 0..rest {
                        pass::<1>(
                            &rows[row * depth..],
                            &panel,
                            y,
                            (o + row, positions, first),
                            count,
                        );
                    }
                }
            }
        }
    }

    /// Every cell of every kernel, one row of the image at a time.
    fn row_by_row(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        let ([height, width], [out_height, out_width], window) = (self.size, self.out, self.window);
        let mut weights = weight.iter();
        for plane in y.chunks_exact_mut(out_height * out_width) {
            for channel in x.chunks_exact(height * width) {
                for ((kh, kw), w) in self.kernel_cells().zip(&mut weights) {
                    let columns = window.inside(kw, width, out_width, 1);
                    if columns.is_empty() {
                        continue;
                    }
                    for row in window.inside(kh, height, out_height, 0) {
                        let source = &channel[self.under(row, kh, 0) * width..][..width];
                        let source = &source[self.under(columns.start, kw, 1)..];
                        let target = &mut plane[row * out_width..][..out_width];
                        let source = source.iter().step_by(window.stride[1]);
                        for (y, x) in target[columns.clone()].iter_mut().zip(source) {
                            *y += w * x;
                        }
                    }
                }
            }
        }
    }
}

/// Adds `N` rows of weights times the panel to rows `o..o + N` of y, at `count` positions from `first` on.
fn pass<const N: usize>(
    weight: &[f32],
    panel: &[[f32; COLUMNS]],
    y: &mut [f32],
    (o, positions, first): (usize, usize, usize),
    count: usize,
) {
    let rows: [&[f32]; N] = core::array::from_fn(|row| &weight[row * panel.len()..][..panel.len()]);
    let mut sums = [[0f32; COLUMNS]; N];
    for (row, sums) in sums.iter_mut().enumerate() {
        sums[..count].copy_from_slice(&y[(o + row) * positions + first..][..count]);
    }
    for (k, cells) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let w = row[k];
            for (sum, x) in sums.iter_mut().zip(cells) {
                *sum += w * x;
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        y[(o + row) * positions + first..][..count].copy_from_slice(&sums[..count]);
    }
}
