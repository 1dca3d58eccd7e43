//! Layers whose weights are no bytes, or whose sums have more terms than 32 bits take: on 64 bits. A convolution gathers
//! the patch under each output position once and multiplies it with all filters of the group.

use ndarray::ArrayD;
use rayon::prelude::*;

use crate::graph::Window2d;
use crate::secret::wipe;

/// Below this number of multiply-adds a layer runs on the calling thread.
const PARALLEL_WORK: usize = 1 << 20;

/// Rows of weights are padded with zeros to a multiple of this, for whole vector registers.
const LANES: usize = 16;

/// A weight matrix, each row of `terms` values padded with zeros to `stride`.
#[derive(Clone)]
pub(crate) struct WideLayer {
    terms: usize,
    stride: usize,
    values: Vec<i64>,
}

impl WideLayer {
    /// Lays out a matrix with rows of `terms` values.
    pub(crate) fn new(weights: &[i32], terms: usize) -> Self {
        let stride = terms.next_multiple_of(LANES);
        let mut values = vec![0; weights.len() / terms.max(1) * stride];
        for (row, source) in values
            .chunks_exact_mut(stride.max(1))
            .zip(weights.chunks_exact(terms.max(1)))
        {
            let pairs = row.iter_mut().zip(source);
            pairs.for_each(|(to, from)| *to = i64::from(*from));
        }
        Self {
            terms,
            stride,
            values,
        }
    }

    /// See `linear` of `layer.rs`.
    pub(crate) fn linear(&self, x: &ArrayD<i64>, bias: &[i64], shape: &[usize]) -> Option<ArrayD<i64>> {
        let x = x.as_slice()?;
        let mut y = Vec::with_capacity(shape.iter().product());
        for row in x.chunks_exact(self.terms) {
            let mut padded = row.to_vec();
            padded.resize(self.stride, 0);
            let output = |(row, bias): (&[i64], &i64)| dot(row, &padded) + bias;
            if self.values.len() < PARALLEL_WORK {
                y.extend(self.values.chunks_exact(self.stride).zip(bias).map(output));
            } else {
                y.par_extend(self.values.par_chunks_exact(self.stride).zip(bias).map(output));
            }
        }
        ArrayD::from_shape_vec(shape, y).ok()
    }

    /// See `convolution` of `layer.rs`.
    pub(crate) fn convolution(
        &self,
        x: &ArrayD<i64>,
        bias: &[i64],
        window: &Window2d,
        groups: usize,
        shape: &[usize],
    ) -> Option<ArrayD<i64>> {
        let (&[n, channels, height, width], &[_, outputs, out_height, out_width]) = (x.shape(), shape) else {
            return None;
        };
        let ([pad_height, pad_width], [kernel_height, kernel_width]) = (window.padding, window.kernel);
        let (full_height, full_width) = (height + 2 * pad_height, width + 2 * pad_width);
        // The operand with its zero padding around each plane.
        let mut padded = vec![0; n * channels * full_height * full_width];
        let planes = padded.chunks_exact_mut(full_height * full_width);
        for (plane, source) in planes.zip(x.as_slice()?.chunks_exact(height * width)) {
            let rows = plane.chunks_exact_mut(full_width).skip(pad_height);
            for (to, from) in rows.zip(source.chunks_exact(width)) {
                for (to, from) in to[pad_width..].iter_mut().zip(from) {
                    *to = *from;
                }
            }
        }
        let (per_group, inputs) = (outputs / groups, channels / groups);
        // One output row of one image: `[outputs, out_width]`.
        let compute_row = |index: usize| -> Vec<i64> {
            let (image, row) = (index / out_height, index % out_height);
            let mut out = vec![0i64; outputs * out_width];
            let mut patch = vec![0; self.stride];
            for (column, group) in (0..out_width).flat_map(|c| (0..groups).map(move |g| (c, g))) {
                let mut to = patch.iter_mut();
                for (i, kh) in (0..inputs).flat_map(|i| (0..kernel_height).map(move |kh| (i, kh))) {
                    let plane = image * channels + group * inputs + i;
                    let h = row * window.stride[0] + kh * window.dilation[0];
                    let from = &padded[(plane * full_height + h) * full_width + column * window.stride[1]..];
                    let from = from.iter().step_by(window.dilation[1]).take(kernel_width);
                    // `from` first: a zip that ends on its second iterator has already taken from its first.
                    for (from, to) in from.zip(to.by_ref()) {
                        *to = *from;
                    }
                }
                for o in group * per_group..(group + 1) * per_group {
                    let filter = &self.values[o * self.stride..][..self.stride];
                    out[o * out_width + column] = dot(filter, &patch) + bias[o];
                }
            }
            out
        };
        let rows: Vec<Vec<i64>> = if out_height * out_width * self.values.len() < PARALLEL_WORK {
            (0..n * out_height).map(compute_row).collect()
        } else {
            (0..n * out_height).into_par_iter().map(compute_row).collect()
        };
        let mut y = vec![0i64; n * outputs * out_height * out_width];
        for (index, values) in rows.iter().enumerate() {
            let (image, row) = (index / out_height, index % out_height);
            for (o, values) in values.chunks_exact(out_width).enumerate() {
                let start = ((image * outputs + o) * out_height + row) * out_width;
                y[start..start + out_width].copy_from_slice(values);
            }
        }
        ArrayD::from_shape_vec(shape, y).ok()
    }
}

impl Drop for WideLayer {
    /// Weights may be secret.
    fn drop(&mut self) {
        wipe(&mut self.values);
    }
}

/// The range of the graph excludes overflow of the sum; wrapping spares the check in the loop.
fn dot(a: &[i64], b: &[i64]) -> i64 {
    let products = a.iter().zip(b).map(|(a, b)| a.wrapping_mul(*b));
    products.fold(0, i64::wrapping_add)
}
