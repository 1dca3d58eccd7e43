//! Layers on operands that are wider than a byte. They run on 16 bits with sums of 32 if the ranges of the graph allow
//! it (a dot product of `i16` compiles to multiply-and-add-pairs), else on 64 bits. A convolution gathers the patch
//! under each output position once and multiplies it with all filters of the group.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::super::range::{WEIGHT_LIMIT, largest_product, magnitude};
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
    values: Values,
}

#[derive(Clone)]
enum Values {
    /// Operands and weights fit 16 bits, and sums 32.
    Narrow(Vec<i16>),
    Wide(Vec<i64>),
}

impl WideLayer {
    /// Lays out a matrix with rows of `terms` values, for operands in `range` whose rows have that norm if one is
    /// known.
    pub(crate) fn new(weights: &[i32], terms: usize, (range, norm): ((i64, i64), Option<i128>)) -> Self {
        let stride = terms.next_multiple_of(LANES);
        let operand = magnitude(range);
        let largest = weights.iter().map(|w| i128::from(*w).abs()).max().unwrap_or(0);
        let narrow = operand <= i128::from(i16::MAX)
            && largest <= i128::from(WEIGHT_LIMIT)
            && largest_product(range, norm, terms) <= i128::from(i32::MAX);
        let values = if narrow {
            Values::Narrow(pad_rows(weights, terms, stride))
        } else {
            Values::Wide(pad_rows(weights, terms, stride))
        };
        Self {
            terms,
            stride,
            values,
        }
    }

    /// See `linear` of `layer.rs`.
    pub(crate) fn linear(&self, x: &ArrayD<i64>, bias: &[i64], shape: &[usize]) -> Option<ArrayD<i64>> {
        match &self.values {
            Values::Narrow(values) => linear(x, values, self, bias, shape),
            Values::Wide(values) => linear(x, values, self, bias, shape),
        }
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
        match &self.values {
            Values::Narrow(values) => convolution(x, values, self, bias, window, groups, shape),
            Values::Wide(values) => convolution(x, values, self, bias, window, groups, shape),
        }
    }
}

impl Drop for WideLayer {
    /// Weights may be secret.
    fn drop(&mut self) {
        match &mut self.values {
            Values::Narrow(values) => wipe(values),
            Values::Wide(values) => wipe(values),
        }
    }
}

/// A number a kernel computes with.
trait Lane: Copy + Default + Send + Sync {
    fn from_value(value: i64) -> Self;
    fn dot(a: &[Self], b: &[Self]) -> i64;
}

impl Lane for i16 {
    fn from_value(value: i64) -> Self {
        value as i16
    }
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        // The range of the graph excludes overflow; wrapping spares the check in the loop.
        let product = |(a, b): (&i16, &i16)| i32::from(*a).wrapping_mul(i32::from(*b));
        i64::from(a.iter().zip(b).map(product).fold(0i32, i32::wrapping_add))
    }
}

impl Lane for i64 {
    fn from_value(value: i64) -> Self {
        value
    }
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.wrapping_mul(*b))
            .fold(0, i64::wrapping_add)
    }
}

fn pad_rows<T: Lane>(values: &[i32], terms: usize, stride: usize) -> Vec<T> {
    let mut rows = vec![T::default(); values.len() / terms.max(1) * stride];
    for (row, source) in rows
        .chunks_exact_mut(stride.max(1))
        .zip(values.chunks_exact(terms.max(1)))
    {
        for (to, from) in row.iter_mut().zip(source) {
            *to = T::from_value(i64::from(*from));
        }
    }
    rows
}

fn linear<T: Lane>(
    x: &ArrayD<i64>,
    values: &[T],
    weights: &WideLayer,
    bias: &[i64],
    shape: &[usize],
) -> Option<ArrayD<i64>> {
    let x = x.as_slice()?;
    let mut y = Vec::with_capacity(shape.iter().product());
    for row in x.chunks_exact(weights.terms) {
        let mut padded = vec![T::default(); weights.stride];
        for (to, from) in padded.iter_mut().zip(row) {
            *to = T::from_value(*from);
        }
        let output = |(row, bias): (&[T], &i64)| T::dot(row, &padded) + bias;
        if values.len() < PARALLEL_WORK {
            y.extend(values.chunks_exact(weights.stride).zip(bias).map(output));
        } else {
            y.par_extend(values.par_chunks_exact(weights.stride).zip(bias).map(output));
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

fn convolution<T: Lane>(
    x: &ArrayD<i64>,
    values: &[T],
    weights: &WideLayer,
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
    // The operand, narrowed, with its zero padding around each plane.
    let mut padded = vec![T::default(); n * channels * full_height * full_width];
    let planes = padded.chunks_exact_mut(full_height * full_width);
    for (plane, source) in planes.zip(x.as_slice()?.chunks_exact(height * width)) {
        let rows = plane.chunks_exact_mut(full_width).skip(pad_height);
        for (to, from) in rows.zip(source.chunks_exact(width)) {
            for (to, from) in to[pad_width..].iter_mut().zip(from) {
                *to = T::from_value(*from);
            }
        }
    }
    let (per_group, inputs) = (outputs / groups, channels / groups);
    // One output row of one image: `[outputs, out_width]`.
    let compute_row = |index: usize| -> Vec<i64> {
        let (image, row) = (index / out_height, index % out_height);
        let mut out = vec![0i64; outputs * out_width];
        let mut patch = vec![T::default(); weights.stride];
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
                let filter = &values[o * weights.stride..][..weights.stride];
                out[o * out_width + column] = T::dot(filter, &patch) + bias[o];
            }
        }
        out
    };
    let rows: Vec<Vec<i64>> = if out_height * out_width * values.len() < PARALLEL_WORK {
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
