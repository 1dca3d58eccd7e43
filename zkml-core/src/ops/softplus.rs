//! `torch.nn.Softplus`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, Dyadic, TableError};
use crate::graph::choice;

hyper_parameters! {
    /// `ln(1 + e^(beta x)) / beta`.
    Softplus {
        /// Sharpness, above 0; 1.
        beta: f64 = 1.0,
        /// Where `beta x` is larger the function is `x`; 20.
        threshold: f64 = 20.0,
    }, check |self| {
        let holds = self.beta > 0.0 && self.beta.is_finite() && self.threshold.is_finite();
        choice("Softplus", "beta", "above 0, and a finite threshold", holds)
    }
}

impl Curved for Softplus {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Softplus {
            beta: Dyadic::from_f64(self.beta)?,
            threshold: Dyadic::from_f64(self.threshold)?,
        })
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        match self.beta * x > self.threshold {
            true => x,
            false => libm::log1p(libm::exp(self.beta * x)) / self.beta,
        }
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    /// Above the threshold it is `x`, which a negative threshold lets be negative.
    fn properties(&self) -> Properties {
        Properties::NON_NEGATIVE.when(self.threshold >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_threshold_lets_negative_values_through() {
        let of = |threshold| Softplus { beta: 1.0, threshold };
        assert_eq!(of(20.0).properties(), Properties::NON_NEGATIVE);
        assert_eq!(of(-5.0).properties(), Properties::empty());
    }
}
