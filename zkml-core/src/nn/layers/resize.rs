//! `torch.nn.Upsample`, `PixelShuffle`, and paddings that are no zeros.

use super::declare;
use crate::graph::{MAX_RANK, Shape, ShapeError, attempt, infer, of_rank, sized};
use crate::nn::moves::{refuse, surrounded};
use crate::nn::resize::{PixelShuffleOptions, UpsampleOptions, shuffle, upsample};
use crate::nn::trace::Origin;
use crate::ops::PaddingMode;

declare!(
    /// Images that are a whole number of times as high and as wide.
    Upsample,
    UpsampleOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| upsample(Origin::Layer(&self.path), x, &self.options)
);

declare!(
    /// Channels become places: `[N, C r^2, H, W] -> [N, C, r H, r W]`.
    PixelShuffle,
    PixelShuffleOptions,
    /// `[N, C r^2, H, W] -> [N, C, r H, r W]`.
    |self, x| shuffle(Origin::Layer(&self.path), x, &self.options)
);

/// A layer that pads with something else than zeros.
macro_rules! padding {
    ($(#[$doc:meta])* $layer:ident, $options:ident, $name:literal, $mode:literal,
        $sides:literal, $rank:literal, $expected:literal) => {
        #[doc = concat!("Hyper-parameters of [`", $name, "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $options {
            /// `[left, right]`, then `[top, bottom]` where there is a height.
            pub padding: [usize; $sides],
        }

        impl $options {
            /// These amounts, from the last axis on.
            pub const fn new(padding: [usize; $sides]) -> $options {
                $options { padding }
            }

            /// # Errors
            /// None.
            pub const fn check(&self) -> Result<(), ShapeError> {
                Ok(())
            }

            /// The shape with these amounts around.
            ///
            /// # Errors
            /// An operand that does not fit.
            pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
                attempt!(of_rank($name, $rank, $expected, x));
                let (mut sizes, mut axis) = ([1; MAX_RANK], 0);
                while axis < $rank {
                    sizes[axis] = x.size(axis);
                    let from_last = $rank - 1 - axis;
                    if 2 * from_last < $sides {
                        let (before, after) = (self.padding[2 * from_last], self.padding[2 * from_last + 1]);
                        attempt!(PaddingMode::fits($name, $mode, x, axis, before, after));
                        sizes[axis] = sizes[axis].saturating_add(before).saturating_add(after);
                    }
                    axis += 1;
                }
                sized($name, x, sizes.split_at($rank).0)
            }

            infer!(|self, x| self.shape(x));
        }

        declare!(
            $(#[$doc])*
            $layer,
            $options,
            /// The last axes are longer.
            |self, x| {
                let origin = Origin::Layer(&self.path);
                if let Err(error) = self.options.shape(x.shape) {
                    return refuse(origin, x, error);
                }
                let pairs = self.options.padding.chunks_exact(2).rev();
                let amounts: Vec<(usize, usize)> = pairs.map(|pair| (pair[0], pair[1])).collect();
                let mode = PaddingMode::named($mode).unwrap_or(PaddingMode::Zeros);
                surrounded(origin, x, &amounts, mode)
            }
        );
    };
}

padding!(
    /// The cells behind the edges, in reverse, around `[N, C, H, W]`.
    ReflectionPad2d, ReflectionPad2dOptions, "ReflectionPad2d", "reflect", 4, 4, "4 dimensions [N, C, H, W]"
);
padding!(
    /// The cells at the edges, repeated around `[N, C, H, W]`.
    ReplicationPad2d, ReplicationPad2dOptions, "ReplicationPad2d", "replicate", 4, 4, "4 dimensions [N, C, H, W]"
);
padding!(
    /// The values behind the ends, in reverse, around `[N, C, L]`.
    ReflectionPad1d, ReflectionPad1dOptions, "ReflectionPad1d", "reflect", 2, 3, "3 dimensions [N, C, L]"
);
padding!(
    /// The values at the ends, repeated around `[N, C, L]`.
    ReplicationPad1d, ReplicationPad1dOptions, "ReplicationPad1d", "replicate", 2, 3, "3 dimensions [N, C, L]"
);
padding!(
    /// Zeros around `[N, C, L]`.
    ZeroPad1d, ZeroPad1dOptions, "ZeroPad1d", "zeros", 2, 3, "3 dimensions [N, C, L]"
);
