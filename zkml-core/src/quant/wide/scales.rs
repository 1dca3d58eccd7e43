//! Scales of edges, and the integers that carry one edge to another.

use crate::ops::Accumulator;

/// One scale, or one per row-major index along axes.
#[derive(Debug, Clone)]
pub(crate) struct Scales {
    pub(crate) values: Vec<f64>,
    pub(crate) axes: Vec<usize>,
}

impl Scales {
    /// One scale for all.
    pub(crate) fn one(scale: f64) -> Self {
        Self {
            values: vec![scale],
            axes: Vec::new(),
        }
    }

    /// Which scale stands at an index of an edge of this shape.
    pub(super) fn number(&self, shape: &[usize], index: &[usize]) -> usize {
        self.axes
            .iter()
            .fold(0, |at, &axis| at * shape[axis] + index[axis])
    }

    pub(in crate::quant) fn at(&self, shape: &[usize], index: &[usize]) -> f64 {
        let number = self.number(shape, index);
        self.values
            .get(number)
            .or(self.values.first())
            .copied()
            .unwrap_or(1.0)
    }

    /// The ratio of these scales to others, on an edge of this shape.
    pub(super) fn over(&self, other: &Self, shape: &[usize]) -> Self {
        self.with(other, shape, |own, other| own / other)
    }

    /// The products of these scales with others, on an edge of this shape.
    pub(in crate::quant) fn times(&self, other: &Self, shape: &[usize]) -> Self {
        self.with(other, shape, |own, other| own * other)
    }

    fn with(&self, other: &Self, shape: &[usize], joined: impl Fn(f64, f64) -> f64) -> Self {
        let mut axes = [self.axes.as_slice(), &other.axes].concat();
        axes.sort_unstable();
        axes.dedup();
        let count: usize = axes.iter().map(|axis| shape[*axis]).product();
        let of_cell = |mut cell: usize| {
            let mut index = vec![0; shape.len()];
            for &axis in axes.iter().rev() {
                index[axis] = cell % shape[axis];
                cell /= shape[axis];
            }
            joined(self.at(shape, &index), other.at(shape, &index))
        };
        Self {
            values: (0..count).map(of_cell).collect(),
            axes,
        }
    }
}

impl From<&Accumulator> for Scales {
    fn from(accumulator: &Accumulator) -> Self {
        Self {
            values: accumulator.scales.clone(),
            axes: accumulator.axes.clone(),
        }
    }
}

/// Factors count as integers if they are as near to them as this part of them, the rounding errors of a few steps.
const ROUNDING: f64 = 1e-12;

/// Larger integers are not looked for: rounding would hide what is behind the point.
const LARGEST_WHOLE: f64 = (1u64 << 30) as f64;

/// Bits that the least multiplier has where factors are rounded.
const LEAST_BITS: i32 = 12;

/// Multipliers are at most this.
const LARGEST: f64 = ((1u64 << 31) - 1) as f64;

/// The multipliers `factor 2^shift`, and the shift, `shift` in the range that `fits` allows: the least one with which
/// all are integers, or else one that leaves the least of them twelve bits, or fewer, or more if no fewer fit. `None`
/// where a multiplier would be 0.
pub(super) fn multipliers(factors: &[f64], fits: impl Fn(u32, f64) -> bool) -> Option<(Vec<i64>, u32)> {
    let most = factors.iter().copied().fold(0.0, f64::max);
    let least = factors.iter().copied().fold(f64::INFINITY, f64::min);
    let scaled = |factor: f64, shift: u32| factor * libm::exp2(f64::from(shift));
    let possible = |shift: u32| {
        let most = scaled(most, shift);
        most < LARGEST && fits(shift, most.ceil())
    };
    let whole = |shift: u32| {
        factors.iter().all(|factor| {
            let exact = scaled(*factor, shift);
            exact.round() >= 1.0 && exact < LARGEST_WHOLE && (exact - exact.round()).abs() <= ROUNDING * exact
        })
    };
    let rounded = |shift: u32| {
        let integers = factors.iter().map(|factor| scaled(*factor, shift).round() as i64);
        let integers: Vec<i64> = integers.collect();
        integers.iter().all(|m| *m >= 1).then_some((integers, shift))
    };
    if let Some(shift) = (1..60).find(|shift| possible(*shift) && whole(*shift)) {
        return rounded(shift);
    }
    let wanted = (LEAST_BITS - 1 - libm::log2(least).floor() as i32).clamp(1, 59) as u32;
    // Digits that are paid for are used.
    let wanted = wanted.next_multiple_of(super::DIGIT_BITS);
    let fewer = (1..=wanted).rev();
    fewer
        .chain(wanted..60)
        .find(|shift| possible(*shift))
        .and_then(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_run_along_the_axes_of_both() {
        let shape = [1, 2, 5, 3];
        let by_head = Scales {
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            axes: vec![1, 3],
        };
        let by_channel = Scales {
            values: vec![1.0, 2.0, 3.0],
            axes: vec![3],
        };
        let ratio = by_head.over(&by_channel, &shape);
        assert_eq!(ratio.axes, [1, 3]);
        assert_eq!(ratio.values, [1.0, 1.0, 1.0, 4.0, 2.5, 2.0]);
        let other = Scales::one(2.0).over(&by_channel, &shape);
        assert_eq!((other.values, other.axes), (vec![2.0, 1.0, 2.0 / 3.0], vec![3]));
        let one = Scales::one(3.0).over(&Scales::one(2.0), &shape);
        assert_eq!((one.values, one.axes), (vec![1.5], vec![]));
    }

    #[test]
    fn factors_that_can_be_whole_are() {
        let (m, shift) = multipliers(&[3.0 / 65_536.0, 40.0 / 65_536.0], |_, _| true).unwrap();
        assert_eq!((m, shift), (vec![3, 40], 16));
        let (m, shift) = multipliers(&[1.0, 1.0], |_, _| true).unwrap();
        assert_eq!((m, shift), (vec![2, 2], 1));
        let (m, shift) = multipliers(&[0.001, 0.1 / 3.0], |_, _| true).unwrap();
        assert_eq!(shift, 32);
        assert_eq!(m, [4_294_967, 143_165_577]);
        // Where fewer bits fit, fewer are taken; where none are left, that is said.
        let (_, shift) = multipliers(&[0.001, 0.1 / 3.0], |shift, _| shift <= 20).unwrap();
        assert_eq!(shift, 20);
        assert_eq!(multipliers(&[1e-9, 0.3], |shift, _| shift <= 20), None);
    }
}
