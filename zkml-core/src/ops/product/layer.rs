//! Convolutions and linear layers, their weights laid out for the kernels once for all executions.
//!
//! Operands become the bytes of `x - low`, where `low` is the smallest value or 0: one byte where their range spans at
//! most 255, two for 16 bits, in base 256. `low` times the sum of an output's weights is added to its bias in return.
//! The kernels of [`multiply_patches`](crate::field::kernels::multiply_patches) then compute the layer on channels-last
//! data, without writing patches out. Each byte is a row of its own, so that weights are read once, as bytes. Weights
//! that are no bytes, and sums of more terms than 32 bits take, go the slow way (`wide.rs`).

use ndarray::ArrayD;
use rayon::prelude::*;

use super::IntegerLayer;
use super::channels::bytes_of_channels;
use super::wide::WideLayer;
use crate::field::kernels::{PackedMatrix, Patches, multiply_patches};
use crate::graph::{IntTensor, Window2d};
use crate::int8::Int8Tensor;
use crate::secret::{Wiped, wipe};

/// A convolution or linear layer in the memory of this process.
#[derive(Clone)]
pub struct Layer {
    weights: Weights,
    /// What is added to each output.
    bias: Vec<i64>,
    /// Of a convolution its window and number of groups.
    convolution: Option<(Window2d, usize)>,
}

crate::debug_without_values!(Layer, self => "Layer({} outputs)", self.bias.len());

#[derive(Clone)]
enum Weights {
    Bytes(ByteLayer),
    Wide(WideLayer),
}

/// A layer on operands in bytes.
#[derive(Clone)]
struct ByteLayer {
    /// The value that bytes of 0 stand for, 0 or less.
    low: i64,
    /// Bytes of an operand.
    bytes: u32,
    /// One matrix for each group of channels.
    groups: Vec<PackedMatrix>,
    /// Channels of a group, padded to whole quads; for a linear layer its inputs.
    stride: usize,
    /// Is a row of a window one segment? Else each of its cells is a segment.
    joined: bool,
}

/// How many bytes the integers up to `largest` have, at least one.
fn bytes_of(largest: u64) -> u32 {
    (u64::BITS - largest.leading_zeros()).div_ceil(8).max(1)
}

/// Adds `256^byte` times the products, modulo `2^64`.
fn add_bytes<'a>(to: impl Iterator<Item = &'a mut i64>, products: &[i32], byte: usize) {
    to.zip(products).for_each(|(to, product)| {
        *to = to.wrapping_add(i64::from(*product) << (8 * byte));
    });
}

/// Terms that a sum in 32 bits takes.
const TERMS: usize = i32::MAX as usize / (255 * 128);

impl Layer {
    /// Lays weights out. `None` where the layer does not fit together.
    pub fn new(layer: &IntegerLayer<'_>) -> Option<Self> {
        let IntegerLayer {
            weight,
            bias,
            range,
            convolution,
        } = *layer;
        let outputs = *weight.shape().first()?;
        let count = weight.len().checked_div(outputs)?;
        let mut bias: Vec<i64> = match bias {
            None => vec![0; outputs],
            Some(bias) => Wiped(bias.to_vec()).iter().copied().map(i64::from).collect(),
        };
        let low = range.0.min(0);
        let bytes = bytes_of(range.1.max(0).abs_diff(low));
        let fits = count <= TERMS;
        let terms = match weight {
            IntTensor::Int8(terms) if fits => Wiped(match convolution {
                None => terms.to_vec(),
                Some((window, groups)) => channels_last(terms, &window, groups)?,
            }),
            IntTensor::Int8Blocks(terms) if fits && convolution.is_none() => Wiped(terms.to_vec()),
            _ => {
                let values = Wiped(weight.to_vec());
                let weights = Weights::Wide(WideLayer::new(&values, count));
                return Some(Self {
                    weights,
                    bias,
                    convolution,
                });
            }
        };
        for (bias, row) in bias.iter_mut().zip(terms.chunks_exact(count.max(1))) {
            // What wraps around here does so again in the sums: the result fits 64 bits.
            let sum = row.iter().map(|&w| i64::from(w)).sum();
            *bias = bias.wrapping_add(low.wrapping_mul(sum));
        }
        let weights = Weights::Bytes(match convolution {
            None => ByteLayer {
                low,
                bytes,
                groups: vec![PackedMatrix::new(
                    |o, _, t| terms[o * count + t],
                    [outputs, 1, count],
                )],
                stride: count.next_multiple_of(4),
                joined: true,
            },
            Some((window, groups)) => ByteLayer::convolution(&terms, outputs, (low, bytes), &window, groups)?,
        });
        Some(Self {
            weights,
            bias,
            convolution,
        })
    }

    /// The layer on `x`; the result has the given shape. `None` where the operand does not fit.
    pub fn multiply(&self, x: &ArrayD<i64>, shape: &[usize]) -> Option<ArrayD<i64>> {
        match &self.convolution {
            None => self.linear(x, shape),
            Some((window, groups)) => self.convolution(x, window, *groups, shape),
        }
    }

    /// A linear layer on the last axis of `x`; the result has the given shape.
    fn linear(&self, x: &ArrayD<i64>, shape: &[usize]) -> Option<ArrayD<i64>> {
        let layer = match &self.weights {
            Weights::Bytes(layer) => layer,
            Weights::Wide(layer) => return layer.linear(x, &self.bias, shape),
        };
        let inputs = *x.shape().last()?;
        let (x, stride) = (x.as_slice()?, layer.stride);
        let rows = x.len() / inputs.max(1);
        let mut data = vec![0u8; rows * stride * layer.bytes as usize];
        let planes = data.chunks_exact_mut((rows * stride).max(1));
        for (byte, plane) in planes.enumerate() {
            let rows = x.chunks_exact(inputs.max(1));
            for (to, from) in plane.chunks_exact_mut(stride).zip(rows) {
                let pairs = to.iter_mut().zip(from);
                pairs.for_each(|(to, from)| *to = (from.wrapping_sub(layer.low) >> (8 * byte)) as u8);
            }
        }
        let positions: Vec<usize> = (0..rows * layer.bytes as usize).map(|row| row * stride).collect();
        let patches = Patches {
            data: &data,
            positions: &positions,
            segments: &[0],
        };
        let products = multiply_patches(layer.groups.first()?, patches);
        let mut y: Vec<i64> = (0..rows).flat_map(|_| self.bias.iter().copied()).collect();
        for (o, products) in products.chunks_exact(positions.len()).enumerate() {
            for (byte, products) in products.chunks_exact(rows).enumerate() {
                let to = y[o..].iter_mut().step_by(self.bias.len());
                add_bytes(to, products, byte);
            }
        }
        ArrayD::from_shape_vec(shape, y).ok()
    }

    /// A convolution of `x`, `[N, C, H, W]`; the result has the given shape.
    fn convolution(
        &self,
        x: &ArrayD<i64>,
        window: &Window2d,
        groups: usize,
        shape: &[usize],
    ) -> Option<ArrayD<i64>> {
        let layer = match &self.weights {
            Weights::Bytes(layer) => layer,
            Weights::Wide(layer) => return layer.convolution(x, &self.bias, window, groups, shape),
        };
        let (&[n, channels, height, width], &[_, outputs, out_height, out_width]) = (x.shape(), shape) else {
            return None;
        };
        let (full_height, full_width) = (height + 2 * window.padding[0], width + 2 * window.padding[1]);
        let pixel = groups * layer.stride;
        let x = x.as_slice()?;
        let sizes = [n, groups, channels / groups, height, width];
        let data: Vec<u8> = (0..layer.bytes)
            .flat_map(|byte| bytes_of_channels(x, sizes, window.padding, (layer.low, byte)))
            .collect();
        // The bytes of an image follow each other as images of their own.
        let positions: Vec<usize> = (0..n * layer.bytes as usize * out_height)
            .flat_map(|row| {
                let (image, row) = (row / out_height, row % out_height);
                let start = (image * full_height + row * window.stride[0]) * full_width;
                (0..out_width).map(move |column| (start + column * window.stride[1]) * pixel)
            })
            .collect();
        let group = |(index, weights): (usize, &PackedMatrix)| {
            let segments: Vec<usize> = (0..window.kernel[0])
                .flat_map(|kh| {
                    let columns = if layer.joined { 1 } else { window.kernel[1] };
                    let row = kh * window.dilation[0] * full_width;
                    (0..columns).map(move |kw| (row + kw * window.dilation[1]) * pixel + index * layer.stride)
                })
                .collect();
            let patches = Patches {
                data: &data,
                positions: &positions,
                segments: &segments,
            };
            multiply_patches(weights, patches)
        };
        let products: Vec<Vec<i32>> = match layer.groups.as_slice() {
            [one] => vec![group((0, one))],
            many => many.par_iter().enumerate().map(group).collect(),
        };
        // From [output, image, position] to [image, output, position].
        let plane = out_height * out_width;
        let mut y = vec![0i64; n * outputs * plane];
        let length = positions.len();
        let sources = products.iter().flat_map(|group| group.chunks_exact(length));
        for (o, (source, bias)) in sources.zip(&self.bias).enumerate() {
            for (byte, source) in source.chunks_exact(n * plane).enumerate() {
                for (image, source) in source.chunks_exact(plane).enumerate() {
                    let target = &mut y[(image * outputs + o) * plane..][..plane];
                    if byte == 0 {
                        target.fill(*bias);
                    }
                    add_bytes(target.iter_mut(), source, byte);
                }
            }
        }
        ArrayD::from_shape_vec(shape, y).ok()
    }
}

impl Drop for Layer {
    /// They may be secret, as the weights are.
    fn drop(&mut self) {
        wipe(&mut self.bias);
    }
}

impl Drop for ByteLayer {
    fn drop(&mut self) {
        self.groups
            .iter_mut()
            .flat_map(PackedMatrix::cells_mut)
            .for_each(wipe);
    }
}

/// The weights of a convolution with its channels last, the order in which a key commits to them.
fn channels_last(weights: &Int8Tensor, window: &Window2d, groups: usize) -> Option<Vec<i8>> {
    let [height, width] = window.kernel;
    let &[outputs, channels, ..] = weights.shape() else {
        return None;
    };
    let split = [groups, outputs.checked_div(groups)?, channels, height, width];
    let turned = weights.reshaped(&split)?.permuted(&[0, 1, 3, 4, 2])?;
    Some(turned.to_vec())
}

impl ByteLayer {
    /// Of weights `[outputs, kernel height, kernel width, channels of a group]`.
    fn convolution(
        weights: &[i8],
        outputs: usize,
        (low, bytes): (i64, u32),
        window: &Window2d,
        groups: usize,
    ) -> Option<Self> {
        let [kernel_height, kernel_width] = window.kernel;
        let per_group = outputs.checked_div(groups)?;
        let area = kernel_height * kernel_width;
        let channels = weights.len().checked_div(outputs)?.checked_div(area)?;
        let stride = channels.next_multiple_of(4);
        // The channels of neighbouring columns are neighbours in memory, so that a row of the window is one segment.
        let joined = groups == 1 && window.dilation[1] == 1;
        let shape = if joined {
            [per_group, kernel_height, kernel_width * stride]
        } else {
            [per_group, area, stride]
        };
        let matrix = |group: usize| {
            let at = |o: usize, segment: usize, term: usize| {
                let (offset, channel) = (segment * (shape[2] / stride) + term / stride, term % stride);
                let index = ((group * per_group + o) * area + offset) * channels + channel;
                if channel < channels { weights[index] } else { 0 }
            };
            PackedMatrix::new(at, shape)
        };
        Some(Self {
            low,
            bytes,
            groups: (0..groups).map(matrix).collect(),
            stride,
            joined,
        })
    }
}
