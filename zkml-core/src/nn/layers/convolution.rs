//! `torch.nn.Conv1d`, `Conv2d`, `ConvTranspose1d` and `ConvTranspose2d`.
//!
//! All are convolutions of images. One dimension is a height of 1. A transposed convolution is a convolution with its
//! kernel turned, over the input with zeros between its cells. [`Arrangement`] turns the weights when they are loaded.

use super::declare;
use crate::graph::{
    Arrangement, Shape, ShapeError, Window2d, attempt, choice, infer, of_rank, positive, positive_pair, sized,
};
use crate::nn::moves::{narrowed, refuse, reshaped, surrounded, zero_padded};
use crate::nn::trace::{Origin, Recording, record};
use crate::nn::{ParameterPath, Tensor};
use crate::ops::{self, Conv2dOptions, PaddingMode};

/// The shape rule of a layer in one dimension: that of one in two dimensions on images of height 1.
macro_rules! on_height_1 {
    ($name:expr, |$self:ident, $image:ident| $shape:expr) => {
        /// `[N, C, L] -> [N, C', L']`.
        ///
        /// # Errors
        /// Options or an operand that do not fit.
        pub const fn shape(&$self, x: Shape) -> Result<Shape, ShapeError> {
            attempt!(of_rank($name, 3, "3 dimensions [N, C, L]", x));
            let $image = attempt!(sized($name, x, &[x.size(0), x.size(1), 1, x.size(2)]));
            let shape = attempt!($shape);
            sized($name, x, &[shape.size(0), shape.size(1), shape.size(3)])
        }

        infer!(|self, x| self.shape(x));
    };
    // Of options that `of_images` turns into those of two dimensions.
    ($name:expr, $images:ident) => {
        /// # Errors
        #[doc = concat!("See [`", stringify!($images), "::check`].")]
        pub const fn check(&self) -> Result<(), ShapeError> {
            self.of_images().check()
        }

        on_height_1!($name, |self, image| self.of_images().shape(image));
    };
}

pub(super) use on_height_1;

/// Hyper-parameters of [`Conv1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "as those of `Conv2dOptions`, in one dimension")]
pub struct Conv1dOptions {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel_size: usize,
    pub stride: usize,
    pub padding: usize,
    pub same: bool,
    pub dilation: usize,
    pub groups: usize,
    pub bias: bool,
    pub padding_mode: &'static str,
}

impl Conv1dOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_channels: usize, out_channels: usize, kernel_size: usize) -> Conv1dOptions {
        Conv1dOptions {
            in_channels,
            out_channels,
            kernel_size,
            stride: 1,
            padding: 0,
            same: false,
            dilation: 1,
            groups: 1,
            bias: true,
            padding_mode: "zeros",
        }
    }

    /// The convolution of images of height 1.
    const fn of_images(&self) -> Conv2dOptions {
        Conv2dOptions {
            stride: [1, self.stride],
            padding: [0, self.padding],
            same: self.same,
            dilation: [1, self.dilation],
            groups: self.groups,
            bias: self.bias,
            padding_mode: self.padding_mode,
            ..Conv2dOptions::new(self.in_channels, self.out_channels, [1, self.kernel_size])
        }
    }

    on_height_1!("Conv1d", Conv2dOptions);
}

declare!(
    /// Convolution of images. Parameters: `weight` `[out_channels, in_channels / groups, KH, KW]` and `bias`
    /// `[out_channels]`.
    Conv2d,
    Conv2dOptions,
    /// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
    |self, x| convolve(&self.path, x, &self.options, Arrangement::AsStored)
);

declare!(
    /// Convolution of sequences. Parameters: `weight` `[out_channels, in_channels / groups, K]` and `bias`
    /// `[out_channels]`.
    Conv1d,
    Conv1dOptions,
    /// `[N, in_channels, L] -> [N, out_channels, L']`.
    |self, x| {
        let shape = self.options.shape(x.shape);
        in_one_dimension(&self.path, x, shape, |x| {
            convolve(&self.path, x, &self.options.of_images(), Arrangement::Squeezed)
        })
    }
);

/// A layer in one dimension by one in two, on images of height 1.
fn in_one_dimension(
    path: &ParameterPath,
    x: Tensor,
    shape: Result<Shape, ShapeError>,
    layer: impl FnOnce(Tensor) -> Tensor,
) -> Tensor {
    crate::nn::pooling::in_one_dimension(Origin::Layer(path), x, shape, layer)
}

fn convolve(path: &ParameterPath, x: Tensor, options: &Conv2dOptions, arrangement: Arrangement) -> Tensor {
    let origin = Origin::Layer(path);
    let mode = PaddingMode::named(options.padding_mode).unwrap_or(PaddingMode::Zeros);
    let shape = options.shape(x.shape);
    let (x, window) = match (shape, options.padded_window()) {
        (Err(error), _) => return refuse(origin, x, error),
        (_, Some(window)) => (x, window),
        (_, None) => {
            let pad = Origin::Part(&origin, "pad");
            (
                surrounded(pad, x, &options.surroundings(), mode),
                options.window(),
            )
        }
    };
    record(origin, &[x], shape, |recording| {
        let inputs = options.in_channels / options.groups;
        let [height, width] = options.kernel_size;
        let weight = [options.out_channels, inputs, height, width];
        kernel(
            recording,
            path,
            (weight, arrangement),
            options.bias,
            window,
            options.groups,
        )
    })
}

/// The convolution with the layer's parameters.
fn kernel(
    recording: &mut Recording,
    path: &ParameterPath,
    (shape, arrangement): ([usize; 4], Arrangement),
    has_bias: bool,
    window: Window2d,
    groups: usize,
) -> ops::Conv2d {
    let weight = recording.arranged(path, "weight", &shape, arrangement);
    let bias = has_bias.then(|| recording.parameter(path, "bias", &shape[..1]));
    ops::Conv2d {
        weight,
        bias,
        window,
        groups,
    }
}

/// Hyper-parameters of [`ConvTranspose2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2dOptions {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// Cells of the output from one cell of the input to the next; 1.
    pub stride: [usize; 2],
    /// Cells that are cut off on both sides; 0.
    pub padding: [usize; 2],
    /// Further cells at the bottom and on the right, below the stride or the dilation; 0.
    pub output_padding: [usize; 2],
    /// Number of groups the channels fall into; 1.
    pub groups: usize,
    /// Whether there is a bias; yes.
    pub bias: bool,
    /// Step inside a window; 1.
    pub dilation: [usize; 2],
}

impl ConvTranspose2dOptions {
    const NAME: &'static str = "ConvTranspose2d";

    /// With PyTorch's defaults.
    pub const fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: [usize; 2],
    ) -> ConvTranspose2dOptions {
        ConvTranspose2dOptions {
            in_channels,
            out_channels,
            kernel_size,
            stride: [1; 2],
            padding: [0; 2],
            output_padding: [0; 2],
            groups: 1,
            bias: true,
            dilation: [1; 2],
        }
    }

    /// # Errors
    /// A size, stride or dilation of 0; groups that do not divide both channel counts; an output padding that is not
    /// below the stride or the dilation.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive(Self::NAME, "in_channels", self.in_channels));
        attempt!(positive(Self::NAME, "out_channels", self.out_channels));
        attempt!(positive_pair(Self::NAME, "kernel_size", self.kernel_size));
        attempt!(positive_pair(Self::NAME, "stride", self.stride));
        attempt!(positive_pair(Self::NAME, "dilation", self.dilation));
        attempt!(positive(Self::NAME, "groups", self.groups));
        if !self.in_channels.is_multiple_of(self.groups) || !self.out_channels.is_multiple_of(self.groups) {
            return Err(ShapeError::Groups {
                operation: Self::NAME,
                in_channels: self.in_channels,
                out_channels: self.out_channels,
                groups: self.groups,
            });
        }
        let mut axis = 0;
        while axis < 2 {
            let more = self.output_padding[axis];
            let holds = more < self.stride[axis] || more < self.dilation[axis];
            attempt!(choice(
                Self::NAME,
                "output_padding",
                "below the stride or the dilation",
                holds
            ));
            axis += 1;
        }
        Ok(())
    }

    /// `(size - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1`, or 0.
    const fn size(&self, size: usize, axis: usize) -> usize {
        let reach = self.dilation[axis].saturating_mul(self.kernel_size[axis].saturating_sub(1));
        let spread = size.saturating_sub(1).saturating_mul(self.stride[axis]);
        let all = spread
            .saturating_add(reach)
            .saturating_add(self.output_padding[axis])
            .saturating_add(1);
        all.saturating_sub(self.padding[axis].saturating_mul(2))
    }

    /// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        attempt!(of_rank(Self::NAME, 4, "4 dimensions [N, C, H, W]", x));
        if x.size(1) != self.in_channels {
            return Err(ShapeError::Channels {
                operation: Self::NAME,
                expected: self.in_channels,
                found: x,
            });
        }
        let (height, width) = (self.size(x.size(2), 0), self.size(x.size(3), 1));
        sized(Self::NAME, x, &[x.size(0), self.out_channels, height, width])
    }

    infer!(|self, x| self.shape(x));
}

declare!(
    /// The convolution that spreads each cell of the input over a window of the output. Parameters: `weight`
    /// `[in_channels, out_channels / groups, KH, KW]` and `bias` `[out_channels]`.
    ConvTranspose2d,
    ConvTranspose2dOptions,
    /// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
    |self, x| {
        let groups = self.options.groups;
        spread(&self.path, x, &self.options, Arrangement::Transposed { groups })
    }
);

/// Hyper-parameters of [`ConvTranspose1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "as those of `ConvTranspose2dOptions`, in one dimension"
)]
pub struct ConvTranspose1dOptions {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel_size: usize,
    pub stride: usize,
    pub padding: usize,
    pub output_padding: usize,
    pub groups: usize,
    pub bias: bool,
    pub dilation: usize,
}

impl ConvTranspose1dOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_channels: usize, out_channels: usize, kernel_size: usize) -> ConvTranspose1dOptions {
        ConvTranspose1dOptions {
            in_channels,
            out_channels,
            kernel_size,
            stride: 1,
            padding: 0,
            output_padding: 0,
            groups: 1,
            bias: true,
            dilation: 1,
        }
    }

    const fn of_images(&self) -> ConvTranspose2dOptions {
        ConvTranspose2dOptions {
            stride: [1, self.stride],
            padding: [0, self.padding],
            output_padding: [0, self.output_padding],
            groups: self.groups,
            bias: self.bias,
            dilation: [1, self.dilation],
            ..ConvTranspose2dOptions::new(self.in_channels, self.out_channels, [1, self.kernel_size])
        }
    }

    on_height_1!("ConvTranspose1d", ConvTranspose2dOptions);
}

declare!(
    /// The convolution that spreads each value of the input over a window of the output. Parameters: `weight`
    /// `[in_channels, out_channels / groups, K]` and `bias` `[out_channels]`.
    ConvTranspose1d,
    ConvTranspose1dOptions,
    /// `[N, in_channels, L] -> [N, out_channels, L']`.
    |self, x| {
        let (shape, groups) = (self.options.shape(x.shape), self.options.groups);
        in_one_dimension(&self.path, x, shape, |x| {
            spread(&self.path, x, &self.options.of_images(), Arrangement::SqueezedTransposed { groups })
        })
    }
);

/// A transposed convolution: zeros between the cells of `x` and around it, then a convolution of stride 1.
fn spread(
    path: &ParameterPath,
    x: Tensor,
    options: &ConvTranspose2dOptions,
    arrangement: Arrangement,
) -> Tensor {
    let origin = Origin::Layer(path);
    let shape = options.shape(x.shape);
    let to = match shape {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, x, error),
    };
    let part = |name| Origin::Part(&origin, name);
    let [batch, channels, height, width] = [0, 1, 2, 3].map(|axis| x.size(axis));
    let [down, right] = options.stride;
    let mut x = x;
    if [down, right] != [1, 1] {
        x = reshaped(part("cells"), x, &[batch, channels, height, 1, width, 1]);
        let mut amounts = vec![(0, 0); 6];
        (amounts[3].1, amounts[5].1) = (down - 1, right - 1);
        x = zero_padded(part("zeros"), x, amounts);
        x = reshaped(
            part("spread"),
            x,
            &[batch, channels, height * down, width * right],
        );
    }
    // Around the input lie as many cells as the kernel reaches, less those that are cut off: `before`, which may be
    // negative. What lies behind follows from the size of the result.
    let mut amounts = vec![(0, 0); 4];
    let mut padding = [0; 2];
    for axis in 0..2 {
        let reach = options.dilation[axis] * (options.kernel_size[axis] - 1);
        let wanted = to.size(2 + axis) + reach;
        let cut = options.padding[axis].saturating_sub(reach);
        let before = reach.saturating_sub(options.padding[axis]);
        let left = x.size(2 + axis).saturating_sub(cut).min(wanted - before);
        if left == 0 {
            return refuse(
                origin,
                x,
                ShapeError::Size {
                    operation: ConvTranspose2dOptions::NAME,
                    of: x.shape,
                },
            );
        }
        x = narrowed(part("narrow"), x, 2 + axis, cut, left);
        amounts[2 + axis] = (before, wanted - before - left);
        padding[axis] = before;
    }
    let even = |axis: usize| amounts[axis].0 == amounts[axis].1;
    if even(2) && even(3) {
        // The convolution has these zeros itself.
        amounts = vec![(0, 0); 4];
    } else {
        padding = [0; 2];
    }
    let x = zero_padded(part("pad"), x, amounts);
    let window = Window2d::new(options.kernel_size, [1; 2], padding, options.dilation);
    record(origin, &[x], shape, |recording| {
        let inputs = options.in_channels / options.groups;
        let [height, width] = options.kernel_size;
        let weight = [options.out_channels, inputs, height, width];
        kernel(
            recording,
            path,
            (weight, arrangement),
            options.bias,
            window,
            options.groups,
        )
    })
}
