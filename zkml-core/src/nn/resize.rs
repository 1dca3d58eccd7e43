//! Larger images: `torch.nn.Upsample` by whole factors, and `torch.nn.PixelShuffle`.
//!
//! Nearest neighbours repeat cells. A linear interpolation at a place between cells is the mean over one cell's width
//! around that place, of the input as it would be with nearest neighbours:
//!
//! ```text
//! factor 2:   x0 x0 x0 x0 x1 x1 x1 x1      the mean of four of these around each new place
//!                 [---------]              is (3 x0 + x1) / 4
//! ```
//!
//! So it is a repetition and an average pooling, and its integers are exact sums.

use super::moves::{expanded, narrowed, permuted, refuse, reshaped, surrounded};
use super::trace::{Origin, record};
use super::{Pair, Tensor};
use crate::graph::{
    Shape, ShapeError, Window2d, attempt, choice, infer, of_rank, positive_pair, same_name, sized,
};
use crate::ops::{self, PaddingMode};

const NAME: &str = "Upsample";

/// Hyper-parameters of [`Upsample`](super::Upsample).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpsampleOptions {
    /// How many times as high and as wide the result is: whole numbers.
    pub scale_factor: [usize; 2],
    /// `"nearest"` or `"bilinear"`; nearest.
    pub mode: &'static str,
    /// Whether the cells at the corners keep their place, which is not there yet; no, as in PyTorch.
    pub align_corners: bool,
}

impl UpsampleOptions {
    /// With PyTorch's defaults.
    pub const fn new(scale_factor: [usize; 2]) -> UpsampleOptions {
        UpsampleOptions {
            scale_factor,
            mode: "nearest",
            align_corners: false,
        }
    }

    /// # Errors
    /// A factor of 0, another mode, or `align_corners`.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive_pair(NAME, "scale_factor", self.scale_factor));
        let known = same_name(self.mode, "nearest") || same_name(self.mode, "bilinear");
        attempt!(choice(NAME, "mode", "`nearest` or `bilinear`", known));
        choice(NAME, "align_corners", "false", !self.align_corners)
    }

    /// `[N, C, H, W] -> [N, C, scale_factor H, scale_factor W]`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        attempt!(of_rank(NAME, 4, "4 dimensions [N, C, H, W]", x));
        let [down, right] = self.scale_factor;
        let (height, width) = (x.size(2).saturating_mul(down), x.size(3).saturating_mul(right));
        sized(NAME, x, &[x.size(0), x.size(1), height, width])
    }

    infer!(|self, x| self.shape(x));
}

/// `x` `[N, C, H, W]`, `scale_factor` times as high and wide (a number or a pair), each cell repeated.
pub fn interpolate(x: Tensor, scale_factor: impl Into<Pair>) -> Tensor {
    interpolate_with(x, UpsampleOptions::new(scale_factor.into().0))
}

/// [`interpolate`] with a mode.
pub fn interpolate_with(x: Tensor, options: UpsampleOptions) -> Tensor {
    upsample(Origin::Function("interpolate"), x, &options)
}

pub(super) fn upsample(origin: Origin<'_>, x: Tensor, options: &UpsampleOptions) -> Tensor {
    if let Err(error) = options.shape(x.shape) {
        return refuse(origin, x, error);
    }
    if same_name(options.mode, "nearest") {
        return nearest(origin, x, options.scale_factor);
    }
    // One pooling rounds once, but has a product of both sizes to add up for each cell.
    let [down, right] = options.scale_factor;
    match fineness(down) * fineness(right) <= 16 {
        true => linear(origin, x, [down, right]),
        false => linear(origin, linear(origin, x, [down, 1]), [1, right]),
    }
}

/// Each cell repeated.
pub(super) fn nearest(origin: Origin<'_>, x: Tensor, [down, right]: [usize; 2]) -> Tensor {
    if [down, right] == [1, 1] {
        return x;
    }
    let [batch, channels, height, width] = [0, 1, 2, 3].map(|axis| x.size(axis));
    let part = |name| Origin::Part(&origin, name);
    let x = reshaped(part("cells"), x, &[batch, channels, height, 1, width, 1]);
    let x = expanded(origin, x, &[batch, channels, height, down, width, right]);
    let (height, width) = (height.saturating_mul(down), width.saturating_mul(right));
    reshaped(part("reshape"), x, &[batch, channels, height, width])
}

/// Cells that one cell is cut into so that every mean is over whole ones.
const fn fineness(factor: usize) -> usize {
    match factor {
        1 => 1,
        factor if factor.is_multiple_of(2) => factor.saturating_mul(2),
        factor => factor,
    }
}

/// Linear interpolation, with the cells at the edge repeated outwards.
fn linear(origin: Origin<'_>, x: Tensor, factors: [usize; 2]) -> Tensor {
    if factors == [1, 1] {
        return x;
    }
    let fine = factors.map(fineness);
    let around = factors.map(|factor| if factor == 1 { (0, 0) } else { (1, 1) });
    let sizes = [x.size(2) * factors[0], x.size(3) * factors[1]];
    let x = surrounded(Origin::Part(&origin, "pad"), x, &around, PaddingMode::Replicate);
    let mut x = nearest(Origin::Part(&origin, "nearest"), x, fine);
    let mut stride = [1; 2];
    for axis in 0..2 {
        if factors[axis] == 1 {
            continue;
        }
        // Place `u` is at `(u + 1/2) / factor` cells, and the window begins half a cell before.
        stride[axis] = fine[axis] / factors[axis];
        let start = match stride[axis] {
            2 => factors[axis] + 1,
            _ => factors[axis].div_ceil(2),
        };
        let length = (sizes[axis] - 1) * stride[axis] + fine[axis];
        x = narrowed(Origin::Part(&origin, "narrow"), x, 2 + axis, start, length);
    }
    let options = ops::AvgPool2dOptions {
        stride,
        ..ops::AvgPool2dOptions::new(fine)
    };
    let window = Window2d::new(fine, stride, [0; 2], [1; 2]);
    record(origin, &[x], options.shape(x.shape), |_| ops::AvgPool2d {
        window,
    })
}

/// Hyper-parameters of [`PixelShuffle`](super::PixelShuffle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelShuffleOptions {
    /// How many times as high and as wide the result is.
    pub upscale_factor: usize,
}

impl PixelShuffleOptions {
    /// By this factor.
    pub const fn new(upscale_factor: usize) -> PixelShuffleOptions {
        PixelShuffleOptions { upscale_factor }
    }

    /// # Errors
    /// A factor of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        positive_pair("PixelShuffle", "upscale_factor", [self.upscale_factor; 2])
    }

    /// `[N, C r^2, H, W] -> [N, C, r H, r W]`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        attempt!(of_rank("PixelShuffle", 4, "4 dimensions [N, C, H, W]", x));
        let r = self.upscale_factor;
        let square = r.saturating_mul(r);
        let expected = "whose square divides the number of channels";
        attempt!(choice(
            "PixelShuffle",
            "upscale_factor",
            expected,
            x.size(1).is_multiple_of(square)
        ));
        let (height, width) = (x.size(2).saturating_mul(r), x.size(3).saturating_mul(r));
        sized("PixelShuffle", x, &[x.size(0), x.size(1) / square, height, width])
    }

    infer!(|self, x| self.shape(x));
}

/// `[N, C r^2, H, W] -> [N, C, r H, r W]` with `r = upscale_factor`: channels become places.
pub fn pixel_shuffle(x: Tensor, upscale_factor: usize) -> Tensor {
    shuffle(
        Origin::Function("pixel_shuffle"),
        x,
        &PixelShuffleOptions::new(upscale_factor),
    )
}

pub(super) fn shuffle(origin: Origin<'_>, x: Tensor, options: &PixelShuffleOptions) -> Tensor {
    let shape = match options.shape(x.shape) {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, x, error),
    };
    let r = options.upscale_factor;
    let cells = [shape.size(0), shape.size(1), r, r, x.size(2), x.size(3)];
    let x = reshaped(Origin::Part(&origin, "cells"), x, &cells);
    let x = permuted(origin, x, vec![0, 1, 4, 2, 5, 3]);
    reshaped(Origin::Part(&origin, "reshape"), x, shape.sizes())
}
