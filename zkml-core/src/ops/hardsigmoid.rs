//! `torch.nn.Hardsigmoid`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `min(max(x + 3, 0), 6) / 6`.
    Hardsigmoid = CurveKind::Hardsigmoid, |x| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    steepest 1.0 / 6.0;
    properties Properties::MONOTONE | Properties::NON_NEGATIVE | Properties::PART_OF_ONE;
}
