//! Poolings whose windows are not all alike: `ceil_mode`, means that leave padding out, adaptive poolings to sizes that
//! do not divide the input; and poolings in one dimension.
//!
//! Windows that are alike, next to each other and equally far apart are one pooling over a part of the input. The
//! results are joined. Where rows and columns both have windows of several kinds, rows are pooled first and then
//! columns.

use super::Tensor;
use super::moves::{joined, narrowed, refuse, reshaped, zero_padded};
use super::resize::nearest;
use super::trace::{Origin, record};
use crate::graph::{Shape, ShapeError, Window2d};
use crate::ops::{self, AvgPool2dOptions, FloatOp, MaxPool2dOptions};

/// What a pooling takes of a window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Maximum,
    Mean,
}

/// Windows of one kind along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// First cell of the first window.
    start: usize,
    /// Cells of each window.
    cells: usize,
    /// Cells from one window to the next.
    stride: usize,
    windows: usize,
}

/// Runs of these windows `(first cell, cells)`.
fn runs(windows: impl Iterator<Item = (usize, usize)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (start, cells) in windows {
        let alike = runs.last_mut().filter(|run| run.cells == cells).filter(|run| {
            let last = run.start + (run.windows - 1) * run.stride;
            start > last && (run.windows == 1 || start == last + run.stride)
        });
        match alike {
            Some(run) => {
                run.stride = (start - run.start) / run.windows;
                run.windows += 1;
            }
            None => runs.push(Run {
                start,
                cells,
                stride: 1,
                windows: 1,
            }),
        }
    }
    runs
}

/// The pooling over these windows along height and width; cells of a window are `dilation` apart.
fn pool_runs(
    origin: Origin<'_>,
    x: Tensor,
    [rows, columns]: [&[Run]; 2],
    dilation: [usize; 2],
    taken: Taken,
) -> Tensor {
    if rows.len() > 1 && columns.len() > 1 {
        let every = |size: usize| Run {
            start: 0,
            cells: 1,
            stride: 1,
            windows: size,
        };
        let x = pool_runs(origin, x, [rows, &[every(x.size(3))]], dilation, taken);
        return pool_runs(origin, x, [&[every(x.size(2))], columns], dilation, taken);
    }
    let mut parts = Vec::new();
    for row in rows {
        for column in columns {
            parts.push(pool_part(origin, x, [row, column], dilation, taken));
        }
    }
    joined(
        Origin::Part(&origin, "cat"),
        &parts,
        if rows.len() > 1 { 2 } else { 3 },
    )
}

fn pool_part(
    origin: Origin<'_>,
    mut x: Tensor,
    runs: [&Run; 2],
    dilation: [usize; 2],
    taken: Taken,
) -> Tensor {
    for (axis, (run, dilation)) in runs.iter().zip(dilation).enumerate() {
        let length = (run.windows - 1) * run.stride + dilation * (run.cells - 1) + 1;
        x = narrowed(Origin::Part(&origin, "narrow"), x, 2 + axis, run.start, length);
    }
    let (cells, stride) = (runs.map(|run| run.cells), runs.map(|run| run.stride));
    if cells == [1, 1] && stride == [1, 1] {
        return x;
    }
    let window = Window2d::new(cells, stride, [0; 2], dilation);
    let options = MaxPool2dOptions {
        stride,
        dilation,
        ..MaxPool2dOptions::new(cells)
    };
    // The mean of one cell is that cell.
    let maximum = taken == Taken::Maximum || cells == [1, 1];
    record(origin, &[x], options.shape(x.shape), |_| match maximum {
        true => FloatOp::from(ops::MaxPool2d { window }),
        false => ops::AvgPool2d { window }.into(),
    })
}

/// The pooling over all windows of the result, each cut to the cells of `x`.
fn pool_cut(origin: Origin<'_>, x: Tensor, window: &Window2d, to: Shape, taken: Taken) -> Tensor {
    let along = |axis: usize| {
        let windows = 0..to.size(2 + axis);
        runs(windows.map(|step| window.cut(step, x.size(2 + axis), axis)))
    };
    let [rows, columns] = [along(0), along(1)];
    if rows.iter().chain(&columns).any(|run| run.cells == 0) {
        let (window, padded) = (window.kernel, [x.size(2), x.size(3)]);
        let operation = match taken {
            Taken::Maximum => "max_pool2d",
            Taken::Mean => "avg_pool2d",
        };
        let error = ShapeError::EmptyWindow {
            operation,
            window,
            padded,
        };
        return refuse(origin, x, error);
    }
    pool_runs(origin, x, [&rows, &columns], window.dilation, taken)
}

pub(super) fn pool_max(origin: Origin<'_>, x: Tensor, options: &MaxPool2dOptions) -> Tensor {
    let (window, shape) = (options.window(), options.shape(x.shape));
    match shape {
        Ok(to) if window.output([x.size(2), x.size(3)]) != Some([to.size(2), to.size(3)]) => {
            pool_cut(origin, x, &window, to, Taken::Maximum)
        }
        shape => record(origin, &[x], shape, |_| ops::MaxPool2d { window }),
    }
}

pub(super) fn pool_avg(origin: Origin<'_>, x: Tensor, options: &AvgPool2dOptions) -> Tensor {
    let (window, shape) = (options.window(), options.shape(x.shape));
    let to = match shape {
        Ok(to) => to,
        Err(error) => return refuse(origin, x, error),
    };
    let [down, right] = window.padding;
    let alike = window.output([x.size(2), x.size(3)]) == Some([to.size(2), to.size(3)]);
    if alike && (options.count_include_pad || [down, right] == [0, 0]) {
        return record(origin, &[x], shape, |_| ops::AvgPool2d { window });
    }
    if options.count_include_pad {
        // Padding counts, and what lies beyond it does not.
        let amounts = vec![(0, 0), (0, 0), (down, down), (right, right)];
        let x = zero_padded(Origin::Part(&origin, "pad"), x, amounts);
        let window = Window2d {
            padding: [0; 2],
            ..window
        };
        return pool_cut(origin, x, &window, to, Taken::Mean);
    }
    pool_cut(origin, x, &window, to, Taken::Mean)
}

/// The pooling to `output_size`: window `i` of `n` along an axis of `size` cells is
/// `floor(i size / n) .. ceil((i + 1) size / n)`.
pub(super) fn pool_adaptive(origin: Origin<'_>, x: Tensor, output_size: [usize; 2], taken: Taken) -> Tensor {
    let to = match ops::AdaptiveAvgPool2dOptions::new(output_size).shape(x.shape) {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, x, error),
    };
    if to.same(&x.shape) {
        return x;
    }
    if output_size == [1, 1] && taken == Taken::Mean {
        return record(origin, &[x], Ok(to), |_| ops::GlobalAvgPool2d);
    }
    // Windows of single cells, each as often as the next.
    let times = [0, 1].map(|axis| match output_size[axis].is_multiple_of(x.size(2 + axis)) {
        true => output_size[axis] / x.size(2 + axis),
        false => 1,
    });
    let x = match times {
        [1, 1] => x,
        times => nearest(Origin::Part(&origin, "nearest"), x, times),
    };
    let along = |axis: usize| {
        let (size, count) = (x.size(2 + axis), output_size[axis]);
        runs((0..count).map(|i| {
            (
                i * size / count,
                ((i + 1) * size).div_ceil(count) - i * size / count,
            )
        }))
    };
    let [rows, columns] = [along(0), along(1)];
    pool_runs(origin, x, [&rows, &columns], [1; 2], taken)
}

/// A pooling in one dimension as one in two, of height 1: `[N, C, L] -> [N, C, L']`.
pub(super) fn in_one_dimension(
    origin: Origin<'_>,
    x: Tensor,
    shape: Result<Shape, ShapeError>,
    pool: impl FnOnce(Tensor) -> Tensor,
) -> Tensor {
    let shape = match shape {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, x, error),
    };
    let flat = reshaped(
        Origin::Part(&origin, "image"),
        x,
        &[x.size(0), x.size(1), 1, x.size(2)],
    );
    reshaped(Origin::Part(&origin, "reshape"), pool(flat), shape.sizes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_alike_are_one_run() {
        let run = |start, cells, stride, windows| Run {
            start,
            cells,
            stride,
            windows,
        };
        // A kernel of 3 with a stride of 2 and a padding of 1, over 6 cells.
        let windows = [(0, 2), (1, 3), (3, 3)];
        assert_eq!(runs(windows.into_iter()), [run(0, 2, 1, 1), run(1, 3, 2, 2)]);
        // From 5 cells to 3.
        let windows = [(0, 2), (1, 3), (3, 2)];
        assert_eq!(runs(windows.into_iter()).len(), 3);
        // The same window twice.
        assert_eq!(runs([(0, 1), (0, 1), (1, 1)].into_iter()).len(), 2);
    }
}
