//! What calibration remembers of the values of one node: minimum, maximum and a histogram of `|x|`.
//!
//! The range of the histogram doubles when a larger value comes: bins are merged in pairs. So one pass over the samples
//! is enough, and as widths are powers of two, their order makes no difference.

use rayon::prelude::*;

use super::calibrate::CalibrationMethod;
use crate::ops::PARALLEL_CELLS;

const BINS: usize = 2048;

/// The range and the histogram of one node's values.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    pub(super) minimum: f32,
    pub(super) maximum: f32,
    /// `bins[i]` counts `|x|` in `[i, i + 1) * width`.
    bins: Vec<u64>,
    width: f64,
    /// The largest magnitude at each index of the last axis, where that is wanted; otherwise empty.
    pub(super) channels: Vec<f32>,
}

impl Observer {
    /// An observer of values whose last axis has `channels` indices, each noted by itself; 0 if they need not be.
    pub(super) fn new(channels: usize) -> Self {
        Self {
            minimum: f32::INFINITY,
            maximum: f32::NEG_INFINITY,
            bins: vec![0; BINS],
            width: 0.0,
            channels: vec![0.0; channels],
        }
    }

    /// Notes the values of a node on several samples, in parallel.
    pub(super) fn observe_all(&mut self, samples: &[&[f32]]) {
        let threads = rayon::current_num_threads();
        let cells: usize = samples.iter().map(|values| values.len()).sum();
        if threads == 1 || samples.len() == 1 || cells < PARALLEL_CELLS {
            samples.iter().for_each(|values| self.observe(values));
            return;
        }
        let part = |samples: &[&[f32]]| {
            let mut own = Self::new(self.channels.len());
            samples.iter().for_each(|values| own.observe(values));
            own
        };
        let parts: Vec<Self> = samples
            .par_chunks(samples.len().div_ceil(threads))
            .map(part)
            .collect();
        parts.iter().for_each(|part| self.merge(part));
    }

    fn observe(&mut self, values: &[f32]) {
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
        if !self.channels.is_empty() {
            for row in values.chunks_exact(self.channels.len()) {
                let both = self.channels.iter_mut().zip(row);
                both.for_each(|(largest, value)| *largest = largest.max(value.abs()));
            }
        }
        self.widen();
        let inverse = if self.width > 0.0 {
            (1.0 / self.width) as f32
        } else {
            0.0
        };
        let bin = |value: &f32| ((value.abs() * inverse) as u32 as usize).min(BINS - 1);
        // Neighbours fall into one bin often. Two counts for each bin keep one from waiting for the other.
        let mut counts = [[0u32; BINS]; 2];
        let mut pairs = values.chunks_exact(2);
        for pair in &mut pairs {
            counts[0][bin(&pair[0])] += 1;
            counts[1][bin(&pair[1])] += 1;
        }
        pairs
            .remainder()
            .iter()
            .for_each(|value| counts[0][bin(value)] += 1);
        for (i, count) in self.bins.iter_mut().enumerate() {
            *count += u64::from(counts[0][i]) + u64::from(counts[1][i]);
        }
    }

    /// Doubles the width of the bins until the largest value has one.
    fn widen(&mut self) {
        let wanted = width(self.largest());
        if self.width == 0.0 {
            // Zeros seen so far are in bin 0, which is right for every width.
            self.width = wanted;
        }
        while self.width < wanted {
            for i in 0..BINS / 2 {
                self.bins[i] = self.bins[2 * i] + self.bins[2 * i + 1];
            }
            self.bins[BINS / 2..].fill(0);
            self.width *= 2.0;
        }
    }

    /// Adds what another observer has seen. Widths are powers of two, so the order makes no difference.
    fn merge(&mut self, other: &Self) {
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        let both = self.channels.iter_mut().zip(&other.channels);
        both.for_each(|(largest, other)| *largest = largest.max(*other));
        self.widen();
        let ratio = (self.width / other.width) as usize;
        for (i, count) in other.bins.iter().enumerate() {
            self.bins[i / ratio.max(1)] += count;
        }
    }

    pub(super) fn largest(&self) -> f64 {
        f64::from(self.minimum.abs().max(self.maximum.abs()))
    }

    pub(super) fn threshold(&self, method: CalibrationMethod) -> f64 {
        let largest = self.largest();
        match method {
            CalibrationMethod::MinMax => largest,
            CalibrationMethod::Percentile(percent) => {
                let total: u64 = self.bins.iter().sum();
                let wanted = (total as f64 * percent / 100.0).ceil() as u64;
                let mut seen = 0;
                let bin = self.bins.iter().position(|count| {
                    seen += count;
                    seen >= wanted
                });
                let threshold = bin.map_or(largest, |bin| (bin + 1) as f64 * self.width);
                threshold.min(largest)
            }
            CalibrationMethod::Mse => self.least_squares_threshold(largest),
        }
    }

    fn least_squares_threshold(&self, largest: f64) -> f64 {
        const CANDIDATES: usize = 128;
        let error = |threshold: f64| -> f64 {
            let scale = threshold / 127.0;
            let of_bin = |(i, &count): (usize, &u64)| {
                let x = (i as f64 + 0.5) * self.width;
                let quantized = (x / scale).round().min(127.0) * scale;
                count as f64 * (x - quantized) * (x - quantized)
            };
            self.bins
                .iter()
                .enumerate()
                .skip(1)
                .filter(|(_, count)| **count > 0)
                .map(of_bin)
                .sum()
        };
        let candidates = (CANDIDATES / 8..=CANDIDATES).map(|i| largest * i as f64 / CANDIDATES as f64);
        let best = candidates
            .map(|t| (error(t), t))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(largest, |(_, threshold)| threshold)
    }
}

/// The least power of two of which `BINS` exceed a magnitude; 0 for nothing but zeros.
fn width(largest: f64) -> f64 {
    if !largest.is_finite() || largest == 0.0 {
        return 0.0;
    }
    // The mantissa left out, it is the largest power of two up to the magnitude.
    let power = f64::from_bits(largest.to_bits() & !((1 << 52) - 1));
    power * 2.0 / BINS as f64
}
