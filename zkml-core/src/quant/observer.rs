//! What calibration remembers of the values of one node: minimum, maximum, and a histogram of magnitudes for each
//! channel, or for all together.
//!
//! The bins of a histogram are logarithmic, 32 an octave, so that one outlier does not push all other values into one
//! bin, and so that values times a power of two stand in a histogram that is shifted by whole bins. Zeros are not
//! counted: they are exact at every scale, and say nothing of the others. Example: of a one-hot vector every magnitude
//! that counts is 1.

use rayon::prelude::*;

use super::calibrate::CalibrationMethod;
use crate::ops::PARALLEL_CELLS;
use crate::optimize::operation::equalization::Size;

/// Bins of an octave.
const OCTAVE: usize = 32;

/// The bits of a magnitude behind those that number its bin.
const BEHIND: u32 = 18;

/// Most bins of one histogram: values more than 32 octaves below the largest count as the least ones that are kept.
const LONGEST: usize = 32 * OCTAVE;

/// The largest magnitude at which `Mse` looks for a threshold is the largest value; the others are apart by this part
/// of an octave.
const STEPS: usize = 8;

/// How many values have magnitudes in each bin.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Histogram {
    /// The bin of the first count: bits of the least magnitude in it, shifted.
    first: usize,
    counts: Vec<u32>,
}

/// The least magnitude of a bin.
fn edge(bin: usize) -> f64 {
    f64::from(f32::from_bits((bin as u32) << BEHIND))
}

impl Histogram {
    #[inline]
    fn add(&mut self, magnitude: u32) {
        let bin = (magnitude >> BEHIND) as usize;
        match self.counts.get_mut(bin.wrapping_sub(self.first)) {
            Some(count) => *count = count.saturating_add(1),
            None => self.add_far(bin, 1),
        }
    }

    /// Adds to a bin that has no place yet.
    #[cold]
    fn add_far(&mut self, bin: usize, count: u32) {
        if self.counts.is_empty() {
            self.first = bin;
        }
        if bin < self.first {
            // Room is made below, but not for the very small ones.
            let room = LONGEST.saturating_sub(self.counts.len());
            let added = (self.first - bin).min(room);
            self.counts.splice(0..0, core::iter::repeat_n(0, added));
            self.first -= added;
        } else if bin - self.first >= self.counts.len() {
            let end = bin + 1 - self.first;
            self.counts.resize(end, 0);
            let dropped = end.saturating_sub(LONGEST);
            let least: u32 = self.counts.drain(..dropped).fold(0, u32::saturating_add);
            self.first += dropped;
            self.counts[0] = self.counts[0].saturating_add(least);
        }
        let at = bin.saturating_sub(self.first);
        self.counts[at] = self.counts[at].saturating_add(count);
    }

    /// Adds the values of another histogram times `2^exponent`.
    pub(super) fn merge(&mut self, other: &Self, exponent: i32) {
        let shift = i64::from(exponent) * OCTAVE as i64;
        for (at, &count) in other.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bin = ((other.first + at) as i64 + shift).max(0) as usize;
            match self.counts.get_mut(bin.wrapping_sub(self.first)) {
                Some(own) => *own = own.saturating_add(count),
                None => self.add_far(bin, count),
            }
        }
    }

    /// How many values were counted.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The magnitude that so many percent of the values do not exceed, up to the width of a bin; 0 without values.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let total = self.total();
        let wanted = (total as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        let bin = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        bin.filter(|_| total > 0)
            .map_or(0.0, |bin| edge(self.first + bin + 1))
    }

    /// The threshold with the least squared error of rounding to `limit` steps and clipping, of all from the largest
    /// value down to the smallest.
    fn least_squares(&self, largest: f64, limit: f64) -> f64 {
        let values: Vec<(f64, f64)> = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(at, count)| {
                let bin = self.first + at;
                (
                    (edge(bin) + edge(bin + 1)).min(2.0 * largest) / 2.0,
                    f64::from(*count),
                )
            })
            .collect();
        let error = |threshold: f64| -> f64 {
            let scale = threshold / limit;
            let of_bin = |&(x, count): &(f64, f64)| match x > threshold {
                true => count * (x - threshold) * (x - threshold),
                // Below one step a value is rounded to 0 or to a step; above, its error is uniform.
                false if x < scale / 2.0 => count * x * x,
                false => count * scale * scale / 12.0,
            };
            values.iter().map(of_bin).sum()
        };
        let octaves = self.counts.len().div_ceil(OCTAVE);
        let candidates = (0..=octaves * STEPS).map(|i| largest * libm::exp2(-(i as f64) / STEPS as f64));
        let best = candidates
            .map(|threshold| (error(threshold), threshold))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(largest, |(_, threshold)| threshold)
    }
}

/// How the values of a node, in row-major order, are split into channels: `inner` of one channel follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub(super) count: usize,
    pub(super) inner: usize,
}

/// One channel, or all values of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Channel {
    /// The bits of the largest magnitude.
    most: u32,
    histogram: Histogram,
}

impl Channel {
    fn observe(&mut self, values: &[f32]) {
        for value in values {
            let magnitude = value.to_bits() & 0x7fff_ffff;
            if magnitude != 0 {
                self.most = self.most.max(magnitude);
                self.histogram.add(magnitude);
            }
        }
    }

    pub(super) fn largest(&self) -> f32 {
        f32::from_bits(self.most)
    }
}

/// The range and the histograms of one node's values.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    pub(super) minimum: f32,
    pub(super) maximum: f32,
    split: Channels,
    /// Values of each channel that were seen, zeros among them.
    seen: u64,
    /// One, or as many as there are channels.
    pub(super) channels: Vec<Channel>,
}

impl Observer {
    pub(super) fn new(split: Option<Channels>) -> Self {
        let split = split.unwrap_or(Channels {
            count: 1,
            inner: usize::MAX,
        });
        Self {
            minimum: f32::INFINITY,
            maximum: f32::NEG_INFINITY,
            channels: vec![Channel::default(); split.count.max(1)],
            seen: 0,
            split,
        }
    }

    /// Notes the finite values of a node on several samples, in parallel.
    pub(super) fn observe_all(&mut self, samples: &[&[f32]]) {
        let threads = rayon::current_num_threads();
        let cells: usize = samples.iter().map(|values| values.len()).sum();
        if threads == 1 || samples.len() == 1 || cells < PARALLEL_CELLS {
            samples.iter().for_each(|values| self.observe(values));
            return;
        }
        let part = |samples: &[&[f32]]| {
            let mut own = Self::new(Some(self.split));
            samples.iter().for_each(|values| own.observe(values));
            own
        };
        let parts: Vec<Self> = samples
            .par_chunks(samples.len().div_ceil(threads))
            .map(part)
            .collect();
        parts.iter().for_each(|part| self.merge(part));
    }

    /// Adds what another observer of the same channels has seen.
    fn merge(&mut self, other: &Self) {
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        self.seen += other.seen;
        for (own, other) in self.channels.iter_mut().zip(&other.channels) {
            own.most = own.most.max(other.most);
            own.histogram.merge(&other.histogram, 0);
        }
    }

    /// Notes finite values.
    pub(super) fn observe(&mut self, values: &[f32]) {
        // Sixteen at a time: a comparison waits for the one before it.
        let (mut low, mut high) = ([self.minimum; 16], [self.maximum; 16]);
        let (blocks, rest) = values.as_chunks::<16>();
        for block in blocks {
            for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(block) {
                *low = if value < *low { value } else { *low };
                *high = if value > *high { value } else { *high };
            }
        }
        self.minimum = low.iter().chain(rest).copied().fold(self.minimum, f32::min);
        self.maximum = high.iter().chain(rest).copied().fold(self.maximum, f32::max);
        let count = self.channels.len();
        self.seen += (values.len() / count) as u64;
        for (index, run) in values
            .chunks(self.split.inner.clamp(1, values.len().max(1)))
            .enumerate()
        {
            if let Some(channel) = self.channels.get_mut(index % count) {
                channel.observe(run);
            }
        }
    }

    /// The size of a channel.
    pub(super) fn size(&self, channel: usize) -> Size {
        let part = |channel: &Channel| channel.histogram.total() as f64 / self.seen.max(1) as f64;
        self.channels.get(channel).map_or(
            Size {
                largest: 0.0,
                part: 0.0,
            },
            |channel| Size {
                largest: f64::from(channel.largest()),
                part: part(channel),
            },
        )
    }

    /// The values times powers of two: `2^exponents[c]` for channel c, or as they are where there are no exponents.
    pub(super) fn spread(&self, exponents: &[i32]) -> Spread {
        let exponent = |channel: usize| exponents.get(channel).copied().unwrap_or(0);
        let mut histogram = Histogram::default();
        let mut channels = Vec::with_capacity(self.channels.len());
        for (index, channel) in self.channels.iter().enumerate() {
            histogram.merge(&channel.histogram, exponent(index));
            let power = libm::ldexp(1.0, exponent(index));
            channels.push(ChannelSpread {
                largest: f64::from(channel.largest()) * power,
                usual: channel.histogram.percentile(99.9) * power,
                part: channel.histogram.total() as f64 / self.seen.max(1) as f64,
            });
        }
        let largest = channels.iter().map(|channel| channel.largest).fold(0.0, f64::max);
        Spread {
            // Of channels that are raised only the magnitudes are known.
            range: match exponents.is_empty() {
                true => (f64::from(self.minimum), f64::from(self.maximum)),
                false => (-largest, largest),
            },
            largest,
            histogram,
            channels,
        }
    }
}

/// How large a channel's values get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ChannelSpread {
    /// The largest magnitude.
    pub(super) largest: f64,
    /// The magnitude that 99.9 % of them do not exceed.
    pub(super) usual: f64,
    /// The part of them that are not 0.
    pub(super) part: f64,
}

/// How large the values of a node get.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// The smallest and the largest value.
    pub(super) range: (f64, f64),
    pub(super) largest: f64,
    pub(super) histogram: Histogram,
    pub(super) channels: Vec<ChannelSpread>,
}

impl Spread {
    /// The magnitude that becomes the largest integer, of `limit` steps.
    pub(super) fn threshold(&self, method: CalibrationMethod, limit: f64) -> f64 {
        match method {
            CalibrationMethod::Measured | CalibrationMethod::MinMax => self.largest,
            CalibrationMethod::Percentile(percent) => self.histogram.percentile(percent).min(self.largest),
            CalibrationMethod::Mse => self.histogram.least_squares(self.largest, limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: &[f32]) -> Spread {
        let mut observer = Observer::new(None);
        values.chunks(7).for_each(|values| observer.observe(values));
        observer.spread(&[])
    }

    #[test]
    fn zeros_do_not_count() {
        let mut values = vec![0.0; 100_000];
        values[77] = 1.0;
        values[500] = -0.5;
        let spread = spread(&values);
        for method in [
            CalibrationMethod::MinMax,
            CalibrationMethod::Percentile(99.9),
            CalibrationMethod::Mse,
        ] {
            assert_eq!(spread.threshold(method, 127.0), 1.0, "{method:?}");
        }
        assert_eq!(
            spread.histogram.percentile(50.0),
            edge(0x3f00_0000 >> BEHIND) * (1.0 + 1.0 / 32.0)
        );
    }

    /// With bins of one width all values but the outlier would stand in the first.
    #[test]
    fn an_outlier_leaves_the_others_their_bins() {
        let mut values: Vec<f32> = (0..4_000)
            .map(|i| ((i * 37) % 1000) as f32 / 250.0 - 2.0)
            .collect();
        values[5] = 1e5;
        let spread = spread(&values);
        let percentile = spread.threshold(CalibrationMethod::Percentile(99.9), 127.0);
        assert!((1.95..2.1).contains(&percentile), "{percentile}");
        assert_eq!(spread.threshold(CalibrationMethod::MinMax, 127.0), 1e5);
        // A large value among enough small ones is not worth its steps.
        let mut values: Vec<f32> = (0..400_000)
            .map(|i| ((i * 37) % 1000) as f32 / 250.0 - 2.0)
            .collect();
        values[5] = 20.0;
        let squares = self::spread(&values).threshold(CalibrationMethod::Mse, 127.0);
        assert!((1.9..12.0).contains(&squares), "{squares}");
    }

    #[test]
    fn powers_of_two_shift_histograms() {
        let split = Channels { count: 2, inner: 3 };
        let mut observer = Observer::new(Some(split));
        observer.observe(&[1.0, -2.0, 0.5, 0.01, 0.02, 0.005, 0.3, 0.2, 0.1, 0.0, 0.03, -0.07]);
        let spread = observer.spread(&[0, 5]);
        let mut together = Observer::new(None);
        together.observe(&[1.0, -2.0, 0.5, 0.32, 0.64, 0.16, 0.3, 0.2, 0.1, 0.0, 0.96, -2.24]);
        assert_eq!(spread.histogram, together.spread(&[]).histogram);
        assert_eq!(spread.channels.len(), 2);
        assert!((spread.largest - 2.24).abs() < 1e-6);
    }

    #[test]
    fn histograms_are_of_bounded_length() {
        let mut observer = Observer::new(None);
        observer.observe(&[1e-30, 1e30, 1e-38, 1.0]);
        let spread = observer.spread(&[]);
        assert_eq!(spread.histogram.counts.len(), LONGEST);
        assert_eq!(spread.histogram.counts.iter().sum::<u32>(), 4);
        assert!(spread.threshold(CalibrationMethod::Mse, 127.0) > 1e29);
    }
}
