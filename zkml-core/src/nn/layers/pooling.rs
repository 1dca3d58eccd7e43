//! `torch.nn.MaxPool2d`, `AvgPool2d` and `AdaptiveAvgPool2d`.

use super::declare;
use crate::nn::functional::{pool_adaptive, pool_avg, pool_max};
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
    /// Mean over equal windows, as many as asked for.
    AdaptiveAvgPool2d,
    AdaptiveAvgPool2dOptions,
    /// `[N, C, H, W] -> [N, C, H', W']`.
    |self, x| pool_adaptive(Origin::Layer(&self.path), x, self.options.output_size)
);
