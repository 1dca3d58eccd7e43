//! Poolings in two dimensions and in one, with windows of one size or as many as asked for.

use super::convolution::on_height_1;
use super::declare;
use crate::graph::{Shape, ShapeError, attempt, infer, of_rank, positive, sized};
use crate::nn::pooling::{Taken, in_one_dimension, pool_adaptive, pool_avg, pool_max};
use crate::nn::trace::Origin;
use crate::ops::{AdaptiveAvgPool2dOptions, AvgPool2dOptions, MaxPool2dOptions};

declare!(
    /// Maximum over windows.
    MaxPool2d,
    MaxPool2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pool_max(Origin::Layer(&self.path), x, &self.options)
);

declare!(
    /// Mean over windows.
    AvgPool2d,
    AvgPool2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pool_avg(Origin::Layer(&self.path), x, &self.options)
);

declare!(
    /// Mean over windows, as many as asked for: PyTorch's, which overlap where their number does not divide the size.
    AdaptiveAvgPool2d,
    AdaptiveAvgPool2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pool_adaptive(Origin::Layer(&self.path), x, self.options.output_size, Taken::Mean)
);

/// Hyper-parameters of [`AdaptiveMaxPool2d`].
pub type AdaptiveMaxPool2dOptions = AdaptiveAvgPool2dOptions;

declare!(
    /// Maximum over windows, as many as asked for: PyTorch's, which overlap where their number does not divide the
    /// size.
    AdaptiveMaxPool2d,
    AdaptiveMaxPool2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pool_adaptive(Origin::Layer(&self.path), x, self.options.output_size, Taken::Maximum)
);

/// A pooling in one dimension, by the one in two dimensions.
macro_rules! one_dimension {
    ($(#[$doc:meta])* $layer:ident, $options:ident, $images:ident, $name:literal, $pool:ident,
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr => |$value:ident| $image:expr),*) => {
        #[doc = concat!("Hyper-parameters of [`", $name, "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $options {
            /// Length of a window.
            pub kernel_size: usize,
            /// Step between windows; the kernel size.
            pub stride: usize,
            /// Cells on both sides; 0.
            pub padding: usize,
            /// Whether a last window may reach beyond the padding, so that sizes are rounded up; no.
            pub ceil_mode: bool,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $options {
            /// With PyTorch's defaults.
            pub const fn new(kernel_size: usize) -> $options {
                $options { kernel_size, stride: kernel_size, padding: 0, ceil_mode: false, $($field: $default),* }
            }

            /// The pooling of images of height 1.
            const fn of_images(&self) -> $images {
                $(let $value = self.$field;)*
                $images {
                    stride: [1, self.stride],
                    padding: [0, self.padding],
                    ceil_mode: self.ceil_mode,
                    $($field: $image,)*
                    ..$images::new([1, self.kernel_size])
                }
            }

            on_height_1!($name, $images);
        }

        declare!(
            $(#[$doc])*
            $layer,
            $options,
            /// `[N, C, L] -> [N, C, L']`.
            |self, x| {
                let origin = Origin::Layer(&self.path);
                let (shape, options) = (self.options.shape(x.shape), self.options.of_images());
                in_one_dimension(origin, x, shape, |x| $pool(origin, x, &options))
            }
        );
    };
}

one_dimension!(
    /// Maximum over windows of a sequence.
    MaxPool1d, MaxPool1dOptions, MaxPool2dOptions, "MaxPool1d", pool_max,
    /// Step inside a window; 1.
    dilation: usize = 1 => |dilation| [1, dilation]
);

one_dimension!(
    /// Mean over windows of a sequence.
    AvgPool1d, AvgPool1dOptions, AvgPool2dOptions, "AvgPool1d", pool_avg,
    /// Whether zeros of the padding count in the mean; yes.
    count_include_pad: bool = true => |counts| counts
);

/// Hyper-parameters of [`AdaptiveAvgPool1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool1dOptions {
    /// Length of the result.
    pub output_size: usize,
}

impl AdaptiveAvgPool1dOptions {
    /// The pooling to `output_size` values.
    pub const fn new(output_size: usize) -> AdaptiveAvgPool1dOptions {
        AdaptiveAvgPool1dOptions { output_size }
    }

    /// # Errors
    /// An output size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        positive("AdaptiveAvgPool1d", "output_size", self.output_size)
    }

    on_height_1!("AdaptiveAvgPool1d", |self, image| AdaptiveAvgPool2dOptions::new(
        [1, self.output_size]
    )
    .shape(image));
}

/// Hyper-parameters of [`AdaptiveMaxPool1d`].
pub type AdaptiveMaxPool1dOptions = AdaptiveAvgPool1dOptions;

declare!(
    /// Mean over windows of a sequence, as many as asked for.
    AdaptiveAvgPool1d,
    AdaptiveAvgPool1dOptions,
    /// `[N, C, L] -> [N, C, output_size]`.
    |self, x| {
        let (origin, size) = (Origin::Layer(&self.path), [1, self.options.output_size]);
        in_one_dimension(origin, x, self.options.shape(x.shape), |x| pool_adaptive(origin, x, size, Taken::Mean))
    }
);

declare!(
    /// Maximum over windows of a sequence, as many as asked for.
    AdaptiveMaxPool1d,
    AdaptiveMaxPool1dOptions,
    /// `[N, C, L] -> [N, C, output_size]`.
    |self, x| {
        let (origin, size) = (Origin::Layer(&self.path), [1, self.options.output_size]);
        in_one_dimension(origin, x, self.options.shape(x.shape), |x| pool_adaptive(origin, x, size, Taken::Maximum))
    }
);
