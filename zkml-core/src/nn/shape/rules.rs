//! One function per operation: the shape of its result, or what is wrong with its operand.

use super::{MAX_RANK, Shape, ShapeError};
use crate::graph::Window2d;
use crate::nn::layers::{AvgPool2dOptions, BatchNormOptions, Conv2dOptions, LinearOptions, MaxPool2dOptions};

type Result = core::result::Result<Shape, ShapeError>;

const IMAGES: &str = "4 dimensions [N, C, H, W]";

/// `?` for `const fn`.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}

/// Height and width after sliding `window` over `input`, or the window's span and the padded input when it does
/// not fit: `floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`.
pub const fn window_output(
    window: &Window2d,
    input: [usize; 2],
) -> core::result::Result<[usize; 2], ([usize; 2], [usize; 2])> {
    let mut span = [0; 2];
    let mut padded = [0; 2];
    let mut axis = 0;
    while axis < 2 {
        span[axis] = window.dilation[axis]
            .saturating_mul(window.kernel[axis].saturating_sub(1))
            .saturating_add(1);
        padded[axis] = input[axis].saturating_add(window.padding[axis].saturating_mul(2));
        axis += 1;
    }
    if span[0] > padded[0] || span[1] > padded[1] || window.stride[0] == 0 || window.stride[1] == 0 {
        return Err((span, padded));
    }
    Ok([
        (padded[0] - span[0]) / window.stride[0] + 1,
        (padded[1] - span[1]) / window.stride[1] + 1,
    ])
}

const fn sized(operation: &'static str, of: Shape, sizes: &[usize]) -> Result {
    match Shape::new(sizes) {
        Some(shape) => Ok(shape),
        None => Err(ShapeError::Size { operation, of }),
    }
}

/// `axis`, counted from the end when negative.
const fn resolve(operation: &'static str, axis: isize, of: Shape) -> core::result::Result<usize, ShapeError> {
    let rank = of.rank() as isize;
    let from_start = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if from_start < 0 || from_start >= rank {
        return Err(ShapeError::Axis { operation, axis, of });
    }
    Ok(from_start as usize)
}

const fn slide(operation: &'static str, x: Shape, channels: usize, window: &Window2d) -> Result {
    match window_output(window, [x.size(2), x.size(3)]) {
        Ok([height, width]) => sized(operation, x, &[x.size(0), channels, height, width]),
        Err((window, padded)) => Err(ShapeError::Window {
            operation,
            window,
            padded,
        }),
    }
}

/// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
pub const fn conv2d(x: Shape, options: &Conv2dOptions) -> Result {
    attempt!(options.check());
    if x.rank() != 4 {
        return Err(ShapeError::Rank {
            operation: "Conv2d",
            expected: IMAGES,
            found: x,
        });
    }
    if x.size(1) != options.in_channels {
        return Err(ShapeError::Channels {
            operation: "Conv2d",
            expected: options.in_channels,
            found: x,
        });
    }
    slide("Conv2d", x, options.out_channels, &options.window())
}

/// `[..., in_features] -> [..., out_features]`.
pub const fn linear(x: Shape, options: &LinearOptions) -> Result {
    attempt!(options.check());
    if x.rank() < 2 {
        return Err(ShapeError::Rank {
            operation: "Linear",
            expected: "2 dimensions or more [N, ..., features]",
            found: x,
        });
    }
    let last = x.rank() - 1;
    if x.size(last) != options.in_features {
        return Err(ShapeError::Features {
            expected: options.in_features,
            found: x,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < last {
        sizes[axis] = x.size(axis);
        axis += 1;
    }
    sizes[last] = options.out_features;
    sized("Linear", x, sizes.split_at(x.rank()).0)
}

/// Normalization over axis 1: `operation` is `BatchNorm1d` (2 or 3 dimensions) or `BatchNorm2d` (4).
pub const fn batch_norm(x: Shape, images: bool, options: &BatchNormOptions) -> Result {
    let operation = if images { "BatchNorm2d" } else { "BatchNorm1d" };
    attempt!(options.check(operation));
    if images && x.rank() != 4 {
        return Err(ShapeError::Rank {
            operation,
            expected: IMAGES,
            found: x,
        });
    }
    if !images && x.rank() != 2 && x.rank() != 3 {
        return Err(ShapeError::Rank {
            operation,
            expected: "2 or 3 dimensions [N, C] or [N, C, L]",
            found: x,
        });
    }
    if x.size(1) != options.num_features {
        return Err(ShapeError::Channels {
            operation,
            expected: options.num_features,
            found: x,
        });
    }
    Ok(x)
}

/// `[N, C, H, W] -> [N, C, H', W']`.
pub const fn max_pool2d(x: Shape, options: &MaxPool2dOptions) -> Result {
    attempt!(options.check());
    if x.rank() != 4 {
        return Err(ShapeError::Rank {
            operation: "max_pool2d",
            expected: IMAGES,
            found: x,
        });
    }
    slide("max_pool2d", x, x.size(1), &options.window())
}

/// `[N, C, H, W] -> [N, C, H', W']`.
pub const fn avg_pool2d(x: Shape, options: &AvgPool2dOptions) -> Result {
    attempt!(options.check());
    if x.rank() != 4 {
        return Err(ShapeError::Rank {
            operation: "avg_pool2d",
            expected: IMAGES,
            found: x,
        });
    }
    slide("avg_pool2d", x, x.size(1), &options.window())
}

/// `[N, C, H, W] -> [N, C, H', W']` with `[H', W'] = output_size`, which divides `[H, W]`.
pub const fn adaptive_avg_pool2d(x: Shape, output_size: [usize; 2]) -> Result {
    let operation = "adaptive_avg_pool2d";
    let [height, width] = output_size;
    if height == 0 || width == 0 {
        return Err(ShapeError::Option {
            operation,
            name: "output_size",
            expected: "of at least 1",
            found: 0,
        });
    }
    if x.rank() != 4 {
        return Err(ShapeError::Rank {
            operation,
            expected: IMAGES,
            found: x,
        });
    }
    if !x.size(2).is_multiple_of(height) || !x.size(3).is_multiple_of(width) {
        return Err(ShapeError::AdaptivePool {
            output_size,
            found: x,
        });
    }
    sized(operation, x, &[x.size(0), x.size(1), height, width])
}

/// Joins the axes from `start_dim` to the last.
pub const fn flatten(x: Shape, start_dim: isize) -> Result {
    let start = attempt!(resolve("flatten", start_dim, x));
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < x.rank() {
        let target = if axis < start { axis } else { start };
        sizes[target] *= x.size(axis);
        axis += 1;
    }
    sized("flatten", x, sizes.split_at(start + 1).0)
}

/// Row-major reshape; one size may be -1.
pub const fn reshape(x: Shape, target: &[isize]) -> Result {
    if target.len() > MAX_RANK {
        return Err(ShapeError::Size {
            operation: "reshape",
            of: x,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut free = None;
    let mut elements: usize = 1;
    let mut axis = 0;
    while axis < target.len() {
        if target[axis] == -1 && free.is_none() {
            free = Some(axis);
        } else if target[axis] <= 0 {
            return Err(ShapeError::Sizes { of: x });
        } else {
            sizes[axis] = target[axis] as usize;
            elements = elements.saturating_mul(sizes[axis]);
        }
        axis += 1;
    }
    match free {
        Some(axis) if x.elements().is_multiple_of(elements) => sizes[axis] = x.elements() / elements,
        None if x.elements() == elements => {}
        _ => return Err(ShapeError::Elements { elements, of: x }),
    }
    sized("reshape", x, sizes.split_at(target.len()).0)
}

/// Axis `i` of the result is axis `order[i]` of `x`.
pub const fn permute(x: Shape, order: &[usize]) -> Result {
    if order.len() != x.rank() {
        return Err(ShapeError::Permutation { of: x });
    }
    let mut sizes = [1; MAX_RANK];
    let mut seen = [false; MAX_RANK];
    let mut axis = 0;
    while axis < order.len() {
        if order[axis] >= x.rank() || seen[order[axis]] {
            return Err(ShapeError::Permutation { of: x });
        }
        seen[order[axis]] = true;
        sizes[axis] = x.size(order[axis]);
        axis += 1;
    }
    sized("permute", x, sizes.split_at(x.rank()).0)
}

/// `left` and `right` joined along `axis`.
pub const fn cat(left: Shape, right: Shape, axis: isize) -> Result {
    let along = attempt!(resolve("cat", axis, left));
    if left.rank() != right.rank() {
        return Err(ShapeError::Concatenation {
            axis: along as u8,
            left,
            right,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut i = 0;
    while i < left.rank() {
        if i == along {
            sizes[i] = left.size(i) + right.size(i);
        } else if left.size(i) != right.size(i) {
            return Err(ShapeError::Concatenation {
                axis: along as u8,
                left,
                right,
            });
        } else {
            sizes[i] = left.size(i);
        }
        i += 1;
    }
    sized("cat", left, sizes.split_at(left.rank()).0)
}

/// Zeros before and after each axis, from the last axis on: PyTorch's order.
pub const fn pad(x: Shape, amounts: &[usize]) -> Result {
    if !amounts.len().is_multiple_of(2) || amounts.len() / 2 > x.rank() {
        return Err(ShapeError::Padding {
            amounts: amounts.len(),
            of: x,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < x.rank() {
        sizes[axis] = x.size(axis);
        let from_last = x.rank() - 1 - axis;
        if 2 * from_last < amounts.len() {
            sizes[axis] = sizes[axis]
                .saturating_add(amounts[2 * from_last])
                .saturating_add(amounts[2 * from_last + 1]);
        }
        axis += 1;
    }
    sized("pad", x, sizes.split_at(x.rank()).0)
}

/// The pooling that takes every `stride`-th row and column.
pub const fn single_cells(stride: [usize; 2]) -> MaxPool2dOptions {
    MaxPool2dOptions {
        stride,
        ..MaxPool2dOptions::new([1, 1])
    }
}

/// `axis` is removed.
pub const fn argmax(x: Shape, axis: isize) -> Result {
    let along = attempt!(resolve("argmax", axis, x));
    let mut sizes = [1; MAX_RANK];
    let mut i = 0;
    while i < x.rank() {
        if i != along {
            sizes[if i < along { i } else { i - 1 }] = x.size(i);
        }
        i += 1;
    }
    sized("argmax", x, sizes.split_at(x.rank() - 1).0)
}

/// Both operands have the same shape.
pub const fn add(left: Shape, right: Shape) -> Result {
    if left.same(&right) {
        Ok(left)
    } else {
        Err(ShapeError::Unequal { left, right })
    }
}
