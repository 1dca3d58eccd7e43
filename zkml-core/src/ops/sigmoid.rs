//! `torch.nn.Sigmoid`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `1 / (1 + e^-x)`.
    Sigmoid = CurveKind::Sigmoid, |x| 1.0 / (1.0 + libm::exp(-x));
    steepest 0.25;
    properties Properties::MONOTONE | Properties::NON_NEGATIVE | Properties::PART_OF_ONE;
}
