//! Tensors as strided views of shared bytes.

use core::ops::Range;
use std::borrow::Cow;

use super::Int8Cells;
use crate::secret::Wiped;

/// One axis of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Its size.
    pub size: usize,
    /// Distance in memory of neighbours along it.
    pub stride: usize,
    /// How many of its indices are in memory, at least `size`. Cells at index `size` and after are zeros of padding.
    pub present: usize,
}

/// A tensor of signed bytes: a view of memory that others refer to as well.
///
/// ```text
/// T[i_0, .., i_k] = cells[offset + sum_j i_j stride_j]
/// ```
///
/// for indices along its axes. Its shape may join neighbouring axes: the channels `[O, ..]` of a grouped convolution
/// are the axes `[groups, O / groups, ..]`, which no single stride describes.
#[derive(Debug, Clone)]
pub struct Int8Tensor {
    cells: Int8Cells,
    offset: usize,
    axes: Vec<Axis>,
    shape: Vec<usize>,
}

impl Int8Tensor {
    /// A tensor of its own memory, from row-major values. Nothing if the shape asks for another number of values, or is
    /// larger than the address space.
    pub fn new(shape: &[usize], values: Vec<i8>) -> Option<Self> {
        (length(shape)? == values.len()).then_some(())?;
        Some(Self {
            cells: values.into(),
            offset: 0,
            axes: row_major(shape),
            shape: shape.to_vec(),
        })
    }

    /// A tensor of zeros, which takes one cell of memory. Nothing for a shape larger than the address space.
    pub fn zeros(shape: &[usize]) -> Option<Self> {
        length(shape)?;
        let axis = |&size: &usize| Axis {
            size,
            stride: 0,
            present: size,
        };
        Some(Self {
            cells: vec![0].into(),
            offset: 0,
            axes: shape.iter().map(axis).collect(),
            shape: shape.to_vec(),
        })
    }

    /// A view of `cells`; nothing if it leaves them.
    pub fn view(cells: &Int8Cells, offset: usize, axes: Vec<Axis>) -> Option<Self> {
        let last = axes.iter().try_fold(offset, |last, axis| {
            (axis.present >= axis.size && axis.size > 0).then_some(())?;
            last.checked_add((axis.present - 1).checked_mul(axis.stride)?)
        })?;
        (last < cells.len()).then(|| Self {
            cells: cells.clone(),
            offset,
            shape: axes.iter().map(|axis| axis.size).collect(),
            axes,
        })
    }

    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Has it no values?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory it is a view of.
    pub fn cells(&self) -> &Int8Cells {
        &self.cells
    }

    /// Its values in row-major order, copied.
    pub fn to_vec(&self) -> Vec<i8> {
        let mut values = Vec::with_capacity(self.len());
        self.for_each_run(|start, count, stride| match stride {
            1 => values.extend_from_slice(&self.cells[start..start + count]),
            0 => values.extend(core::iter::repeat_n(self.cells[start], count)),
            _ => values.extend(self.cells[start..].iter().step_by(stride).take(count)),
        });
        values
    }

    /// Copies its values to a view of the same axes, in `cells` that are not shared yet.
    pub(crate) fn copy_to(&self, cells: &mut [i8], offset: usize, axes: &[Axis]) {
        let values = Wiped(self.to_vec());
        let mut rest = values.as_slice();
        for_each_run(offset, axes, &mut |start, count, stride| {
            let (own, behind) = rest.split_at(count);
            rest = behind;
            match stride {
                1 => cells[start..start + count].copy_from_slice(own),
                _ => {
                    let to = cells[start..].iter_mut().step_by(stride.max(1));
                    to.zip(own).for_each(|(to, from)| *to = *from);
                }
            }
        });
    }

    /// The same values in row-major order under other sizes. A view where the axes allow it, else a copy. Nothing if
    /// the sizes have another product.
    pub fn reshaped(&self, sizes: &[usize]) -> Option<Self> {
        (length(sizes)? == self.len()).then_some(())?;
        let own: Vec<usize> = self.axes.iter().map(|axis| axis.size).collect();
        let axes = match own == sizes {
            true => self.axes.clone(),
            false if self.axes == row_major(&own) => row_major(sizes),
            false => return Self::new(sizes, self.to_vec()),
        };
        Some(Self {
            axes,
            shape: sizes.to_vec(),
            ..self.clone()
        })
    }

    /// A view with the axes in another order: axis `i` of the result is axis `order[i]`. Example: `[2, 3, 4]` in order
    /// `[2, 0, 1]` is `[4, 2, 3]`. Nothing if `order` is no permutation of the axes.
    pub fn permuted(&self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted.iter().copied().eq(0..self.axes.len()).then_some(())?;
        let axes: Vec<Axis> = order.iter().map(|&axis| self.axes[axis]).collect();
        Some(Self {
            shape: axes.iter().map(|axis| axis.size).collect(),
            axes,
            ..self.clone()
        })
    }

    /// A view of the cells at these indices along each axis; nothing where they leave the tensor or are none.
    pub fn narrowed(&self, ranges: &[Range<usize>]) -> Option<Self> {
        let inside =
            |(range, axis): (&Range<usize>, &Axis)| range.start < range.end && range.end <= axis.size;
        let fits = ranges.len() == self.axes.len() && ranges.iter().zip(&self.axes).all(inside);
        fits.then_some(())?;
        let starts = ranges
            .iter()
            .zip(&self.axes)
            .map(|(range, axis)| range.start * axis.stride);
        let axes = ranges.iter().zip(&self.axes).map(|(range, axis)| Axis {
            size: range.len(),
            stride: axis.stride,
            present: match range.len() == axis.size {
                true => axis.present,
                false => range.len(),
            },
        });
        Some(Self {
            cells: self.cells.clone(),
            offset: self.offset + starts.sum::<usize>(),
            axes: axes.collect(),
            shape: ranges.iter().map(Range::len).collect(),
        })
    }

    /// The same view under the name of another shape, which joins neighbouring axes. Nothing if the product differs.
    pub fn joined(&self, shape: &[usize]) -> Option<Self> {
        (length(shape)? == self.len()).then(|| Self {
            shape: shape.to_vec(),
            ..self.clone()
        })
    }

    /// Number of cells when each axis is padded to a power of two: 32 for `[3, 5]`.
    pub fn padded_len(&self) -> usize {
        1 << self.axes.iter().map(|axis| bits(axis.size)).sum::<usize>()
    }

    /// Cells `start .. start + length` of the padded tensor; zeros at the end may be left out. Borrowed if memory holds
    /// them in this order, else copied. `length` is a power of two that divides `start`.
    pub fn padded_piece(&self, start: usize, length: usize) -> Cow<'_, [i8]> {
        let mut inside = length.trailing_zeros() as usize;
        let mut natural = 1usize;
        let mut offset = self.offset;
        // The indices of each axis that are inside the piece, from the last axis on.
        let mut ranges = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let bits = bits(axis.size);
            let own = bits.min(inside);
            inside -= own;
            let first = (start / natural) & ((1 << bits) - 1);
            if first >= axis.size {
                return Cow::Borrowed(&[]);
            }
            offset += first * axis.stride;
            ranges.push((first, 1 << own, natural, *axis));
            natural <<= bits;
        }
        // `outer` is the first axis with several indices in the piece: it may end early. The axes after it must be in
        // memory with their padding.
        let outer = ranges.iter().rposition(|range| range.1 > 1);
        let Some((outer, inner)) = outer.map(|outer| (ranges[outer], &ranges[..outer])) else {
            return Cow::Borrowed(&self.cells[offset..=offset]);
        };
        let (first, count, natural, axis) = outer;
        let whole = inner.iter().all(|&(_, count, natural, axis)| {
            count == 1 || (axis.stride == natural && axis.present >= count)
        });
        if whole && axis.stride == natural {
            let there = (axis.present - first).min(count);
            return Cow::Borrowed(&self.cells[offset..offset + there * natural]);
        }
        let mut cells = vec![0; length];
        let axes = ranges.iter().rev().map(|&(first, count, _, axis)| Axis {
            size: (axis.size - first).min(count),
            ..axis
        });
        let from: Vec<Axis> = axes.collect();
        let to: Vec<Axis> = ranges
            .iter()
            .rev()
            .zip(&from)
            .map(|(&(_, _, natural, _), axis)| Axis {
                stride: natural,
                ..*axis
            })
            .collect();
        let part = Self {
            shape: from.iter().map(|axis| axis.size).collect(),
            cells: self.cells.clone(),
            offset,
            axes: from,
        };
        part.copy_to(&mut cells, 0, &to);
        Cow::Owned(cells)
    }

    /// A length of aligned pieces that [`Self::padded_piece`] never copies, as large as the axes allow.
    pub fn padded_run(&self) -> usize {
        let mut run = 1;
        for axis in self.axes.iter().rev().filter(|axis| axis.size > 1) {
            let padded = 1 << bits(axis.size);
            if axis.stride != run {
                break;
            }
            run *= padded;
            if axis.present < padded {
                break;
            }
        }
        run
    }

    fn for_each_run(&self, mut visit: impl FnMut(usize, usize, usize)) {
        for_each_run(self.offset, &self.axes, &mut visit);
    }
}

impl PartialEq for Int8Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.to_vec() == other.to_vec()
    }
}

/// Calls `visit(start, count, stride)` for each run along the last axis, in row-major order.
fn for_each_run(offset: usize, axes: &[Axis], visit: &mut impl FnMut(usize, usize, usize)) {
    match axes {
        [] => visit(offset, 1, 1),
        [last] if last.size > 0 => visit(offset, last.size, last.stride),
        [_] => {}
        [first, rest @ ..] => {
            (0..first.size).for_each(|index| for_each_run(offset + index * first.stride, rest, visit));
        }
    }
}

/// Axes of values in row-major order.
pub(super) fn row_major(shape: &[usize]) -> Vec<Axis> {
    let mut stride = 1usize;
    let mut axes: Vec<Axis> = shape
        .iter()
        .rev()
        .map(|&size| {
            let axis = Axis {
                size,
                stride,
                present: size,
            };
            stride = stride.saturating_mul(size);
            axis
        })
        .collect();
    axes.reverse();
    axes
}

/// Number of values of a shape; nothing if it is beyond the address space with sizes of 0 left out.
fn length(shape: &[usize]) -> Option<usize> {
    let sizes = shape.iter().map(|&size| size.max(1));
    let largest = sizes.into_iter().try_fold(1usize, usize::checked_mul)?;
    isize::try_from(largest).ok()?;
    Some(if shape.contains(&0) { 0 } else { largest })
}

/// Index bits of an axis, 3 for a size of 5.
fn bits(size: usize) -> usize {
    size.checked_next_power_of_two()
        .map_or(usize::BITS, usize::trailing_zeros) as usize
}
