//! What calibration remembers of the values of one node: minimum, maximum and a histogram of `|x|`.
//!
//! The range of the histogram doubles when a larger value comes: bins are merged in pairs. So one pass over the samples
//! is enough.

use super::calibrate::CalibrationMethod;

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

    pub(super) fn observe(&mut self, values: &[f32]) {
        let fold = |(low, high): (f32, f32), &value: &f32| (low.min(value), high.max(value));
        let (low, high) = values.iter().fold((self.minimum, self.maximum), fold);
        (self.minimum, self.maximum) = (low, high);
        if !self.channels.is_empty() {
            for row in values.chunks_exact(self.channels.len()) {
                let both = self.channels.iter_mut().zip(row);
                both.for_each(|(largest, value)| *largest = largest.max(value.abs()));
            }
        }
        let largest = self.largest();
        if self.width == 0.0 && largest > 0.0 {
            // Zeros seen so far are in bin 0, which is right for every width.
            self.width = largest / BINS as f64 * 1.001;
        }
        while largest >= self.width * BINS as f64 && largest > 0.0 {
            for i in 0..BINS / 2 {
                self.bins[i] = self.bins[2 * i] + self.bins[2 * i + 1];
            }
            self.bins[BINS / 2..].fill(0);
            self.width *= 2.0;
        }
        let inverse = if self.width > 0.0 {
            (1.0 / self.width) as f32
        } else {
            0.0
        };
        for value in values {
            self.bins[((value.abs() * inverse) as usize).min(BINS - 1)] += 1;
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
