//! How far integers are from the floats they stand for: sums over samples and places.

use ndarray::ArrayD;

use crate::graph::ChannelScales;

/// The distance between a tensor of the float network and its integers, over all samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Distance {
    count: u64,
    /// The sums of `a`, `a a`, `a b` and `b b`, for float values `a` and the real values `b` of integers.
    sum: f64,
    products: [f64; 3],
    /// The sum of `(a - b)^2`, and the largest `|a - b|`.
    squares: f64,
    largest: f64,
    /// The largest `|a|` or `|b|`.
    reach: f64,
}

impl Distance {
    /// Adds a float value and the real value of its integer.
    pub fn add(&mut self, float: f64, integer: f64) {
        let [aa, ab, bb] = &mut self.products;
        let error = (float - integer).abs();
        self.count += 1;
        self.sum += float;
        (*aa, *ab, *bb) = (
            *aa + float * float,
            *ab + float * integer,
            *bb + integer * integer,
        );
        self.squares += error * error;
        self.largest = self.largest.max(error);
        self.reach = self.reach.max(float.abs()).max(integer.abs());
    }

    /// Adds a layer's values on one sample.
    pub(in crate::quant) fn add_all(
        &mut self,
        float: &ArrayD<f32>,
        integers: &ArrayD<i64>,
        scales: &ChannelScales,
    ) {
        let reals = integers.iter().zip(scales.of_values(integers.shape()));
        let reals = reals.map(|(&integer, (scale, offset))| scale * integer as f64 + offset);
        for (float, real) in float.iter().zip(reals) {
            self.add(f64::from(*float), real);
        }
    }

    /// Adds what was summed over other samples or places.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        for (sum, more) in self.products.iter_mut().zip(other.products) {
            *sum += more;
        }
        self.squares += other.squares;
        self.largest = self.largest.max(other.largest);
        self.reach = self.reach.max(other.reach);
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.count.max(1) as f64
    }

    /// The cosine of the angle between the two; 1 where they are proportional, or both 0.
    pub fn cosine(&self) -> f64 {
        let [aa, ab, bb] = self.products;
        match (aa > 0.0, bb > 0.0) {
            (true, true) => ab / (aa.sqrt() * bb.sqrt()),
            (false, false) => 1.0,
            _ => 0.0,
        }
    }

    /// The root of the mean squared error, in real units.
    pub fn rms_error(&self) -> f64 {
        self.mean(self.squares).sqrt()
    }

    /// The largest error of one value, in real units.
    pub fn largest_error(&self) -> f64 {
        self.largest
    }

    /// The largest magnitude of a float value or of the real value of an integer.
    pub fn reach(&self) -> f64 {
        self.reach
    }

    /// The root of the mean square of the float values.
    pub fn size(&self) -> f64 {
        self.mean(self.products[0]).sqrt()
    }

    /// The standard deviation of the float values over samples and places: what a constant answer would miss.
    pub fn spread(&self) -> f64 {
        let mean = self.mean(self.sum);
        (self.mean(self.products[0]) - mean * mean).max(0.0).sqrt()
    }

    /// The root mean squared error relative to the [size](Self::size) of the float values. Example: 0.01 for one
    /// percent. 0 without an error, infinite where the float values are 0 and the integers are not.
    pub fn relative_rms(&self) -> f64 {
        relative(self.rms_error(), self.size())
    }

    /// The root mean squared error relative to the [spread](Self::spread) of the float values. It is about 1 for
    /// integers that do not depend on the sample, however close they are to its mean.
    pub fn relative_to_spread(&self) -> f64 {
        relative(self.rms_error(), self.spread())
    }
}

fn relative(error: f64, to: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(pairs: &[(f64, f64)]) -> Distance {
        let mut distance = Distance::default();
        for (float, integer) in pairs {
            distance.add(*float, *integer);
        }
        distance
    }

    #[test]
    fn figures_of_two_values() {
        let of = distance(&[(3.0, 3.0), (4.0, 5.0)]);
        assert_eq!(of.rms_error(), 0.5f64.sqrt());
        assert_eq!(of.largest_error(), 1.0);
        assert_eq!(of.reach(), 5.0);
        assert_eq!(of.size(), 12.5f64.sqrt());
        assert_eq!(of.relative_rms(), 0.2);
        assert_eq!(of.spread(), 0.5);
        assert!((of.cosine() - 29.0 / (5.0 * 34f64.sqrt())).abs() < 1e-15);
        let mut halves = distance(&[(3.0, 3.0)]);
        halves.merge(&distance(&[(4.0, 5.0)]));
        assert_eq!(halves, of);
    }

    /// A cosine and a relative error of nothing are blind to integers that are the same for every sample.
    #[test]
    fn a_constant_answer_misses_all_of_the_spread() {
        let of = distance(&[(999.0, 1000.0), (1001.0, 1000.0)]);
        assert!(of.cosine() > 0.999_999 && of.relative_rms() < 0.002);
        assert_eq!(of.relative_to_spread(), 1.0);
    }

    #[test]
    fn nothing_and_something_where_nothing_is_expected() {
        assert_eq!(
            (
                distance(&[(0.0, 0.0)]).relative_rms(),
                distance(&[(0.0, 0.0)]).cosine()
            ),
            (0.0, 1.0)
        );
        assert_eq!(distance(&[(0.0, 1.0)]).relative_rms(), f64::INFINITY);
        assert_eq!(
            (
                distance(&[(5.0, 0.0)]).cosine(),
                distance(&[(5.0, 0.0)]).relative_rms()
            ),
            (0.0, 1.0)
        );
    }
}
