//! Integers of features, and of the thresholds that they are compared with.

/// The integers of a feature, `x = step * integer + offset`, and the values that the rows have of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) step: f64,
    pub(super) offset: f64,
    /// In ascending order.
    pub(super) seen: Vec<f32>,
}

impl Grid {
    /// The finest power of two at which `low` to `high` have that many bits, with a little room.
    pub(super) fn of((low, high): (f64, f64), bits: u32, mut seen: Vec<f32>) -> Self {
        let span = (high - low)
            .max(low.abs().max(high.abs()) * libm::ldexp(1.0, -20))
            .max(libm::ldexp(1.0, -60));
        let steps = f64::from((1u32 << bits) - 4);
        let mut step = libm::ldexp(1.0, -80);
        while step * steps < span {
            step *= 2.0;
        }
        let offset = ((low + high) / 2.0 / step).round_ties_even() * step;
        seen.sort_unstable_by(f32::total_cmp);
        Self { step, offset, seen }
    }

    fn integer(&self, x: f32) -> i64 {
        ((f64::from(x) - self.offset) / self.step).round_ties_even() as i64
    }

    /// `x < threshold` becomes `integer < self.threshold(threshold)`. That is exact but for values that round to the
    /// same integer as the threshold: they all go where most of the rows' values among them go, or, if the rows have
    /// none, where the value on the grid goes.
    pub(super) fn threshold(&self, threshold: f32) -> i64 {
        let cell = self.integer(threshold);
        let first = self.seen.partition_point(|x| self.integer(*x) < cell);
        let end = self.seen.partition_point(|x| self.integer(*x) <= cell);
        let beside = self.seen.get(first..end).unwrap_or_default();
        let below = beside.iter().filter(|x| **x < threshold).count();
        let goes_left = match beside.len() {
            0 => cell as f64 * self.step + self.offset < f64::from(threshold),
            all => 2 * below > all,
        };
        cell + i64::from(goes_left)
    }
}
