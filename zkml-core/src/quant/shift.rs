//! The shift and the multipliers of each rescale, and the limb width that all rescales share.
//!
//! A rescale computes `floor((acc * m + 2^(s-1)) / 2^s)` with `m ~ M 2^s` for a real factor `M` per channel. The proof
//! checks the remainder, in `[0, 2^s)`, as `s / b` limbs of `b` bits, each looked up in one range table of `2^b` rows.
//! A larger `s` makes `m` more precise but costs lookups. A larger `b` saves limbs but costs a larger table. So:
//!
//! 1. each rescale has a least shift: the largest `m` gets about `multiplier_bits` significant bits, so that its
//!    relative error is at most `2^-multiplier_bits`, and the smallest `m` at least 6 bits where the range allows.
//!    Two bits fewer will do where that saves a limb (`spare_bits`); values of more than 8 bits want as many more;
//! 2. it has a largest shift: neither `acc * m + 2^(s-1)` nor the table's domain times `2^s` may reach `2^60`;
//! 3. one `b` in 8..=16 is shared by the whole graph, and `s` is the least multiple of `b` between the two shifts, or
//!    the largest multiple below if none fits. Among the widths that lose the least precision (as a rule none), `b`
//!    minimises `sum over rescales of cells * s / b  +  2^b`, where `cells` is the padded number of elements.
//!
//! Where the weights' scales are still to be chosen (`grows`), M is a least value instead: `m = ceil(M 2^s)`, and the
//! scales grow until the multiplier is exact ([`exact_multipliers`]).

use crate::ops::ShiftError;
use crate::optimize::circuit::limb_width::{self, Attempt};
use crate::optimize::operation::exact_multipliers;

/// Bits the smallest multiplier of a rescale keeps where the range allows it.
const LEAST_BITS: u32 = 6;

/// What the choice of one rescale's shift depends on.
#[derive(Debug, Clone)]
pub(crate) struct RescaleDemand {
    /// Name of the layer, for errors.
    pub(crate) layer: String,
    /// `M`, per channel or one for all; positive and finite.
    pub(crate) factors: Vec<f64>,
    /// Exact factor 1: any shift will do.
    pub(crate) identity: bool,
    /// The factors are least values: the scales of the weights grow until multipliers are exact.
    pub(crate) grows: bool,
    /// Bits of precision that may be lost where that saves a limb.
    pub(crate) spare_bits: u32,
    /// Bits of the values beyond 8: multipliers are more precise by as many.
    pub(crate) extra_bits: u32,
    /// Largest magnitude of the operand.
    pub(crate) accumulator: i128,
    /// Bits of the table's domain.
    pub(crate) domain_bits: u32,
    /// Padded number of elements.
    pub(crate) cells: u64,
}

/// Multipliers and shift of one rescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) multipliers: Vec<i64>,
    pub(crate) shift: u32,
    /// By how many bits the shift falls short of the wanted precision.
    shortfall: u32,
}

impl RescaleDemand {
    fn extremes(&self) -> (f64, f64) {
        let fold = |(low, high): (f64, f64), &factor: &f64| (low.min(factor), high.max(factor));
        self.factors.iter().fold((f64::INFINITY, 0.0), fold)
    }

    /// The shift, at least 1, at which the factor's multiplier has `bits` significant bits. Example: 21 for 12 bits of
    /// 0.001.
    fn shift_for(factor: f64, bits: u32) -> u32 {
        (f64::from(bits) - 1.0 - libm::log2(factor).floor()).clamp(1.0, 200.0) as u32
    }

    fn multipliers(&self, shift: u32) -> Vec<i64> {
        let scaled = |factor: &f64| {
            let exact = factor * libm::ldexp(1.0, shift as i32);
            match self.grows {
                true => exact_multipliers::multiplier(exact),
                false => exact.round_ties_even() as i64,
            }
        };
        self.factors.iter().map(scaled).collect()
    }

    /// Least shift with the wanted precision.
    fn wanted(&self, multiplier_bits: u32) -> u32 {
        if self.grows {
            return exact_multipliers::least_shift(&self.factors);
        }
        let (least, most) = self.extremes();
        let extra = self.extra_bits;
        Self::shift_for(most, multiplier_bits + extra).max(Self::shift_for(least, LEAST_BITS + extra))
    }

    fn fits(&self, shift: u32) -> bool {
        let most = self.extremes().1 * libm::ldexp(1.0, shift as i32);
        let reached = self.accumulator as f64 * (most + 1.0) + libm::ldexp(1.0, shift as i32 - 1);
        // A part of 2^-20 covers the rounding of this estimate.
        shift + self.domain_bits <= 58 && reached < libm::ldexp(1.0, 60) * (1.0 - 1.0 / f64::from(1 << 20))
    }

    /// The least multiple of `limb_bits` with the wanted precision, or else the largest that fits. `None` if a
    /// multiplier would be 0.
    fn choose(&self, limb_bits: u32, multiplier_bits: u32) -> Option<Chosen> {
        if self.identity {
            let shift = limb_bits;
            return self.fits(shift).then(|| Chosen {
                multipliers: vec![1 << shift],
                shift,
                shortfall: 0,
            });
        }
        let wanted = self.wanted(multiplier_bits);
        let enough = wanted.saturating_sub(self.spare_bits).max(1);
        let mut shift = enough.next_multiple_of(limb_bits);
        while shift > 0 && !self.fits(shift) {
            shift -= limb_bits;
        }
        if shift == 0 {
            return None;
        }
        let multipliers = self.multipliers(shift);
        let shortfall = enough.saturating_sub(shift);
        // A factor that rounds to 0 must not become a multiplier of 1: that would be another network.
        let vanishes = |factor: &f64| (factor * libm::ldexp(1.0, shift as i32)).round_ties_even() < 1.0;
        let lost = (!self.grows || shortfall > 0) && self.factors.iter().any(vanishes);
        (!lost).then_some(Chosen {
            multipliers,
            shift,
            shortfall,
        })
    }

    fn error(&self) -> ShiftError {
        let factor = self.extremes().0;
        ShiftError {
            layer: self.layer.clone(),
            factor,
            needed: Self::shift_for(factor, 1),
            allowed: (1..=60).take_while(|shift| self.fits(*shift)).last().unwrap_or(0),
            accumulator: self.accumulator,
            domain_bits: self.domain_bits,
        }
    }
}

/// Chooses the common limb width among `widths`, and multipliers and shift of every rescale, in order.
pub(crate) fn choose(
    demands: &[RescaleDemand],
    multiplier_bits: u32,
    widths: core::ops::RangeInclusive<u32>,
) -> Result<(u32, Vec<Chosen>), ShiftError> {
    let least = *widths.start();
    let attempt = |limb_bits: u32| -> Option<Attempt<Vec<Chosen>>> {
        let chosen = demands
            .iter()
            .map(|demand| demand.choose(limb_bits, multiplier_bits));
        let chosen: Vec<Chosen> = chosen.collect::<Option<_>>()?;
        let cells = |(demand, chosen): (&RescaleDemand, &Chosen)| {
            demand.cells.saturating_mul(u64::from(chosen.shift / limb_bits))
        };
        let cells = demands.iter().zip(&chosen).map(cells);
        Some(Attempt {
            shortfall: chosen.iter().map(|chosen| chosen.shortfall).max().unwrap_or(0),
            cells: cells.fold(0, u64::saturating_add),
            result: chosen,
        })
    };
    if let Some(found) = limb_width::cheapest(widths, attempt) {
        return Ok(found);
    }
    // Each width fails somewhere: name the first layer that fails with the narrowest limbs.
    let failing = demands
        .iter()
        .find(|demand| demand.choose(least, multiplier_bits).is_none());
    Err(failing.or(demands.first()).map_or_else(
        || ShiftError {
            layer: String::new(),
            factor: 0.0,
            needed: 0,
            allowed: 0,
            accumulator: 0,
            domain_bits: 0,
        },
        RescaleDemand::error,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::circuit::limb_width::WIDTHS;
    use crate::optimize::operation::exact_multipliers::{LARGEST_GROWTH, growth};

    fn demand(factors: &[f64], accumulator: i128, cells: u64) -> RescaleDemand {
        RescaleDemand {
            layer: "layer".into(),
            factors: factors.to_vec(),
            identity: false,
            grows: false,
            spare_bits: 0,
            extra_bits: 0,
            accumulator,
            domain_bits: 10,
            cells,
        }
    }

    #[test]
    fn multipliers_have_the_wanted_precision() {
        let demands = [
            demand(&[0.003, 0.0002], 1 << 32, 4096),
            demand(&[0.9], 1 << 20, 64),
        ];
        let (limb_bits, chosen) = choose(&demands, 12, WIDTHS).unwrap();
        for (demand, chosen) in demands.iter().zip(&chosen) {
            assert_eq!(chosen.shift % limb_bits, 0);
            assert!(demand.fits(chosen.shift));
            for (factor, m) in demand.factors.iter().zip(&chosen.multipliers) {
                let approximation = *m as f64 / 2f64.powi(chosen.shift as i32);
                assert!(
                    (approximation / factor - 1.0).abs() <= 2f64.powi(-6),
                    "{approximation} {factor}"
                );
            }
            assert!(*chosen.multipliers.iter().max().unwrap() >= 1 << 11);
        }
    }

    #[test]
    fn limbs_are_wide_for_many_cells_and_narrow_for_few() {
        let few = choose(&[demand(&[0.001], 1 << 32, 4)], 12, WIDTHS).unwrap();
        let many = choose(&[demand(&[0.001], 1 << 32, 1 << 24)], 12, WIDTHS).unwrap();
        assert!(few.0 < many.0);
        // 12 bits of a factor just below 2^-9 need a shift of 21.
        assert_eq!(few.1[0].shift / few.0, 3);
        assert!(many.1[0].shift / many.0 <= 2);
    }

    #[test]
    fn scales_that_grow_make_multipliers_small_and_exact() {
        let free = RescaleDemand {
            grows: true,
            ..demand(&[0.001, 0.0003, 0.000002], 1 << 32, 1 << 16)
        };
        let (limb_bits, chosen) = choose(core::slice::from_ref(&free), 12, WIDTHS).unwrap();
        assert_eq!(chosen[0].shift, limb_bits);
        for (factor, m) in free.factors.iter().zip(&chosen[0].multipliers) {
            let exact = factor * 2f64.powi(limb_bits as i32);
            assert!(*m as f64 >= exact && (*m as f64) < exact + 1.0);
        }
        let errors = |shift| growth(&free.factors, shift);
        let growth = errors(limb_bits);
        assert!((1.0..=LARGEST_GROWTH).contains(&growth), "{growth}");
        assert!(errors(limb_bits + 1) <= growth && errors(3) > LARGEST_GROWTH);
        // The same with given factors takes two limbs.
        let given = RescaleDemand { grows: false, ..free };
        let (limb_bits, chosen) = choose(&[given], 12, WIDTHS).unwrap();
        assert_eq!(chosen[0].shift, 2 * limb_bits);
    }

    #[test]
    fn an_integer_factor_does_not_grow() {
        let free = RescaleDemand {
            grows: true,
            // Of products and quotients of scales, one above and one below.
            ..demand(&[0.0625 * (1.0 + 1e-15), 0.0625 * (1.0 - 1e-15)], 1 << 20, 64)
        };
        assert_eq!(free.multipliers(10), [64, 64]);
    }

    #[test]
    fn tiny_factors_take_two_limbs_or_fail_by_name() {
        let free = |factors: &[f64], accumulator, cells| RescaleDemand {
            grows: true,
            ..demand(factors, accumulator, cells)
        };
        let demands = [
            free(&[0.002], 1 << 32, 1 << 20),
            free(&[0.000_001], 1 << 32, 1 << 10),
        ];
        let (limb_bits, chosen) = choose(&demands, 12, WIDTHS).unwrap();
        assert_eq!([chosen[0].shift, chosen[1].shift], [limb_bits, 2 * limb_bits]);
        // With a shift of 19 or less, which the range allows, a multiplier of 1 would stand for another network.
        let error = choose(&[free(&[1e-6], 1 << 59, 1024)], 12, WIDTHS).unwrap_err();
        assert_eq!(
            (error.layer.as_str(), error.needed, error.allowed),
            ("layer", 20, 19)
        );
    }

    #[test]
    fn spare_bits_save_a_limb() {
        // 12 bits of this factor need a shift of 17.
        let shift = |spare_bits| {
            let demand = RescaleDemand {
                spare_bits,
                ..demand(&[0.02], 1 << 20, 1 << 20)
            };
            let (limb_bits, chosen) = choose(&[demand], 12, WIDTHS).unwrap();
            (chosen[0].shift / limb_bits, chosen[0].shift)
        };
        assert_eq!(shift(0), (2, 18));
        assert_eq!(shift(2), (1, 15));
    }

    #[test]
    fn identity_is_exact() {
        let identity = RescaleDemand {
            identity: true,
            ..demand(&[1.0], 127, 64)
        };
        let (limb_bits, chosen) = choose(&[identity], 12, WIDTHS).unwrap();
        assert_eq!(
            chosen,
            [Chosen {
                multipliers: vec![1 << limb_bits],
                shift: limb_bits,
                shortfall: 0
            }]
        );
    }

    #[test]
    fn precision_gives_way_to_range_and_then_fails_by_name() {
        // 2^50 * m < 2^60: m has at most 10 bits.
        let (limb_bits, chosen) = choose(&[demand(&[0.01], 1 << 50, 1024)], 12, WIDTHS).unwrap();
        assert!(chosen[0].multipliers[0] < 1 << 10);
        assert_eq!(chosen[0].shift % limb_bits, 0);
        let error = choose(&[demand(&[1.0, 1e-6], 1 << 50, 1024)], 12, WIDTHS).unwrap_err();
        assert_eq!((error.layer.as_str(), error.allowed), ("layer", 9));
    }
}
