//! Sliding windows.

use serde::{Deserialize, Serialize};

/// A two-dimensional sliding window: kernel, stride, zero padding and dilation, each `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window2d {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Padding on both sides.
    pub padding: [usize; 2],
    /// Step inside a window.
    pub dilation: [usize; 2],
}

impl core::fmt::Display for Window2d {
    /// As PyTorch prints it: `kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            kernel: [height, width],
            stride: [down, right],
            padding,
            dilation,
        } = self;
        write!(f, "kernel_size=({height}, {width}), stride=({down}, {right})")?;
        if *padding != [0, 0] {
            write!(f, ", padding=({}, {})", padding[0], padding[1])?;
        }
        if *dilation != [1, 1] {
            write!(f, ", dilation=({}, {})", dilation[0], dilation[1])?;
        }
        Ok(())
    }
}

/// Largest kernel, stride, padding and dilation.
const MAXIMUM: usize = 1 << 16;

impl Window2d {
    /// The window with these hyper-parameters, in PyTorch's order.
    pub const fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
    ) -> Window2d {
        Window2d {
            kernel,
            stride,
            padding,
            dilation,
        }
    }

    /// Height and width after sliding over `input`:
    /// `floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`.
    ///
    /// # Errors
    /// The span of the window and the size of the padded input, where the window does not fit or makes no sense.
    pub const fn slide(&self, input: [usize; 2]) -> Result<[usize; 2], ([usize; 2], [usize; 2])> {
        let mut span = [0; 2];
        let mut padded = [0; 2];
        let mut fits = true;
        let mut axis = 0;
        while axis < 2 {
            span[axis] = self.dilation[axis]
                .saturating_mul(self.kernel[axis].saturating_sub(1))
                .saturating_add(1);
            padded[axis] = input[axis].saturating_add(self.padding[axis].saturating_mul(2));
            let positive = self.kernel[axis] > 0 && self.stride[axis] > 0 && self.dilation[axis] > 0;
            let reasonable = self.kernel[axis] <= MAXIMUM
                && self.stride[axis] <= MAXIMUM
                && self.padding[axis] <= MAXIMUM
                && self.dilation[axis] <= MAXIMUM;
            fits = fits && positive && reasonable && span[axis] <= padded[axis];
            axis += 1;
        }
        if !fits {
            return Err((span, padded));
        }
        Ok([
            (padded[0] - span[0]) / self.stride[0] + 1,
            (padded[1] - span[1]) / self.stride[1] + 1,
        ])
    }

    /// Output height and width on an input of height and width `input`; `None` when the window does not fit.
    pub const fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        match self.slide(input) {
            Ok(output) => Some(output),
            Err(_) => None,
        }
    }

    /// How many windows lie along `axis` of size `size` if their number is rounded up: PyTorch's `ceil_mode`. A window
    /// that begins behind the input does not count. 0 where none fits.
    pub const fn windows_up(&self, size: usize, axis: usize) -> usize {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        let (padding, dilation) = (self.padding[axis], self.dilation[axis]);
        if kernel == 0 || stride == 0 || dilation == 0 {
            return 0;
        }
        if kernel > MAXIMUM || stride > MAXIMUM || padding > MAXIMUM || dilation > MAXIMUM || size > 1 << 48 {
            return 0;
        }
        let (span, padded) = (dilation * (kernel - 1) + 1, size + 2 * padding);
        if padded + stride <= span {
            return 0;
        }
        let windows = (padded + stride - 1 - span) / stride + 1;
        if (windows - 1) * stride >= size + padding {
            return windows - 1;
        }
        windows
    }

    /// The cells of the input under the window number `step` along `axis` of size `size`: the first, and how many.
    pub const fn cut(&self, step: usize, size: usize, axis: usize) -> (usize, usize) {
        let (padding, dilation) = (self.padding[axis], self.dilation[axis]);
        let start = step * self.stride[axis];
        // The first offset that is not in the padding before the input.
        let skipped = padding.saturating_sub(start).div_ceil(dilation);
        let first = (start + skipped * dilation).saturating_sub(padding);
        if first >= size || skipped >= self.kernel[axis] {
            return (first, 0);
        }
        let inside = (size - 1 - first) / dilation + 1;
        let left = self.kernel[axis] - skipped;
        (first, if inside < left { inside } else { left })
    }

    /// Whether every window has a cell of the input, which a maximum needs.
    pub const fn touches_everywhere(&self, input: [usize; 2]) -> bool {
        let Ok(output) = self.slide(input) else {
            return false;
        };
        let mut axis = 0;
        while axis < 2 {
            // Windows that start after the padding touch the input if the last one does.
            let mut step = 0;
            while step < output[axis] && step * self.stride[axis] < self.padding[axis] {
                if !self.touches(axis, step * self.stride[axis], input[axis]) {
                    return false;
                }
                step += 1;
            }
            if !self.touches(axis, (output[axis] - 1) * self.stride[axis], input[axis]) {
                return false;
            }
            axis += 1;
        }
        true
    }

    const fn touches(&self, axis: usize, start: usize, size: usize) -> bool {
        let (padding, dilation) = (self.padding[axis], self.dilation[axis]);
        // The first offset after the padding, if there is one, must lie in the input.
        let first = padding.saturating_sub(start).div_ceil(dilation);
        first < self.kernel[axis] && start + first * dilation - padding < size
    }

    /// Input position under kernel offset `offset` of the window at `at`; `None` in the padding.
    pub fn source(&self, at: [usize; 2], offset: [usize; 2], input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |a: usize| {
            let position = at[a] * self.stride[a] + offset[a] * self.dilation[a];
            position
                .checked_sub(self.padding[a])
                .filter(|position| *position < input[a])
        };
        Some([along(0)?, along(1)?])
    }

    /// All input positions under the window at `at`.
    pub fn positions(&self, at: [usize; 2], input: [usize; 2]) -> Vec<[usize; 2]> {
        let offsets = (0..self.kernel[0]).flat_map(|h| (0..self.kernel[1]).map(move |w| [h, w]));
        offsets
            .filter_map(|offset| self.source(at, offset, input))
            .collect()
    }

    /// The windows along `axis`, of `windows`, whose cell `offset` lies in the input and not in the padding.
    pub fn inside(&self, offset: usize, size: usize, windows: usize, axis: usize) -> core::ops::Range<usize> {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        let reach = offset * self.dilation[axis];
        let first = padding.saturating_sub(reach).div_ceil(stride);
        let end = (size + padding)
            .saturating_sub(reach)
            .div_ceil(stride)
            .min(windows);
        first.min(end)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does every window of a max-pool hold a cell of the input? From the definition.
    fn by_definition(size: usize, window: &Window2d) -> Option<bool> {
        let steps = window.output([size, 1])?[0];
        let holds = |start: usize| {
            (0..window.kernel[0]).any(|k| {
                let at = start + k * window.dilation[0];
                at >= window.padding[0] && at - window.padding[0] < size
            })
        };
        Some((0..steps).all(|step| holds(step * window.stride[0])))
    }

    #[test]
    fn windows_in_the_padding_are_found() {
        let mut refused = 0;
        for size in 1..5 {
            for number in 0..5 * 4 * 6 * 4 {
                let (kernel, stride) = (1 + number % 5, 1 + number / 5 % 4);
                let (padding, dilation) = (number / 20 % 6, 1 + number / 120);
                let window = Window2d {
                    kernel: [kernel, 1],
                    stride: [stride, 1],
                    padding: [padding, 0],
                    dilation: [dilation, 1],
                };
                let Some(holds) = by_definition(size, &window) else {
                    continue;
                };
                assert_eq!(window.touches_everywhere([size, 1]), holds, "{size} {window:?}");
                refused += usize::from(!holds);
            }
        }
        assert!(refused > 100, "{refused}");
    }

    /// PyTorch's rule of `ceil_mode`, and the cells under each window, one by one.
    #[test]
    fn windows_rounded_up_are_counted_and_cut() {
        for number in 0..9 * 4 * 4 * 3 * 2 {
            let (size, kernel) = (1 + number % 9, 1 + number / 9 % 4);
            let (stride, padding) = (1 + number / 36 % 4, number / 144 % 3);
            let dilation = 1 + number / 432;
            if padding > kernel / 2 {
                continue;
            }
            let along = |value| [value, 1];
            let window = Window2d::new(along(kernel), along(stride), [padding, 0], along(dilation));
            let span = dilation * (kernel - 1) + 1;
            // Each window after the first begins where the one before it leaves cells of the padded input uncovered.
            let mut windows = usize::from(size + 2 * padding + stride > span);
            while windows > 0
                && (windows - 1) * stride + span < size + 2 * padding
                && windows * stride < size + padding
            {
                windows += 1;
            }
            assert_eq!(window.windows_up(size, 0), windows, "{size} {window:?}");
            for step in 0..windows {
                let cells: Vec<usize> = (0..kernel)
                    .filter_map(|offset| (step * stride + offset * dilation).checked_sub(padding))
                    .filter(|at| *at < size)
                    .collect();
                let (first, count) = window.cut(step, size, 0);
                assert_eq!(count, cells.len(), "{size} {window:?}");
                assert!(count == 0 || first == cells[0], "{size} {window:?}");
            }
        }
    }

    #[test]
    fn windows_that_no_one_means_are_refused_at_once() {
        let window = Window2d {
            kernel: [1 << 62, 1],
            stride: [1, 1],
            padding: [1 << 61, 0],
            dilation: [1, 1],
        };
        assert_eq!(window.output([3, 1]), None);
        // Many windows, judged without walking through them.
        let window = Window2d {
            kernel: [2, 1],
            padding: [0, 0],
            ..window
        };
        assert!(window.touches_everywhere([1 << 50, 1]));
    }
}
