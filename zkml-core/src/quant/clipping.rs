//! What rounding an input clamps, and when that is too much.

use core::fmt;

/// Integers of an input, and what rounding it to them clamped.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Rounded<T> {
    /// One integer for each value.
    pub integers: T,
    /// What was clamped.
    pub clipping: Clipping,
}

/// How many values of an input lie outside of what calibration saw, and how many were clamped for it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clipping {
    /// Values of the input.
    pub values: usize,
    /// Values that became the end of the integers' range.
    pub clipped: usize,
    /// Values outside of the range that calibration saw; some of them still have integers of their own.
    pub outside: usize,
    /// The distance of the farthest one from the middle of the calibrated range, in halves of the range: 1 at its ends.
    pub farthest: f64,
    /// The largest magnitude of the input, relative to the largest one that calibration saw.
    pub reach: f64,
}

impl Clipping {
    /// The share of values outside of the calibrated range up to which nothing is suspicious.
    pub const SHARE: f64 = 0.001;
    /// How far the farthest value may lie, in halves of the calibrated range from its middle.
    pub const REACH: f64 = 1.25;
    /// The part of the calibrated range that an input reaches at least, unless it is on another scale or nearly 0.
    pub const FAINT: f64 = 1.0 / 16.0;

    /// Counts the values of one tensor, in steps, against the range that calibration saw and that of the integers. A value
    /// within half a step of an end is not outside.
    pub(super) fn counter((low, high): (f64, f64), ends: (f64, f64)) -> Counter {
        Counter {
            calibrated: (low - 0.5, high + 0.5),
            ends: (ends.0 - 0.5, ends.1 + 0.5),
            middle: (low + high) / 2.0,
            half: ((high - low) / 2.0).max(0.5),
            largest: low.abs().max(high.abs()).max(0.5),
            clipping: Self::default(),
        }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            clipped: self.clipped + other.clipped,
            outside: self.outside + other.outside,
            farthest: self.farthest.max(other.farthest),
            reach: self.reach.max(other.reach),
        }
    }

    /// Is this another kind of input than the network was calibrated on? More than [`Self::SHARE`] of its values lie
    /// outside of the calibrated range, and one lies beyond [`Self::REACH`] times it.
    pub fn is_suspicious(&self) -> bool {
        self.outside as f64 > Self::SHARE * self.values as f64 && self.farthest > Self::REACH
    }

    /// Does the input leave nearly all of the calibrated range unused? Example: pixels divided by 255, where the samples
    /// of calibration were not.
    pub fn is_faint(&self) -> bool {
        self.reach < Self::FAINT
    }
}

/// Counts values of one tensor, in steps of its scale.
pub(super) struct Counter {
    calibrated: (f64, f64),
    ends: (f64, f64),
    middle: f64,
    half: f64,
    largest: f64,
    clipping: Clipping,
}

impl Counter {
    pub(super) fn add(&mut self, steps: f64) {
        let outside = |(low, high): (f64, f64)| usize::from(steps < low || steps > high);
        self.clipping.values += 1;
        self.clipping.clipped += outside(self.ends);
        self.clipping.outside += outside(self.calibrated);
        self.clipping.farthest = self
            .clipping
            .farthest
            .max((steps - self.middle).abs() / self.half);
        self.clipping.reach = self.clipping.reach.max(steps.abs() / self.largest);
    }

    pub(super) fn clipping(self) -> Clipping {
        self.clipping
    }
}

impl fmt::Display for Clipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} input values lie outside of the range that the calibration samples had, the farthest {:.2} times as far \
             from its middle as its ends, and {} are clipped",
            self.outside, self.values, self.farthest, self.clipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clipping(values: &[f64]) -> Clipping {
        let mut counter = Clipping::counter((0.0, 127.0), (-127.0, 127.0));
        values.iter().for_each(|value| counter.add(value * 127.0));
        counter.clipping()
    }

    #[test]
    fn what_calibration_saw_is_not_suspicious() {
        let same = clipping(&[0.0, 0.5, 1.0, 1.003]);
        assert_eq!((same.outside, same.clipped), (0, 0));
        assert!(!same.is_suspicious());
        // A few values, and not far.
        assert!(!clipping(&[0.0, 0.5, 1.1]).is_suspicious());
        let mut one = vec![0.5; 2000];
        one.push(10.0);
        assert!(!clipping(&one).is_suspicious());
    }

    /// The integers reach from -1 to 1, so that negated pixels are not clamped. They are suspicious all the same.
    #[test]
    fn other_scales_and_signs_are_suspicious() {
        let image = [0.0, 0.2, 0.9, 1.0];
        for (factor, clipped) in [(10.0, 3), (255.0, 3), (-1.0, 0), (1e9, 3)] {
            let wrong = clipping(&image.map(|value| value * factor));
            assert_eq!((wrong.outside, wrong.clipped), (3, clipped), "{factor}");
            assert!(wrong.is_suspicious() && !wrong.is_faint(), "{factor}");
        }
        let small = clipping(&image.map(|value| value / 255.0));
        assert!(small.is_faint() && !small.is_suspicious());
        assert!(!clipping(&image).is_faint());
    }
}
