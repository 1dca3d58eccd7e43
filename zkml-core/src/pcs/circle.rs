//! The circle group, its standard-position cosets, and the basis of the circle FFT.
//!
//! `C = {(x, y) in F^2 : x^2 + y^2 = 1}` is a cyclic group of order `p + 1 = 2^61` under `(x1, y1)(x2, y2) =
//! (x1 x2 - y1 y2, x1 y2 + x2 y1)`; inverse is `(x, -y)`, squaring maps `x` to `2 x^2 - 1`.
//!
//! The domain of size `n = 2^log_size` is the standard-position coset of all odd powers of `g`, `g` of order
//! `2 n`. With `phi_0 = y`, `phi_1 = x`, `phi_{k+1} = 2 phi_k^2 - 1` the basis of the FFT is
//!
//! ```text
//! b_j = prod_k phi_k^(bit k of j),       j = 0 .. n-1,      degree (j >> 1) + (j & 1)
//! ```
//!
//! so the first `M` functions lie in the bivariate polynomials of degree `ceil(M/2)` on the circle. Such a
//! polynomial has at most `M` zeros there (`M + 1` dimensions: a Reed-Solomon code in disguise, over `K` by
//! `z = x + i y`).
//!
//! Point `index` has exponent `e = 1 + 4 rev(index >> 1)`, negated when `index` is odd; `rev` reverses
//! `log_size - 1` bits. In this order flipping bit `k` of the index negates `phi_k` and leaves `phi_{k+1},
//! ...` as they are, and `phi_k` depends on bits `k ..` only: the butterfly of layer `k` joins `index` and
//! `index ^ 2^k`.
//!
//! Reference: Haböck, Levit, Papini, Circle STARKs, ePrint 2024/278.

use std::sync::{Arc, OnceLock};

use ark_ff::{AdditiveGroup, Field};

use crate::field::M61;

/// `log2` of the order of the circle group.
pub const LOG_ORDER: u32 = 61;

/// A point of the circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CirclePoint {
    /// First coordinate.
    pub x: M61,
    /// Second coordinate.
    pub y: M61,
}

impl CirclePoint {
    /// The neutral element `(1, 0)`.
    pub const IDENTITY: Self = Self {
        x: M61::from_raw(1),
        y: M61::from_raw(0),
    };

    /// A generator of the whole group: the point with the smallest `x > 1` that has order `2^61`.
    pub const GENERATOR: Self = Self {
        x: M61::from_raw(2),
        y: M61::from_raw(1_033_321_771_269_002_680),
    };

    /// The group law.
    #[inline]
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self {
            x: self.x * other.x - self.y * other.y,
            y: self.x * other.y + other.x * self.y,
        }
    }

    /// The group law of a point with itself, `doublings` times.
    #[must_use]
    pub fn repeated_square(self, doublings: u32) -> Self {
        (0..doublings).fold(self, |point, _| point.times(point))
    }

    /// The inverse.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }

    /// A generator of the subgroup of order `2^log_order`, `log_order <= 61`.
    #[must_use]
    pub fn subgroup_generator(log_order: u32) -> Self {
        Self::GENERATOR.repeated_square(LOG_ORDER.saturating_sub(log_order))
    }
}

/// The point `index` of the domain of size `2^log_size`, `1 <= log_size < 61`.
pub fn domain_point(log_size: u32, index: usize) -> CirclePoint {
    let generator = CirclePoint::subgroup_generator(log_size + 1);
    // Bit k of the index, k >= 1, adds 2^(log_size + 1 - k) to the exponent.
    let point = (1..log_size)
        .filter(|k| index >> k & 1 == 1)
        .fold(generator, |point, k| {
            point.times(generator.repeated_square(log_size + 1 - k))
        });
    if index & 1 == 1 { point.inverse() } else { point }
}

/// The points `indices` of the domain of size `2^log_size`, `1 <= log_size < 61`: [`domain_point`] of each, with the
/// common powers computed once.
pub fn domain_points(log_size: u32, indices: &[usize]) -> Vec<CirclePoint> {
    // powers[i] = g^(2^i).
    let mut powers = vec![CirclePoint::subgroup_generator(log_size.saturating_add(1))];
    for _ in 0..log_size {
        powers.extend(powers.last().map(|power| power.times(*power)));
    }
    let generator = powers.first().copied().unwrap_or(CirclePoint::IDENTITY);
    let point = |index: &usize| {
        // Bit k of the index, k >= 1, adds 2^(log_size + 1 - k) to the exponent.
        let steps = powers.iter().rev().enumerate();
        let point = steps
            .filter(|(k, _)| (1..log_size as usize).contains(&(k + 1)) && *index >> (k + 1) & 1 == 1)
            .fold(generator, |point, (_, step)| point.times(*step));
        if index & 1 == 1 { point.inverse() } else { point }
    };
    indices.iter().map(point).collect()
}

/// `phi_0, .., phi_{count - 1}` at a point: `b_j = prod_k phi_k^(bit k of j)`.
pub fn basis_factors(point: CirclePoint, count: usize) -> Vec<M61> {
    let mut factors = Vec::with_capacity(count);
    factors.push(point.y);
    let mut phi = point.x;
    while factors.len() < count {
        factors.push(phi);
        phi = phi.square().double() - M61::ONE;
    }
    factors.truncate(count);
    factors
}

/// Value of the basis function `b_j` at a point: the definition.
pub fn basis(j: usize, point: CirclePoint) -> M61 {
    let mut value = if j & 1 == 1 { point.y } else { M61::ONE };
    let mut phi = point.x;
    let mut rest = j >> 1;
    while rest != 0 {
        if rest & 1 == 1 {
            value *= phi;
        }
        phi = phi.square().double() - M61::ONE;
        rest >>= 1;
    }
    value
}

/// The factors of all butterflies on a domain of size `2^log_size`.
#[derive(Debug, Clone)]
pub struct Twiddles {
    layers: Vec<Vec<M61>>,
}

/// `log2` of the largest domain whose factors are kept: 8 MiB of them.
const KEPT: u32 = 20;

impl Twiddles {
    /// The factors of a domain of `2^log_size` points. They are public, and every proof of a model needs the same ones:
    /// those of sizes up to `2^20` are computed once in a process.
    pub fn of(log_size: u32) -> Arc<Self> {
        static KNOWN: [OnceLock<Arc<Twiddles>>; KEPT as usize + 1] =
            [const { OnceLock::new() }; KEPT as usize + 1];
        let new = || Arc::new(Self::new(log_size));
        match KNOWN.get(log_size as usize) {
            Some(known) => Arc::clone(known.get_or_init(new)),
            None => new(),
        }
    }

    /// Computes them: about `3 n` multiplications, `n` elements kept.
    pub fn new(log_size: u32) -> Self {
        let count = 1usize << log_size.saturating_sub(1);
        let mut points = Vec::with_capacity(count);
        points.push(CirclePoint::subgroup_generator(log_size + 1));
        // Bit s of the block number adds 2^(log_size - s) to the exponent of g, which has order 2^(log_size +
        // 1).
        for bit in 0..log_size.saturating_sub(1) {
            let step = CirclePoint::subgroup_generator(bit + 1);
            for index in 0..points.len() {
                let next = points[index].times(step);
                points.push(next);
            }
        }
        let mut layers = vec![points.iter().map(|point| point.y).collect::<Vec<_>>()];
        let mut phi: Vec<M61> = points.iter().map(|point| point.x).collect();
        for _ in 1..log_size {
            // Block b of layer k >= 1 covers blocks 2 b and 2 b + 1 of the layer below, which have equal
            // phi_k up to sign.
            let layer: Vec<M61> = phi.iter().copied().step_by(2).collect();
            phi = layer.iter().map(|x| x.square().double() - M61::ONE).collect();
            layers.push(layer);
        }
        Self { layers }
    }

    /// The factors `phi_layer` of layer `layer`: one for each block of `2^(layer + 1)` points, at its first
    /// point. Empty for a layer that does not exist.
    pub fn layer(&self, layer: usize) -> &[M61] {
        self.layers.get(layer).map_or(&[], Vec::as_slice)
    }

    /// `log2` of the size of the domain.
    pub fn log_size(&self) -> usize {
        self.layers.len()
    }

    /// `phi_layer`, with its sign, at the points whose index is `block` after a shift by `layer`. Example: in layer 1,
    /// block 5 has the points 10 and 11.
    pub fn signed(&self, layer: usize, block: usize) -> M61 {
        let factor = self.layer(layer).get(block >> 1).copied().unwrap_or(M61::ZERO);
        if block & 1 == 1 { -factor } else { factor }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_generator_generates() {
        let minus_one = CirclePoint {
            x: -M61::ONE,
            y: M61::ZERO,
        };
        assert_eq!(CirclePoint::GENERATOR.repeated_square(60), minus_one);
        assert_eq!(CirclePoint::GENERATOR.repeated_square(61), CirclePoint::IDENTITY);
        let point = CirclePoint::subgroup_generator(40);
        assert_eq!(point.x.square() + point.y.square(), M61::ONE);
        assert_eq!(point.times(point.inverse()), CirclePoint::IDENTITY);
        assert_eq!(point.repeated_square(39), minus_one);
    }

    #[test]
    fn the_domain_is_the_odd_powers_and_the_twiddles_are_the_basis() {
        for log_size in 1..=8 {
            let n = 1usize << log_size;
            let g = CirclePoint::subgroup_generator(log_size + 1);
            let mut odd = HashSet::new();
            let mut power = g;
            for _ in 0..n {
                odd.insert((power.x.value, power.y.value));
                power = power.times(g).times(g);
            }
            assert_eq!(odd.len(), n);
            let twiddles = Twiddles::new(log_size);
            assert_eq!(twiddles.log_size(), log_size as usize);
            let points: Vec<CirclePoint> = (0..n).map(|index| domain_point(log_size, index)).collect();
            assert_eq!(domain_points(log_size, &(0..n).collect::<Vec<_>>()), points);
            for point in points {
                for count in 0..=log_size as usize {
                    let expected: Vec<M61> = (0..count).map(|k| basis(1 << k, point)).collect();
                    assert_eq!(basis_factors(point, count), expected);
                }
            }
            let mut seen = HashSet::new();
            for index in 0..n {
                let point = domain_point(log_size, index);
                assert!(odd.contains(&(point.x.value, point.y.value)));
                assert!(seen.insert((point.x.value, point.y.value)));
                for layer in 0..log_size as usize {
                    assert_eq!(twiddles.signed(layer, index >> layer), basis(1 << layer, point));
                }
            }
        }
    }
}
