//! What max-pool and average pooling share.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
#[cfg(feature = "prover")]
use rayon::prelude::*;

#[cfg(feature = "prover")]
use super::PARALLEL_CELLS;
use crate::circuit::CircuitError;
use crate::graph::{Shape, ShapeError, Window2d, attempt, of_rank, positive_pair, sized};

/// Hyper-parameters of a pooling whose window may have a dilation: PyTorch's defaults, the window, and the shape rule.
macro_rules! pooling_options {
    ($(#[$doc:meta])* $name:ident {
            $(#[$padding_doc:meta])* padding
            $(, step: $(#[$dilation_doc:meta])* $dilation:ident)?
            $(, flag: $(#[$flag_doc:meta])* $flag:ident = $set:literal)? $(,)?
        }, $operation:expr, |$x:ident, $window:ident, $ceil:ident| $shape:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            /// Height and width of a window.
            pub kernel_size: [usize; 2],
            /// Step between windows; the kernel size.
            pub stride: [usize; 2],
            $(#[$padding_doc])*
            pub padding: [usize; 2],
            $($(#[$dilation_doc])* pub $dilation: [usize; 2],)?
            /// Whether a last window may reach beyond the padding, so that sizes are rounded up; no.
            pub ceil_mode: bool,
            $($(#[$flag_doc])* pub $flag: bool,)?
        }

        impl $name {
            /// With PyTorch's defaults.
            pub const fn new(kernel_size: [usize; 2]) -> $name {
                $name {
                    kernel_size,
                    stride: kernel_size,
                    padding: [0; 2],
                    $($dilation: [1; 2],)?
                    ceil_mode: false,
                    $($flag: $set,)?
                }
            }

            /// The sliding window.
            pub const fn window(&self) -> Window2d {
                let plain = Window2d::new(self.kernel_size, self.stride, self.padding, [1; 2]);
                Window2d { $($dilation: self.$dilation,)? ..plain }
            }

            /// # Errors
            /// A size of 0, or padding of more than half the kernel.
            pub const fn check(&self) -> Result<(), ShapeError> {
                check_window($operation, &self.window())
            }

            /// `[N, C, H, W] -> [N, C, H', W']`.
            ///
            /// # Errors
            /// Options or an operand that do not fit.
            pub const fn shape(&self, $x: Shape) -> Result<Shape, ShapeError> {
                attempt!(self.check());
                let ($window, $ceil) = (&self.window(), self.ceil_mode);
                $shape
            }

            infer!(|self, x| self.shape(x));
        }
    };
}

pub(super) use pooling_options;

/// `[N, C, H, W] -> [N, C, H', W']`.
pub(super) const fn pooled(
    operation: &'static str,
    x: Shape,
    window: &Window2d,
) -> Result<Shape, ShapeError> {
    attempt!(of_rank(operation, 4, "4 dimensions [N, C, H, W]", x));
    match window.slide([x.size(2), x.size(3)]) {
        Ok([height, width]) => sized(operation, x, &[x.size(0), x.size(1), height, width]),
        Err((window, padded)) => Err(ShapeError::Window {
            operation,
            window,
            padded,
        }),
    }
}

/// As [`pooled`]; with `ceil` there may be one more window along each axis, which begins in the input or before it and
/// reaches beyond the padding.
pub(super) const fn pooled_up(
    operation: &'static str,
    x: Shape,
    window: &Window2d,
    ceil: bool,
) -> Result<Shape, ShapeError> {
    if !ceil {
        return pooled(operation, x, window);
    }
    attempt!(of_rank(operation, 4, "4 dimensions [N, C, H, W]", x));
    let height = window.windows_up(x.size(2), 0);
    let width = window.windows_up(x.size(3), 1);
    if height == 0 || width == 0 {
        let plain = pooled(operation, x, window);
        return match plain {
            Err(error) => Err(error),
            Ok(_) => Err(ShapeError::Size { operation, of: x }),
        };
    }
    sized(operation, x, &[x.size(0), x.size(1), height, width])
}

/// Sizes positive, padding at most half of the kernel (PyTorch's rule: no window lies in the padding alone).
pub(super) const fn check_window(operation: &'static str, window: &Window2d) -> Result<(), ShapeError> {
    attempt!(positive_pair(operation, "kernel_size", window.kernel));
    attempt!(positive_pair(operation, "stride", window.stride));
    attempt!(positive_pair(operation, "dilation", window.dilation));
    let (kernel, padding) = (window.kernel, window.padding);
    if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
        return Err(ShapeError::PoolPadding {
            operation,
            kernel,
            padding,
        });
    }
    Ok(())
}

/// Does a window return its operand?
pub(super) fn is_single_cell(window: &Window2d) -> bool {
    window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0]
}

/// Largest number of cells of a pooling window: a maximum has a column for each.
const MAXIMUM_KERNEL: usize = 1 << 12;

/// Refuses windows of too many cells.
pub(super) fn check_kernel(layer: &str, window: &Window2d) -> Result<(), CircuitError> {
    let [height, width] = window.kernel;
    if height.saturating_mul(width) <= MAXIMUM_KERNEL {
        return Ok(());
    }
    let what = format!("a pooling window of {height} x {width} cells (at most {MAXIMUM_KERNEL})");
    Err(CircuitError::Unsupported {
        layer: layer.to_owned(),
        what,
    })
}

/// Combines the cells of each window, plane by plane, in the order of the kernel; padding is left out.
#[cfg(feature = "prover")]
pub(super) fn pool<T: Copy + Send + Sync>(
    x: &ArrayD<T>,
    window: &Window2d,
    shape: &[usize],
    start: T,
    combine: impl Fn(T, T) -> T + Sync,
) -> Option<ArrayD<T>> {
    let (&[n, channels, height, width], &[_, _, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let mut y = vec![start; n * channels * out_height * out_width];
    let pool_plane = |(plane, source): (&mut [T], &[T])| {
        for (kh, kw) in (0..window.kernel[0]).flat_map(|kh| (0..window.kernel[1]).map(move |kw| (kh, kw))) {
            let columns = window.inside(kw, width, out_width, 1);
            // A column of the kernel may lie in the padding for every window.
            if columns.is_empty() {
                continue;
            }
            let first = columns.start * window.stride[1] + kw * window.dilation[1] - window.padding[1];
            for row in window.inside(kh, height, out_height, 0) {
                let h = row * window.stride[0] + kh * window.dilation[0] - window.padding[0];
                let from = source[h * width + first..(h + 1) * width]
                    .iter()
                    .step_by(window.stride[1]);
                let to = &mut plane[row * out_width..][columns.clone()];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = combine(*to, *from));
            }
        }
    };
    y.par_chunks_exact_mut(out_height * out_width)
        .zip(x.as_slice()?.par_chunks_exact(height * width))
        .with_min_len(PARALLEL_CELLS.div_ceil(height * width))
        .for_each(pool_plane);
    ArrayD::from_shape_vec(shape, y).ok()
}

/// The result at each place from the values under its window, by definition.
#[cfg(feature = "prover")]
pub(super) fn pool_reference(
    x: &ArrayD<i64>,
    window: &Window2d,
    shape: &[usize],
    combine: impl Fn(&mut dyn Iterator<Item = i64>) -> i64,
) -> ArrayD<i64> {
    let input = [x.shape()[2], x.shape()[3]];
    ArrayD::from_shape_fn(ndarray::IxDyn(shape), |y| {
        let positions = window.positions([y[2], y[3]], input);
        combine(&mut positions.iter().map(|[h, w]| x[[y[0], y[1], *h, *w]]))
    })
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        /// Narrow inputs and wide padding too: a column of the kernel may meet the input in no window.
        #[test]
        fn pooling_agrees_with_its_definition(
            kernel in [1usize..8, 1usize..8], stride in [1usize..5, 1usize..5],
            padding in [0usize..4, 0usize..4], dilation in [1usize..3, 1usize..3],
            more in [0usize..4, 0usize..4], seed in 0i64..1000,
        ) {
            let padding = [0, 1].map(|axis| padding[axis].min(kernel[axis] / 2));
            let window = Window2d { kernel, stride, padding, dilation };
            // From the narrowest input that the window fits.
            let [height, width] = [0, 1].map(|axis| {
                let span = dilation[axis] * (kernel[axis] - 1) + 1;
                span.saturating_sub(2 * padding[axis]).max(1) + more[axis]
            });
            let [out_height, out_width] = window.output([height, width]).expect("it fits");
            let shape = [2, 3, out_height, out_width];
            let x = ArrayD::from_shape_fn(vec![2, 3, height, width], |at| {
                (at[0] * 31 + at[1] * 17 + at[2] * 7 + at[3] * 3) as i64 * (seed + 1) % 101 - 50
            });
            let found = pool(&x, &window, &shape, 0, |a, b| a + b);
            let sum = |values: &mut dyn Iterator<Item = i64>| values.sum();
            prop_assert_eq!(found, Some(pool_reference(&x, &window, &shape, sum)));
        }
    }
}
